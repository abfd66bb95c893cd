//! The targets, each a line: what, how much is wanted, what was measured, and whether that is enough.

use std::fmt;

use crate::bench::short;
use crate::results::Results;
use crate::statistics::{Spread, from_u64};

/// One target and what came of it.
#[derive(Debug, Clone, PartialEq)]
pub struct Line {
    /// What is measured.
    pub what: String,
    /// What is wanted.
    pub target: String,
    /// What was measured: the median, and the least and greatest of the rounds.
    pub measured: String,
    /// Whether it is enough.
    pub verdict: Verdict,
}

/// What a target's measurement says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// The target is met.
    Pass,
    /// It is not.
    Fail,
    /// The measurement says nothing, and why.
    Void(String),
    /// It was not measured in this run.
    NotMeasured,
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        match self {
            Self::Pass => f.write_str("PASS"),
            Self::Fail => f.write_str("FAIL"),
            Self::Void(why) => write!(f, "void: {why}"),
            Self::NotMeasured => f.write_str("not measured"),
        }
    }
}

/// A system and how it was set.
type Who<'a> = (&'a str, &'a str);

const OURS: Who = ("less", "");
/// Those that answer before what they accepted would survive a power cut.
const NOT_DURABLE: &[Who] = &[("jetstream", "default"), ("bullmq", "default")];
/// Those that do not.
const DURABLE: &[Who] = &[("bullmq", "sync"), ("jetstream", "sync"), ("restate", "")];

/// All targets.
pub fn lines(results: &Results) -> Vec<Line> {
    let workflows = |title: &str, field: &[Who], factor| {
        let best = best(results, field);
        let what = format!("workflows/s ÷ best {title} alternative");
        ratio(results, &what, At::Least(factor), "workflow", "complete_per_s", OURS, best)
    };
    let idle = |name: &str, theirs, factor| {
        let what = format!("idle latency p50 ÷ {name}");
        ratio(results, &what, At::Most(factor), "idle", "workflow_p50_ms", OURS, Some(theirs))
    };
    let hello = |name: &str, theirs, factor| {
        let what = format!("hello requests/s ÷ {name}");
        ratio(results, &what, At::Least(factor), "hello", "requests_per_s", OURS, Some((theirs, "")))
    };
    let against = |scenario, figure, ours: &'static str, theirs: &'static str, what: &str, bound| {
        ratio(results, what, bound, scenario, figure, ("less", ours), Some(("less", theirs)))
    };
    let waiting = results.figures("backlog", "less", "filling", "waiting").first().map_or(1e6, |waiting| *waiting);
    vec![
        workflows("non-durable", NOT_DURABLE, 6.0),
        workflows("durable", DURABLE, 12.0),
        idle("JetStream without sync", ("jetstream", "default"), 0.5),
        idle("the floor", ("floor", ""), 1.7),
        hello("Express", "hello-express", 5.0),
        hello("node:http", "hello-node", 1.2),
        value(results, "server's memory at idle", "MB", ("memory", "", "server_idle_mib"), 25.0),
        value(results, "server's memory at peak", "MB", ("workflow", "", "server_peak_mib"), 120.0),
        lost(results),
        value(
            results,
            &format!("restart with {waiting:.0} waiting messages"),
            "s",
            ("backlog", "restart", "restart_s"),
            5.0,
        ),
        value(results, "server's memory with them", "MB", ("backlog", "restart", "server_peak_mib"), 300.0),
        against(
            "backlog",
            "us_per_workflow",
            "waiting",
            "none",
            &format!("cost per workflow, {waiting:.0} waiting ÷ none"),
            At::Most(1.2),
        ),
        against(
            "logs",
            "us_per_workflow",
            "stored",
            "discarded",
            "cost per workflow, logs stored ÷ discarded",
            At::Most(1.1),
        ),
    ]
}

#[derive(Clone, Copy)]
enum At {
    Least(f64),
    Most(f64),
}

impl At {
    fn holds(self, value: f64) -> bool {
        match self {
            Self::Least(bound) => value >= bound,
            Self::Most(bound) => value <= bound,
        }
    }

    fn text(self, unit: &str) -> String {
        match self {
            Self::Least(bound) => format!("≥ {bound}{unit}"),
            Self::Most(bound) => format!("≤ {bound}{unit}"),
        }
    }
}

/// Which of some systems completed most, by their medians.
fn best<'a>(results: &Results, field: &[Who<'a>]) -> Option<Who<'a>> {
    let medians = field.iter().filter_map(|who| {
        let figures = results.figures("workflow", who.0, who.1, "complete_per_s");
        Some((*who, Spread::of(&figures)?.median))
    });
    medians.max_by(|a, b| a.1.total_cmp(&b.1)).map(|(who, _)| who)
}

fn ratio(
    results: &Results,
    what: &str,
    bound: At,
    scenario: &str,
    figure: &str,
    ours: Who,
    theirs: Option<Who>,
) -> Line {
    let line = |measured, verdict| Line { what: what.to_owned(), target: bound.text(" ×"), measured, verdict };
    let Some(theirs) = theirs else { return line(String::new(), Verdict::NotMeasured) };
    let Some(spread) = Spread::of_ratios(&results.pairs(scenario, figure, ours, theirs)) else {
        return line(String::new(), missing(results, scenario, &[ours, theirs]));
    };
    let measured = format!("{} × ({} to {})", short(spread.median), short(spread.min), short(spread.max));
    line(measured, if bound.holds(spread.median) { Verdict::Pass } else { Verdict::Fail })
}

