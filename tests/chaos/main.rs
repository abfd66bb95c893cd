//! The fault suite: what was acknowledged is delivered, whatever breaks. Seeded, so that a run can be repeated.
//!
//! A `scenario` breaks something under a `load` of publishes to the project `town`; the `ledger` has what was
//! acknowledged (told by the clients) and what ran (told by the handlers, outside of the system), and `report` says
//! for each scenario what was lost, what was repeated and how long the recovery took.
//! `cargo test -p less-tests --test chaos -- --help` says how to run a part; `LESS_CLI` names another binary.
#![cfg(test)]

mod args;
mod ledger;
mod load;
mod random;
mod report;
mod scenario;
mod scenarios;
mod scene;
mod server;
mod town;

use std::process::ExitCode;

use args::{Args, What};
use scenario::Scenario;

fn main() -> ExitCode {
    let args = match Args::parse(std::env::args().skip(1)) {
        Ok(args) => args,
        Err(wrong) => {
            eprintln!("{wrong}");
            return ExitCode::from(2);
        }
    };
    let wanted: Vec<&Scenario> = scenarios::ALL.iter().filter(|scenario| args.wants(scenario)).collect();
    match args.what {
        What::Help => println!("{}", args::HELP),
        What::List => wanted.iter().for_each(|scenario| println!("{:24} {}", scenario.name, scenario.about)),
        What::Run if wanted.is_empty() => {
            eprintln!("no scenario has such a name: --list shows them");
            return ExitCode::from(2);
        }
        What::Run => return run(&args, &wanted),
    }
    ExitCode::SUCCESS
}

fn run(args: &Args, wanted: &[&Scenario]) -> ExitCode {
    println!("chaos: seed {}", args.size.seed);
    let mut outcomes = Vec::new();
    for scenario in wanted {
        let outcome = scenario.play(args.size);
        report::line(&outcome);
        outcomes.push(outcome);
        // After each, so that what is ended early has said what it saw.
        report::write(args.size.seed, &outcomes);
    }
    report::summary(args.size.seed, &outcomes);
    if outcomes.iter().all(scenario::Outcome::is_good) { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
