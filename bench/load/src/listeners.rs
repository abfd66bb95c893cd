//! WebSocket clients that only listen, and somebody who makes a system speak to all of them.

use std::io::{BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};

use crate::http::{self, Answer};
use crate::statistics::count;

/// A message that does not come for so long does not come.
const PATIENCE: Duration = Duration::from_secs(10);
const LOOK_AGAIN: Duration = Duration::from_micros(50);
/// Broadcasts that some have not heard yet.
const ON_THEIR_WAY: usize = 8;
/// Threads that read.
const READERS: usize = 2;

/// Everybody who is connected, and the request that makes the system broadcast.
pub struct Listeners {
    clients: Vec<BufReader<TcpStream>>,
    speaker: TcpStream,
    request: Vec<u8>,
}

impl Listeners {
    /// So many clients of the socket at `path`; a `POST` to `broadcast` speaks to them.
    pub fn connect(address: SocketAddr, path: &str, broadcast: &str, clients: usize) -> Result<Self> {
        let connect = || shake_hands(address, path).context("a client is not let in");
        let clients = (0..clients).map(|_| connect()).collect::<Result<_>>()?;
        let request = http::post(&address.to_string(), broadcast, "{}");
        Ok(Self { clients, speaker: open(address)?, request })
    }

    /// One broadcast; how long it took until the last client had read it.
    pub fn once(&mut self) -> Result<Duration> {
        let begun = Instant::now();
        speak(&mut self.speaker, &self.request)?;
        self.clients.iter_mut().try_for_each(hear)?;
        Ok(begun.elapsed())
    }

    /// One broadcast after the other, some on their way at once; messages that were read in a second.
    pub fn flood(&mut self, length: Duration) -> Result<f64> {
        let Self { clients, speaker, request } = self;
        let (all, share) = (clients.len(), clients.len().div_ceil(READERS));
        let (spoken, read, done) = (AtomicUsize::new(0), AtomicUsize::new(0), AtomicBool::new(false));
        let begun = Instant::now();
        thread::scope(|threads| {
            let readers: Vec<_> = clients
                .chunks_mut(share)
                .map(|clients| threads.spawn(|| hear_all(clients, &spoken, &read, &done)))
                .collect();
            let said = (|| {
                while begun.elapsed() < length && readers.iter().all(|reader| !reader.is_finished()) {
                    if spoken.load(Ordering::Relaxed) * all >= read.load(Ordering::Relaxed) + ON_THEIR_WAY * all {
                        thread::sleep(LOOK_AGAIN);
                        continue;
                    }
                    speak(speaker, request)?;
                    spoken.fetch_add(1, Ordering::Relaxed);
                }
                Ok(())
            })();
            done.store(true, Ordering::Relaxed);
            let heard =
                readers.into_iter().map(|reader| reader.join().unwrap_or_else(|_| anyhow::bail!("a reader panicked")));
            heard.collect::<Result<Vec<_>>>().and(said)
        })?;
        Ok(count(read.into_inner()) / begun.elapsed().as_secs_f64())
    }
}

/// Reads each broadcast from each client.
fn hear_all(
    clients: &mut [BufReader<TcpStream>],
    spoken: &AtomicUsize,
    read: &AtomicUsize,
    done: &AtomicBool,
) -> Result<()> {
    let mut heard = 0;
    loop {
        let is_done = done.load(Ordering::Relaxed);
        if heard < spoken.load(Ordering::Relaxed) {
            clients.iter_mut().try_for_each(hear)?;
            read.fetch_add(clients.len(), Ordering::Relaxed);
            heard += 1;
        } else if is_done {
            return Ok(());
        } else {
            thread::sleep(LOOK_AGAIN);
        }
    }
}

fn open(address: SocketAddr) -> Result<TcpStream> {
    let stream = TcpStream::connect(address)?;
    stream.set_nodelay(true)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    Ok(stream)
}

fn shake_hands(address: SocketAddr, path: &str) -> Result<BufReader<TcpStream>> {
    let mut stream = open(address)?;
    let head = format!(
        "GET {path} HTTP/1.1\r\nhost: {address}\r\nconnection: Upgrade\r\nupgrade: websocket\r\n\
         sec-websocket-version: 13\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
    );
    stream.write_all(head.as_bytes())?;
    let mut answer = Vec::new();
    // Nothing comes behind it before somebody speaks.
    while !answer.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        stream.read_exact(&mut byte)?;
        answer.push(byte[0]);
    }
    ensure!(answer.starts_with(b"HTTP/1.1 101"), "{}", String::from_utf8_lossy(&answer));
    Ok(BufReader::with_capacity(2 << 10, stream))
}

/// Has it speak, and returns once it says that it did.
fn speak(speaker: &mut TcpStream, request: &[u8]) -> Result<()> {
    speaker.write_all(request)?;
    let (mut bytes, mut buffer) = (Vec::new(), [0; 4096]);
    loop {
        let length = speaker.read(&mut buffer)?;
        ensure!(length > 0, "the connection of who speaks was closed");
        bytes.extend_from_slice(&buffer[..length]);
        match http::answer(&bytes) {
            Answer::Partial => {}
            Answer::Whole { status: 200, .. } => return Ok(()),
            Answer::Whole { .. } | Answer::Malformed => anyhow::bail!("{}", String::from_utf8_lossy(&bytes)),
        }
    }
}

/// Reads one message.
fn hear(client: &mut BufReader<TcpStream>) -> Result<()> {
    loop {
        let mut head = [0; 2];
        client.read_exact(&mut head).context("a message did not come")?;
        let length = match head[1] {
            126 => {
                let mut length = [0; 2];
                client.read_exact(&mut length)?;
                usize::from(u16::from_be_bytes(length))
            }
            short => usize::from(short),
        };
        let mut payload = [0; 2048];
        client.read_exact(payload.get_mut(..length).context("a message is longer than those that are sent")?)?;
        match head[0] & 0x0f {
            1 => return Ok(()),
            8 => anyhow::bail!("a client was cut off"),
            _ => {} // a ping: the measurement is over before it would have to be answered
        }
    }
}
