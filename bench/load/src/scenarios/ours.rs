//! What only our own server is asked: sizes, numbers of subscribers, key-values, languages, logs, memory, its start.

use std::collections::BTreeMap;
use std::time::Duration;

use anyhow::Result;

use super::hello::{answers, hello};
use crate::bench::{Bench, HANDLERS, ORDERS, failed, measured};
use crate::http;
use crate::ours::Ours;
use crate::outcome::Outcome;
use crate::processes::{Usages, look};
use crate::results::Measurement;
use crate::run::{Length, Pace};
use crate::statistics::{count, from_u64};
use crate::system::Setting;

const CONNECTIONS: usize = 64;

/// Our server at rest, under load, and at rest again.
pub(super) fn memory(bench: &mut Bench) -> Result<()> {
    for round in 1..=bench.options.rounds.min(3) {
        let mut ours = Ours::create(bench, &[], HANDLERS)?;
        ours.serve(&[])?;
        let empty = look(&ours.parts()?);
        ours.deploy()?;
        let idle = look(&ours.parts()?);
        let (pace, length) = (Pace::Complete(bench.options.in_flight), Length::For(bench.seconds() * 2));
        let (outcome, loaded) = ours.watched(|ours| ours.orders(ORDERS, 0, pace, length))?;
        std::thread::sleep(Duration::from_secs(2));
        let after = look(&ours.parts()?);
        ours.stop()?;
        let mut measurement = measured("memory", &ours_setting(""), round, &outcome);
        for (name, usages) in [("empty", &empty), ("idle", &idle), ("after", &after)] {
            let named = usages.iter().map(|(role, usage)| (format!("{role}_{name}_mib"), usage.resident));
            measurement.figures.extend(named);
        }
        measurement.figures.extend(figures_of(&loaded));
        bench.keep(measurement);
    }
    Ok(())
}

/// From the start of a server that has a project to the first request that a handler answers.
pub(super) fn cold_start(bench: &mut Bench) -> Result<()> {
    let mut ours = Ours::create(bench, &[], HANDLERS)?;
    ours.serve(&[])?;
    ours.deploy()?;
    for round in 1..=bench.options.rounds.max(5) {
        ours.stop()?;
        let figures = BTreeMap::from([("first_answer_s".to_owned(), ours.serve_until_hello()?.as_secs_f64())]);
        let (scenario, system) = ("cold-start".to_owned(), "less".to_owned());
        bench.keep(Measurement { scenario, system, round, figures, ..Measurement::default() });
    }
    ours.stop()
}

const NEWS: &str = "
const { topics } = require('@chuva.io/less');
exports.process = async (request) => {
  const { order } = JSON.parse(request.body);
  await topics.news.publish({ order });
  return { statusCode: 201, body: { id: order } };
};
";

/// One topic with few, many and very many subscribers.
pub(super) fn subscribers(bench: &mut Bench) -> Result<()> {
    for subscribers in [10_u32, 100, 1_000] {
        if let Err(error) = with_subscribers(bench, subscribers) {
            bench.keep(failed("subscribers", &ours_setting(&subscribers.to_string()), 1, &error));
        }
    }
    Ok(())
}

fn with_subscribers(bench: &mut Bench, subscribers: u32) -> Result<()> {
    let reader = |n| {
        let text = format!(
            "const {{ done }} = require('completion');\nexports.process = async (event) => {{ done({n}, event.order); }};\n"
        );
        (format!("less/topics/news/reader_{n}/index.js"), text)
    };
    let mut files: Vec<_> = (0..subscribers).map(reader).collect();
    files.push(("less/apis/food/news/post.js".into(), NEWS.into()));
    let mut ours = Ours::create(bench, &files, subscribers)?;
    ours.serve(&[])?;
    ours.deploy()?;
    let in_flight = (2_560 / subscribers as usize).clamp(2, bench.options.in_flight);
    let warm_up = Length::For(Duration::from_secs_f64(bench.options.warm_up));
    ours.orders("/news", 0, Pace::Complete(in_flight), warm_up)?.verify()?;
    for round in 1..=bench.options.rounds.min(3) {
        let mut single = ours.orders("/news", 0, Pace::Complete(1), Length::Count(100))?;
        let (pace, length) = (Pace::Complete(in_flight), Length::For(bench.seconds()));
        let (outcome, usages) = ours.watched(|ours| ours.orders("/news", 0, pace, length))?;
        let mut measurement = workflows("subscribers", &subscribers.to_string(), round, outcome, &usages);
        let (figures, per_order) = (&mut measurement.figures, f64::from(subscribers));
        figures.insert("deliveries_per_s".into(), figures["complete_per_s"] * per_order);
        figures.insert("cpu_us_per_delivery".into(), figures["cpu_us_per_workflow"] / per_order);
        figures.insert("idle_p50_ms".into(), single.workflow_ms().0);
        bench.keep(measurement);
    }
    ours.stop()
}

