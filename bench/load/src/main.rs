//! `less-bench`: Less measured against the field. See `docs/performance.md` for what it says.

use std::collections::BTreeMap;
use std::io::Write;
use std::path::Path;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use clap::Parser;
use less_bench::args::{Args, Command};
use less_bench::bench::{Bench, Options, say};
use less_bench::catalogue::Catalogue;
use less_bench::guard::guard;
use less_bench::machine::Machine;
use less_bench::ours;
use less_bench::report::{self, Line, Verdict};
use less_bench::results::Results;
use less_bench::scenarios::{ALL, Scenario};
use less_bench::system::States;
use less_bench::versions;

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
        Some(Command::Report { results }) => {
            let results = Results::read(&results)?;
            report::write(&args.root, &results, &Catalogue::read(&args.root)?)?;
            tell(&report::lines(&results)).map(|_| ExitCode::SUCCESS)
        }
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
    let has = |name| scenarios.iter().any(|one| one.name == name);
    // The sweep of workflows chooses the settings of both.
    ensure!(args.into.is_none() || has("workflow") || !has("idle"), "idle goes with workflow: name both");
    many_files()?;
    let root = args.root.canonicalize().with_context(|| format!("there is no {}", args.root.display()))?;
    let catalogue = Catalogue::read(&root)?;
    catalogue.check(&args.systems)?;
    let states = States::below(args.state.as_deref().unwrap_or(&root.join("target/bench")))?;
    let options = options(args);
    let begun = versions::minute();
    let mut bench =
        Bench { root, options, catalogue, states, chosen: Vec::new(), measurements: Vec::new(), wrong: Vec::new() };
    let earlier = args.into.as_deref().map(|path| earlier(path, &bench)).transpose()?;
    for scenario in scenarios {
        // Half an hour of other figures is not thrown away because of one.
        if let Err(error) = scenario.run(&mut bench) {
            bench.wrong.push(format!("{} was not measured: {error:#}", scenario.name));
        }
    }
    conclude(args, &bench, earlier.map(|earlier| (earlier, begun)))
}

/// The run that this one is to be a part of.
fn earlier(path: &Path, bench: &Bench) -> Result<Results> {
    let earlier = Results::read(path)?;
    if let Some(why) = earlier.differs(&of_this_run(bench)?) {
        bail!("this run is no part of {}: {why}", path.display());
    }
    Ok(earlier)
}

/// What is known of a run before anything is measured.
fn of_this_run(bench: &Bench) -> Result<Results> {
    let settings = [
        ("rounds", bench.options.rounds.to_string()),
        ("seconds", bench.options.seconds.to_string()),
        ("warm-up", bench.options.warm_up.to_string()),
        ("workflows on their way", bench.options.in_flight.to_string()),
    ];
    Ok(Results {
        date: versions::today(),
        machine: Machine::this(),
        versions: versions::of_all(&bench.root, &ours::cli(&bench.root)?),
        settings: settings.map(|(name, value)| (name.to_owned(), value)).into(),
        later: BTreeMap::new(),
        measurements: Vec::new(),
    })
}

/// Writes what was measured and tells the targets; success is every line passed and nothing lost.
fn conclude(args: &Args, bench: &Bench, earlier: Option<(Results, String)>) -> Result<ExitCode> {
    let results = Results { measurements: bench.measurements.clone(), ..of_this_run(bench)? };
    let whole = args.scenarios.is_empty() && args.systems.is_empty() && !args.quick;
    let usual = bench.root.join("bench/results").join(format!("{}.json", results.date));
    if let (Some(path), Some((mut all, begun))) = (&args.into, earlier) {
        all.take(results.clone(), &begun);
        all.write(path)?;
        report::write(&bench.root, &all, &bench.catalogue)?;
    } else if let Some(path) = args.out.clone().or_else(|| whole.then_some(usual)) {
        results.write(&path)?;
    }
    if whole && args.into.is_none() {
        report::write(&bench.root, &results, &bench.catalogue)?;
    }
    let mut lines = report::lines(&results);
    if !whole {
        lines.retain(|line| line.verdict != Verdict::NotMeasured);
    }
    let passed = tell(&lines)?;
    for wrong in &bench.wrong {
        say(&format!("WRONG: {wrong}"));
    }
    // A part of the figures, or a first look at them, misses targets for reasons of its own.
    Ok(if bench.wrong.is_empty() && (passed || !whole) { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Prints the table of targets; whether all lines passed.
fn tell(lines: &[Line]) -> Result<bool> {
    write!(std::io::stdout(), "{}", report::table(lines))?;
    Ok(lines.iter().all(|line| line.verdict == Verdict::Pass))
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
        patience: Duration::from_secs_f64(args.patience),
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
