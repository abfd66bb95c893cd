//! What all scenarios share: the run's settings, fresh systems, and the list of measurements.

use std::collections::BTreeMap;
use std::io::Write;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::Result;

use crate::catalogue::Catalogue;
use crate::drive::Drive;
use crate::outcome::{Outcome, Wrong};
use crate::processes::{Usages, Watch, look};
use crate::results::Measurement;
use crate::run::{Length, Load, Pace, Plan};
use crate::system::{Setting, States, System};
use crate::verdict::{Effort, void};

/// What a run is told.
#[derive(Debug, Clone)]
pub struct Options {
    /// Rounds of all systems in turn.
    pub rounds: u32,
    /// How long each measurement takes.
    pub seconds: f64,
    /// How long each system is warmed up before.
    pub warm_up: f64,
    /// Workflows on their way at once.
    pub in_flight: usize,
    /// The only systems to measure; all when empty.
    pub systems: Vec<String>,
    /// A fixed rate instead of a closed loop.
    pub rate: Option<f64>,
    /// Sizes are cut down: the figures are for a first look.
    pub quick: bool,
    /// Nothing may be completed for so long before what is missing counts as lost.
    pub patience: Duration,
}

/// A run under way.
pub struct Bench {
    /// The repository's root.
    pub root: PathBuf,
    /// What it was told.
    pub options: Options,
    /// The systems there are.
    pub catalogue: Catalogue,
    /// Where systems keep their state.
    pub states: States,
    /// What the sweep of this run chose.
    pub chosen: Vec<Setting>,
    /// What was measured so far.
    pub measurements: Vec<Measurement>,
    /// What systems did wrong so far.
    pub wrong: Vec<String>,
}

/// A system that runs, and the load generator's hold on it.
pub struct Running {
    /// The system.
    pub system: System,
    /// Where it keeps its state.
    pub state: PathBuf,
    /// The hold.
    pub drive: Drive,
}

/// The handlers of one order's workflow.
pub const HANDLERS: u32 = 8;
/// The path of orders in every system.
pub const ORDERS: &str = "/orders";

/// Figures that are kept, but not told as they come.
const QUIET: &[&str] = &["generator_", "idle_cores", "_pss_", "us_per_workflow"];

impl Bench {
    /// Starts a system with fresh state.
    pub fn start(&mut self, setting: &Setting) -> Result<Running> {
        let (state, socket) = self.states.fresh(&setting.name);
        let mut drive = Drive::listen(&socket, HANDLERS)?;
        let system = System::start(&self.root, setting, &state, &socket)?;
        drive.aim(system.address);
        Ok(Running { system, state, drive })
    }

    /// The named systems, set as the sweep chose if there was one.
    pub fn settings(&self, scenario: &str, names: &[&str]) -> Vec<Setting> {
        let all = self.catalogue.settings(scenario, names, &self.options.systems);
        let same = |a: &Setting, b: &Setting| a.name == b.name && a.durability == b.durability;
        all.into_iter()
            .map(|one| self.chosen.iter().find(|chosen| same(chosen, &one)).cloned().unwrap_or(one))
            .collect()
    }

    /// A duration of the run's settings.
    pub fn seconds(&self) -> Duration {
        Duration::from_secs_f64(self.options.seconds)
    }

    /// How fast orders are sent: as the command line says, else as many at a time as `in_flight`.
    pub fn pace(&self) -> Pace {
        match self.options.rate {
            Some(per_second) => Pace::Rate { per_second, connections: self.options.in_flight },
            None => Pace::Complete(self.options.in_flight),
        }
    }

