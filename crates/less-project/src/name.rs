//! Names, checked once: of folders, of projects, of handlers.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::kinds::{self, Kind};

/// The longest name of a resource, in characters.
const LONGEST: usize = 64;
/// The longest name of a project: it is part of a host name (`<project>-<api>.example.com`).
const LONGEST_PROJECT: usize = 63;

/// Why something given is no name, and what would be one.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}\n  hint: {hint}")]
pub struct BadName {
    pub message: String,
    pub hint: String,
}

impl BadName {
    pub(crate) fn new(message: impl Into<String>, hint: impl Into<String>) -> Self {
        Self { message: message.into(), hint: hint.into() }
    }
}

/// A project's name: 1–63 characters of `a-z 0-9 _ -`, first a letter, so it is safe in a path and a URL.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct ProjectName(String);

impl ProjectName {
    pub fn parse(given: &str) -> Result<Self, BadName> {
        let allowed = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '_' | '-');
        if given.len() > LONGEST_PROJECT {
            return Err(too_long("the name of a project", given, LONGEST_PROJECT));
        }
        if given.starts_with(|c: char| c.is_ascii_lowercase()) && given.chars().all(allowed) {
            return Ok(Self(given.to_owned()));
        }
        let example = repaired(&given.to_ascii_lowercase(), allowed).unwrap_or_else(|| "my-project".into());
        let rule = "use small letters, digits, - and _, first a letter";
        Err(BadName::new(
            format!("`{given}` cannot be the name of a project"),
            format!("{rule}; for example {example}"),
        ))
    }
}

/// A handler's identity: the path of its folder below `less/`, and for a route its verb.
///
/// `topics/order_placed/payment_service_process_payment`, `apis/orders/orders/{id}/get`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct HandlerPath(String);

impl HandlerPath {
    /// Reads what people type or paste: `topics/a/b`, `/topics/a/b/`, `less/topics/a/b/index.js`,
    /// `less/apis/x/get.js`. Says nothing about whether there is such a handler.
    pub fn from_user(given: &str) -> Result<Self, BadName> {
        let bad = || BadName::new(format!("`{given}` is not the path of a handler"), PATH_HINT);
        let path = given.trim().trim_start_matches("./").trim_matches('/');
        let path = path.strip_prefix("less/").unwrap_or(path);
        let mut parts: Vec<&str> = path.split('/').collect();
        let row = kinds::kind_of(parts[0]).ok_or_else(bad)?;
        let last = *parts.last().ok_or_else(bad)?;
        if row.kind == Kind::Apis {
            let verb = kinds::verb_file(last).map(|(verb, _)| verb.file_stem()).unwrap_or(last);
            let known = crate::Verb::ALL.iter().any(|known| known.file_stem() == verb);
            parts.pop();
            let segments = parts.get(2..).unwrap_or_default();
            let fine = known && parts.len() >= 2 && check(parts[1]).is_ok();
            if !fine || segments.iter().any(|segment| check_segment(segment).is_err()) {
                return Err(bad());
            }
            return Ok(Self(format!("{}/{verb}", parts.join("/"))));
        }
        if kinds::index_file(last).is_some() {
            parts.pop();
        }
        let has_handlers = !matches!(row.kind, Kind::Shared | Kind::Statics);
        let fine = has_handlers && parts.len() == row.levels.len() + 1;
        if !fine || parts.iter().any(|part| check(part).is_err()) {
            return Err(bad());
        }
        Ok(Self(parts.join("/")))
    }

    /// From a path that discovery has checked.
    pub(crate) fn checked(path: String) -> Self {
        Self(path)
    }
}

const PATH_HINT: &str = "write topics/<topic>/<subscriber> or apis/<api>/<path>/<verb>, as the folders are named";

/// Words that languages give a meaning of their own, so that `topics.<name>` would not be the topic.
const RESERVED: [&str; 3] = ["then", "constructor", "__proto__"];

/// The name of a resource: 1–64 characters of `A-Z a-z 0-9 _ -`, first a letter, and no reserved word.
pub(crate) fn check(name: &str) -> Result<(), BadName> {
    let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-');
    if RESERVED.contains(&name) {
        return Err(BadName::new(
            format!("`{name}` cannot be a name"),
            "choose another; languages give it a meaning of their own",
        ));
    }
    if !name.starts_with(|c: char| c.is_ascii_alphabetic()) || !name.chars().all(allowed) {
        let rule = "use letters, digits, - and _, first a letter";
        let example = repaired(name, allowed).map(|name| format!("; for example {name}")).unwrap_or_default();
        return Err(BadName::new(format!("`{name}` is not a valid name"), format!("{rule}{example}")));
    }
    if name.len() > LONGEST { Err(too_long("a name", name, LONGEST)) } else { Ok(()) }
}

