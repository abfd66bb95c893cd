//! What can be measured, each by its name on the command line.

mod backlog;
mod broadcast;
mod drift;
mod files;
mod hello;
mod idle;
mod logs;
mod ours;
mod pages;
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
    usual("workflow", "complete workflows a second, all systems", workflow::run),
    usual("idle", "one order at a time, and the floor under it", idle::run),
    usual("hello", "a route that answers hello, and others' fronts", hello::run),
    usual("pages", "static files of a site, and nginx", pages::run),
    usual("memory", "our server at rest, under load, and at rest again", ours::memory),
    usual("cold-start", "from the start of our server to the first answer of a handler", ours::cold_start),
    usual("backlog", "a million messages that wait", backlog::run),
    usual("logs", "lines stored, discarded and not printed", logs::run),
    usual("subscribers", "10, 100 and 1,000 subscribers of one topic", ours::subscribers),
    usual("payloads", "orders of 1, 64 and 256 KiB", ours::payloads),
    usual("connections", "hello over 1, 64 and 1,024 connections", ours::connections),
    usual("broadcast", "one message to 1,000 connected clients, ours and a plain server", broadcast::run),
    usual("kvs", "key-values set and got by handlers", ours::kvs),
    usual("files", "a gigabyte up and down, and the same with streams of Node.js", files::run),
    usual("languages", "JavaScript, TypeScript and Python handlers", ours::languages),
    Scenario { by_default: false, ..usual("drift", "half an hour of workflows, minute by minute", drift::run) },
];

const fn usual(name: &'static str, about: &'static str, run: fn(&mut Bench) -> Result<()>) -> Scenario {
    Scenario { name, about, by_default: true, run }
}

impl Scenario {
    /// Runs it.
    pub fn run(&self, bench: &mut Bench) -> Result<()> {
        say(&format!("\n== {}: {}", self.name, self.about));
        (self.run)(bench)
    }
}
