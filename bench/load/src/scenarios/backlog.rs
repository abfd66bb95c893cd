//! A million messages that wait: what they cost those that do not, a restart with them, and how fast they go in the end.

use std::time::{Duration, Instant};

use anyhow::Result;

use super::ours::{figures_of, ours_setting, workflows};
use crate::bench::{Bench, ORDERS, measured};
use crate::http;
use crate::ours::Ours;
use crate::results::Measurement;
use crate::run::{Length, Pace};
use crate::statistics::{from_u64, seconds};

const FILL: &str = "
const { topics } = require('@chuva.io/less');
exports.process = async (request) => {
  const { count } = JSON.parse(request.body);
  const parcel = { address: 'a street with a rather long name 7' };
  await Promise.all(Array.from({ length: count }, (_, n) => topics.parcels.publish({ n, ...parcel })));
};
";
const TAKE: &str = "exports.process = async () => {};\n";
const PAUSED: &str = "env_vars: [COMPLETIONS]\ntopics: { parcels: { subscribers: { door: { concurrency: 0 } } } }\n";
const TAKING: &str = "env_vars: [COMPLETIONS]\n";
/// Messages of one request.
const BATCH: u64 = 1_000;

pub(super) fn run(bench: &mut Bench) -> Result<()> {
    let messages: u64 = if bench.options.quick { 50_000 } else { 1_000_000 };
    let files =
        [("less/apis/food/depot/post.js", FILL), ("less/topics/parcels/door/index.js", TAKE), ("less.config", PAUSED)]
            .map(|(path, text)| (path.to_owned(), text.to_owned()));
    let mut without = started(bench, &files)?;
    let mut with = started(bench, &files)?;
    let fill = fill(&mut with, messages)?;
    bench.keep(fill);
    for round in 1..=bench.options.rounds {
        for (ours, setting) in [(&mut without, "none"), (&mut with, "waiting")] {
            let (pace, length) = (Pace::Complete(bench.options.in_flight), Length::For(bench.seconds()));
            let (outcome, usages) = ours.watched(|ours| ours.orders(ORDERS, 0, pace, length))?;
            let measurement = workflows("backlog", setting, round, outcome, &usages);
            bench.keep(measurement);
        }
    }
    without.stop()?;
    let restart = restart(&mut with)?;
    bench.keep(restart);
    let drain = drain(&with, messages)?;
    bench.keep(drain);
    with.stop()
}

fn started(bench: &mut Bench, files: &[(String, String)]) -> Result<Ours> {
    let mut ours = Ours::create(bench, files, crate::bench::HANDLERS)?;
    ours.serve(&[])?;
    ours.deploy()?;
    let warm_up = Length::For(Duration::from_secs_f64(bench.options.warm_up));
    ours.orders(ORDERS, 0, Pace::Complete(bench.options.in_flight), warm_up)?.verify()?;
    Ok(ours)
}

fn fill(ours: &mut Ours, messages: u64) -> Result<Measurement> {
    let body = format!("{{\"count\":{BATCH}}}");
    let request = http::post(&ours.host(), &ours.path("/depot"), &body);
    let (outcome, usages) = ours.watched(|ours| ours.requests(&request, 4, Length::Count(messages / BATCH)))?;
    let waiting = ours.waiting()?;
    let mut measurement = measured("backlog", &ours_setting("filling"), 1, &outcome);
    measurement.figures.extend([
        ("waiting".to_owned(), from_u64(waiting)),
        ("published_per_s".to_owned(), from_u64(messages) / outcome.answered_in),
    ]);
    measurement.figures.extend(figures_of(&usages));
    if waiting < messages {
        measurement.wrong = Some(format!("{waiting} of {messages} published messages wait"));
    }
    Ok(measurement)
}

fn restart(ours: &mut Ours) -> Result<Measurement> {
    let stopping = Instant::now();
    ours.stop()?;
    let stopped_in = stopping.elapsed().as_secs_f64();
    let answered_in = ours.serve_until_hello()?.as_secs_f64();
    let usages = crate::processes::look(&ours.parts()?);
    let mut figures = figures_of(&usages);
    figures.extend([("stop_s".to_owned(), stopped_in), ("restart_s".to_owned(), answered_in)]);
    Ok(measurement("restart", figures))
}

/// The subscriber takes them again; timed from its deploy to the last.
fn drain(ours: &Ours, messages: u64) -> Result<Measurement> {
    ours.write("less.config", TAKING)?;
    let watch = crate::processes::Watch::over(ours.parts()?);
    let begun = crate::clock::now();
    ours.deploy()?;
    let mut progress = (messages, Instant::now());
    let left = loop {
        let left = ours.waiting()?;
        if left < progress.0 {
            progress = (left, Instant::now());
        }
        if left == 0 || progress.1.elapsed() > Duration::from_secs(60) {
            break left;
        }
        std::thread::sleep(Duration::from_millis(250));
    };
    let mut figures = figures_of(&watch.end());
    figures.insert("drained_per_s".to_owned(), from_u64(messages - left) / seconds(crate::clock::now() - begun));
    let wrong = (left > 0).then(|| format!("{left} messages are never delivered"));
    Ok(Measurement { wrong, ..measurement("draining", figures) })
}

fn measurement(setting: &str, figures: std::collections::BTreeMap<String, f64>) -> Measurement {
    let (scenario, system, setting) = ("backlog".to_owned(), "less".to_owned(), setting.to_owned());
    Measurement { scenario, system, setting, round: 1, figures, ..Measurement::default() }
}
