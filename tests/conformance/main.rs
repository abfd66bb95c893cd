//! The conformance suite: one case per sentence of the contract, through the real binary, each case once per language.
//!
//! `index` lists the sentences, `sections/` has their cases, `projects/` the handlers they drive, written once per
//! language. Every case names a fault in the product that turns it red; `faults` (a program beside this file) tries
//! some. `cargo test -p less-tests --test conformance -- --help` says how to run a part.
#![cfg(test)]

mod args;
mod case;
mod index;
mod report;
mod runner;
mod scene;
mod sections;

use std::process::ExitCode;

use args::{Args, What};
use case::Case;
use runner::Job;

fn main() -> ExitCode {
    let args = match Args::parse(std::env::args().skip(1)) {
        Ok(args) => args,
        Err(wrong) => {
            eprintln!("{wrong}");
            return ExitCode::from(2);
        }
    };
    let chapters = index::read();
    let cases: Vec<Case> =
        sections::ALL.iter().flat_map(|section| section.cases).flat_map(|part| *part).copied().collect();
    match args.what {
        What::Help => println!("{}", args::HELP),
        What::List => report::list(&jobs(&args)),
        What::Faults => report::faults(&jobs(&args)),
        What::Check | What::Run => return check_and_run(&args, &chapters, &cases),
    }
    ExitCode::SUCCESS
}

fn check_and_run(args: &Args, chapters: &[index::Chapter], cases: &[Case]) -> ExitCode {
    // Who asks for a part is at work on it.
    let complaints = if args.is_whole() { index::complaints(chapters, cases) } else { Vec::new() };
    let outcomes = if args.what == What::Run {
        let root = tempfile::Builder::new().prefix("less-conformance-").tempdir().unwrap();
        tempfile::env::override_temp_dir(root.path()).unwrap();
        runner::run(&jobs(args), args.at_once, root.path(), report::red)
    } else {
        Vec::new()
    };
    let is_red = outcomes.iter().any(|outcome| outcome.failure.is_some());
    if args.times {
        report::times(&outcomes);
    }
    if !outcomes.is_empty() {
        report::table(chapters, cases, &outcomes);
    }
    for complaint in &complaints {
        println!("conformance: {complaint}");
    }
    report::summary(chapters, cases, &outcomes);
    if is_red || !complaints.is_empty() { ExitCode::FAILURE } else { ExitCode::SUCCESS }
}

/// What is asked for, the cases of one project together.
fn jobs(args: &Args) -> Vec<Job> {
    let mut jobs = Vec::new();
    for section in sections::ALL {
        for &language in &args.languages {
            let cases = section.cases.iter().flat_map(|part| *part).copied();
            let wanted = cases.filter(|case| case.languages.has(language) && args.wants(case));
            jobs.extend(wanted.map(|case| Job { project: section.project, waits: section.waits, case, language }));
        }
    }
    jobs
}
