//! Where a web page comes from, as browsers say it in `Origin`: `https://shop.example:8443`.

pub(super) const EXAMPLE: &str = "write scheme://host, as in https://shop.example or http://localhost:5173";

/// The origin as a browser writes it, or how to write it.
pub(super) fn parse(given: &str) -> Result<String, String> {
    if given == "*" {
        return Ok("*".into());
    }
    let lower = given.to_ascii_lowercase();
    let (scheme, authority) = lower.split_once("://").ok_or(EXAMPLE)?;
    let is_scheme = scheme.starts_with(|c: char| c.is_ascii_lowercase())
        && scheme.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '+' | '-' | '.'));
    if !is_scheme {
        return Err(EXAMPLE.into());
    }
    if let Some((host, _)) = authority.split_once(['/', '?', '#']) {
        return Err(format!("an origin ends after its host and port: {scheme}://{host}"));
    }
    if authority.contains('*') {
        return Err("list every origin by itself, or [\"*\"] for all".into());
    }
    let (host, port) = match authority.rsplit_once(':') {
        Some((host, port)) if !port.ends_with(']') => (host, Some(port)),
        Some(_) | None => (authority, None),
    };
    let is_port =
        |port: &str| port.chars().all(|c| c.is_ascii_digit()) && port.parse::<u16>().is_ok_and(|port| port > 0);
    if !is_host(host) || port.is_some_and(|port| !is_port(port)) {
        return Err(EXAMPLE.into());
    }
    // Browsers leave out the usual port, so an origin with it would match nothing.
    match (scheme, port) {
        ("http", Some("80")) | ("https", Some("443")) | (_, None) => Ok(format!("{scheme}://{host}")),
        (_, Some(_)) => Ok(lower),
    }
}

fn is_host(host: &str) -> bool {
    if let Some(address) = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')) {
        return address.parse::<std::net::Ipv6Addr>().is_ok();
    }
    let is_label =
        |label: &str| !label.is_empty() && label.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_'));
    host.split('.').all(is_label)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_origin_is_a_scheme_and_a_host_and_perhaps_a_port() {
        for (given, origin) in [
            ("*", "*"),
            ("https://shop.example", "https://shop.example"),
            ("HTTPS://Shop.Example", "https://shop.example"),
            ("http://localhost:5173", "http://localhost:5173"),
            ("http://[::1]:5173", "http://[::1]:5173"),
            ("http://[::1]", "http://[::1]"),
            ("https://shop.example:443", "https://shop.example"),
            ("https://shop.example:80", "https://shop.example:80"),
            ("capacitor://localhost", "capacitor://localhost"),
        ] {
            assert_eq!(parse(given).as_deref(), Ok(origin), "{given}");
        }
    }

    #[test]
    fn nothing_else_is() {
        for given in [
            "",
            "shop.example",
            "https://",
            "://shop",
            "https://shop.example/",
            "https://a/b",
            "https://*.shop.example",
            "https://a:b",
            "https://a:",
            "https://a:0",
            "https://a:99999",
            "https://a b",
            "https://u@a",
            "https://a..b",
            "null",
            "https://[::1",
            "1a://b",
        ] {
            assert!(parse(given).is_err(), "{given}");
        }
        assert!(parse("https://a.example/shop").unwrap_err().ends_with("https://a.example"));
    }
}
