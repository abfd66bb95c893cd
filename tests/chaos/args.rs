//! What to run, and how much of it.

use std::time::{Duration, SystemTime};

use crate::scenario::Scenario;

pub(crate) const HELP: &str = "\
cargo test -p less-tests --test chaos -- [<name>…] [options]

  <name>…      only scenarios whose name contains one of these (`=<name>`: only that one)
  --seed N     the same seed decides the same (default: by the clock; it is printed)
  --short      the short version: fewer scenarios, a few rounds each
  --rounds N   how often each scenario breaks something
  --seconds N  how long the load runs before a scenario of one fault breaks something, and after it
  --list       the scenarios, and run nothing";

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum What {
    Run,
    Help,
    List,
}

/// How much a scenario does, and the seed of its decisions.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Size {
    pub(crate) seed: u64,
    pub(crate) is_short: bool,
    rounds: Option<usize>,
    seconds: Option<u64>,
}

#[derive(Debug)]
pub(crate) struct Args {
    pub(crate) what: What,
    pub(crate) size: Size,
    words: Vec<String>,
}

impl Args {
    pub(crate) fn parse(mut given: impl Iterator<Item = String>) -> Result<Self, String> {
        let size = Size { seed: seed_of_the_clock(), is_short: false, rounds: None, seconds: None };
        let mut args = Self { what: What::Run, size, words: Vec::new() };
        while let Some(word) = given.next() {
            let mut number = || {
                let value = given.next().ok_or_else(|| format!("{word} wants a number"))?;
                value.parse::<u64>().map_err(|error| format!("{word} {value}: {error}"))
            };
            match word.as_str() {
                "--help" | "-h" => args.what = What::Help,
                "--list" => args.what = What::List,
                "--short" => args.size.is_short = true,
                "--seed" => args.size.seed = number()?,
                "--rounds" => args.size.rounds = Some(usize::try_from(number()?).unwrap()),
                "--seconds" => args.size.seconds = Some(number()?),
                _ if word.starts_with('-') => return Err(format!("{word} is no option\n{HELP}")),
                _ => args.words.push(word),
            }
        }
        Ok(args)
    }

    /// Who names a scenario gets it, also when the short version has it not.
    pub(crate) fn wants(&self, scenario: &Scenario) -> bool {
        let is_meant = |word: &String| match word.strip_prefix('=') {
            Some(name) => scenario.name == name,
            None => scenario.name.contains(word.as_str()),
        };
        if self.words.is_empty() { scenario.is_short || !self.size.is_short } else { self.words.iter().any(is_meant) }
    }
}

impl Size {
    /// How often to break something, unless `--rounds` says otherwise.
    pub(crate) fn rounds(&self, short: usize, long: usize) -> usize {
        self.rounds.unwrap_or(if self.is_short { short } else { long })
    }

    /// How long the load runs before a fault, and after it, unless `--seconds` says otherwise.
    pub(crate) fn calm(&self) -> Duration {
        let usual = Duration::from_millis(if self.is_short { 500 } else { 4_000 });
        self.seconds.map_or(usual, Duration::from_secs)
    }
}

fn seed_of_the_clock() -> u64 {
    SystemTime::UNIX_EPOCH.elapsed().unwrap().as_secs()
}
