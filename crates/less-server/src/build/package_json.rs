//! A package.json as it was written: its fields in order, their values untouched.
//!
//! The order counts: in `exports` Node takes the first condition that holds.

use std::fmt;

use less_project::Problem;
use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde::ser::{Serialize, Serializer};
use serde_json::value::RawValue;

pub(super) struct PackageJson(Vec<(String, Box<RawValue>)>);

impl PackageJson {
    /// `path` is told with the problem.
    pub(super) fn parse(text: &[u8], path: &str) -> Result<Self, Problem> {
        // Editors on Windows put a byte order mark before it; npm and Node accept that.
        let text = text.strip_prefix(b"\xef\xbb\xbf").unwrap_or(text);
        serde_json::from_slice(text).map_err(|error| {
            let place = if error.line() > 0 { format!("{path}:{}", error.line()) } else { path.into() };
            Problem::new(place, format!("is not a JSON object: {error}"), "correct it; `npm pkg get` checks it, too")
        })
    }

    pub(super) fn get(&self, field: &str) -> Option<&RawValue> {
        // As in JavaScript, the last of equals counts.
        self.0.iter().rev().find(|(name, _)| name == field).map(|(_, value)| &**value)
    }

    pub(super) fn without(&self, field: &str) -> Self {
        Self(self.0.iter().filter(|(name, _)| name != field).cloned().collect())
    }

    pub(super) fn text(&self, field: &str) -> Option<String> {
        serde_json::from_str(self.get(field)?.get()).ok()
    }

    /// With another text in the field's place.
    pub(super) fn with_text(mut self, field: &str, text: &str) -> Self {
        for (_, value) in self.0.iter_mut().filter(|(name, _)| name == field) {
            // A text can always be written.
            *value = serde_json::value::to_raw_value(text).unwrap_or_default();
        }
        self
    }

    /// The name and the wanted version of each package in a field like `dependencies`; none when it is no such field.
    pub(super) fn wanted(&self, field: &str) -> Vec<(String, String)> {
        let parsed = self.get(field).and_then(|value| serde_json::from_str::<serde_json::Map<_, _>>(value.get()).ok());
        let text = |value: serde_json::Value| value.as_str().unwrap_or_default().to_owned();
        parsed.unwrap_or_default().into_iter().map(|(name, version)| (name, text(version))).collect()
    }

    /// Without these packages in fields like `dependencies`; a field that names none of them stays as it was written.
    pub(super) fn without_packages(mut self, fields: &[&str], packages: &[&str]) -> Self {
        for (_, value) in self.0.iter_mut().filter(|(name, _)| fields.contains(&name.as_str())) {
            let Ok(mut wanted) = serde_json::from_str::<serde_json::Map<_, _>>(value.get()) else { continue };
            let named = wanted.len();
            wanted.retain(|name, _| !packages.contains(&name.as_str()));
            if wanted.len() < named {
                // What was parsed can be written again.
                *value = serde_json::value::to_raw_value(&wanted).unwrap_or_default();
            }
        }
        self
    }

    pub(super) fn to_text(&self) -> String {
        // Strings and JSON that was parsed before can always be written.
        serde_json::to_string_pretty(self).unwrap_or_default()
    }
}

impl Serialize for PackageJson {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter().map(|(name, value)| (name, value)))
    }
}

impl<'de> Deserialize<'de> for PackageJson {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(InOrder)
    }
}

struct InOrder;

impl<'de> Visitor<'de> for InOrder {
    type Value = PackageJson;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<M: MapAccess<'de>>(self, mut map: M) -> Result<PackageJson, M::Error> {
        let mut fields = Vec::new();
        while let Some(field) = map.next_entry()? {
            fields.push(field);
        }
        Ok(PackageJson(fields))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_field_goes_and_everything_else_stays_as_it_was_in_its_order() {
        let text = br#"{ "type": "module", "exports": {"require": "./b.cjs", "default": "./a.js"}, "a": 1.50 }"#;
        let package = PackageJson::parse(text, "package.json").unwrap().without("type");
        assert!(package.get("type").is_none());
        let expected = "{\n  \"exports\": {\"require\": \"./b.cjs\", \"default\": \"./a.js\"},\n  \"a\": 1.50\n}";
        assert_eq!(package.to_text(), expected);
    }

    #[test]
    fn a_text_is_replaced_in_its_place() {
        let package = PackageJson::parse(br#"{ "main": "a.ts", "b": 1 }"#, "package.json").unwrap();
        assert_eq!((package.text("main").as_deref(), package.text("b")), (Some("a.ts"), None));
        assert_eq!(package.with_text("main", "a.js").to_text(), "{\n  \"main\": \"a.js\",\n  \"b\": 1\n}");
    }

    #[test]
    fn packages_go_from_the_fields_asked_for_and_what_names_none_stays_as_it_was() {
        let text =
            br#"{ "dependencies": {"joi": "1", "ours": "^1.0.0"}, "other": {"ours": "1"}, "peers": {"b": 1.50} }"#;
        let package =
            PackageJson::parse(text, "package.json").unwrap().without_packages(&["dependencies", "peers"], &["ours"]);
        let expected =
            "{\n  \"dependencies\": {\"joi\":\"1\"},\n  \"other\": {\"ours\": \"1\"},\n  \"peers\": {\"b\": 1.50}\n}";
        assert_eq!(package.to_text(), expected);
    }

    #[test]
    fn what_is_no_object_is_a_problem_with_its_line() {
        for (text, place) in [("{\n  \"a\": 1,\n}", "p.json:3"), ("[1]", "p.json:1"), ("", "p.json:1")] {
            let problem = PackageJson::parse(text.as_bytes(), "p.json").err().unwrap();
            assert_eq!(problem.path, place, "{problem}");
        }
    }
}