/// Orders that carry much through all their events.
pub(super) fn payloads(bench: &mut Bench) -> Result<()> {
    let mut ours = ready(bench, &[])?;
    for round in 1..=bench.options.rounds.min(3) {
        // The largest with its other fields is just below what a message may be.
        for (setting, pad, in_flight) in [("1 KiB", 1_000, 256), ("64 KiB", 65_000, 64), ("256 KiB", 261_000, 16)] {
            let (pace, length) = (Pace::Complete(in_flight), Length::For(bench.seconds()));
            let (outcome, usages) = ours.watched(|ours| ours.orders(ORDERS, pad, pace, length))?;
            let mut measurement = workflows("payloads", setting, round, outcome, &usages);
            let moved = measurement.figures["complete_per_s"] * count(pad) * 13.0 / f64::from(1 << 20);
            measurement.figures.insert("mib_per_s".into(), moved);
            bench.keep(measurement);
        }
    }
    ours.stop()
}

/// The front with few, many and very many connections.
pub(super) fn connections(bench: &mut Bench) -> Result<()> {
    let setting = ours_setting("");
    for round in 1..=bench.options.rounds.min(3) {
        let mut running = bench.start(&setting)?;
        hello(&mut running, CONNECTIONS, Duration::from_secs(1))?;
        for connections in [1, 64, 1_024] {
            let length = bench.seconds().min(Duration::from_secs(3));
            let (outcome, usages) = running.watched(|running| hello(running, connections, length))?;
            let mut measurement = answers("connections", &ours_setting(&connections.to_string()), round, outcome);
            measurement.figures.extend(figures_of(&usages));
            bench.keep(measurement);
        }
        running.system.stop()?;
    }
    Ok(())
}

const KVS_GET: &str = "
const { kvs } = require('@chuva.io/less');
let n = 0;
exports.process = async () => { await kvs.get(`key${n++ % 1000}`); return { body: 'ok' }; };
";
const KVS_SET: &str = "
const { kvs } = require('@chuva.io/less');
let n = 0;
exports.process = async (request) => { await kvs.set(`key${n++ % 1000}`, request.body); return { body: 'ok' }; };
";

/// Key-values through handlers: a request that sets one, a request that gets one.
pub(super) fn kvs(bench: &mut Bench) -> Result<()> {
    let files = [("less/apis/food/kvs/get.js", KVS_GET), ("less/apis/food/kvs/post.js", KVS_SET)];
    let mut ours = ready(bench, &files)?;
    let set = http::post(&ours.host(), &ours.path("/kvs"), &"v".repeat(100));
    let get = http::get(&ours.host(), &ours.path("/kvs"));
    for round in 1..=bench.options.rounds.min(3) {
        for (setting, request) in [("set", &set), ("get", &get)] {
            let length = Length::For(bench.seconds().min(Duration::from_secs(3)));
            let outcome = ours.requests(request, CONNECTIONS, length)?;
            bench.keep(answers("kvs", &ours_setting(setting), round, outcome));
        }
    }
    ours.stop()
}

