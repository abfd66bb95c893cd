//! Headers, both ways: canonical names for handlers; whose requests are answered.

use hyper::header::{self, HeaderMap, HeaderName};
use hyper::http::request::Parts;
use hyper::http::uri::Authority;

use super::Failure;

/// Headers as handlers see them: `Content-Type`, each name once, repeated ones joined.
pub(super) fn for_handler(headers: &HeaderMap) -> Vec<(String, String)> {
    headers
        .keys()
        .map(|name| {
            let between = if name == header::COOKIE { "; " } else { ", " };
            let values: Vec<_> = headers.get_all(name).iter().map(|v| String::from_utf8_lossy(v.as_bytes())).collect();
            (canonical(name.as_str()), values.join(between))
        })
        .collect()
}

/// `x-request-id` → `X-Request-Id`.
fn canonical(name: &str) -> String {
    let mut start = true;
    name.chars()
        .map(|c| {
            let shown = if start { c.to_ascii_uppercase() } else { c };
            start = c == '-';
            shown
        })
        .collect()
}

/// On loopback only names of loopback are answered, so that a page of another site cannot reach this
/// server under a name of its own (DNS rebinding). A request target may name a host, too.
pub(super) fn check_host(head: &Parts) -> Result<(), Failure> {
    let mut given = head.headers.get_all(header::HOST).iter();
    let host = given.next().and_then(|host| host.to_str().ok()).unwrap_or_default();
    if given.next().is_some() {
        return Err(Failure::Ambiguous("The request names its host twice".into()));
    }
    let target = head.uri.authority().map_or(host, Authority::as_str);
    if is_loopback(host) && is_loopback(target) { Ok(()) } else { Err(Failure::UnknownHost) }
}

/// A body's length must be told in a way that a proxy before us understands as we do: otherwise its end
/// could be taken for a request (smuggling). The rest, hyper refuses.
pub(super) fn check_framing(headers: &HeaderMap) -> Result<(), Failure> {
    let mut codings = headers.get_all(header::TRANSFER_ENCODING).iter();
    let Some(coding) = codings.next() else { return Ok(()) };
    if coding.as_bytes().eq_ignore_ascii_case(b"chunked") && codings.next().is_none() {
        return Ok(());
    }
    Err(Failure::Ambiguous("The only transfer encoding that is understood is `chunked`, once".into()))
}

/// Requests that a browser sends for a page of another origin carry `Origin`.
pub(crate) fn refuse_foreign_origin(headers: &HeaderMap) -> Result<(), Failure> {
    let Some(origin) = headers.get(header::ORIGIN) else { return Ok(()) };
    let host = headers.get(header::HOST).and_then(|host| host.to_str().ok()).unwrap_or_default();
    if origin.to_str().is_ok_and(|origin| origin == format!("http://{host}")) {
        Ok(())
    } else {
        Err(Failure::ForeignOrigin)
    }
}

fn is_loopback(host: &str) -> bool {
    let name = match host.rsplit_once(':') {
        Some((name, port)) if !port.is_empty() && port.bytes().all(|b| b.is_ascii_digit()) => name,
        _ => host,
    };
    ["localhost", "127.0.0.1", "[::1]"].iter().any(|known| name.eq_ignore_ascii_case(known))
}

/// Headers that the connection sets itself.
pub(super) fn is_ours(name: &HeaderName) -> bool {
    [header::CONNECTION, header::CONTENT_LENGTH, header::TRANSFER_ENCODING, header::UPGRADE, header::TE]
        .iter()
        .any(|ours| ours == name)
}

#[cfg(test)]
mod tests {
    use hyper::header::HeaderValue;

    use super::*;

    #[test]
    fn names_are_canonical_and_repeated_headers_are_joined() {
        let mut headers = HeaderMap::new();
        headers.append("x-request-id", HeaderValue::from_static("1"));
        headers.append("accept", HeaderValue::from_static("a"));
        headers.append("accept", HeaderValue::from_static("b"));
        headers.append("cookie", HeaderValue::from_static("a=1"));
        headers.append("cookie", HeaderValue::from_static("b=2"));
        let mut seen = for_handler(&headers);
        seen.sort();
        let expected = [("Accept", "a, b"), ("Cookie", "a=1; b=2"), ("X-Request-Id", "1")];
        assert_eq!(seen, expected.map(|(name, value)| (name.to_owned(), value.to_owned())));
    }

    #[test]
    fn only_names_of_loopback_are_answered() {
        for host in ["localhost", "LOCALHOST:4747", "127.0.0.1:1", "[::1]", "[::1]:8"] {
            assert!(is_loopback(host), "{host}");
        }
        for host in ["", "example.com", "localhost.example.com", "127.0.0.1.nip.io", "[::2]:1", "localhost:a"] {
            assert!(!is_loopback(host), "{host}");
        }
    }
}
