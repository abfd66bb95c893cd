//! What a change does to the value there, and how it is told: plain, for every back end.
//!
//! A back end lets an expired value go first, so that what a change finds is live or nothing.

use std::sync::Arc;

use bytes::Bytes;
use uuid::Uuid;

use super::{CREATED, Change, Changed, DELETED, Operation, UPDATED, Value};
use crate::{Message, Timestamp};

/// A value as a back end has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Kept {
    pub(crate) value: Value,
    pub(crate) expires_at: Option<Timestamp>,
}

impl Kept {
    pub(crate) fn is_expired(&self, now: Timestamp) -> bool {
        self.expires_at.is_some_and(|at| at <= now)
    }
}

#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Effect {
    Put {
        json: Bytes,
        expires_at: Option<Timestamp>,
    },
    /// Of a value that is there.
    Delete,
    /// Nothing changes, and this is the answer.
    Nothing(Changed),
}

/// What `operation` does to the live value, if there is one.
pub(crate) fn effect(operation: &Operation, live: Option<&Kept>) -> Effect {
    let version = live.map_or(0, |kept| kept.value.version);
    match operation {
        Operation::Set { if_version: Some(wanted), .. } if *wanted != version => {
            Effect::Nothing(Changed::Conflict { version })
        }
        Operation::Set { json, expires_at, .. } => Effect::Put { json: json.clone(), expires_at: *expires_at },
        Operation::Delete if live.is_some() => Effect::Delete,
        Operation::Delete => Effect::Nothing(Changed::Deleted { existed: false }),
        Operation::Increment { by } => {
            let Some(there) = live.map_or(Some(0.0), |kept| number(&kept.value.json)) else {
                return Effect::Nothing(Changed::NotANumber);
            };
            let sum = there + by;
            if !sum.is_finite() {
                return Effect::Nothing(Changed::NotANumber);
            }
            Effect::Put { json: text(sum).into(), expires_at: live.and_then(|kept| kept.expires_at) }
        }
    }
}

fn number(json: &[u8]) -> Option<f64> {
    let text = std::str::from_utf8(json).ok()?.trim();
    // Rust reads more than JSON has: `inf`, `NaN`.
    let begins_like_one = text.starts_with(|first: char| first == '-' || first.is_ascii_digit());
    text.parse().ok().filter(|_| begins_like_one)
}

/// The shortest text that reads as this number, with an exponent where JavaScript has one.
fn text(number: f64) -> String {
    if number == 0.0 {
        "0".to_owned() // not the `-0` that it may be
    } else if (1e-6..1e21).contains(&number.abs()) {
        number.to_string()
    } else {
        format!("{number:e}")
    }
}

/// On whose behalf a value changes.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Behalf {
    trace: Uuid,
    cause: Option<Uuid>,
}

impl Behalf {
    pub(crate) fn of(change: &Change) -> Self {
        Self { trace: change.trace, cause: change.cause }
    }

    /// Time alone: it begins a trace of its own.
    pub(crate) fn expiry() -> Self {
        Self { trace: Uuid::now_v7(), cause: None }
    }
}

/// What became of a key. Of the two values one is there at least.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Event<'v> {
    pub(crate) key: &'v str,
    pub(crate) old: Option<&'v [u8]>,
    pub(crate) new: Option<&'v [u8]>,
}

