//! Static files: a small page as it is, and a script in compressed form, 64 connections.

use std::time::Duration;

use anyhow::Result;

use super::hello::answers;
use crate::bench::{Bench, Running, failed};
use crate::http;
use crate::outcome::Outcome;
use crate::run::{Length, Load, Pace, Plan};
use crate::system::Setting;

const SYSTEMS: &[&str] = &["pages-less", "pages-nginx"];
const CONNECTIONS: usize = 64;
/// Each with its path and what of compression the client takes.
const FILES: &[(&str, &str, &str)] =
    &[("page, 2 KiB", "/", "identity"), ("script, 128 KiB", "/assets/app-8d2f1c0a.js", "gzip")];

pub(super) fn run(bench: &mut Bench) -> Result<()> {
    for round in 1..=bench.options.rounds.min(3) {
        for setting in bench.settings("pages", SYSTEMS) {
            if let Err(error) = measure(bench, &setting, round) {
                bench.keep(failed("pages", &setting, round, &error));
            }
        }
    }
    Ok(())
}

fn measure(bench: &mut Bench, setting: &Setting, round: u32) -> Result<()> {
    let mut running = bench.start(setting)?;
    for (file, path, accepted) in FILES {
        get(&mut running, path, accepted, Duration::from_secs_f64(bench.options.warm_up.min(1.0)))?;
        let outcome = get(&mut running, path, accepted, bench.seconds().min(Duration::from_secs(3)))?;
        let of_file = Setting { durability: (*file).to_owned(), ..setting.clone() };
        bench.keep(answers("pages", &of_file, round, outcome));
    }
    running.system.stop()
}

fn get(running: &mut Running, path: &str, accepted: &str, length: Duration) -> Result<Outcome> {
    let request = http::get_in(&running.system.host, &running.system.path(path), accepted);
    let (pace, length) = (Pace::Answered(CONNECTIONS), Length::For(length));
    running.drive.run(&Plan { load: Load::Request(&request), pace, length, patience: Duration::from_secs(10) })
}
