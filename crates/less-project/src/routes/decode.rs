//! Percent-encoding, in paths and in queries.

use std::borrow::Cow;

/// A path, or a segment of one; none if an escape is malformed or the result is not UTF-8.
pub fn percent_decode(text: &str) -> Option<Cow<'_, str>> {
    if !text.contains('%') {
        return Some(Cow::Borrowed(text));
    }
    let bytes = unescape(text.as_bytes(), |_| None)?;
    String::from_utf8(bytes).ok().map(Cow::Owned)
}

/// The names and values of a query, decoded, in their order; names may repeat.
///
/// As browsers do it: `+` is a space, a malformed escape stands for itself, bytes that are not UTF-8 become U+FFFD.
pub fn parse_query(query: &str) -> Vec<(String, String)> {
    let pairs = query.split('&').filter(|pair| !pair.is_empty());
    let pairs = pairs.map(|pair| pair.split_once('=').unwrap_or((pair, "")));
    pairs.map(|(name, value)| (form(name), form(value))).collect()
}

fn form(text: &str) -> String {
    let spaced: Vec<u8> = text.bytes().map(|byte| if byte == b'+' { b' ' } else { byte }).collect();
    let bytes = unescape(&spaced, Some).unwrap_or_default();
    String::from_utf8(bytes).unwrap_or_else(|error| String::from_utf8_lossy(error.as_bytes()).into_owned())
}

/// `malformed` says what stands for a `%` that begins no escape; with none, there is no result.
fn unescape(text: &[u8], malformed: impl Fn(u8) -> Option<u8>) -> Option<Vec<u8>> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text;
    while let [first, after @ ..] = rest {
        let escape = match after {
            [high, low, after @ ..] if *first == b'%' => {
                hex(*high).zip(hex(*low)).map(|(high, low)| (high << 4 | low, after))
            }
            _ => None,
        };
        let (byte, after) = match escape {
            Some(escape) => escape,
            None if *first == b'%' => (malformed(*first)?, after),
            None => (*first, after),
        };
        bytes.push(byte);
        rest = after;
    }
    Some(bytes)
}

fn hex(digit: u8) -> Option<u8> {
    char::from(digit).to_digit(16).and_then(|value| u8::try_from(value).ok())
}