    /// Keeps a measurement and tells it; a system that lost something makes the run fail in the end.
    pub fn keep(&mut self, measurement: Measurement) {
        let Measurement { scenario, system, setting, round, figures, void, wrong } = &measurement;
        let worth = figures.iter().filter(|(name, _)| !QUIET.iter().any(|quiet| name.contains(quiet)));
        let told: Vec<String> = worth.map(|(name, value)| format!("{name} {}", short(*value))).collect();
        let flaw = wrong.as_ref().or(void.as_ref()).map_or_else(String::new, |reason| format!("  !! {reason}"));
        say(&format!("{scenario} {round}  {system} {setting}  {}{flaw}", told.join("  ")));
        if let Some(wrong) = wrong {
            self.wrong.push(format!("{scenario}, {system} {setting}: {wrong}"));
        }
        self.measurements.push(measurement);
    }
}

impl Running {
    /// Posts orders.
    pub fn orders(&mut self, pad: usize, pace: Pace, length: Length, patience: Duration) -> Result<Outcome> {
        let path = self.system.path(ORDERS);
        let load = Load::Orders { host: &self.system.host, path: &path, pad };
        self.drive.run(&Plan { load, pace, length, patience })
    }

    /// The same while its processes are watched.
    pub fn watched<T>(&mut self, work: impl FnOnce(&mut Self) -> Result<T>) -> Result<(T, Usages)> {
        let watch = Watch::over(self.system.parts.clone());
        let done = work(self);
        let usages = watch.end();
        Ok((done?, usages))
    }

    /// What its processes use now.
    pub fn usages(&self) -> Usages {
        look(&self.system.parts)
    }
}

/// A measurement of a setting, with the figures that every one has: how the load generator fared.
pub fn measured(scenario: &str, setting: &Setting, round: u32, outcome: &Outcome) -> Measurement {
    let mut measurement = fared(scenario, setting, round, &outcome.effort);
    let counts = [
        ("completed", outcome.completed),
        ("refused", outcome.refused),
        ("failed", outcome.failed),
        ("duplicated", outcome.duplicated),
    ];
    for (name, count) in counts.into_iter().filter(|(_, count)| *count > 0) {
        measurement.figures.insert(name.to_owned(), crate::statistics::from_u64(count));
    }
    measurement.wrong = outcome.verify().err().map(|error| error.to_string());
    measurement
}

/// The same without a load that `run` drove.
pub fn fared(scenario: &str, setting: &Setting, round: u32, effort: &Effort) -> Measurement {
    Measurement {
        scenario: scenario.to_owned(),
        system: setting.name.clone(),
        setting: setting.durability.clone(),
        round,
        figures: BTreeMap::from([
            ("generator_busy".to_owned(), effort.busy),
            ("generator_waited".to_owned(), effort.waited),
            ("idle_cores".to_owned(), effort.idle_cores),
        ]),
        void: void(effort),
        wrong: None,
    }
}

/// In the place of a measurement that could not be made.
pub fn failed(scenario: &str, setting: &Setting, round: u32, error: &anyhow::Error) -> Measurement {
    Measurement {
        scenario: scenario.to_owned(),
        system: setting.name.clone(),
        setting: setting.durability.clone(),
        round,
        void: Some(format!("{error:#}")),
        wrong: error.downcast_ref::<Wrong>().map(Wrong::to_string),
        ..Measurement::default()
    }
}

/// Adds what processes used, role by role.
pub fn with_usages(figures: &mut BTreeMap<String, f64>, usages: &Usages) {
    for (role, usage) in usages {
        figures.insert(format!("{role}_cpu_s"), usage.cpu_seconds);
        figures.insert(format!("{role}_peak_mib"), usage.high_water);
        figures.insert(format!("{role}_pss_mib"), usage.proportional);
    }
}

/// Talk, beside the data on stdout.
pub fn say(text: &str) {
    // With nobody listening there is nothing to tell.
    drop(writeln!(std::io::stderr(), "{text}"));
}

/// Three digits: a measurement has no more.
pub fn short(value: f64) -> String {
    match value.abs() {
        size if size >= 100.0 => format!("{value:.0}"),
        size if size >= 10.0 => format!("{value:.1}"),
        size if size >= 1.0 => format!("{value:.2}"),
        _ => format!("{value:.3}"),
    }
}
