//! One message to everybody who is connected: ours, and a plain server of the same kind in Node.js.

use std::time::Duration;

use anyhow::Result;

use super::ours::cpu_of;
use crate::bench::{Bench, HANDLERS, failed, fared, with_usages};
use crate::listeners::Listeners;
use crate::ours::Ours;
use crate::processes::Usages;
use crate::results::Measurement;
use crate::statistics::{from_u64, p50_p99_ms};
use crate::system::Setting;
use crate::verdict::Effort;

const SYSTEMS: &[&str] = &["less", "broadcast-ws"];
const CLIENTS: usize = 1_000;
/// Before anything is measured.
const WARM_UP: usize = 20;
/// Broadcasts whose way is measured, one at a time.
const SINGLE: usize = 100;

const SQUARE: &str = "
exports.process = async () => {};
";
const BROADCAST: &str = "
const { sockets } = require('@chuva.io/less');
const padding = 'x'.repeat(1000);
exports.process = async (request) => {
  const { number } = JSON.parse(request.body);
  return { body: await sockets.square.broadcast({ number, padding }) };
};
";

pub(super) fn run(bench: &mut Bench) -> Result<()> {
    let settings = bench.settings("broadcast", SYSTEMS);
    for round in 1..=bench.options.rounds {
        for setting in &settings {
            let measured = if setting.name == "less" { ours(bench) } else { peer(bench, setting) };
            let kept = measured.map(|(measured, usages)| measurement(setting, round, measured, &usages));
            bench.keep(kept.unwrap_or_else(|error| failed("broadcast", setting, round, &error)));
        }
    }
    Ok(())
}

fn ours(bench: &mut Bench) -> Result<(Measured, Usages)> {
    let files = [
        ("less/sockets/square/connect/index.js".to_owned(), SQUARE.to_owned()),
        ("less/apis/food/broadcast/post.js".to_owned(), BROADCAST.to_owned()),
    ];
    let seconds = bench.seconds();
    let mut ours = Ours::create(bench, &files, HANDLERS)?;
    ours.serve(&[])?;
    ours.deploy()?;
    let address = ours.host().parse()?;
    let mut listeners = Listeners::connect(address, "/food/sockets/square", &ours.path("/broadcast"), CLIENTS)?;
    let measured = ours.watched(|_| measure(&mut listeners, seconds))?;
    drop(listeners);
    ours.stop()?;
    Ok(measured)
}

fn peer(bench: &mut Bench, setting: &Setting) -> Result<(Measured, Usages)> {
    let seconds = bench.seconds();
    let mut running = bench.start(setting)?;
    let mut listeners = Listeners::connect(running.system.address, "/", "/broadcast", CLIENTS)?;
    let measured = running.watched(|_| measure(&mut listeners, seconds))?;
    drop(listeners);
    running.system.stop()?;
    Ok(measured)
}

/// Messages a second, and how long one broadcast takes to the last client: nanoseconds, of each.
struct Measured {
    per_second: f64,
    ways: Vec<u64>,
    /// Messages that were heard in all, the first ones included.
    heard: u64,
    effort: Effort,
}

fn measure(listeners: &mut Listeners, length: Duration) -> Result<Measured> {
    for _ in 0..WARM_UP {
        listeners.once()?;
    }
    let way = |listeners: &mut Listeners| Ok(u64::try_from(listeners.once()?.as_nanos())?);
    let ways = (0..SINGLE).map(|_| way(listeners)).collect::<Result<_>>()?;
    let (per_second, effort) = listeners.flood(length)?;
    Ok(Measured { per_second, ways, heard: listeners.heard(), effort })
}

fn measurement(setting: &Setting, round: u32, mut measured: Measured, usages: &Usages) -> Measurement {
    let (p50, p99) = p50_p99_ms(&mut measured.ways);
    let mut measurement = fared("broadcast", setting, round, &measured.effort);
    measurement.figures.extend([
        ("messages_per_s".to_owned(), measured.per_second),
        ("reach_p50_ms".to_owned(), p50),
        ("reach_p99_ms".to_owned(), p99),
        ("cpu_us_per_message".to_owned(), cpu_of(usages) * 1e6 / from_u64(measured.heard.max(1))),
    ]);
    with_usages(&mut measurement.figures, usages);
    measurement
}
