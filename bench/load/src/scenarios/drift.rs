//! Half an hour of load, minute by minute: what grows or slows down with time.

use std::time::Duration;

use anyhow::Result;

use super::ours::{ready, workflows};
use crate::bench::{Bench, ORDERS};
use crate::run::{Length, Pace};

pub(super) fn run(bench: &mut Bench) -> Result<()> {
    let (minutes, minute) = if bench.options.quick { (3, 5) } else { (30, 60) };
    let mut ours = ready(bench, &[])?;
    for round in 1..=minutes {
        let (pace, length) = (Pace::Complete(bench.options.in_flight), Length::For(Duration::from_secs(minute)));
        let (outcome, usages) = ours.watched(|ours| ours.orders(ORDERS, 0, pace, length))?;
        let mut measurement = workflows("drift", "", round, outcome, &usages);
        // The high-water mark would hide what was given back.
        let now = usages.iter().map(|(role, usage)| (format!("{role}_resident_mib"), usage.resident));
        measurement.figures.extend(now);
        bench.keep(measurement);
    }
    ours.stop()
}
