//! The figures section of `docs/performance.md`: the targets first, then a table for each scenario that was run.

use std::fmt::Write;

use crate::bench::short;
use crate::catalogue::Catalogue;
use crate::report::targets::lines;
use crate::results::Results;
use crate::statistics::Spread;

/// A column: its heading and the figure in it.
type Column = (&'static str, &'static str);

/// Scenarios in the sequence of the page, each with its title and columns.
const TABLES: &[(&str, &str, &[Column])] = &[
    (
        "workflow",
        "Complete workflows",
        &[
            ("complete/s", "complete_per_s"),
            ("p50 ms", "workflow_p50_ms"),
            ("p99 ms", "workflow_p99_ms"),
            ("CPU µs/workflow", "cpu_us_per_workflow"),
            ("front MiB", "front_peak_mib"),
            ("broker MiB", "broker_peak_mib"),
            ("server MiB", "server_peak_mib"),
            ("workers MiB", "worker_peak_mib"),
            ("concurrency", "concurrency"),
            ("processes", "processes"),
            ("start s", "ready_s"),
        ],
    ),
    (
        "idle",
        "One order at a time, request to the end of the last of 8 handlers",
        &[
            ("p50 ms", "workflow_p50_ms"),
            ("p99 ms", "workflow_p99_ms"),
            ("answer p50 ms", "answer_p50_ms"),
            ("answer p99 ms", "answer_p99_ms"),
        ],
    ),
    (
        "hello",
        "A route that answers hello, 64 connections",
        &[("requests/s", "requests_per_s"), ("p50 ms", "answer_p50_ms"), ("p99 ms", "answer_p99_ms")],
    ),
    (
        "pages",
        "Files of a site, 64 connections",
        &[
            ("requests/s", "requests_per_s"),
            ("p50 ms", "answer_p50_ms"),
            ("p99 ms", "answer_p99_ms"),
            ("CPU µs/request", "cpu_us_per_request"),
        ],
    ),
    (
        "memory",
        "Memory of our server, without its workers",
        &[
            ("empty MiB", "server_empty_mib"),
            ("with a project MiB", "server_idle_mib"),
            ("at most MiB", "server_peak_mib"),
            ("after MiB", "server_after_mib"),
        ],
    ),
    ("cold-start", "Start of our server to the first answer of a handler", &[("s", "first_answer_s")]),
    (
        "backlog",
        "A million messages that wait",
        &[
            ("complete/s", "complete_per_s"),
            ("CPU µs/workflow", "cpu_us_per_workflow"),
            ("published/s", "published_per_s"),
            ("restart s", "restart_s"),
            ("drained/s", "drained_per_s"),
            ("server MiB", "server_peak_mib"),
        ],
    ),
    (
        "logs",
        "What handlers' lines cost",
        &[("complete/s", "complete_per_s"), ("CPU µs/workflow", "cpu_us_per_workflow"), ("p50 ms", "workflow_p50_ms")],
    ),
    (
        "subscribers",
        "Subscribers of one topic",
        &[
            ("messages/s", "complete_per_s"),
            ("deliveries/s", "deliveries_per_s"),
            ("CPU µs/delivery", "cpu_us_per_delivery"),
            ("idle p50 ms", "idle_p50_ms"),
        ],
    ),
    (
        "payloads",
        "Orders that carry much",
        &[
            ("complete/s", "complete_per_s"),
            ("MiB/s", "mib_per_s"),
            ("p50 ms", "workflow_p50_ms"),
            ("server MiB", "server_peak_mib"),
        ],
    ),
    (
        "connections",
        "Hello over some connections, our server",
        &[("requests/s", "requests_per_s"), ("p50 ms", "answer_p50_ms"), ("p99 ms", "answer_p99_ms")],
    ),
    (
        "broadcast",
        "One message of 1 KB to 1,000 connected clients",
        &[
            ("messages/s", "messages_per_s"),
            ("to the last p50 ms", "reach_p50_ms"),
            ("p99 ms", "reach_p99_ms"),
            ("CPU µs/message", "cpu_us_per_message"),
            ("server MiB", "server_peak_mib"),
        ],
    ),
    (
        "kvs",
        "Key-values through handlers, 64 connections",
        &[("requests/s", "requests_per_s"), ("p50 ms", "answer_p50_ms"), ("p99 ms", "answer_p99_ms")],
    ),
    (
        "files",
        "A file of a gigabyte over one connection, synced when it is sent",
        &[
            ("up MiB/s", "up_mib_per_s"),
            ("down MiB/s", "down_mib_per_s"),
            ("CPU s/GiB", "cpu_s_per_gib"),
            ("server MiB", "server_peak_mib"),
            ("front MiB", "front_peak_mib"),
        ],
    ),
    (
        "languages",
        "Languages: one warm route, one request at a time; then whole workflows",
        &[
            ("answer p50 ms", "answer_p50_ms"),
            ("complete/s", "complete_per_s"),
            ("CPU µs/workflow", "cpu_us_per_workflow"),
        ],
    ),
    (
        "drift",
        "Half an hour of workflows, a round a minute",
        &[
            ("complete/s", "complete_per_s"),
            ("server MiB", "server_resident_mib"),
            ("workers MiB", "worker_resident_mib"),
        ],
    ),
];

