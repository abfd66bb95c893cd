//! A scenario, how it is played, and what came of it.
//!
//! To add one: a function of a file in `scenarios/` that gets a [`Scene`], breaks something under its load and ends
//! with [`Scene::finish`]; and a row in [`scenarios::ALL`](crate::scenarios::ALL).

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::{Duration, Instant};

use less_tests::harness::Home;

use crate::args::Size;
use crate::ledger::Tally;
use crate::scene::Scene;

pub(crate) struct Scenario {
    pub(crate) name: &'static str,
    /// What is broken, in a few words.
    pub(crate) about: &'static str,
    /// Whether the short version plays it.
    pub(crate) is_short: bool,
    /// Whether a subscriber in Python is among the others.
    pub(crate) python: bool,
    /// Panics when something does not hold that the ledger cannot know.
    pub(crate) run: fn(&mut Scene),
}

pub(crate) struct Outcome {
    pub(crate) name: &'static str,
    pub(crate) tally: Tally,
    pub(crate) remarks: Vec<String>,
    /// What did not hold, beside the figures.
    pub(crate) failure: Option<String>,
    pub(crate) took: Duration,
}

impl Scenario {
    pub(crate) fn play(&self, size: Size) -> Outcome {
        let begun = Instant::now();
        let home = Home::new();
        let mut scene = Scene::set(&home, self.name, self.python, size);
        let played = catch_unwind(AssertUnwindSafe(|| (self.run)(&mut scene)));
        let failure = played.err().map(|panic| said(panic.as_ref()) + &scene.last_words());
        let tally = scene.ledger.tally();
        Outcome { name: self.name, tally, remarks: std::mem::take(&mut scene.remarks), failure, took: begun.elapsed() }
    }
}

impl Outcome {
    pub(crate) fn is_good(&self) -> bool {
        self.failure.is_none() && self.tally.is_good()
    }
}

fn said(panic: &(dyn std::any::Any + Send)) -> String {
    let text = panic.downcast_ref::<String>().map(String::as_str).or_else(|| panic.downcast_ref::<&str>().copied());
    text.unwrap_or("it panicked").to_owned()
}
