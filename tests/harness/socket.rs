//! A small blocking WebSocket client over `std::net`: exact about the frames it sends, and it reads only when it is told to.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use serde_json::{Value, json};

/// As of the HTTP client.
const PATIENCE: Duration = Duration::from_secs(60);

const TEXT: u8 = 1;
const CLOSE: u8 = 8;
const PING: u8 = 9;
const PONG: u8 = 10;

pub struct Socket {
    stream: BufReader<TcpStream>,
    /// What the server chose of the protocols that were offered.
    pub protocol: Option<String>,
}

/// What comes from the server; its pings are answered and not told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Said {
    Text(String),
    /// Code and reason. It is answered.
    Close(u16, String),
    /// The connection ended without a word.
    Gone,
}

impl Socket {
    #[track_caller]
    pub fn connect(url: &str) -> Self {
        Self::connect_with(url, &[])
    }

    #[track_caller]
    pub fn connect_with(url: &str, headers: &[(&str, &str)]) -> Self {
        Self::try_connect(url, headers).unwrap_or_else(|refused| panic!("{url}: {refused}"))
    }

    /// An error is the status line and the body of an answer that is no handshake.
    pub fn try_connect(url: &str, headers: &[(&str, &str)]) -> Result<Self, String> {
        let rest = url.strip_prefix("ws://").ok_or_else(|| format!("not a ws URL: {url}"))?;
        let path = rest.find(['/', '?']).unwrap_or(rest.len());
        let (authority, target) = (&rest[..path], &rest[path..]);
        let slash = if target.starts_with('/') { "" } else { "/" };
        let mut head = format!("GET {slash}{target} HTTP/1.1\r\n");
        if !headers.iter().any(|(name, _)| *name == "host") {
            head += &format!("host: {authority}\r\n");
        }
        head += "connection: Upgrade\r\nupgrade: websocket\r\nsec-websocket-version: 13\r\n";
        head += "sec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n";
        for (name, value) in headers {
            head += &format!("{name}: {value}\r\n");
        }
        Self::shake_hands(authority, &(head + "\r\n")).map_err(|error| error.to_string())?
    }

    fn shake_hands(authority: &str, head: &str) -> io::Result<Result<Self, String>> {
        let stream = TcpStream::connect(authority.replace("localhost", "127.0.0.1"))?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        stream.set_write_timeout(Some(PATIENCE))?;
        (&stream).write_all(head.as_bytes())?;
        let mut stream = BufReader::with_capacity(1024, stream);
        let mut lines = Vec::new();
        loop {
            let mut line = String::new();
            stream.read_line(&mut line)?;
            if line.trim().is_empty() {
                break;
            }
            lines.push(line.trim().to_owned());
        }
        let field = |name: &str| {
            let found = lines.iter().filter_map(|line| line.split_once(": "));
            found.into_iter().find(|(each, _)| each.eq_ignore_ascii_case(name)).map(|(_, value)| value.to_owned())
        };
        if !lines.first().is_some_and(|status| status.starts_with("HTTP/1.1 101")) {
            let length = field("content-length").and_then(|length| length.parse().ok()).unwrap_or(0);
            let mut body = vec![0; length];
            stream.read_exact(&mut body)?;
            return Ok(Err(format!("{} {}", lines.join(" | "), String::from_utf8_lossy(&body))));
        }
        assert_eq!(field("sec-websocket-accept").as_deref(), Some("s3pPLMBiTxaQ9kYGzzhZRbK+xOo="));
        let protocol = field("sec-websocket-protocol");
        Ok(Ok(Self { stream, protocol }))
    }

    /// Sends a frame on a channel.
    #[track_caller]
    pub fn say(&mut self, channel: &str, data: &Value) {
        self.send(&json!({ "channel": channel, "data": data }).to_string());
    }

    #[track_caller]
    pub fn send(&mut self, text: &str) {
        self.frame(TEXT, text.as_bytes()).unwrap();
    }

    pub fn frame(&mut self, opcode: u8, payload: &[u8]) -> io::Result<()> {
        const MASK: [u8; 4] = [1, 2, 3, 4];
        let mut frame = vec![0x80 | opcode];
        match u16::try_from(payload.len()) {
            Ok(short) if short < 126 => frame.push(0x80 | payload.len() as u8),
            Ok(length) => {
                frame.push(0x80 | 126);
                frame.extend(length.to_be_bytes());
            }
            Err(_) => {
                frame.push(0x80 | 127);
                frame.extend((payload.len() as u64).to_be_bytes());
            }
        }
        frame.extend(MASK);
        frame.extend(payload.iter().zip(MASK.iter().cycle()).map(|(byte, mask)| byte ^ mask));
        self.stream.get_mut().write_all(&frame)
    }

    /// The next that is said.
    pub fn hear(&mut self) -> Said {
        loop {
            let Ok((opcode, payload)) = self.read() else { return Said::Gone };
            match opcode {
                TEXT => return Said::Text(String::from_utf8(payload).unwrap()),
                PING => self.frame(PONG, &payload).unwrap_or_default(),
                CLOSE => {
                    self.frame(CLOSE, payload.get(..2).unwrap_or_default()).ok();
                    let code = payload.first_chunk().map_or(1005, |code| u16::from_be_bytes(*code));
                    return Said::Close(code, String::from_utf8_lossy(payload.get(2..).unwrap_or_default()).into());
                }
                _ => {}
            }
        }
    }

    /// The next message.
    #[track_caller]
    pub fn json(&mut self) -> Value {
        match self.hear() {
            Said::Text(text) => serde_json::from_str(&text).unwrap_or_else(|error| panic!("{error} in {text}")),
            other => panic!("no message but {other:?}"),
        }
    }

    /// The messages that were sent to it until now, and not read.
    #[track_caller]
    pub fn heard_by_now(&mut self) -> Vec<Value> {
        self.frame(PING, b"by now").unwrap();
        let mut heard = Vec::new();
        loop {
            match self.read().unwrap() {
                (PONG, _) => return heard,
                (TEXT, payload) => heard.push(serde_json::from_slice(&payload).unwrap()),
                (_, _) => {}
            }
        }
    }

    /// With which code it is closed; messages before that are passed over.
    #[track_caller]
    pub fn closed(mut self) -> u16 {
        loop {
            match self.hear() {
                Said::Text(_) => {}
                Said::Close(code, _) => return code,
                Said::Gone => panic!("it ended without a word"),
            }
        }
    }

    /// Says good-bye, and waits until it is answered.
    pub fn leave(mut self) {
        self.frame(CLOSE, &1000u16.to_be_bytes()).unwrap();
        while let Said::Text(_) = self.hear() {}
    }

    fn read(&mut self) -> io::Result<(u8, Vec<u8>)> {
        let mut head = [0; 2];
        self.stream.read_exact(&mut head)?;
        assert_eq!(head[0] & 0xf0, 0x80, "whole frames only");
        let length = match head[1] {
            126 => u64::from(u16::from_be_bytes(self.bytes()?)),
            127 => u64::from_be_bytes(self.bytes()?),
            short => u64::from(short),
        };
        let mut payload = vec![0; usize::try_from(length).unwrap()];
        self.stream.read_exact(&mut payload)?;
        Ok((head[0] & 0x0f, payload))
    }

    fn bytes<const N: usize>(&mut self) -> io::Result<[u8; N]> {
        let mut bytes = [0; N];
        self.stream.read_exact(&mut bytes)?;
        Ok(bytes)
    }
}