/// The section, in Markdown.
pub(super) fn section(results: &Results, catalogue: &Catalogue) -> String {
    let mut text = header(results);
    text.push_str("\n| target | wanted | measured: median (least to greatest) | |\n|---|---|---|---|\n");
    for line in lines(results) {
        push(&mut text, format_args!("| {} | {} | {} | {} |\n", line.what, line.target, line.measured, line.verdict));
    }
    for (scenario, title, columns) in TABLES {
        table(&mut text, results, catalogue, scenario, title, columns);
    }
    text
}

fn header(results: &Results) -> String {
    let machine = &results.machine;
    let mut text = format!(
        "![Less and the alternatives](performance.svg)\n\nMeasured {} on {} cores ({}), {} GiB, Linux {}; the load generator shares the machine.\n",
        results.date, machine.cores, machine.processor, machine.memory_gib, machine.kernel
    );
    let list = |map: &std::collections::BTreeMap<String, String>| {
        map.iter().map(|(name, value)| format!("{name} {value}")).collect::<Vec<_>>().join(", ")
    };
    push(&mut text, format_args!("Versions: {}.\n", list(&results.versions)));
    push(&mut text, format_args!("Settings: {}.\n", list(&results.settings)));
    if !results.later.is_empty() {
        let told: Vec<String> = results.later.iter().map(|(name, at)| format!("{name} ({at})")).collect();
        push(&mut text, format_args!("Measured later than the rest, with the build of then: {}.\n", told.join(", ")));
    }
    text
}

fn table(text: &mut String, results: &Results, catalogue: &Catalogue, scenario: &str, title: &str, columns: &[Column]) {
    let mut rows: Vec<(&str, &str)> = Vec::new();
    for one in results.measurements.iter().filter(|one| one.scenario == scenario) {
        if !rows.contains(&(&one.system, &one.setting)) {
            rows.push((&one.system, &one.setting));
        }
    }
    let cell = |row: &(&str, &str), figure| Spread::of(&results.figures(scenario, row.0, row.1, figure));
    let filled: Vec<&Column> =
        columns.iter().filter(|(_, figure)| rows.iter().any(|row| cell(row, figure).is_some())).collect();
    if filled.is_empty() {
        return;
    }
    let headings: String = filled.iter().map(|(heading, _)| format!(" {heading} |")).collect();
    push(text, format_args!("\n### {title}\n| |{headings}\n|---|{}\n", "---|".repeat(filled.len())));
    for row in &rows {
        let cells: String = filled.iter().map(|(_, figure)| format!(" {} |", told(cell(row, figure)))).collect();
        let void = results.void(scenario, row.0, row.1).map_or_else(String::new, |why| format!(" (void: {why})"));
        push(text, format_args!("| {}{void} |{cells}\n", name(catalogue, row.0, row.1)));
    }
}

fn told(spread: Option<Spread>) -> String {
    match spread {
        None => String::new(),
        // A setting, not a measurement.
        Some(Spread { min, median, max }) if min.to_bits() == max.to_bits() && median.fract().abs() < f64::EPSILON => {
            format!("{median:.0}")
        }
        Some(Spread { min, median, max }) if min.to_bits() == max.to_bits() => short(median),
        Some(Spread { min, median, max }) => format!("{} ({}–{})", short(median), short(min), short(max)),
    }
}

/// A system with its setting, for people.
pub(super) fn name(catalogue: &Catalogue, system: &str, setting: &str) -> String {
    let title = if system == "floor" { "the floor: 4 syncs, 9 hand-overs" } else { catalogue.title(system) };
    match setting {
        "" => title.to_owned(),
        "sync" => format!("{title}, synced"),
        "default" => format!("{title}, not synced at once"),
        other => format!("{title}: {other}"),
    }
}

fn push(text: &mut String, what: std::fmt::Arguments) {
    // Writing to a string does not fail.
    text.write_fmt(what).ok();
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalogue::tests::catalogue;
    use crate::results::tests::{measurement, results};

    #[test]
    fn a_section_has_the_targets_and_a_table_for_what_was_run() {
        let text = section(
            &results(vec![
                measurement("workflow", "less", "", 1, "complete_per_s", 18_000.0),
                measurement("workflow", "less", "", 2, "complete_per_s", 20_000.0),
                measurement("workflow", "bullmq", "sync", 1, "complete_per_s", 1_000.0),
                measurement("workflow", "bullmq", "sync", 1, "concurrency", 64.0),
            ]),
            &catalogue(),
        );
        assert!(
            text.contains("| workflows/s ÷ best durable alternative | ≥ 12 × | 18.0 × (18.0 to 18.0) | PASS |"),
            "{text}"
        );
        assert!(text.contains("| | complete/s | concurrency |\n|---|---|---|\n"), "{text}");
        assert!(text.contains("| Less | 19000 (18000–20000) |  |\n"), "{text}");
        assert!(text.contains("| BullMQ, synced | 1000 | 64 |\n"), "{text}");
        assert!(!text.contains("### Hello") && !text.contains("Key-values"), "{text}");
        assert!(!text.contains("later than the rest"), "{text}");
    }

    #[test]
    fn a_section_says_what_was_measured_later() {
        let mut all = results(vec![measurement("hello", "less", "", 1, "requests_per_s", 1.0)]);
        let part = results(vec![measurement("pages", "less", "page, 2 KiB", 1, "requests_per_s", 2.0)]);
        all.take(part, "2026-01-31 18:05 UTC");
        let text = section(&all, &catalogue());
        assert!(
            text.contains("later than the rest, with the build of then: pages (2026-01-31 18:05 UTC).\n"),
            "{text}"
        );
    }
}