/// A folder of a route: a name, or `{name}` for any value.
pub(crate) fn check_segment(segment: &str) -> Result<(), BadName> {
    if let Some(name) = param(segment) {
        let unnamed = || BadName::new("`{}` has no name", "write {id}, or what else the value is");
        return if name.is_empty() { Err(unnamed()) } else { check(name) };
    }
    let looks_dynamic = segment.starts_with(['{', '[', ':', '<', '$']) || segment.contains(['{', '}']);
    check(segment).map_err(|bad| {
        let hint = match repaired(segment, |c| c.is_ascii_alphanumeric() || c == '_') {
            Some(name) if looks_dynamic => format!("a whole folder may be dynamic: {{{}}}", name.trim_matches('_')),
            Some(_) | None => bad.hint,
        };
        BadName { message: bad.message, hint }
    })
}

/// `{name}` → `name`.
pub(crate) fn param(segment: &str) -> Option<&str> {
    segment.strip_prefix('{')?.strip_suffix('}')
}

fn too_long(what: &str, given: &str, longest: usize) -> BadName {
    let length = given.chars().count();
    BadName::new(format!("{what} has at most {longest} characters, this one has {length}"), "shorten it")
}

/// What the user probably wanted: other characters replaced, and a letter first.
fn repaired(given: &str, allowed: impl Fn(char) -> bool) -> Option<String> {
    let fixed: String = given.chars().map(|c| if allowed(c) { c } else { '_' }).collect();
    let fixed = fixed.trim_start_matches(|c: char| !c.is_ascii_alphabetic()).trim_end_matches('_');
    (!fixed.is_empty() && !RESERVED.contains(&fixed)).then(|| fixed.to_owned())
}

macro_rules! is_text {
    ($name:ty, $parse:path) => {
        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl AsRef<str> for $name {
            fn as_ref(&self) -> &str {
                &self.0
            }
        }

        impl From<$name> for String {
            fn from(name: $name) -> Self {
                name.0
            }
        }

        impl TryFrom<String> for $name {
            type Error = BadName;

            fn try_from(given: String) -> Result<Self, BadName> {
                $parse(&given)
            }
        }
    };
}

is_text!(ProjectName, ProjectName::parse);
is_text!(HandlerPath, HandlerPath::from_user);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_handler_is_found_however_its_path_is_typed() {
        let subscriber = "topics/order_placed/payment-service";
        for given in [
            subscriber,
            "/topics/order_placed/payment-service",
            "topics/order_placed/payment-service/",
            "less/topics/order_placed/payment-service",
            "/less/topics/order_placed/payment-service/",
            "./less/topics/order_placed/payment-service/index.js",
            "less/topics/order_placed/payment-service/__init__.py",
        ] {
            assert_eq!(HandlerPath::from_user(given).unwrap().as_ref(), subscriber, "{given}");
        }
        let routes = [("less/apis/x/get.js", "apis/x/get"), ("apis/x/users/{id}/delete/", "apis/x/users/{id}/delete")];
        for (given, identity) in
            routes.into_iter().chain([("less/sockets/chat/connect/index.ts", "sockets/chat/connect")])
        {
            assert_eq!(HandlerPath::from_user(given).unwrap().as_ref(), identity);
        }
    }

    #[test]
    fn what_can_be_no_handler_is_refused() {
        for given in [
            "",
            "/",
            "less",
            "topics",
            "topics/a",
            "topics/a/index.js",
            "topics/a/b/c",
            "apis",
            "apis/get",
            "apis/x/users",
            "apis/x/get.txt",
            "shared/models",
            "statics/site",
            "queues/a/b",
            "topics//b",
            "topics/../b",
            "apis/x/../get",
        ] {
            assert!(HandlerPath::from_user(given).is_err(), "{given}");
        }
    }

    #[test]
    fn a_handlers_identity_survives_a_round_trip() {
        let path = HandlerPath::from_user("apis/orders/orders/{id}/get").unwrap();
        let json = serde_json::to_string(&path).unwrap();
        assert_eq!(json, "\"apis/orders/orders/{id}/get\"");
        assert_eq!(serde_json::from_str::<HandlerPath>(&json).unwrap(), path);
        assert!(serde_json::from_str::<HandlerPath>("\"nothing\"").is_err());
    }

    #[test]
    fn a_projects_name_is_small_letters_digits_dash_and_underscore() {
        for name in ["a", "choreography-coordination-pattern", "x_1", &"a".repeat(63)] {
            assert_eq!(ProjectName::parse(name).unwrap().to_string(), name);
        }
        for name in ["", "A", "1a", "-a", "_a", "a b", "a/b", "..", "é", &"a".repeat(64)] {
            assert!(ProjectName::parse(name).is_err(), "{name}");
        }
        assert!(ProjectName::parse("My Shop").unwrap_err().hint.ends_with("for example my_shop"));
    }

    #[test]
    fn a_dynamic_segment_is_a_name_in_braces() {
        assert_eq!(check_segment("{user_id}"), Ok(()));
        for segment in ["{}", "{1}", "{a", "a}", "a{b}", "{a}{b}", "{a b}", "{constructor}", "[id]", ":id"] {
            assert!(check_segment(segment).is_err(), "{segment}");
        }
        assert!(check_segment(":id").unwrap_err().hint.ends_with("{id}"));
    }
}
