//! What somebody types to name something new: checked as discovery would check its folder.

use std::fmt;

use crate::name::{self, BadName};
use crate::schedules;

/// The name of a resource: 1–64 characters of `A-Z a-z 0-9 _ -`, first a letter, so it is safe in a path.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct ResourceName(String);

impl ResourceName {
    pub fn parse(given: &str) -> Result<Self, BadName> {
        name::check(given)?;
        Ok(Self(given.to_owned()))
    }

    /// Where the schedule of a cron of this name may be; the first is the one to write.
    pub fn cron_variables(&self) -> [String; 2] {
        schedules::variables(&self.0)
    }
}

impl AsRef<str> for ResourceName {
    fn as_ref(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for ResourceName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Where a route answers, below its API: `/orders/{order_id}`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RoutePath(Vec<String>);

impl RoutePath {
    /// A `/` at either end may be left out.
    pub fn parse(given: &str) -> Result<Self, BadName> {
        let inner = given.strip_prefix('/').unwrap_or(given);
        let inner = inner.strip_suffix('/').unwrap_or(inner);
        if inner.is_empty() {
            return Ok(Self(Vec::new()));
        }
        let segments: Vec<String> = inner.split('/').map(str::to_owned).collect();
        for segment in &segments {
            name::check_segment(segment)?;
        }
        Ok(Self(segments))
    }

    /// A folder each.
    pub fn segments(&self) -> &[String] {
        &self.0
    }
}

impl fmt::Display for RoutePath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "/{}", self.0.join("/"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_route_is_typed_with_or_without_slashes_around_it() {
        for (given, path) in [
            ("/orders/{order_id}", "/orders/{order_id}"),
            ("orders/{order_id}/", "/orders/{order_id}"),
            ("/", "/"),
            ("", "/"),
        ] {
            assert_eq!(RoutePath::parse(given).unwrap().to_string(), path);
        }
    }

    #[test]
    fn what_could_be_no_folder_of_a_route_is_refused() {
        for given in ["///", "/orders//{id}", "/../x", "/orders/:id", "/orders?x=1", "/a b", "/{}", "/orders/%2e"] {
            assert!(RoutePath::parse(given).is_err(), "{given}");
        }
        assert!(RoutePath::parse("/orders/:id").unwrap_err().hint.ends_with("{id}"));
    }

    #[test]
    fn a_name_is_checked_as_a_folder_is() {
        assert_eq!(ResourceName::parse("daily-report").unwrap().cron_variables()[0], "CRON_DAILY_REPORT");
        for given in ["", "1a", "a/b", "..", "then", ".hidden"] {
            assert!(ResourceName::parse(given).is_err(), "{given}");
        }
    }
}
