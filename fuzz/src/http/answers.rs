//! What a server has sent, read by the letter: responses one after the other, and nothing between or after them.

use std::collections::BTreeSet;

/// `names`: the headers that may be there, in small letters. `asked_heads`: some answers may be heads alone.
pub(super) fn check(mut said: &[u8], names: &BTreeSet<String>, asked_heads: bool) {
    while !said.is_empty() {
        said = response(said, names, asked_heads);
    }
}

/// What comes after it.
fn response<'s>(said: &'s [u8], names: &BTreeSet<String>, asked_heads: bool) -> &'s [u8] {
    let end = find(said, b"\r\n\r\n").unwrap_or_else(|| panic!("no end of a head: {}", shown(said)));
    let (head, body) = (&said[..end], &said[end + 4..]);
    let mut lines = split_lines(head).into_iter();
    let status = status(lines.next().unwrap_or_default());
    let (mut length, mut chunked, mut close) = (None, false, false);
    for line in lines {
        let (name, value) = header(line);
        assert!(names.contains(&name), "nobody set {name}: {}", shown(head));
        match (name.as_str(), value) {
            ("content-length", value) => {
                assert_eq!(length, None, "two lengths: {}", shown(head));
                length = Some(value.parse::<usize>().unwrap_or_else(|_| panic!("{value} is no length")));
            }
            ("transfer-encoding", value) => {
                assert_eq!(value, "chunked");
                chunked = true;
            }
            ("connection", value) => close |= value.eq_ignore_ascii_case("close"),
            _ => {}
        }
    }
    assert!(!(chunked && length.is_some()), "two ways to tell the length: {}", shown(head));
    if matches!(status, 100..=199 | 204 | 304) {
        assert!(length.is_none_or(|length| length == 0 || status == 304) && !chunked, "{}", shown(head));
        return body;
    }
    assert!(!chunked, "a whole body has a length: {}", shown(head));
    let Some(length) = length else {
        // The answer to HEAD need not tell the length of an empty body.
        assert!(asked_heads && begins_response(body), "no length: {}", shown(said));
        return body;
    };
    let rest = body.get(length..).filter(|rest| begins_response(rest) && (!close || rest.is_empty()));
    // The answer to HEAD tells the length of a body that does not come.
    let rest = rest.or_else(|| begins_response(body).then_some(body));
    rest.unwrap_or_else(|| panic!("no body of {length} bytes: {}", shown(said)))
}

fn begins_response(bytes: &[u8]) -> bool {
    bytes.is_empty() || bytes.starts_with(b"HTTP/1.")
}

fn status(line: &[u8]) -> u16 {
    let status = line.strip_prefix(b"HTTP/1.1 ").or_else(|| line.strip_prefix(b"HTTP/1.0 "));
    let digits = status.and_then(|status| status.first_chunk::<3>()).filter(|digits| digits.is_ascii());
    let status = digits.and_then(|digits| std::str::from_utf8(digits).ok()?.parse().ok());
    status.filter(|status| *status >= 100).unwrap_or_else(|| panic!("no status: {}", shown(line)))
}

/// Its name in small letters, and its value.
fn header(line: &[u8]) -> (String, String) {
    let colon = line.iter().position(|byte| *byte == b':').unwrap_or_else(|| panic!("no header: {}", shown(line)));
    let (name, value) = (&line[..colon], &line[colon + 1..]);
    let is_token = |byte: &u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(byte);
    assert!(!name.is_empty() && name.iter().all(is_token), "no name: {}", shown(line));
    let is_value = |byte: &u8| *byte == b'\t' || !byte.is_ascii_control();
    assert!(value.iter().all(is_value), "no value: {}", shown(line));
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).trim().to_owned();
    (text(name).to_ascii_lowercase(), text(value))
}

fn split_lines(head: &[u8]) -> Vec<&[u8]> {
    let mut lines = Vec::new();
    let mut rest = head;
    while let Some(end) = find(rest, b"\r\n") {
        lines.push(&rest[..end]);
        rest = &rest[end + 2..];
    }
    lines.push(rest);
    lines
}

fn find(bytes: &[u8], wanted: &[u8]) -> Option<usize> {
    bytes.windows(wanted.len()).position(|window| window == wanted)
}

fn shown(bytes: &[u8]) -> String {
    String::from_utf8_lossy(&bytes[..bytes.len().min(2_000)]).escape_debug().to_string()
}
