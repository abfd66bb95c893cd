//! One message to everybody who is connected: ours, and a plain server of the same kind in Node.js.

use std::collections::BTreeMap;
use std::time::Duration;

use anyhow::Result;

use crate::bench::{Bench, HANDLERS, failed, with_usages};
use crate::listeners::Listeners;
use crate::ours::Ours;
use crate::processes::Usages;
use crate::results::Measurement;
use crate::statistics::p50_p99_ms;
use crate::system::Setting;

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
const MESSAGE = { padding: 'x'.repeat(1000) };
exports.process = async () => ({ body: await sockets.square.broadcast(MESSAGE) });
";

pub(super) fn run(bench: &mut Bench) -> Result<()> {
    let settings = bench.settings("broadcast", &["less", "broadcast-ws"]);
    for round in 1..=bench.options.rounds.min(3) {
        for setting in &settings {
            let measured = if setting.name == "less" { of_ours(bench) } else { of_peer(bench, setting) };
            bench.keep(match measured {
                Ok(figures) => measurement(setting, round, figures),
                Err(error) => failed("broadcast", setting, round, &error),
            });
        }
    }
    Ok(())
}

fn of_ours(bench: &mut Bench) -> Result<BTreeMap<String, f64>> {
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
    let (measured, usages) = ours.watched(|_| measure(&mut listeners, seconds))?;
    drop(listeners);
    ours.stop()?;
    Ok(figures(measured, &usages))
}

fn of_peer(bench: &mut Bench, setting: &Setting) -> Result<BTreeMap<String, f64>> {
    let seconds = bench.seconds();
    let mut running = bench.start(setting)?;
    let mut listeners = Listeners::connect(running.system.address, "/", "/broadcast", CLIENTS)?;
    let (measured, usages) = running.watched(|_| measure(&mut listeners, seconds))?;
    drop(listeners);
    running.system.stop()?;
    Ok(figures(measured, &usages))
}

/// Messages a second, and how long one broadcast takes to the last client: nanoseconds, of each.
struct Measured {
    per_second: f64,
    ways: Vec<u64>,
}

fn measure(listeners: &mut Listeners, length: Duration) -> Result<Measured> {
    for _ in 0..WARM_UP {
        listeners.once()?;
    }
    let way = |listeners: &mut Listeners| Ok(u64::try_from(listeners.once()?.as_nanos())?);
    let ways = (0..SINGLE).map(|_| way(listeners)).collect::<Result<_>>()?;
    Ok(Measured { per_second: listeners.flood(length)?, ways })
}

fn figures(mut measured: Measured, usages: &Usages) -> BTreeMap<String, f64> {
    let (p50, p99) = p50_p99_ms(&mut measured.ways);
    let mut figures = BTreeMap::from([
        ("messages_per_s".to_owned(), measured.per_second),
        ("reach_p50_ms".to_owned(), p50),
        ("reach_p99_ms".to_owned(), p99),
    ]);
    with_usages(&mut figures, usages);
    figures
}

fn measurement(setting: &Setting, round: u32, figures: BTreeMap<String, f64>) -> Measurement {
    let (scenario, system) = ("broadcast".to_owned(), setting.name.clone());
    Measurement { scenario, system, round, figures, ..Measurement::default() }
}
