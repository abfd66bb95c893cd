//! The systems that can be measured, as `bench/systems/systems.json` lists them.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::{Context, Result, bail};
use serde::Deserialize;

use crate::system::Setting;

/// What is known of a system before it starts.
#[derive(Debug, Clone, Deserialize)]
pub struct Entry {
    /// For people.
    pub title: String,
    /// The settings among which a sweep chooses; none for a system that runs with its defaults.
    #[serde(default)]
    pub concurrency: Vec<u32>,
    /// The numbers of processes among which a sweep chooses; none for a system that has no choice.
    #[serde(default)]
    pub processes: Vec<u32>,
    /// The ways in which it can sync; none for a system that has one only.
    #[serde(default)]
    pub durability: Vec<String>,
    /// The one scenario it takes part in.
    #[serde(default)]
    pub only: Option<String>,
}

/// All systems by the name of their folder.
#[derive(Debug, Clone)]
pub struct Catalogue(BTreeMap<String, Entry>);

impl Catalogue {
    /// Below the repository's root.
    pub fn read(root: &Path) -> Result<Self> {
        let path = root.join("bench/systems/systems.json");
        let text = std::fs::read(&path).with_context(|| format!("cannot read {}", path.display()))?;
        Ok(Self(serde_json::from_slice(&text).with_context(|| format!("{} is not as expected", path.display()))?))
    }

    /// The named systems, each in every way in which it can sync, that take part in `scenario`; `given` limits them.
    pub fn settings(&self, scenario: &str, names: &[&str], given: &[String]) -> Vec<Setting> {
        let wanted = names.iter().filter(|name| given.is_empty() || given.iter().any(|one| one == *name));
        let entries = wanted.filter_map(|name| Some((*name, self.0.get(*name)?)));
        let taking_part = entries.filter(|(_, entry)| entry.only.as_deref().is_none_or(|only| only == scenario));
        taking_part
            .flat_map(|(name, entry)| {
                let single = [String::new()];
                let ways = if entry.durability.is_empty() { &single[..] } else { &entry.durability[..] };
                let middle = entry.concurrency.get(entry.concurrency.len() / 2).copied().unwrap_or(64);
                ways.iter()
                    .map(|way| Setting {
                        name: name.to_owned(),
                        durability: way.clone(),
                        concurrency: middle,
                        processes: 0,
                    })
                    .collect::<Vec<_>>()
            })
            .collect()
    }

    /// The values of concurrency, and the numbers of processes, among which a sweep chooses.
    pub fn sweep(&self, name: &str) -> (&[u32], &[u32]) {
        self.0.get(name).map_or((&[], &[]), |entry| (&entry.concurrency, &entry.processes))
    }

    /// A system's name for people.
    pub fn title<'a>(&'a self, name: &'a str) -> &'a str {
        self.0.get(name).map_or(name, |entry| &entry.title)
    }

    /// Refuses names of systems that there are not.
    pub fn check(&self, names: &[String]) -> Result<()> {
        match names.iter().find(|name| !self.0.contains_key(*name)) {
            Some(name) => {
                let known: Vec<&str> = self.0.keys().map(String::as_str).collect();
                bail!("there is no system {name}; there are {}", known.join(", "))
            }
            None => Ok(()),
        }
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    pub(crate) fn catalogue() -> Catalogue {
        let text = r#"{
            "less": { "title": "Less" },
            "bullmq": { "title": "BullMQ", "concurrency": [16, 64, 256], "durability": ["sync", "default"] },
            "hello-node": { "title": "node:http", "only": "hello" }
        }"#;
        Catalogue(serde_json::from_str(text).unwrap())
    }

    #[test]
    fn a_system_takes_part_once_for_each_way_in_which_it_syncs() {
        let all = catalogue().settings("workflow", &["less", "bullmq", "hello-node", "restate"], &[]);
        let told: Vec<_> =
            all.iter().map(|one| (one.name.as_str(), one.durability.as_str(), one.concurrency)).collect();
        assert_eq!(told, [("less", "", 64), ("bullmq", "sync", 64), ("bullmq", "default", 64)]);
        assert_eq!(catalogue().settings("hello", &["hello-node"], &[]).len(), 1);
        assert_eq!(catalogue().settings("workflow", &["less", "bullmq"], &["less".into()]).len(), 1);
    }

    #[test]
    fn a_misspelt_system_is_named_with_those_there_are() {
        let error = catalogue().check(&["les".into()]).unwrap_err().to_string();
        assert!(error.contains("les;") && error.contains("bullmq, hello-node, less"), "{error}");
    }
}
