//! As much of HTTP/1.1 as a client needs that is cheap enough to share the machine with what it measures: requests as
//! bytes made once, and the end of an answer found without copying it.

/// What is at the front of the bytes read so far.
#[derive(Debug, PartialEq, Eq)]
pub enum Answer {
    /// The rest is still to come.
    Partial,
    /// One whole answer.
    Whole { status: u16, length: usize, close: bool },
    /// Not HTTP/1.x, or in a form that this client does not read.
    Malformed,
}

/// Looks for one answer at the front of `bytes`; bodies end by `content-length` or by chunks.
pub fn answer(bytes: &[u8]) -> Answer {
    let Some(end) = find(bytes, b"\r\n\r\n") else {
        return if bytes.len() > 64 * 1024 { Answer::Malformed } else { Answer::Partial };
    };
    let Some(status) = status(bytes) else { return Answer::Malformed };
    let (mut body, mut chunked, mut close) = (None, false, false);
    let mut rest = &bytes[..end];
    while let Some(line) = find(rest, b"\r\n") {
        rest = &rest[line + 2..];
        let this = &rest[..find(rest, b"\r\n").unwrap_or(rest.len())];
        if let Some(value) = value(this, b"content-length") {
            body = std::str::from_utf8(value).ok().and_then(|text| text.trim().parse::<usize>().ok());
        } else if let Some(value) = value(this, b"transfer-encoding") {
            chunked = value.trim_ascii().eq_ignore_ascii_case(b"chunked");
        } else if let Some(value) = value(this, b"connection") {
            close = value.trim_ascii().eq_ignore_ascii_case(b"close");
        }
    }
    let body = match (body, chunked) {
        (_, true) => chunks(&bytes[end + 4..]),
        (Some(body), false) => Some(body),
        (None, false) if status == 204 || status == 304 => Some(0),
        (None, false) => return Answer::Malformed,
    };
    match body {
        Some(body) if bytes.len() >= end + 4 + body => Answer::Whole { status, length: end + 4 + body, close },
        _ => Answer::Partial,
    }
}

/// Bytes up to the end of a chunked body, or `None` while it goes on.
fn chunks(bytes: &[u8]) -> Option<usize> {
    let mut at = 0;
    loop {
        let line = find(&bytes[at..], b"\r\n")?;
        let size = std::str::from_utf8(&bytes[at..at + line]).ok()?;
        let size = usize::from_str_radix(size.split(';').next()?.trim(), 16).ok()?;
        at += line + 2 + size + 2;
        if at > bytes.len() {
            return None;
        }
        if size == 0 {
            return Some(at);
        }
    }
}

fn status(bytes: &[u8]) -> Option<u16> {
    let text = bytes.strip_prefix(b"HTTP/1.")?.get(2..5)?;
    std::str::from_utf8(text).ok()?.parse().ok()
}

fn value<'a>(line: &'a [u8], name: &[u8]) -> Option<&'a [u8]> {
    // The first letter decides for most lines.
    let (given, rest) = line.split_at_checked(name.len())?;
    given.eq_ignore_ascii_case(name).then(|| rest.strip_prefix(b":")).flatten()
}

fn find(bytes: &[u8], wanted: &[u8]) -> Option<usize> {
    let first = wanted[0];
    let mut from = 0;
    while let Some(at) = bytes[from..].iter().position(|&byte| byte == first) {
        if bytes[from + at..].starts_with(wanted) {
            return Some(from + at);
        }
        from += at + 1;
    }
    None
}

/// A request without a body.
pub fn get(host: &str, path: &str) -> Vec<u8> {
    format!("GET {path} HTTP/1.1\r\nhost: {host}\r\n\r\n").into_bytes()
}

/// A request without a body, for an answer in this form (`accept-encoding`).
pub fn get_in(host: &str, path: &str, accepted: &str) -> Vec<u8> {
    format!("GET {path} HTTP/1.1\r\nhost: {host}\r\naccept-encoding: {accepted}\r\n\r\n").into_bytes()
}

/// A request with a JSON body.
pub fn post(host: &str, path: &str, body: &str) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(body.len() + 160);
    Post::new(host, path).write(body.as_bytes(), &mut bytes);
    bytes
}

/// The head of a `POST` of JSON, made once.
pub struct Post {
    head: Vec<u8>,
}

impl Post {
    /// To `path` of `host`.
    pub fn new(host: &str, path: &str) -> Self {
        let head =
            format!("POST {path} HTTP/1.1\r\nhost: {host}\r\ncontent-type: application/json\r\ncontent-length: ");
        Self { head: head.into_bytes() }
    }

    /// Appends a whole request.
    pub fn write(&self, body: &[u8], to: &mut Vec<u8>) {
        to.extend_from_slice(&self.head);
        decimal(body.len() as u64, to);
        to.extend_from_slice(b"\r\n\r\n");
        to.extend_from_slice(body);
    }
}

/// Appends `number` in decimal digits.
pub fn decimal(mut number: u64, to: &mut Vec<u8>) {
    let mut digits = [0_u8; 20];
    let mut at = digits.len();
    loop {
        at -= 1;
        digits[at] = b'0' + u8::try_from(number % 10).unwrap_or(0);
        number /= 10;
        if number == 0 {
            break;
        }
    }
    to.extend_from_slice(&digits[at..]);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_ends_where_its_length_or_its_last_chunk_says() {
        let whole = |status, length, close| Answer::Whole { status, length, close };
        let table: &[(&str, Answer)] = &[
            ("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello", whole(200, 43, false)),
            ("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhelloHTTP/1.1 200", whole(200, 43, false)),
            ("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhell", Answer::Partial),
            ("HTTP/1.1 200 OK\r\nContent-Le", Answer::Partial),
            ("HTTP/1.1 503 Busy\r\nconnection: Close\r\ncontent-length: 0\r\n\r\n", whole(503, 59, true)),
            ("HTTP/1.1 201 C\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n0\r\n\r\n", whole(201, 58, false)),
            ("HTTP/1.1 201 C\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n0\r\n", Answer::Partial),
            ("HTTP/1.1 204 No\r\n\r\n", whole(204, 19, false)),
            ("HTTP/1.1 200 OK\r\n\r\nuntil the end", Answer::Malformed),
            ("SSH-2.0-x\r\n\r\n", Answer::Malformed),
        ];
        for (bytes, expected) in table {
            assert_eq!(&answer(bytes.as_bytes()), expected, "{bytes:?}");
        }
    }

    #[test]
    fn a_request_names_the_length_of_its_body() {
        let request = String::from_utf8(post("localhost:1", "/orders", "{\"order\":\"12\"}")).unwrap();
        assert!(request.starts_with("POST /orders HTTP/1.1\r\nhost: localhost:1\r\n"), "{request}");
        assert!(request.ends_with("content-length: 14\r\n\r\n{\"order\":\"12\"}"), "{request}");
    }
}
