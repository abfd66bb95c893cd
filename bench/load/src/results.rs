//! What a run measured, as it is written to `bench/results/*.json`.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use anyhow::{Context, Result};
use serde::{Deserialize, Serialize};

use crate::machine::Machine;

/// One run of the benchmark.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Results {
    /// The day, `2026-01-31`.
    pub date: String,
    /// Where.
    pub machine: Machine,
    /// Of every program that took part.
    pub versions: BTreeMap<String, String>,
    /// What the run was told.
    pub settings: BTreeMap<String, String>,
    /// Scenarios that were measured after the rest, with the build of that time, and when: `2026-01-31 18:05 UTC`.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub later: BTreeMap<String, String>,
    /// Everything measured, in the sequence in which it was.
    pub measurements: Vec<Measurement>,
}

/// One measurement of one system.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Measurement {
    /// What was measured: `workflow`, `idle`, `hello`, …
    pub scenario: String,
    /// Of which system.
    pub system: String,
    /// How it was set: `sync`, `default`, `64 KiB`, …; empty where there is no choice.
    #[serde(default)]
    pub setting: String,
    /// In which round, from 1.
    pub round: u32,
    /// By name; the unit is in the name.
    pub figures: BTreeMap<String, f64>,
    /// Why the figures say nothing about the system.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub void: Option<String>,
    /// What the system did wrong: orders lost.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub wrong: Option<String>,
}

impl Results {
    /// Reads what an earlier run wrote.
    pub fn read(path: &Path) -> Result<Self> {
        let text = std::fs::read(path).with_context(|| format!("cannot read {}", path.display()))?;
        serde_json::from_slice(&text).with_context(|| format!("{} is not a run of this benchmark", path.display()))
    }

    /// Writes it, to be read by people too.
    pub fn write(&self, path: &Path) -> Result<()> {
        let mut text = serde_json::to_string_pretty(self)?;
        text.push('\n');
        if let Some(folder) = path.parent() {
            std::fs::create_dir_all(folder)?;
        }
        std::fs::write(path, text).with_context(|| format!("cannot write {}", path.display()))
    }

    /// Why a run on this machine, of these versions and with these settings is no part of this one; none when it is.
    pub fn differs(&self, other: &Self) -> Option<String> {
        if self.machine != other.machine {
            return Some("it is of another machine".into());
        }
        if self.settings != other.settings {
            return Some("its settings are others (rounds, seconds, …)".into());
        }
        let other_version = |name: &&String| other.versions.get(*name).is_some_and(|one| *one != self.versions[*name]);
        self.versions.keys().find(other_version).map(|name| format!("its {name} is of another version"))
    }

    /// Puts scenarios that were measured `at` a later time in the place of those measured before.
    pub fn take(&mut self, part: Self, at: &str) {
        let scenarios: BTreeSet<&String> = part.measurements.iter().map(|one| &one.scenario).collect();
        self.measurements.retain(|one| !scenarios.contains(&one.scenario));
        self.later.extend(scenarios.into_iter().map(|name| (name.clone(), at.to_owned())));
        self.versions.extend(part.versions);
        self.measurements.extend(part.measurements);
    }

    /// A figure of one system, round by round; void ones left out.
    pub fn by_round(&self, scenario: &str, system: &str, setting: &str, figure: &str) -> BTreeMap<u32, f64> {
        let these = self.measurements.iter().filter(|one| {
            one.scenario == scenario && one.system == system && one.setting == setting && one.void.is_none()
        });
        these.filter_map(|one| Some((one.round, *one.figures.get(figure)?))).collect()
    }

    /// The same, without the rounds' numbers.
    pub fn figures(&self, scenario: &str, system: &str, setting: &str, figure: &str) -> Vec<f64> {
        self.by_round(scenario, system, setting, figure).into_values().collect()
    }

    /// Why a system's figures are missing, when all its rounds are void.
    pub fn void(&self, scenario: &str, system: &str, setting: &str) -> Option<&str> {
        let mut these = self
            .measurements
            .iter()
            .filter(|one| one.scenario == scenario && one.system == system && one.setting == setting)
            .peekable();
        these.peek()?;
        let mut reasons = these.map(|one| one.void.as_deref()).collect::<Option<Vec<_>>>()?;
        reasons.pop()
    }

    /// Pairs of two systems' figures in the same round.
    pub fn pairs(&self, scenario: &str, figure: &str, ours: (&str, &str), theirs: (&str, &str)) -> Vec<(f64, f64)> {
        let theirs = self.by_round(scenario, theirs.0, theirs.1, figure);
        let ours = self.by_round(scenario, ours.0, ours.1, figure);
        ours.iter().filter_map(|(round, ours)| Some((*ours, *theirs.get(round)?))).collect()
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    pub(crate) fn results(measurements: Vec<Measurement>) -> Results {
        let machine = Machine { cores: 2, processor: "a processor".into(), kernel: "6.1".into(), memory_gib: 8 };
        let (versions, settings, later) = (BTreeMap::new(), BTreeMap::new(), BTreeMap::new());
        Results { date: "2026-01-31".into(), machine, versions, settings, later, measurements }
    }

    pub(crate) fn measurement(
        scenario: &str,
        system: &str,
        setting: &str,
        round: u32,
        figure: &str,
        value: f64,
    ) -> Measurement {
        let figures = BTreeMap::from([(figure.to_owned(), value)]);
        let (scenario, system, setting) = (scenario.to_owned(), system.to_owned(), setting.to_owned());
        Measurement { scenario, system, setting, round, figures, void: None, wrong: None }
    }

    #[test]
    fn a_part_measured_later_takes_the_place_of_the_same_scenarios() {
        let one = |scenario, round, value| measurement(scenario, "less", "", round, "requests_per_s", value);
        let mut all = results(vec![one("hello", 1, 1.0), one("pages", 1, 2.0), one("pages", 2, 3.0)]);
        let mut part = results(vec![one("pages", 1, 4.0), one("files", 1, 5.0)]);
        part.versions.insert("nginx".into(), "1.22.1".into());
        all.take(part, "2026-01-31 18:05 UTC");
        assert_eq!(all.figures("pages", "less", "", "requests_per_s"), [4.0]);
        assert_eq!(all.figures("hello", "less", "", "requests_per_s"), [1.0]);
        assert_eq!(all.later.keys().collect::<Vec<_>>(), ["files", "pages"]);
        assert_eq!(all.versions["nginx"], "1.22.1");
    }

    #[test]
    fn runs_of_other_machines_settings_or_versions_are_not_mixed() {
        let mut all = results(Vec::new());
        all.versions.insert("nginx".into(), "1.22.1".into());
        assert_eq!(all.differs(&results(Vec::new())), None, "a program that did not take part");
        let mut other = results(Vec::new());
        other.versions.insert("nginx".into(), "1.22.2".into());
        assert!(all.differs(&other).unwrap().contains("nginx"));
        let mut other = results(Vec::new());
        other.settings.insert("rounds".into(), "1".into());
        assert!(all.differs(&other).unwrap().contains("rounds"));
        let mut other = results(Vec::new());
        other.machine.cores = 64;
        assert!(all.differs(&other).unwrap().contains("machine"));
    }

    #[test]
    fn results_are_read_as_they_were_written() {
        let mut one = measurement("idle", "less", "", 1, "workflow_p50_ms", 1.3);
        one.void = Some("noise".into());
        let all = results(vec![one, measurement("idle", "floor", "", 1, "workflow_p50_ms", 1.1)]);
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("results.json");
        all.write(&path).unwrap();
        assert_eq!(Results::read(&path).unwrap(), all);
    }
}
