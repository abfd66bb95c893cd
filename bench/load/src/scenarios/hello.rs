//! Requests a second of a route that answers `hello`: the front alone, and what others' fronts do.

use std::time::Duration;

use anyhow::Result;

use crate::bench::{Bench, Running, failed, measured};
use crate::http;
use crate::outcome::Outcome;
use crate::results::Measurement;
use crate::run::{Length, Load, Pace, Plan};
use crate::system::Setting;

const SYSTEMS: &[&str] = &["less", "hello-node", "hello-fastify", "hello-express", "hello-axum"];
const CONNECTIONS: usize = 64;

pub(super) fn run(bench: &mut Bench) -> Result<()> {
    let settings = bench.settings("hello", SYSTEMS);
    for round in 1..=bench.options.rounds {
        for setting in &settings {
            let measurement = measure(bench, setting, round);
            bench.keep(measurement.unwrap_or_else(|error| failed("hello", setting, round, &error)));
        }
    }
    Ok(())
}

fn measure(bench: &mut Bench, setting: &Setting, round: u32) -> Result<Measurement> {
    let mut running = bench.start(setting)?;
    hello(&mut running, CONNECTIONS, Duration::from_secs_f64(bench.options.warm_up.min(1.5)))?;
    let outcome = hello(&mut running, CONNECTIONS, bench.seconds().min(Duration::from_secs(3)))?;
    running.system.stop()?;
    Ok(answers("hello", setting, round, outcome))
}

/// So many connections asking for hello.
pub(super) fn hello(running: &mut Running, connections: usize, length: Duration) -> Result<Outcome> {
    let request = http::get(&running.system.host, &running.system.path("/hello"));
    let (pace, length) = (Pace::Answered(connections), Length::For(length));
    running.drive.run(&Plan { load: Load::Request(&request), pace, length, patience: Duration::from_secs(10) })
}

/// A measurement of requests that no workflow follows.
pub(super) fn answers(scenario: &str, setting: &Setting, round: u32, mut outcome: Outcome) -> Measurement {
    let mut measurement = measured(scenario, setting, round, &outcome);
    let (p50, p99) = outcome.answer_ms();
    measurement.figures.extend([
        ("requests_per_s".to_owned(), outcome.answers_per_second()),
        ("answer_p50_ms".to_owned(), p50),
        ("answer_p99_ms".to_owned(), p99),
    ]);
    measurement
}
