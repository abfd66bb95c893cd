//! Complete durable workflows a second: every system in turn, round after round.

use std::time::Duration;

use anyhow::{Context, Result};

use super::ours::cpu_of;
use crate::bench::{Bench, Running, failed, measured, with_usages};
use crate::outcome::Outcome;
use crate::results::Measurement;
use crate::run::{Length, Pace};
use crate::statistics::from_u64;
use crate::system::Setting;

/// Ours, and what a user has today instead.
pub(super) const SYSTEMS: &[&str] = &["less", "bullmq", "jetstream", "restate"];

pub(super) fn run(bench: &mut Bench) -> Result<()> {
    let settings: Vec<Setting> =
        bench.settings("workflow", SYSTEMS).into_iter().map(|setting| best(bench, setting)).collect();
    bench.chosen.clone_from(&settings);
    for round in 1..=bench.options.rounds {
        for setting in &settings {
            let measurement = measure(bench, setting, round);
            bench.keep(measurement.unwrap_or_else(|error| failed("workflow", setting, round, &error)));
        }
    }
    Ok(())
}

/// The setting with which a peer completes most, in a short measurement of each: first how much it handles at once, then
/// with that in how many processes.
fn best(bench: &mut Bench, setting: Setting) -> Setting {
    let (concurrency, processes) = bench.catalogue.sweep(&setting.name);
    let (concurrency, processes) = (concurrency.to_vec(), processes.to_vec());
    let known = best_of(bench, &(0.0, setting), &concurrency, |setting, value| setting.concurrency = value);
    best_of(bench, &known, &processes, |setting, value| setting.processes = value).1
}

fn best_of(bench: &mut Bench, known: &(f64, Setting), values: &[u32], set: fn(&mut Setting, u32)) -> (f64, Setting) {
    let mut best = known.clone();
    for value in values {
        let mut setting = known.1.clone();
        set(&mut setting, *value);
        let measured = sweep(bench, &setting);
        let measured = measured.unwrap_or_else(|error| failed("sweep", &setting, 1, &error));
        let complete = measured.figures.get("complete_per_s").copied().unwrap_or(0.0);
        let told = format!("{} {}, {} processes", setting.durability, setting.concurrency, setting.processes);
        bench.keep(Measurement { setting: told, ..measured });
        if complete > best.0 {
            best = (complete, setting);
        }
    }
    best
}

fn sweep(bench: &mut Bench, setting: &Setting) -> Result<Measurement> {
    let mut running = bench.start(setting)?;
    warm_up(bench, &mut running)?;
    let short = Duration::from_secs_f64(bench.options.seconds.min(3.0));
    let outcome = running.orders(0, bench.pace(), Length::For(short), bench.options.patience)?;
    running.system.stop()?;
    let mut measurement = measured("sweep", setting, 1, &outcome);
    measurement.figures.insert("complete_per_s".into(), outcome.complete_per_second());
    Ok(measurement)
}

/// Orders that are not measured, but accounted for all the same.
pub(super) fn warm_up(bench: &Bench, running: &mut Running) -> Result<Outcome> {
    let length = Length::For(Duration::from_secs_f64(bench.options.warm_up));
    let outcome = running.orders(0, Pace::Complete(bench.options.in_flight), length, bench.options.patience)?;
    outcome.verify().context("while it was warmed up")?;
    Ok(outcome)
}

fn measure(bench: &mut Bench, setting: &Setting, round: u32) -> Result<Measurement> {
    let mut running = bench.start(setting)?;
    let idle = running.usages();
    let warm = warm_up(bench, &mut running);
    let (length, pace, patience) = (Length::For(bench.seconds()), bench.pace(), bench.options.patience);
    let (mut outcome, usages) = running.watched(|running| running.orders(0, pace, length, patience))?;
    let ready_in = running.system.ready_in;
    running.system.stop()?;
    let mut measurement = measured("workflow", setting, round, &outcome);
    measurement.wrong = measurement.wrong.or(warm.err().map(|error| format!("{error:#}")));
    let ((p50, p99), (answer_p50, answer_p99)) = (outcome.workflow_ms(), outcome.answer_ms());
    let figures = &mut measurement.figures;
    figures.extend([
        ("complete_per_s".to_owned(), outcome.complete_per_second()),
        ("workflow_p50_ms".to_owned(), p50),
        ("workflow_p99_ms".to_owned(), p99),
        ("answer_p50_ms".to_owned(), answer_p50),
        ("answer_p99_ms".to_owned(), answer_p99),
        ("cpu_us_per_workflow".to_owned(), cpu_of(&usages) * 1e6 / from_u64(outcome.completed.max(1))),
        ("ready_s".to_owned(), ready_in.as_secs_f64()),
    ]);
    if !bench.catalogue.sweep(&setting.name).0.is_empty() {
        figures.insert("concurrency".to_owned(), f64::from(setting.concurrency));
    }
    if setting.processes > 0 {
        figures.insert("processes".to_owned(), f64::from(setting.processes));
    }
    figures.extend(idle.iter().map(|(role, usage)| (format!("{role}_idle_mib"), usage.resident)));
    with_usages(figures, &usages);
    Ok(measurement)
}