/// A figure of ours that must not exceed a bound; `where_` is scenario, setting and figure.
fn value(results: &Results, what: &str, unit: &str, where_: (&str, &str, &str), most: f64) -> Line {
    let (scenario, setting, figure) = where_;
    let bound = At::Most(most);
    let line =
        |measured, verdict| Line { what: what.to_owned(), target: bound.text(&format!(" {unit}")), measured, verdict };
    let Some(spread) = Spread::of(&results.figures(scenario, OURS.0, setting, figure)) else {
        return line(String::new(), missing(results, scenario, &[(OURS.0, setting)]));
    };
    // Targets are in MB, the kernel counts in KiB.
    let scale = if figure.ends_with("_mib") { 1.048_576 } else { 1.0 };
    let [min, median, max] = [spread.min, spread.median, spread.max].map(|value| short(value * scale));
    // A limit is one that no round exceeds.
    let verdict = if bound.holds(spread.max * scale) { Verdict::Pass } else { Verdict::Fail };
    line(format!("{median} {unit} ({min} to {max})"), verdict)
}

/// Orders that we accepted and never completed, in any measurement; kills are `make chaos`.
fn lost(results: &Results) -> Line {
    let ours: Vec<_> = results.measurements.iter().filter(|one| one.system.starts_with("less")).collect();
    let wrong: Vec<&str> = ours.iter().filter_map(|one| one.wrong.as_deref()).collect();
    let orders: f64 = ours.iter().filter_map(|one| one.figures.get("completed")).sum();
    let duplicated = ours.iter().filter_map(|one| one.figures.get("duplicated")).sum::<f64>() + 0.0;
    let (measured, verdict) = match wrong.first() {
        Some(first) => (format!("{} measurements lost some; {first}", wrong.len()), Verdict::Fail),
        None if orders > 0.0 => (format!("0 of {orders:.0} ({duplicated:.0} handler runs twice)"), Verdict::Pass),
        None => (String::new(), Verdict::NotMeasured),
    };
    Line { what: "accepted but lost, in all of this run".into(), target: from_u64(0).to_string(), measured, verdict }
}

fn missing(results: &Results, scenario: &str, whose: &[Who]) -> Verdict {
    let why = whose.iter().find_map(|who| results.void(scenario, who.0, who.1));
    why.map_or(Verdict::NotMeasured, |why| Verdict::Void(why.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::results::tests::{measurement, results};

    fn line<'a>(lines: &'a [Line], what: &str) -> &'a Line {
        lines.iter().find(|line| line.what.contains(what)).unwrap()
    }

    #[test]
    fn a_target_is_met_by_the_median_of_ratios_within_rounds() {
        let figure =
            |system, setting, round, value| measurement("workflow", system, setting, round, "complete_per_s", value);
        let results = results(vec![
            figure("less", "", 1, 18_000.0),
            figure("jetstream", "default", 1, 2_000.0),
            figure("bullmq", "default", 1, 900.0),
            figure("less", "", 2, 9_000.0),
            figure("jetstream", "default", 2, 2_000.0),
            figure("less", "", 3, 14_000.0),
            figure("jetstream", "default", 3, 2_000.0),
        ]);
        let all = lines(&results);
        let first = line(&all, "non-durable");
        assert_eq!((first.target.as_str(), &first.verdict), ("≥ 6 ×", &Verdict::Pass));
        assert_eq!(first.measured, "7.00 × (4.50 to 9.00)");
        assert_eq!(line(&all, "best durable").verdict, Verdict::NotMeasured);
    }

    #[test]
    fn void_rounds_do_not_count_and_only_void_ones_say_why() {
        let mut bad = measurement("hello", "less", "", 1, "requests_per_s", 1.0);
        bad.void = Some("the load generator was busy".into());
        let them = measurement("hello", "hello-node", "", 1, "requests_per_s", 100.0);
        let all = lines(&results(vec![bad.clone(), them.clone()]));
        assert_eq!(line(&all, "node:http").verdict, Verdict::Void("the load generator was busy".into()));
        let good = [("less", 130.0), ("hello-node", 100.0)];
        let good = good.map(|(system, value)| measurement("hello", system, "", 2, "requests_per_s", value));
        let all = lines(&results([vec![bad, them], good.to_vec()].concat()));
        assert_eq!(line(&all, "node:http").verdict, Verdict::Pass);
    }

    #[test]
    fn a_limit_holds_in_every_round() {
        let figure = |round, value| measurement("backlog", "less", "restart", round, "restart_s", value);
        let met = lines(&results(vec![figure(1, 3.0), figure(2, 4.9)]));
        assert_eq!(line(&met, "restart").verdict, Verdict::Pass);
        let missed = lines(&results(vec![figure(1, 3.0), figure(2, 5.1), figure(3, 3.0)]));
        assert_eq!(line(&missed, "restart").verdict, Verdict::Fail);
    }

    #[test]
    fn memory_is_told_in_megabytes_not_mebibytes() {
        let all = lines(&results(vec![measurement("memory", "less", "", 1, "server_idle_mib", 24.0)]));
        assert_eq!(line(&all, "at idle").measured, "25.2 MB (25.2 to 25.2)");
        assert_eq!(line(&all, "at idle").verdict, Verdict::Fail);
    }

    #[test]
    fn one_lost_order_anywhere_fails_its_line() {
        let mut one = measurement("workflow", "less", "", 1, "completed", 5_000.0);
        assert_eq!(line(&lines(&results(vec![one.clone()])), "lost").verdict, Verdict::Pass);
        one.wrong = Some("1 of 5000 accepted orders are not complete: 17".into());
        let all = lines(&results(vec![one]));
        assert!(line(&all, "lost").measured.contains("17"));
        assert_eq!(line(&all, "lost").verdict, Verdict::Fail);
    }
}