impl Event<'_> {
    pub(crate) fn topic(&self) -> &'static str {
        match (self.old, self.new) {
            (None, _) => CREATED,
            (Some(_), Some(_)) => UPDATED,
            (Some(_), None) => DELETED,
        }
    }

    pub(crate) fn message(&self, project: &Arc<str>, behalf: Behalf, now: Timestamp) -> Message {
        Message {
            id: Uuid::now_v7(),
            project: Arc::clone(project),
            topic: self.topic().into(),
            payload: self.payload(),
            trace: behalf.trace,
            cause: behalf.cause,
            published_at: now,
            delayed_until: None,
            ordering_key: Some(self.key.into()),
        }
    }

    /// The values' own bytes: to read and write them again could change them.
    fn payload(&self) -> Bytes {
        let mut payload = format!(r#"{{"key":{}"#, serde_json::Value::from(self.key)).into_bytes();
        for (name, value) in [("old_value", self.old), ("new_value", self.new)] {
            if let Some(value) = value {
                payload.extend_from_slice(format!(r#","{name}":"#).as_bytes());
                payload.extend_from_slice(value);
            }
        }
        payload.push(b'}');
        payload.into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kept(json: &'static str) -> Kept {
        Kept { value: Value { json: json.into(), version: 7 }, expires_at: Some(9) }
    }

    fn sum(there: &'static str, by: f64) -> Option<String> {
        match effect(&Operation::Increment { by }, Some(&kept(there))) {
            Effect::Put { json, expires_at: Some(9) } => Some(String::from_utf8(json.to_vec()).unwrap()),
            Effect::Nothing(Changed::NotANumber) => None,
            other => panic!("{there} + {by} is {other:?}"),
        }
    }

    #[test]
    fn sums_are_those_of_javascript() {
        for (there, by, expected) in [
            ("1", 1.0, "2"),
            ("0.1", 0.2, "0.30000000000000004"),
            (" 2.5 ", 2.5, "5"),
            ("-1", 1.0, "0"),
            ("-0.0", -0.0, "0"),
            ("1e2", 0.5, "100.5"),
            ("9007199254740991", 1.0, "9007199254740992"),
            ("9007199254740992", 1.0, "9007199254740992"),
            ("-9007199254740991", -1.0, "-9007199254740992"),
            ("999999999999999900000", 0.0, "999999999999999900000"),
            ("1e21", 0.0, "1e21"),
            ("0.000001", 0.0, "0.000001"),
            ("0.0000001", 0.0, "1e-7"),
            ("1.7976931348623157e308", 0.0, "1.7976931348623157e308"),
            ("5e-324", 0.0, "5e-324"),
        ] {
            assert_eq!(sum(there, by).as_deref(), Some(expected), "{there} + {by}");
        }
    }

    #[test]
    fn what_is_no_number_has_no_sum() {
        for there in ["null", "true", "\"1\"", "[1]", "{}", "inf", "NaN", "+1", "1e999"] {
            assert_eq!(sum(there, 1.0), None, "{there}");
        }
        for by in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
            assert_eq!(sum("1", by), None, "{by}");
        }
        assert_eq!(sum("1.7976931348623157e308", f64::MAX), None);
    }

    #[test]
    fn a_set_happens_only_on_the_version_it_wants() {
        let set = |if_version| Operation::Set { json: "1".into(), expires_at: None, if_version };
        let (there, done) = (kept("0"), Effect::Put { json: "1".into(), expires_at: None });
        assert_eq!(effect(&set(Some(7)), Some(&there)), done);
        assert_eq!(effect(&set(Some(0)), None), done);
        for wanted in [0, 6, 8] {
            let conflict = Effect::Nothing(Changed::Conflict { version: 7 });
            assert_eq!(effect(&set(Some(wanted)), Some(&there)), conflict);
        }
        assert_eq!(effect(&set(Some(7)), None), Effect::Nothing(Changed::Conflict { version: 0 }));
    }

    #[test]
    fn an_event_has_the_values_as_they_were_set() {
        let (key, old, new): (_, &[u8], &[u8]) = ("a'\"\\\n\u{1F600}", b"1.50", b"[ 1,\n 2 ]");
        let payload = |old, new| String::from_utf8(Event { key, old, new }.payload().to_vec()).unwrap();
        let start = "{\"key\":\"a'\\\"\\\\\\n\u{1F600}\",";
        assert_eq!(payload(None, Some(new)), format!("{start}\"new_value\":[ 1,\n 2 ]}}"));
        assert_eq!(payload(Some(old), Some(new)), format!("{start}\"old_value\":1.50,\"new_value\":[ 1,\n 2 ]}}"));
        assert_eq!(payload(Some(old), None), format!("{start}\"old_value\":1.50}}"));
    }
}
