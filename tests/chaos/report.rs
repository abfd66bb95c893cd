//! One line for each scenario, and the same as JSON in `target/chaos/<seed>.json`.

use std::fs;
use std::time::Duration;

use serde_json::{Value, json};

use less_tests::harness::repository;

use crate::scenario::Outcome;

/// Of what went wrong, so much is shown.
const SHOWN: usize = 10;

pub(crate) fn line(outcome: &Outcome) {
    let tally = &outcome.tally;
    let (middle, longest) = recovery(&tally.recoveries);
    // Where a scenario stopped, some was on its way.
    let lost = if outcome.failure.is_some() { "not delivered" } else { "lost" };
    println!(
        "{:22} acknowledged {:6}  delivered {:6}  {lost} {}  duplicated {} (bound {}, oldest {} ms)  faults {}  recovery {middle} ms \
         (longest {longest})  {:.0} s  {}{}",
        outcome.name,
        tally.acknowledged,
        tally.delivered,
        tally.lost.len(),
        tally.duplicated,
        tally.bound,
        tally.oldest,
        tally.faults,
        outcome.took.as_secs_f64(),
        verdict(outcome),
        outcome.remarks.iter().map(|remark| format!("\n    {remark}")).collect::<String>(),
    );
    let never = tally.lost.iter().map(|delivery| format!("{lost}: {delivery}"));
    let wrong: Vec<_> = never.chain(tally.unexplained.iter().cloned()).collect();
    wrong.iter().take(SHOWN).for_each(|wrong| println!("    {wrong}"));
    if wrong.len() > SHOWN {
        println!("    and {} more", wrong.len() - SHOWN);
    }
    if let Some(failure) = &outcome.failure {
        println!("    {}", failure.replace('\n', "\n    "));
    }
}

pub(crate) fn write(seed: u64, outcomes: &[Outcome]) {
    let folder = repository("target/chaos");
    fs::create_dir_all(&folder).unwrap();
    let told = json!({ "seed": seed, "scenarios": outcomes.iter().map(row).collect::<Vec<_>>() });
    fs::write(folder.join(format!("{seed}.json")), format!("{told:#}\n")).unwrap();
}

pub(crate) fn summary(seed: u64, outcomes: &[Outcome]) {
    let sum = |of: fn(&Outcome) -> usize| outcomes.iter().map(of).sum::<usize>();
    let bad = outcomes.iter().filter(|outcome| !outcome.is_good()).count();
    println!(
        "chaos: seed {seed}: {} scenarios, {bad} failed, {} faults, {} acknowledged, {} lost",
        outcomes.len(),
        sum(|outcome| outcome.tally.faults),
        sum(|outcome| outcome.tally.acknowledged),
        sum(|outcome| outcome.tally.lost.len()),
    );
}

fn row(outcome: &Outcome) -> Value {
    let tally = &outcome.tally;
    let (middle, longest) = recovery(&tally.recoveries);
    json!({
        "scenario": outcome.name,
        "acknowledged": tally.acknowledged,
        "delivered": tally.delivered,
        "lost": tally.lost,
        "duplicated": tally.duplicated,
        "bound": tally.bound,
        "oldest_ms": tally.oldest,
        "unexplained": tally.unexplained,
        "faults": tally.faults,
        "recovery_ms": { "median": middle, "longest": longest },
        "not_acknowledged": tally.refused,
        "remarks": outcome.remarks,
        "failure": outcome.failure,
        "seconds": outcome.took.as_secs_f64(),
        "verdict": verdict(outcome),
    })
}

fn verdict(outcome: &Outcome) -> &'static str {
    if outcome.is_good() { "ok" } else { "FAILED" }
}

/// Median and longest, in milliseconds.
fn recovery(all: &[Duration]) -> (u128, u128) {
    let mut all: Vec<_> = all.iter().map(Duration::as_millis).collect();
    all.sort_unstable();
    (all.get(all.len() / 2).copied().unwrap_or(0), all.last().copied().unwrap_or(0))
}
