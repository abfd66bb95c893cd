//! What handlers' lines cost: printed and stored, printed and discarded by the server, not printed at all.

use std::fs;
use std::path::Path;
use std::time::Duration;

use anyhow::{Result, ensure};

use super::ours::workflows;
use crate::bench::{Bench, HANDLERS, ORDERS};
use crate::ours::Ours;
use crate::run::{Length, Pace};

/// Makes a server read what handlers print and throw it away.
const DISCARD: (&str, &str) = ("LESS_LOGS", "discard");
const A_HANDLER: &str = "topics/order_placed/payment_service_process_payment";

pub(super) fn run(bench: &mut Bench) -> Result<()> {
    let project = bench.root.join("bench/systems/less/project");
    let mut silent = Vec::new();
    silence(&project, &project, &mut silent)?;
    ensure!(silent.len() >= HANDLERS as usize, "the handlers of {} print nothing", project.display());
    let variants = [("stored", &[][..], &[][..]), ("discarded", &[], &[DISCARD]), ("silent", &silent[..], &[])];
    for round in 1..=bench.options.rounds {
        for (setting, files, environment) in variants {
            let mut ours = Ours::create(bench, files, HANDLERS)?;
            ours.serve(environment)?;
            ours.deploy()?;
            let pace = Pace::Complete(bench.options.in_flight);
            let warm_up = Length::For(Duration::from_secs_f64(bench.options.warm_up));
            ours.orders(ORDERS, 0, pace, warm_up)?.verify()?;
            let length = Length::For(bench.seconds());
            let (outcome, usages) = ours.watched(|ours| ours.orders(ORDERS, 0, pace, length))?;
            let lines = ours.log_lines(A_HANDLER)?;
            ours.stop()?;
            let mut measurement = workflows("logs", setting, round, outcome, &usages);
            if setting == "discarded" && lines > 0 {
                measurement.void =
                    Some(format!("this server stores lines although {}={} is set", DISCARD.0, DISCARD.1));
            }
            bench.keep(measurement);
        }
    }
    Ok(())
}

/// The files below `folder` that print, without the lines that do.
fn silence(project: &Path, folder: &Path, files: &mut Vec<(String, String)>) -> Result<()> {
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            silence(project, &path, files)?;
        } else {
            let text = fs::read_to_string(&path)?;
            if let (true, Ok(name)) = (text.contains("console.log("), path.strip_prefix(project)) {
                let quiet = text.lines().filter(|line| !line.contains("console.log(")).map(|line| format!("{line}\n"));
                files.push((name.to_string_lossy().into_owned(), quiet.collect()));
            }
        }
    }
    Ok(())
}
