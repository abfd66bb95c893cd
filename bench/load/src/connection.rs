//! One kept-alive connection to a system's front: at most one request is on its way, nothing is pipelined.

use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};

use anyhow::{Context, Result, bail};

use crate::http::{self, Answer};

/// A connection and its request.
pub struct Connection {
    address: SocketAddr,
    stream: TcpStream,
    read: Vec<u8>,
    filled: usize,
    /// The length of the last answer, whose bytes stay until more is read.
    answered: usize,
    /// The request on its way, whole; `written` bytes of it have left.
    pub request: Vec<u8>,
    written: usize,
    /// What the request is about.
    pub sent: Option<Sent>,
    close: bool,
}

/// A request on its way.
#[derive(Debug, Clone, Copy)]
pub struct Sent {
    /// The order in it, if it is one.
    pub order: Option<u64>,
    /// When it should have been sent.
    pub intended: u64,
    /// When it was sent.
    pub at: u64,
}

impl Connection {
    /// Connects, waiting for it: the system is on this machine.
    pub fn open(address: SocketAddr) -> Result<Self> {
        let stream = TcpStream::connect(address).with_context(|| format!("cannot connect to {address}"))?;
        stream.set_nodelay(true)?;
        stream.set_nonblocking(true)?;
        let read = vec![0; 8 * 1024];
        let request = Vec::with_capacity(1024);
        Ok(Self { address, stream, read, filled: 0, answered: 0, request, written: 0, sent: None, close: false })
    }

    /// To be told of answers.
    pub fn stream(&self) -> &TcpStream {
        &self.stream
    }

    /// Begins to send `request`; `false` when the rest has to wait until the connection takes more.
    pub fn send(&mut self, sent: Sent) -> Result<bool> {
        self.sent = Some(sent);
        self.written = 0;
        self.flush()
    }

    /// Goes on sending; `false` when there is still a rest.
    pub fn flush(&mut self) -> Result<bool> {
        while self.written < self.request.len() {
            match self.stream.write(&self.request[self.written..]) {
                Ok(count) => self.written += count,
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(false),
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(error).context("the connection takes no request"),
            }
        }
        Ok(true)
    }

    /// Reads once; the status of the answer once all of it is there.
    pub fn receive(&mut self) -> Result<Option<u16>> {
        if self.filled == self.read.len() {
            self.read.resize(self.read.len() * 2, 0);
        }
        match self.stream.read(&mut self.read[self.filled..]) {
            Ok(0) => bail!("the connection was closed before the answer"),
            Ok(count) => self.filled += count,
            Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::Interrupted) => return Ok(None),
            Err(error) => return Err(error).context("the connection gives no answer"),
        }
        match http::answer(&self.read[..self.filled]) {
            Answer::Partial => Ok(None),
            Answer::Whole { status, length, close } if length == self.filled => {
                (self.answered, self.filled) = (length, 0);
                self.close = close;
                Ok(Some(status))
            }
            Answer::Whole { .. } => bail!("more was answered than asked"),
            Answer::Malformed => bail!("the answer is not HTTP/1.1 as this client reads it"),
        }
    }

    /// Whether the last answer ended in this body.
    pub fn answered_with(&self, body: &[u8]) -> bool {
        self.read[..self.answered].ends_with(body)
    }

    /// The system said that it closes this connection.
    pub fn must_close(&self) -> bool {
        self.close
    }

    /// A new connection in the place of this one; what was on its way is given up.
    pub fn again(&self) -> Result<Self> {
        Self::open(self.address)
    }
}
