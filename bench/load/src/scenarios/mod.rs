//! What can be measured, each by its name on the command line.

mod hello;
mod idle;
mod workflow;

use anyhow::Result;

use crate::bench::{Bench, say};

/// A scenario.
pub struct Scenario {
    /// As on the command line.
    pub name: &'static str,
    /// In a line.
    pub about: &'static str,
    /// Part of a run that names none.
    pub by_default: bool,
    run: fn(&mut Bench) -> Result<()>,
}

/// All of them, in the sequence in which they run.
pub const ALL: &[Scenario] = &[
    Scenario {
        name: "workflow",
        about: "complete workflows a second, all systems",
        by_default: true,
        run: workflow::run,
    },
    Scenario { name: "idle", about: "one order at a time, and the floor under it", by_default: true, run: idle::run },
    Scenario { name: "hello", about: "a route that answers hello", by_default: true, run: hello::run },
];

impl Scenario {
    /// Runs it.
    pub fn run(&self, bench: &mut Bench) -> Result<()> {
        say(&format!("\n== {}: {}", self.name, self.about));
        (self.run)(bench)
    }
}
