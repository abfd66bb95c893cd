//! Which compressed form of a file a client takes. Pure.

use hyper::header::{self, HeaderMap};

use crate::sites::Coding;

/// Of what `there` is, in the order of preference, the one that the client likes best; none for the file as it is.
pub(super) fn choose(headers: &HeaderMap, there: &[Coding]) -> Option<Coding> {
    let accepted: Vec<(&str, f32)> = headers
        .get_all(header::ACCEPT_ENCODING)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .map(weighed)
        .collect();
    let weight = |name: &str| {
        let named = accepted.iter().find(|(each, _)| each.eq_ignore_ascii_case(name));
        named.or_else(|| accepted.iter().find(|(each, _)| *each == "*")).map_or(0.0, |(_, weight)| *weight)
    };
    let mut best: Option<(Coding, f32)> = None;
    for coding in there {
        let weight = weight(coding.name());
        if weight > best.map_or(0.0, |(_, weight)| weight) {
            best = Some((*coding, weight));
        }
    }
    best.map(|(coding, _)| coding)
}

/// `gzip;q=0.5` → (gzip, 0.5)
fn weighed(item: &str) -> (&str, f32) {
    let (name, parameters) = item.split_once(';').unwrap_or((item, ""));
    let weight = parameters.split(';').find_map(|parameter| {
        let (name, value) = parameter.split_once('=')?;
        name.trim().eq_ignore_ascii_case("q").then(|| value.trim().parse().unwrap_or(0.0))
    });
    (name.trim(), weight.unwrap_or(1.0))
}

#[cfg(test)]
mod tests {
    use hyper::header::HeaderValue;

    use super::*;

    fn chosen(accepted: &'static str, there: &[Coding]) -> Option<Coding> {
        let mut headers = HeaderMap::new();
        headers.insert(header::ACCEPT_ENCODING, HeaderValue::from_static(accepted));
        choose(&headers, there)
    }

    #[test]
    fn a_client_gets_the_smallest_form_that_it_takes() {
        for (accepted, coding) in [
            ("gzip, deflate, br, zstd", Some(Coding::Brotli)),
            ("gzip", Some(Coding::Gzip)),
            ("GZIP;q=0.5", Some(Coding::Gzip)),
            ("*", Some(Coding::Brotli)),
            ("br;q=0, *", Some(Coding::Gzip)),
            ("br; q=0.2, gzip; q=0.8", Some(Coding::Gzip)),
            ("identity", None),
            ("br;q=0,gzip;q=0", None),
            ("gzip;q=x", None),
            ("*;q=0", None),
            ("deflate, zstd", None),
            ("", None),
        ] {
            assert_eq!(chosen(accepted, &Coding::ALL), coding, "{accepted}");
        }
        assert_eq!(chosen("br, gzip", &[Coding::Gzip]), Some(Coding::Gzip));
        assert_eq!(chosen("br, gzip", &[]), None);
        assert_eq!(choose(&HeaderMap::new(), &Coding::ALL), None);
    }
}
