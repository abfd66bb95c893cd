//! What one order takes when nothing else is going on, and the least that its syncs and hand-overs could take here.

use std::time::Duration;

use anyhow::Result;

use crate::bench::{Bench, failed, measured};
use crate::floor;
use crate::results::Measurement;
use crate::run::{Length, Pace};
use crate::statistics::p50_p99_ms;
use crate::system::Setting;

pub(super) fn run(bench: &mut Bench) -> Result<()> {
    let settings = bench.settings("idle", super::workflow::SYSTEMS);
    let orders = if bench.options.quick { 200 } else { 500 };
    for round in 1..=bench.options.rounds {
        for setting in &settings {
            let measurement = measure(bench, setting, round, orders);
            bench.keep(measurement.unwrap_or_else(|error| failed("idle", setting, round, &error)));
        }
        let (state, socket) = bench.states.fresh("floor");
        let (p50, p99) = p50_p99_ms(&mut floor::probe(&bench.root, &state, &socket, 500)?);
        let figures = [("workflow_p50_ms".to_owned(), p50), ("workflow_p99_ms".to_owned(), p99)].into();
        bench.keep(Measurement {
            scenario: "idle".into(),
            system: "floor".into(),
            round,
            figures,
            ..Default::default()
        });
    }
    Ok(())
}

fn measure(bench: &mut Bench, setting: &Setting, round: u32, orders: u64) -> Result<Measurement> {
    let mut running = bench.start(setting)?;
    let patience = bench.options.patience;
    // Code that has run often enough to be compiled, as in a system that has been up for a while.
    running.orders(0, Pace::Complete(8), Length::For(Duration::from_secs_f64(bench.options.warm_up)), patience)?;
    let mut outcome = running.orders(0, Pace::Complete(1), Length::Count(orders), patience)?;
    running.system.stop()?;
    let mut measurement = measured("idle", setting, round, &outcome);
    let ((p50, p99), (answer_p50, answer_p99)) = (outcome.workflow_ms(), outcome.answer_ms());
    measurement.figures.extend([
        ("workflow_p50_ms".to_owned(), p50),
        ("workflow_p99_ms".to_owned(), p99),
        ("answer_p50_ms".to_owned(), answer_p50),
        ("answer_p99_ms".to_owned(), answer_p99),
    ]);
    Ok(measurement)
}
