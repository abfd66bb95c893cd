//! Signed URLs of files: who has one may do one thing with one path for a time.
//!
//! `<base>/<path>?expires=<seconds since 1970>&signature=<64 hexadecimal digits>`. The signature is the HMAC-SHA256,
//! under the project's key, of `less-file-1`, `GET` or `PUT`, the project, the seconds and the path (decoded), with a line
//! feed between two: the path comes last, and none of them has one. Pure; the key is the home's (`Home::file_key`).

use std::fmt;

use anyhow::anyhow;
use hmac::{Hmac, KeyInit, Mac};
use less_project::parse_query;
use less_store::{FilePath, Timestamp};
use sha2::Sha256;

/// What a URL is good for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Access {
    /// `GET` and `HEAD`.
    Read,
    /// `PUT`.
    Write,
}

/// Why a URL is refused. That it has expired is told only to who had a good one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Denied {
    Unsigned,
    Wrong,
    Expired,
}

/// Signs for one project.
#[derive(Clone)]
pub(crate) struct SigningKey {
    project: String,
    mac: Hmac<Sha256>,
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SigningKey").field("project", &self.project).finish_non_exhaustive()
    }
}

impl SigningKey {
    pub(crate) fn new(project: &str, secret: &[u8]) -> anyhow::Result<Self> {
        let mac = Hmac::new_from_slice(secret).map_err(|_| anyhow!("the key of the files of {project} is none"))?;
        Ok(Self { project: project.to_owned(), mac })
    }

    /// The query of a URL; `expires`: seconds since 1970.
    pub(crate) fn query(&self, access: Access, path: &FilePath, expires: i64) -> String {
        let signature = self.mac(access, path, &expires.to_string()).finalize().into_bytes();
        let signature: String = signature.iter().map(|byte| format!("{byte:02x}")).collect();
        format!("expires={expires}&signature={signature}")
    }

    /// Whether the query of a request allows it.
    pub(crate) fn check(&self, access: Access, path: &FilePath, query: &str, now: Timestamp) -> Result<(), Denied> {
        let given = parse_query(query);
        let value = |name: &str| given.iter().find(|(each, _)| each == name).map(|(_, value)| value.as_str());
        let (Some(expires), Some(signature)) = (value("expires"), value("signature")) else {
            return Err(Denied::Unsigned);
        };
        let signature = unhex(signature).ok_or(Denied::Wrong)?;
        // In constant time.
        self.mac(access, path, expires).verify_slice(&signature).map_err(|_| Denied::Wrong)?;
        let expires: i64 = expires.parse().map_err(|_| Denied::Wrong)?;
        if now < expires.saturating_mul(1000) { Ok(()) } else { Err(Denied::Expired) }
    }

    fn mac(&self, access: Access, path: &FilePath, expires: &str) -> Hmac<Sha256> {
        let verb = match access {
            Access::Read => "GET",
            Access::Write => "PUT",
        };
        let mut mac = self.mac.clone();
        for part in ["less-file-1", verb, &self.project, expires] {
            mac.update(part.as_bytes());
            mac.update(b"\n");
        }
        mac.update(path.as_str().as_bytes());
        mac
    }
}

fn unhex(text: &str) -> Option<Vec<u8>> {
    if !text.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return None;
    }
    let pairs = text.as_bytes().chunks(2).map(|pair| std::str::from_utf8(pair).ok());
    pairs.map(|pair| u8::from_str_radix(pair?, 16).ok()).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn path(text: &str) -> FilePath {
        FilePath::parse(text).unwrap()
    }

    fn key() -> SigningKey {
        SigningKey::new("shop", b"secret").unwrap()
    }

    #[test]
    fn the_signature_is_that_of_the_standard_over_the_written_form() {
        // printf 'less-file-1\nGET\nshop\n1800000000\na/b' | openssl dgst -sha256 -hmac secret
        let signature = "c10a5f799465292bdc83da3fa14293896c817dfba7aa07a68be5a9deb28f3fe8";
        let query = key().query(Access::Read, &path("a/b"), 1_800_000_000);
        assert_eq!(query, format!("expires=1800000000&signature={signature}"));
    }

    #[test]
    fn a_url_is_good_for_what_it_was_made_for_and_nothing_else() {
        let query = key().query(Access::Write, &path("a/b"), 100);
        let check = |key: &SigningKey, access, at: &str, query: &str| key.check(access, &path(at), query, 99_999);
        assert_eq!(check(&key(), Access::Write, "a/b", &query), Ok(()));
        assert_eq!(check(&key(), Access::Write, "a/b", &format!("x=1&{query}&y=2")), Ok(()));
        assert_eq!(check(&key(), Access::Read, "a/b", &query), Err(Denied::Wrong));
        assert_eq!(check(&key(), Access::Write, "a/c", &query), Err(Denied::Wrong));
        let other_secret = SigningKey::new("shop", b"secres").unwrap();
        assert_eq!(check(&other_secret, Access::Write, "a/b", &query), Err(Denied::Wrong));
        let other_project = SigningKey::new("shoq", b"secret").unwrap();
        assert_eq!(check(&other_project, Access::Write, "a/b", &query), Err(Denied::Wrong));
        let later = query.replace("expires=100", "expires=101");
        assert_eq!(check(&key(), Access::Write, "a/b", &later), Err(Denied::Wrong));
        let same_number = query.replace("expires=100", "expires=0100");
        assert_eq!(check(&key(), Access::Write, "a/b", &same_number), Err(Denied::Wrong));
        for unsigned in ["", "expires=100", &query[12..]] {
            assert_eq!(check(&key(), Access::Write, "a/b", unsigned), Err(Denied::Unsigned), "{unsigned}");
        }
    }

    #[test]
    fn only_a_good_url_is_told_that_it_has_expired() {
        let query = key().query(Access::Read, &path("a"), 100);
        assert_eq!(key().check(Access::Read, &path("a"), &query, 100_000), Err(Denied::Expired));
        assert_eq!(key().check(Access::Read, &path("b"), &query, 100_000), Err(Denied::Wrong));
    }

    proptest! {
        #[test]
        fn no_other_signature_is_good(given in "[0-9a-fA-F+é]{0,70}") {
            let query = format!("expires=100&signature={given}");
            prop_assert_eq!(key().check(Access::Read, &path("a"), &query, 0), Err(Denied::Wrong));
        }
    }
}
