//! Static files: a small page as it is, and a script in compressed form, 64 connections.

use std::fs;
use std::time::Duration;

use anyhow::{Context, Result};

use super::hello::answers;
use super::ours::cpu_of;
use crate::bench::{Bench, Running, failed};
use crate::http;
use crate::outcome::Outcome;
use crate::run::{Length, Load, Pace, Plan};
use crate::statistics::from_u64;
use crate::system::Setting;

const SYSTEMS: &[&str] = &["less", "pages-nginx"];
const CONNECTIONS: usize = 64;
const FILES: &[File] = &[
    File { told: "page, 2 KiB", path: "/", accepted: "identity", name: "index.html" },
    File {
        told: "script, 128 KiB",
        path: "/assets/app-8d2f1c0a.js",
        accepted: "gzip",
        name: "assets/app-8d2f1c0a.js.gz",
    },
];

struct File {
    told: &'static str,
    path: &'static str,
    /// What of compression the client takes.
    accepted: &'static str,
    /// In the site: what is to come.
    name: &'static str,
}

pub(super) fn run(bench: &mut Bench) -> Result<()> {
    for round in 1..=bench.options.rounds {
        for setting in bench.settings("pages", SYSTEMS) {
            if let Err(error) = measure(bench, &setting, round) {
                bench.keep(failed("pages", &setting, round, &error));
            }
        }
    }
    Ok(())
}

fn measure(bench: &mut Bench, setting: &Setting, round: u32) -> Result<()> {
    let (mut running, site) = start(bench, setting)?;
    for file in FILES {
        let path = running.state.join(site).join(file.name);
        let body = fs::read(&path).with_context(|| format!("cannot read {}", path.display()))?;
        get(&mut running, file, &body, Duration::from_secs_f64(bench.options.warm_up.min(1.5)))?;
        let length = bench.seconds().min(Duration::from_secs(3));
        let (outcome, usages) = running.watched(|running| get(running, file, &body, length))?;
        let of_file = Setting { durability: file.told.to_owned(), ..setting.clone() };
        let each = cpu_of(&usages) * 1e6 / from_u64(outcome.accepted.max(1));
        let mut measurement = answers("pages", &of_file, round, outcome);
        measurement.figures.insert("cpu_us_per_request".to_owned(), each);
        bench.keep(measurement);
    }
    running.system.stop()
}

/// The system, and where in its state the site is. Ours is a project of its own, which has a site.
fn start(bench: &mut Bench, setting: &Setting) -> Result<(Running, &'static str)> {
    match setting.name.as_str() {
        "less" => {
            let with_site = Setting { name: "pages-less".into(), ..setting.clone() };
            Ok((bench.start(&with_site)?, "pages/less/statics/pages"))
        }
        _ => Ok((bench.start(setting)?, "site")),
    }
}

fn get(running: &mut Running, file: &File, body: &[u8], length: Duration) -> Result<Outcome> {
    let request = http::get_in(&running.system.host, &running.system.path(file.path), file.accepted);
    let (load, pace) = (Load::Fetch { request: &request, body }, Pace::Answered(CONNECTIONS));
    running.drive.run(&Plan { load, pace, length: Length::For(length), patience: Duration::from_secs(10) })
}
