//! What a client says that it has already. Pure.

use std::time::UNIX_EPOCH;

use hyper::header::{self, HeaderMap};

/// By what a version of a file is known again.
#[derive(Debug, Clone)]
pub(super) struct Known {
    /// In quotes.
    pub(super) etag: String,
    /// Seconds since 1970.
    pub(super) modified: u64,
}

/// Whether the client has this version: it is to be told so instead of getting it.
pub(super) fn is_known(headers: &HeaderMap, known: &Known) -> bool {
    let mut none_match = headers.get_all(header::IF_NONE_MATCH).iter().peekable();
    if none_match.peek().is_some() {
        let mut tags = none_match.filter_map(|value| value.to_str().ok()).flat_map(|value| value.split(','));
        return tags.any(|tag| matches!(tag.trim(), "*") || tag.trim().trim_start_matches("W/") == known.etag);
    }
    date(headers, header::IF_MODIFIED_SINCE).is_some_and(|since| known.modified <= since)
}

/// Whether a range is wanted of this version; otherwise the whole file is.
pub(super) fn is_of_this(headers: &HeaderMap, known: &Known) -> bool {
    let Some(given) = headers.get(header::IF_RANGE) else { return true };
    given.as_bytes() == known.etag.as_bytes() || date(headers, header::IF_RANGE) == Some(known.modified)
}

fn date(headers: &HeaderMap, name: header::HeaderName) -> Option<u64> {
    let date = httpdate::parse_http_date(headers.get(name)?.to_str().ok()?).ok()?;
    Some(date.duration_since(UNIX_EPOCH).ok()?.as_secs())
}

#[cfg(test)]
mod tests {
    use hyper::header::HeaderValue;

    use super::*;

    const DATE: &str = "Sun, 06 Nov 1994 08:49:37 GMT";

    fn known() -> Known {
        Known { etag: "\"a\"".into(), modified: 784_111_777 }
    }

    fn headers(given: &[(header::HeaderName, &'static str)]) -> HeaderMap {
        given.iter().map(|(name, value)| (name.clone(), HeaderValue::from_static(value))).collect()
    }

    #[test]
    fn a_client_that_has_it_is_told_so() {
        for tags in ["\"a\"", "W/\"a\"", "\"b\", \"a\"", "*"] {
            assert!(is_known(&headers(&[(header::IF_NONE_MATCH, tags)]), &known()), "{tags}");
        }
        for tags in ["\"b\"", "a", ""] {
            // The date does not count beside it.
            let given = headers(&[(header::IF_NONE_MATCH, tags), (header::IF_MODIFIED_SINCE, DATE)]);
            assert!(!is_known(&given, &known()), "{tags}");
        }
        for (since, expected) in [
            (DATE, true),
            ("Sun, 06 Nov 1994 08:49:36 GMT", false),
            ("Mon, 07 Nov 1994 08:49:37 GMT", true),
            ("x", false),
        ] {
            assert_eq!(is_known(&headers(&[(header::IF_MODIFIED_SINCE, since)]), &known()), expected, "{since}");
        }
        assert!(!is_known(&HeaderMap::new(), &known()));
    }

    #[test]
    fn a_range_of_another_version_is_not_sent() {
        assert!(is_of_this(&HeaderMap::new(), &known()));
        for (given, expected) in [
            ("\"a\"", true),
            (DATE, true),
            ("\"b\"", false),
            ("W/\"a\"", false),
            ("Mon, 07 Nov 1994 08:49:37 GMT", false),
        ] {
            assert_eq!(is_of_this(&headers(&[(header::IF_RANGE, given)]), &known()), expected, "{given}");
        }
    }
}
