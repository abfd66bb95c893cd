//! A small blocking HTTP/1.1 client over `std::net`: just enough, and exact about the bytes it sends.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::time::Duration;

use serde_json::Value;

/// Longer than any limit of the server, so that a missing answer fails the test and does not hang it.
const PATIENCE: Duration = Duration::from_secs(60);

pub fn get(url: &str) -> Answer {
    Request::new("GET", url).send()
}

pub fn post(url: &str, body: impl Into<Vec<u8>>) -> Answer {
    Request::new("POST", url).body(body).send()
}

/// A port that nobody listened on just now.
pub fn free_port() -> String {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port().to_string()
}

#[derive(Debug, Clone)]
pub struct Request {
    method: String,
    /// `host:port`
    authority: String,
    /// The path with its query, exactly as it goes over the wire.
    target: String,
    headers: Vec<(String, String)>,
    body: Option<Vec<u8>>,
}

impl Request {
    pub fn new(method: &str, url: &str) -> Self {
        let rest = url.strip_prefix("http://").unwrap_or_else(|| panic!("not an http URL: {url}"));
        let path = rest.find(['/', '?']).unwrap_or(rest.len());
        let target =
            if rest[path..].starts_with('/') { rest[path..].to_owned() } else { format!("/{}", &rest[path..]) };
        let authority = rest[..path].to_owned();
        Self { method: method.to_owned(), authority, target, headers: Vec::new(), body: None }
    }

    /// A `host` given here replaces the URL's.
    pub fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    pub fn body(mut self, body: impl Into<Vec<u8>>) -> Self {
        self.body = Some(body.into());
        self
    }

    #[track_caller]
    pub fn send(&self) -> Answer {
        self.try_send().unwrap_or_else(|error| panic!("{} {}: {error}", self.method, self.target))
    }

    pub fn try_send(&self) -> io::Result<Answer> {
        Connection::open_to(&self.authority)?.try_send(self)
    }

    /// Where it goes.
    pub fn url(&self) -> String {
        format!("http://{}{}", self.authority, self.target)
    }

    fn bytes(&self) -> Vec<u8> {
        let mut head = format!("{} {} HTTP/1.1\r\n", self.method, self.target);
        if !self.headers.iter().any(|(name, _)| name.eq_ignore_ascii_case("host")) {
            head += &format!("host: {}\r\n", self.authority);
        }
        if let Some(body) = &self.body {
            head += &format!("content-length: {}\r\n", body.len());
        }
        for (name, value) in &self.headers {
            head += &format!("{name}: {value}\r\n");
        }
        let mut bytes = (head + "\r\n").into_bytes();
        bytes.extend_from_slice(self.body.as_deref().unwrap_or_default());
        bytes
    }
}

/// A connection that is kept between requests.
pub struct Connection {
    stream: BufReader<TcpStream>,
}

impl Connection {
    /// To the server of `url`.
    pub fn open(url: &str) -> Self {
        Self::try_open(url).unwrap()
    }

    /// To a server that may be gone.
    pub fn try_open(url: &str) -> io::Result<Self> {
        Self::open_to(&Request::new("GET", url).authority)
    }

    fn open_to(authority: &str) -> io::Result<Self> {
        let stream = TcpStream::connect(authority.replace("localhost", "127.0.0.1"))?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        stream.set_write_timeout(Some(PATIENCE))?;
        Ok(Self { stream: BufReader::new(stream) })
    }

    #[track_caller]
    pub fn send(&mut self, request: &Request) -> Answer {
        self.try_send(request).unwrap()
    }

    pub fn try_send(&mut self, request: &Request) -> io::Result<Answer> {
        // A server that has refused may close before it has read all of the body; its answer still counts.
        let written = self.try_write(&request.bytes());
        self.read_answer(request.method == "HEAD").map_err(|error| written.err().unwrap_or(error))
    }

    /// Sends bytes as they are, for clients that do not behave.
    pub fn try_write(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.stream.get_mut().write_all(bytes)
    }

