//! The line of something in `less.config`.
//!
//! The YAML library keeps no positions in the values it returns, but an error raised while it reads carries
//! one. So the file is read again, and an error raised at the place in question.

use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};

/// One step down from a value to one inside it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Step {
    Key(String),
    Item(usize),
}

/// The line, counted from 1, of the key or the list item at the end of `steps`.
pub(super) fn line_of(text: &str, steps: &[Step]) -> Option<usize> {
    let error = Seek(steps).deserialize(serde_yaml_ng::Deserializer::from_str(text)).err()?;
    error.location().map(|location| location.line())
}

#[derive(Clone, Copy)]
struct Seek<'a>(&'a [Step]);

impl<'de> DeserializeSeed<'de> for Seek<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

/// Every value it has no method for is an error of serde's own, raised where we want to be.
impl<'de> Visitor<'de> for Seek<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the place of a problem")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        let Some((Step::Key(wanted), rest)) = self.0.split_first() else { return Err(A::Error::custom("here")) };
        while let Some(is_it) = map.next_key_seed(Key { wanted, is_last: rest.is_empty() })? {
            if is_it {
                return map.next_value_seed(Seek(rest));
            }
            map.next_value::<IgnoredAny>()?;
        }
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<(), A::Error> {
        let Some((Step::Item(index), rest)) = self.0.split_first() else { return Err(A::Error::custom("here")) };
        for _ in 0..*index {
            items.next_element::<IgnoredAny>()?;
        }
        items.next_element_seed(Seek(rest)).map(|_| ())
    }
}

/// Whether a key is the wanted one; an error if it is also the last step.
struct Key<'a> {
    wanted: &'a str,
    is_last: bool,
}

impl<'de> DeserializeSeed<'de> for Key<'_> {
    type Value = bool;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<bool, D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl Visitor<'_> for Key<'_> {
    type Value = bool;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a key")
    }

    fn visit_str<E: Error>(self, key: &str) -> Result<bool, E> {
        match key == self.wanted {
            true if self.is_last => Err(E::custom("here")),
            is_it => Ok(is_it),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(text: &str, path: &str) -> Option<usize> {
        let step = |part: &str| part.parse().map_or_else(|_| Step::Key(part.into()), Step::Item);
        line_of(text, &path.split('.').map(step).collect::<Vec<_>>())
    }

    #[test]
    fn keys_and_items_are_found_in_any_style() {
        let text = "# ours\nenv_vars:\n  - A\n  - B\napis: { orders: { timeout: 1s },\n  users: {\n timeout: 2s } }\n";
        for (path, expected) in [
            ("env_vars", 2),
            ("env_vars.0", 3),
            ("env_vars.1", 4),
            ("apis.orders.timeout", 5),
            ("apis.users.timeout", 7),
        ] {
            assert_eq!(line(text, path), Some(expected), "{path}");
        }
        assert_eq!(line(text, "crons"), None);
    }
}
