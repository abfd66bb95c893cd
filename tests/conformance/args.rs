//! What the suite was asked to do.

use crate::case::{Case, Language};

pub(crate) const HELP: &str = "\
cargo test -p less-tests --test conformance -- [what] [options]

  4.07          the cases of this sentence; 4: of this section; =name: one case; other words: whose names contain one
  --languages   js,ts,py: only these
  --jobs        how many cases at once (default: 3 for each processor, most of them wait)
  --times       how long each case took
  --list        the cases, and run nothing
  --check       whether every sentence has a case and no fault has rotted, and run nothing
  --faults      the cases' faults as JSON, one a line, and run nothing";

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum What {
    Run,
    Help,
    List,
    Check,
    Faults,
}

#[derive(Debug)]
pub(crate) struct Args {
    pub(crate) what: What,
    pub(crate) languages: Vec<Language>,
    pub(crate) at_once: usize,
    pub(crate) times: bool,
    words: Vec<String>,
}

impl Args {
    pub(crate) fn parse(mut given: impl Iterator<Item = String>) -> Result<Self, String> {
        let processors = std::thread::available_parallelism().map_or(2, usize::from);
        let mut args = Self {
            what: What::Run,
            languages: Language::ALL.to_vec(),
            at_once: 3 * processors,
            times: false,
            words: Vec::new(),
        };
        while let Some(word) = given.next() {
            let mut value = || given.next().ok_or_else(|| format!("{word} wants a value"));
            match word.as_str() {
                "--help" | "-h" => args.what = What::Help,
                "--list" => args.what = What::List,
                "--check" => args.what = What::Check,
                "--faults" => args.what = What::Faults,
                "--times" => args.times = true,
                "--jobs" => args.at_once = value()?.parse().map_err(|error| format!("--jobs: {error}"))?,
                "--languages" => args.languages = languages(&value()?)?,
                _ if word.starts_with('-') => return Err(format!("{word} is no option\n{HELP}")),
                _ => args.words.push(word),
            }
        }
        Ok(args)
    }

    /// Every case is asked for.
    pub(crate) fn is_whole(&self) -> bool {
        self.words.is_empty()
    }

    pub(crate) fn wants(&self, case: &Case) -> bool {
        self.words.is_empty() || self.words.iter().any(|word| is_meant(word, case))
    }
}

fn languages(list: &str) -> Result<Vec<Language>, String> {
    let parse = |short| Language::parse(short).ok_or_else(|| format!("{short} is no language: js, ts, py"));
    list.split(',').map(parse).collect()
}

fn is_meant(word: &str, case: &Case) -> bool {
    if word.chars().all(|c| c.is_ascii_digit() || c == '.') {
        case.ids.iter().any(|id| *id == word || id.split('.').next() == Some(word))
    } else if let Some(name) = word.strip_prefix('=') {
        case.name == name
    } else {
        case.name.contains(word)
    }
}
