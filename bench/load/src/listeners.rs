//! WebSocket clients that only listen, and somebody who makes a system speak to all of them.

use std::io::{BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};

use crate::gauge::{Gauge, busiest};
use crate::http::{self, Answer, Post};
use crate::outcome::Wrong;
use crate::statistics::from_u64;
use crate::verdict::Effort;

/// A message that does not come for so long does not come.
const PATIENCE: Duration = Duration::from_secs(10);
const LOOK_AGAIN: Duration = Duration::from_micros(50);
/// Broadcasts that some have not heard yet.
const ON_THEIR_WAY: u64 = 8;
/// Threads that read.
const READERS: usize = 2;
/// In every message, beside its number.
const PADDING: usize = 1_000;

/// Everybody who is connected, and who makes the system broadcast. Each message is read whole by each, and must be the next.
pub struct Listeners {
    clients: Vec<BufReader<TcpStream>>,
    speaker: Speaker,
    /// The number of the next message.
    next: u64,
}

/// Somebody who makes the system broadcast a message of this number.
struct Speaker {
    stream: TcpStream,
    post: Post,
}

impl Listeners {
    /// So many clients of the socket at `path`; a `POST` to `broadcast` speaks to them.
    pub fn connect(address: SocketAddr, path: &str, broadcast: &str, clients: usize) -> Result<Self> {
        let connect = || shake_hands(address, path).context("a client is not let in");
        let clients = (0..clients).map(|_| connect()).collect::<Result<_>>()?;
        let post = Post::new(&address.to_string(), broadcast);
        Ok(Self { clients, speaker: Speaker { stream: open(address)?, post }, next: 0 })
    }

    /// Messages that were read by all of them.
    pub fn heard(&self) -> u64 {
        self.next * self.clients.len() as u64
    }

    /// One broadcast; how long it took until the last client had read it.
    pub fn once(&mut self) -> Result<Duration> {
        let expected = message(self.next);
        let begun = Instant::now();
        self.speaker.speak(self.next)?;
        self.next += 1;
        self.clients.iter_mut().try_for_each(|client| hear(client, &expected))?;
        Ok(begun.elapsed())
    }

    /// One broadcast after the other, some on their way at once; messages that were read in a second.
    pub fn flood(&mut self, length: Duration) -> Result<(f64, Effort)> {
        let Self { clients, speaker, next } = self;
        let first = *next;
        let (all, share) = (clients.len() as u64, clients.len().div_ceil(READERS));
        let (spoken, read, done) = (AtomicU64::new(0), AtomicU64::new(0), AtomicBool::new(false));
        let begun = Instant::now();
        let efforts = thread::scope(|threads| {
            let readers: Vec<_> = clients
                .chunks_mut(share)
                .map(|clients| threads.spawn(|| hear_all(clients, first, &spoken, &read, &done)))
                .collect();
            let said: Result<()> = (|| {
                while begun.elapsed() < length && readers.iter().all(|reader| !reader.is_finished()) {
                    if spoken.load(Ordering::Relaxed) * all >= read.load(Ordering::Relaxed) + ON_THEIR_WAY * all {
                        thread::sleep(LOOK_AGAIN);
                        continue;
                    }
                    speaker.speak(*next)?;
                    *next += 1;
                    spoken.fetch_add(1, Ordering::Relaxed);
                }
                Ok(())
            })();
            done.store(true, Ordering::Relaxed);
            let heard = readers.into_iter().map(|reader| reader.join().unwrap_or_else(|_| bail!("a reader panicked")));
            let efforts = heard.collect::<Result<Vec<_>>>()?;
            said.map(|()| efforts)
        })?;
        Ok((from_u64(read.into_inner()) / begun.elapsed().as_secs_f64(), busiest(efforts)))
    }
}

impl Speaker {
    /// Has it speak, and returns once it says that it did.
    fn speak(&mut self, number: u64) -> Result<()> {
        let mut request = Vec::with_capacity(256);
        self.post.write(format!("{{\"number\":{number}}}").as_bytes(), &mut request);
        self.stream.write_all(&request)?;
        let (mut bytes, mut buffer) = (Vec::new(), [0; 4096]);
        loop {
            let length = self.stream.read(&mut buffer)?;
            ensure!(length > 0, "the connection of who speaks was closed");
            bytes.extend_from_slice(&buffer[..length]);
            match http::answer(&bytes) {
                Answer::Partial => {}
                Answer::Whole { status: 200, .. } => return Ok(()),
                Answer::Whole { .. } | Answer::Malformed => bail!("{}", String::from_utf8_lossy(&bytes)),
            }
        }
    }
}

/// As every system makes it.
fn message(number: u64) -> String {
    format!("{{\"number\":{number},\"padding\":\"{}\"}}", "x".repeat(PADDING))
}

/// Reads each broadcast from each client, beginning with the `first`.
fn hear_all(
    clients: &mut [BufReader<TcpStream>],
    first: u64,
    spoken: &AtomicU64,
    read: &AtomicU64,
    done: &AtomicBool,
) -> Result<Effort> {
    let (mut heard, gauge) = (0, Gauge::begin());
    loop {
        let is_done = done.load(Ordering::Relaxed);
        if heard < spoken.load(Ordering::Relaxed) {
            let expected = message(first + heard);
            clients.iter_mut().try_for_each(|client| hear(client, &expected))?;
            read.fetch_add(clients.len() as u64, Ordering::Relaxed);
            heard += 1;
        } else if is_done {
            return Ok(gauge.read());
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

/// Reads one message, which must be this one.
fn hear(client: &mut BufReader<TcpStream>, expected: &str) -> Result<()> {
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
        let payload = payload.get_mut(..length).context("a message is longer than those that are sent")?;
        client.read_exact(payload)?;
        match head[0] & 0x0f {
            1 if payload == expected.as_bytes() => return Ok(()),
            1 => return Err(Wrong(unexpected(payload, expected)).into()),
            8 => bail!("a client was cut off"),
            _ => {} // a ping: the measurement is over before it would have to be answered
        }
    }
}

fn unexpected(payload: &[u8], expected: &str) -> String {
    let short = |text: &str| text.chars().take(30).collect::<String>();
    format!("a client gets {} in the place of {}", short(&String::from_utf8_lossy(payload)), short(expected))
}
