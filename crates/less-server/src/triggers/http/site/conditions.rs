//! What a client has already, and which part it asks for. Pure.

use std::time::{Duration, SystemTime};

use hyper::header::{self, HeaderMap, HeaderName};

/// Of a file's bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Asked {
    Whole,
    Part {
        from: u64,
        length: u64,
    },
    /// Beyond its end.
    Nowhere,
}

/// Whether the client has this form of the file: by `if-none-match` or, without it, `if-modified-since`.
pub(super) fn has_it(headers: &HeaderMap, tag: &str, modified: SystemTime) -> bool {
    if headers.contains_key(header::IF_NONE_MATCH) {
        let values = headers.get_all(header::IF_NONE_MATCH).iter().filter_map(|value| value.to_str().ok());
        let mut given = values.flat_map(|value| value.split(',')).map(str::trim);
        return given.any(|given| given == "*" || given.strip_prefix("W/").unwrap_or(given) == tag);
    }
    let since = text(headers, header::IF_MODIFIED_SINCE).and_then(|since| httpdate::parse_http_date(since).ok());
    since.is_some_and(|since| whole_seconds(modified) <= since)
}

/// Whether a part is asked for of what the file is now: `if-range` names another form or an earlier one otherwise.
pub(super) fn is_of_this(headers: &HeaderMap, tag: &str, modified: SystemTime) -> bool {
    match text(headers, header::IF_RANGE) {
        Some(given) => given == tag || given == httpdate::fmt_http_date(modified),
        None => !headers.contains_key(header::IF_RANGE),
    }
}

/// The one part that is asked for; several at once, or what nobody understands, are answered with the whole.
pub(super) fn asked(headers: &HeaderMap, bytes: u64) -> Asked {
    let ranges = text(headers, header::RANGE).and_then(|range| range.trim().strip_prefix("bytes="));
    let Some((first, last)) = ranges.filter(|ranges| !ranges.contains(',')).and_then(|range| range.split_once('-'))
    else {
        return Asked::Whole;
    };
    match (number(first), number(last)) {
        (Some(Some(from)), Some(last)) => {
            let end = last.map_or(bytes, |last| last.saturating_add(1).min(bytes));
            match last {
                Some(last) if last < from => Asked::Whole,
                _ if from >= bytes => Asked::Nowhere,
                _ => Asked::Part { from, length: end - from },
            }
        }
        (Some(None), Some(Some(length))) if length == 0 || bytes == 0 => Asked::Nowhere,
        (Some(None), Some(Some(length))) => {
            let length = length.min(bytes);
            Asked::Part { from: bytes - length, length }
        }
        _ => Asked::Whole,
    }
}

/// Digits, or nothing; none for anything else. What is larger than any file is that.
fn number(text: &str) -> Option<Option<u64>> {
    let text = text.trim();
    if text.is_empty() {
        return Some(None);
    }
    text.bytes().all(|byte| byte.is_ascii_digit()).then(|| Some(text.parse().unwrap_or(u64::MAX)))
}

fn text(headers: &HeaderMap, name: HeaderName) -> Option<&str> {
    headers.get(name)?.to_str().ok()
}

/// Dates in headers have no more.
fn whole_seconds(time: SystemTime) -> SystemTime {
    let since = time.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    SystemTime::UNIX_EPOCH + Duration::from_secs(since.as_secs())
}

#[cfg(test)]
mod tests {
    use hyper::header::HeaderValue;

    use super::*;

    fn headers(given: &[(HeaderName, &'static str)]) -> HeaderMap {
        given.iter().map(|(name, value)| (name.clone(), HeaderValue::from_static(value))).collect()
    }

    fn modified() -> SystemTime {
        httpdate::parse_http_date("Sun, 06 Nov 1994 08:49:37 GMT").unwrap() + Duration::from_millis(300)
    }

    #[test]
    fn what_a_client_has_is_not_sent_again() {
        let has = |name: HeaderName, value| has_it(&headers(&[(name, value)]), "\"a1\"", modified());
        for value in ["\"a1\"", "W/\"a1\"", "\"x\", \"a1\"", "*"] {
            assert!(has(header::IF_NONE_MATCH, value), "{value}");
        }
        for value in ["\"a1-br\"", "a1", "", "\"x\""] {
            assert!(!has(header::IF_NONE_MATCH, value), "{value}");
        }
        assert!(has(header::IF_MODIFIED_SINCE, "Sun, 06 Nov 1994 08:49:37 GMT"));
        assert!(!has(header::IF_MODIFIED_SINCE, "Sun, 06 Nov 1994 08:49:36 GMT"));
        assert!(!has(header::IF_MODIFIED_SINCE, "yesterday"));
        let both = [(header::IF_NONE_MATCH, "\"x\""), (header::IF_MODIFIED_SINCE, "Sun, 06 Nov 1994 08:49:37 GMT")];
        assert!(!has_it(&headers(&both), "\"a1\"", modified()), "the tag decides");
        assert!(!has_it(&HeaderMap::new(), "\"a1\"", modified()));
    }

    #[test]
    fn a_part_is_cut_at_the_end_of_the_file() {
        let part = |from, length| Asked::Part { from, length };
        for (range, expected) in [
            ("bytes=0-3", part(0, 4)),
            ("bytes=4-", part(4, 6)),
            ("bytes=8-99", part(8, 2)),
            ("bytes=-3", part(7, 3)),
            ("bytes=-99", part(0, 10)),
            ("bytes=9-9", part(9, 1)),
            ("bytes=0-99999999999999999999999", part(0, 10)),
            ("bytes=10-", Asked::Nowhere),
            ("bytes=99999999999999999999999-", Asked::Nowhere),
            ("bytes=-0", Asked::Nowhere),
            ("bytes=3-1", Asked::Whole),
            ("bytes=0-1,3-4", Asked::Whole),
            ("bytes=-", Asked::Whole),
            ("bytes=a-b", Asked::Whole),
            ("bytes=+1-2", Asked::Whole),
            ("lines=0-3", Asked::Whole),
            ("", Asked::Whole),
        ] {
            assert_eq!(asked(&headers(&[(header::RANGE, range)]), 10), expected, "{range}");
        }
        assert_eq!(asked(&headers(&[(header::RANGE, "bytes=-3")]), 0), Asked::Nowhere);
        assert_eq!(asked(&HeaderMap::new(), 10), Asked::Whole);
    }

    #[test]
    fn a_part_of_another_version_is_not_sent() {
        let is = |value| is_of_this(&headers(&[(header::IF_RANGE, value)]), "\"a1\"", modified());
        assert!(is("\"a1\"") && is("Sun, 06 Nov 1994 08:49:37 GMT"));
        assert!(!is("\"x\"") && !is("W/\"a1\"") && !is("Sun, 06 Nov 1994 08:49:38 GMT"));
        assert!(is_of_this(&HeaderMap::new(), "\"a1\"", modified()));
    }
}
