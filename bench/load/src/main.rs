//! `less-bench`: Less measured against the field. See `docs/performance.md` for what it says.

use std::io::Write;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use clap::Parser;
use less_bench::args::{Args, Command};
use less_bench::bench::{Bench, Options, say};
use less_bench::catalogue::Catalogue;
use less_bench::guard::guard;
use less_bench::scenarios::{ALL, Scenario};
use less_bench::system::States;

fn main() -> ExitCode {
    match begin(Args::parse()) {
        Ok(code) => code,
        Err(error) => {
            say(&format!("less-bench: {error:#}"));
            ExitCode::FAILURE
        }
    }
}

fn begin(args: Args) -> Result<ExitCode> {
    match args.command {
        Some(Command::Guard { command }) => guard(&command),
        Some(Command::List) => list(),
        None => measure(&args),
    }
}

fn list() -> Result<ExitCode> {
    for scenario in ALL {
        let alone = if scenario.by_default { "" } else { "  (alone)" };
        writeln!(std::io::stdout(), "{:<12} {}{alone}", scenario.name, scenario.about)?;
    }
    Ok(ExitCode::SUCCESS)
}

fn measure(args: &Args) -> Result<ExitCode> {
    let scenarios = chosen(&args.scenarios)?;
    many_files()?;
    let root = args.root.canonicalize().with_context(|| format!("there is no {}", args.root.display()))?;
    let catalogue = Catalogue::read(&root)?;
    catalogue.check(&args.systems)?;
    let states = States::below(args.state.as_deref().unwrap_or(&root.join("target/bench")))?;
    let options = options(args);
    let mut bench = Bench { root, options, catalogue, states, measurements: Vec::new(), wrong: Vec::new() };
    for scenario in scenarios {
        scenario.run(&mut bench).with_context(|| format!("while measuring {}", scenario.name))?;
    }
    for wrong in &bench.wrong {
        say(&format!("WRONG: {wrong}"));
    }
    Ok(if bench.wrong.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn options(args: &Args) -> Options {
    let usual = |given: Option<f64>, long, quick| given.unwrap_or(if args.quick { quick } else { long });
    Options {
        rounds: args.rounds.unwrap_or(if args.quick { 1 } else { 5 }),
        seconds: usual(args.seconds, 5.0, 3.0),
        warm_up: usual(args.warm_up, 2.0, 1.5),
        in_flight: args.in_flight,
        systems: args.systems.clone(),
        rate: args.rate,
        quick: args.quick,
        patience: Duration::from_secs(15),
    }
}

fn chosen(names: &[String]) -> Result<Vec<&'static Scenario>> {
    if let Some(name) = names.iter().find(|name| ALL.iter().all(|scenario| scenario.name != **name)) {
        let known: Vec<&str> = ALL.iter().map(|scenario| scenario.name).collect();
        bail!("there is nothing to measure that is called {name}; there is {}", known.join(", "));
    }
    let wanted = |scenario: &&Scenario| {
        if names.is_empty() { scenario.by_default } else { names.iter().any(|name| name == scenario.name) }
    };
    Ok(ALL.iter().filter(wanted).collect())
}

/// A thousand connections need as many files, here and in the systems, which inherit the limit.
fn many_files() -> Result<()> {
    use rustix::process::{Resource, getrlimit, setrlimit};
    let limit = getrlimit(Resource::Nofile);
    setrlimit(Resource::Nofile, rustix::process::Rlimit { current: limit.maximum, ..limit })?;
    Ok(())
}