/// What a warm route costs in each language, one request after the other; and whole workflows.
pub(super) fn languages(bench: &mut Bench) -> Result<()> {
    let routes = [
        ("js", "less/apis/food/js/get.js", "exports.process = async (request, response) => ({ body: 'hello' });\n"),
        (
            "ts",
            "less/apis/food/ts/get.ts",
            "export const process = async (): Promise<{ body: string }> => ({ body: 'hello' });\n",
        ),
        ("py", "less/apis/food/py/get.py", "def process(request, response):\n    return {'body': 'hello'}\n"),
        (
            "py_async",
            "less/apis/food/py_async/get.py",
            "async def process(request, response):\n    return {'body': 'hello'}\n",
        ),
    ];
    let mut ours = ready(bench, &routes.map(|(_, path, text)| (path, text)))?;
    for round in 0..=bench.options.rounds {
        for (name, ..) in routes {
            let request = http::get(&ours.host(), &ours.path(&format!("/{name}")));
            let mut outcome = ours.requests(&request, 1, Length::Count(500))?;
            let mut measurement = measured("languages", &ours_setting(name), round, &outcome);
            measurement.figures.insert("answer_p50_ms".into(), outcome.answer_ms().0);
            // The first time round warms up.
            if round > 0 {
                bench.keep(measurement);
            }
        }
    }
    ours.stop()?;
    for round in 1..=bench.options.rounds.min(3) {
        for name in ["less", "less-ts", "less-py"] {
            let setting = Setting { name: name.into(), ..ours_setting("") };
            let mut running = bench.start(&setting)?;
            super::workflow::warm_up(bench, &mut running)?;
            let (length, pace, patience) = (Length::For(bench.seconds()), bench.pace(), bench.options.patience);
            let (outcome, usages) = running.watched(|running| running.orders(0, pace, length, patience))?;
            running.system.stop()?;
            let measurement = workflows("languages", "workflow", round, outcome, &usages);
            bench.keep(Measurement { system: name.into(), ..measurement });
        }
    }
    Ok(())
}

/// A server with the benchmark's project and more, warmed up.
pub(super) fn ready(bench: &mut Bench, files: &[(&str, &str)]) -> Result<Ours> {
    let files: Vec<_> = files.iter().map(|(path, text)| ((*path).to_owned(), (*text).to_owned())).collect();
    let mut ours = Ours::create(bench, &files, HANDLERS)?;
    ours.serve(&[])?;
    ours.deploy()?;
    let warm_up = Length::For(Duration::from_secs_f64(bench.options.warm_up));
    ours.orders(ORDERS, 0, Pace::Complete(bench.options.in_flight), warm_up)?.verify()?;
    Ok(ours)
}

/// A measurement of workflows through our server.
pub(super) fn workflows(
    scenario: &str,
    setting: &str,
    round: u32,
    mut outcome: Outcome,
    usages: &Usages,
) -> Measurement {
    let mut measurement = measured(scenario, &ours_setting(setting), round, &outcome);
    let (p50, p99) = outcome.workflow_ms();
    measurement.figures.extend([
        ("complete_per_s".to_owned(), outcome.complete_per_second()),
        ("us_per_workflow".to_owned(), 1e6 / outcome.complete_per_second()),
        ("workflow_p50_ms".to_owned(), p50),
        ("workflow_p99_ms".to_owned(), p99),
        ("cpu_us_per_workflow".to_owned(), cpu_of(usages) * 1e6 / from_u64(outcome.completed.max(1))),
    ]);
    measurement.figures.extend(figures_of(usages));
    measurement
}

/// Our server under a name of what is different about it.
pub(super) fn ours_setting(setting: &str) -> Setting {
    Setting { name: "less".into(), durability: setting.into(), concurrency: 64, processes: 0 }
}

/// What processes used, by role.
pub(super) fn figures_of(usages: &Usages) -> BTreeMap<String, f64> {
    let mut figures = BTreeMap::new();
    crate::bench::with_usages(&mut figures, usages);
    figures
}

/// Seconds of processor time of all processes.
pub(super) fn cpu_of(usages: &Usages) -> f64 {
    usages.values().map(|usage| usage.cpu_seconds).sum()
}