    /// Reads one answer; `head`: it has no body, whatever its headers say.
    pub fn read_answer(&mut self, head: bool) -> io::Result<Answer> {
        loop {
            let (status, headers) = self.read_head()?;
            if status >= 200 {
                let mut answer = Answer { status, headers, body: Vec::new() };
                if !head && status != 204 && status != 304 {
                    answer.body = self.read_body(&answer)?;
                }
                return Ok(answer);
            }
        }
    }

    /// An answer, or the end of the connection, is there.
    pub fn has_something_to_read(&self) -> bool {
        let stream = self.stream.get_ref();
        stream.set_nonblocking(true).unwrap();
        let peeked = stream.peek(&mut [0]);
        stream.set_nonblocking(false).unwrap();
        !matches!(peeked, Err(error) if error.kind() == io::ErrorKind::WouldBlock)
    }

    /// Nothing more comes: the server has closed the connection.
    pub fn is_closed(&mut self) -> bool {
        self.stream.fill_buf().map_or(true, <[u8]>::is_empty)
    }

    /// The status and the headers of an answer whose body may have no end.
    pub fn read_head(&mut self) -> io::Result<(u16, Vec<(String, String)>)> {
        let status_line = self.read_line()?;
        let status = status_line.split(' ').nth(1).and_then(|code| code.parse().ok());
        let status = status.ok_or_else(|| malformed(&status_line))?;
        let mut headers = Vec::new();
        loop {
            let line = self.read_line()?;
            if line.is_empty() {
                return Ok((status, headers));
            }
            let (name, value) = line.split_once(':').ok_or_else(|| malformed(&line))?;
            headers.push((name.to_ascii_lowercase(), value.trim().to_owned()));
        }
    }

    fn read_body(&mut self, answer: &Answer) -> io::Result<Vec<u8>> {
        let mut body = Vec::new();
        if answer.header("transfer-encoding").is_some_and(|value| value.contains("chunked")) {
            loop {
                let line = self.read_line()?;
                let size = usize::from_str_radix(line.split(';').next().unwrap_or(""), 16);
                let size = size.map_err(|_| malformed(&line))?;
                let start = body.len();
                body.resize(start + size, 0);
                self.stream.read_exact(&mut body[start..])?;
                self.read_line()?;
                if size == 0 {
                    return Ok(body);
                }
            }
        }
        match answer.header("content-length").and_then(|value| value.parse().ok()) {
            Some(length) => {
                body.resize(length, 0);
                self.stream.read_exact(&mut body)?;
            }
            None => {
                self.stream.read_to_end(&mut body)?;
            }
        }
        Ok(body)
    }

    fn read_line(&mut self) -> io::Result<String> {
        let mut line = String::new();
        if self.stream.read_line(&mut line)? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        Ok(line.trim_end_matches(['\r', '\n']).to_owned())
    }
}

fn malformed(line: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, format!("not HTTP: {line:?}"))
}

#[derive(Debug, Clone)]
pub struct Answer {
    pub status: u16,
    /// Names in lower case, in the order of the answer.
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
}

impl Answer {
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(each, _)| each == name).map(|(_, value)| value.as_str())
    }

    pub fn all_headers(&self, name: &str) -> Vec<&str> {
        self.headers.iter().filter(|(each, _)| each == name).map(|(_, value)| value.as_str()).collect()
    }

    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    #[track_caller]
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|error| panic!("{error}: {} {}", self.status, self.text()))
    }

    #[track_caller]
    pub fn expect(self, status: u16) -> Self {
        assert_eq!(self.status, status, "{}", self.text());
        self
    }

    /// An error as the server words it: its status, a code, a message, a request id, and nothing of our insides.
    #[track_caller]
    pub fn expect_error(self, status: u16) -> Value {
        let answer = self.expect(status);
        let body = answer.json();
        assert!(["error", "code", "request_id"].iter().all(|field| body[field].is_string()), "{body}");
        assert!(!answer.text().contains(".js") && !answer.text().contains("    at "), "{body}");
        body
    }
}
