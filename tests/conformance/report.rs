//! What the suite says: a line for each red case, the table, and what has no case in a language, with the reason.

use std::collections::BTreeMap;

use serde_json::json;

use crate::case::{Case, Language};
use crate::index::{self, Chapter};
use crate::runner::{Job, Outcome};

pub(crate) fn list(jobs: &[Job]) {
    for job in jobs {
        println!("{:3} {} {}", job.language.short(), job.case.ids.join(" "), spoken(job.case.name));
    }
}

pub(crate) fn faults(jobs: &[Job]) {
    let mut cases: BTreeMap<_, (Case, Vec<_>)> = BTreeMap::new();
    for job in jobs {
        cases.entry(job.case.name).or_insert((job.case, Vec::new())).1.push(job.language.short());
    }
    for (name, (case, languages)) in cases {
        let fault = case.fault;
        let (file, find, replace) = (fault.file, fault.find, fault.replace);
        let told = json!({
            "name": name, "ids": case.ids, "languages": languages, "file": file, "find": find, "replace": replace
        });
        println!("{told}");
    }
}

/// As it ends, if it is red.
pub(crate) fn red(outcome: &Outcome) {
    if let Some(said) = &outcome.failure {
        let Job { case, language, .. } = outcome.job;
        println!(
            "RED {} {} {}\n    {}",
            language.short(),
            case.ids.join(" "),
            spoken(case.name),
            said.replace('\n', "\n    ")
        );
    }
}

pub(crate) fn times(outcomes: &[Outcome]) {
    let mut slowest: Vec<_> = outcomes.iter().collect();
    slowest.sort_by_key(|outcome| std::cmp::Reverse(outcome.took));
    for Outcome { job, took, .. } in slowest {
        println!("{:6.1} s {} {}", took.as_secs_f64(), job.language.short(), spoken(job.case.name));
    }
}

/// How a sentence stands in a language.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Standing {
    Green,
    Red,
    /// It makes no sense there.
    Named,
    /// No case was asked for.
    NotRun,
}

fn standing(cases: &[Case], outcomes: &[Outcome], id: &str, language: Language) -> Standing {
    let of_id = || outcomes.iter().filter(|each| each.job.language == language && each.job.case.ids.contains(&id));
    if of_id().any(|outcome| outcome.failure.is_some()) {
        Standing::Red
    } else if of_id().next().is_some() {
        Standing::Green
    } else if index::exception(cases, id, language).is_some() {
        Standing::Named
    } else {
        Standing::NotRun
    }
}

/// Sections × languages, then all that is not there by name.
pub(crate) fn table(chapters: &[Chapter], cases: &[Case], outcomes: &[Outcome]) {
    println!("\n{:36}{:^22}{:^22}{:^22}", "sentences", "JavaScript", "TypeScript", "Python");
    for chapter in chapters {
        let cells = Language::ALL.map(|language| {
            let here = chapter.sentences.iter().filter(|sentence| sentence.not_here.is_none());
            cell(here.map(|sentence| standing(cases, outcomes, sentence.id, language)))
        });
        println!("{:36}{:^22}{:^22}{:^22}", chapter.title, cells[0], cells[1], cells[2]);
    }
    exceptions(chapters, cases);
    println!("\nnot to be seen from outside, or not there yet:");
    for sentence in chapters.iter().flat_map(|chapter| &chapter.sentences) {
        if let Some(why) = sentence.not_here {
            println!("  {}  {why}", sentence.id);
        }
    }
    println!();
}

fn cell(standings: impl Iterator<Item = Standing>) -> String {
    let mut counts: BTreeMap<Standing, usize> = BTreeMap::new();
    standings.for_each(|standing| *counts.entry(standing).or_default() += 1);
    let word = |standing| match standing {
        Standing::Green => "green",
        Standing::Red => "RED",
        Standing::Named => "named",
        Standing::NotRun => "not run",
    };
    let parts: Vec<_> = counts.into_iter().map(|(standing, count)| format!("{count} {}", word(standing))).collect();
    parts.join(" ")
}

fn exceptions(chapters: &[Chapter], cases: &[Case]) {
    println!("\nwhat makes no sense in a language:");
    let mut by_reason: BTreeMap<(&str, Vec<&str>), Vec<&str>> = BTreeMap::new();
    for sentence in chapters.iter().flat_map(|chapter| &chapter.sentences) {
        let named = Language::ALL
            .into_iter()
            .filter_map(|language| Some((index::exception(cases, sentence.id, language)?, language.short())));
        let (reasons, languages): (Vec<_>, Vec<_>) = named.unzip();
        if let Some(why) = reasons.first() {
            by_reason.entry((why, languages)).or_default().push(sentence.id);
        }
    }
    for ((why, languages), ids) in by_reason {
        println!("  {}  {}: {why}", ids.join(" "), languages.join(", "));
    }
}

pub(crate) fn summary(chapters: &[Chapter], cases: &[Case], outcomes: &[Outcome]) {
    let mut counts: BTreeMap<Standing, usize> = BTreeMap::new();
    for sentence in chapters.iter().flat_map(|chapter| &chapter.sentences).filter(|each| each.not_here.is_none()) {
        for language in Language::ALL {
            *counts.entry(standing(cases, outcomes, sentence.id, language)).or_default() += 1;
        }
    }
    let count = |standing| counts.get(&standing).copied().unwrap_or(0);
    let (green, red, named) = (count(Standing::Green), count(Standing::Red), count(Standing::Named));
    let not_run = match count(Standing::NotRun) {
        0 => String::new(),
        count => format!(", {count} not run"),
    };
    println!("conformance: {green} green, {red} red, {named} named{not_run}");
}

/// A fact as people say it.
fn spoken(name: &str) -> String {
    name.replace('_', " ")
}
