//! The chart: bars of what is compared with others, with the least and the greatest of the rounds as whiskers.

use std::fmt::Write;

use crate::bench::short;
use crate::catalogue::Catalogue;
use crate::report::figures::name;
use crate::results::Results;
use crate::statistics::{Spread, count};

/// A panel: scenario, figure, title.
const PANELS: &[(&str, &str, &str)] = &[
    ("workflow", "complete_per_s", "Complete workflows a second (more is better)"),
    ("idle", "workflow_p50_ms", "One order at a time, ms to its last handler (less is better)"),
    ("hello", "requests_per_s", "Requests a second of a hello route (more is better)"),
];
const WIDTH: f64 = 800.0;
/// Where bars begin, and how long the longest is.
const LEFT: f64 = 310.0;
const LONGEST: f64 = 380.0;
const ROW: f64 = 24.0;
const HEADING: f64 = 40.0;

/// One bar.
struct Bar {
    name: String,
    ours: bool,
    spread: Spread,
}

/// The chart as SVG.
pub(super) fn svg(results: &Results, catalogue: &Catalogue) -> String {
    let mut body = String::new();
    let mut y = 10.0;
    for (scenario, figure, title) in PANELS {
        let bars = bars(results, catalogue, scenario, figure);
        if !bars.is_empty() {
            panel(&mut body, y, title, &bars);
            y += HEADING + ROW * count(bars.len()) + 10.0;
        }
    }
    format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {y}\" width=\"{WIDTH}\" height=\"{y}\" \
         font-family=\"system-ui, sans-serif\" font-size=\"13\">\n\
         <rect width=\"{WIDTH}\" height=\"{y}\" rx=\"8\" fill=\"#ffffff\"/>\n{body}</svg>\n"
    )
}

fn bars(results: &Results, catalogue: &Catalogue, scenario: &str, figure: &str) -> Vec<Bar> {
    let mut bars: Vec<Bar> = Vec::new();
    for one in results.measurements.iter().filter(|one| one.scenario == scenario) {
        let name = name(catalogue, &one.system, &one.setting);
        let spread = Spread::of(&results.figures(scenario, &one.system, &one.setting, figure));
        if let (Some(spread), false) = (spread, bars.iter().any(|bar| bar.name == name)) {
            bars.push(Bar { name, ours: one.system.starts_with("less"), spread });
        }
    }
    bars
}

fn panel(body: &mut String, y: f64, title: &str, bars: &[Bar]) {
    let longest = bars.iter().map(|bar| bar.spread.max).fold(f64::MIN_POSITIVE, f64::max);
    let x = |value: f64| LEFT + value / longest * LONGEST;
    let mut push = |text: std::fmt::Arguments| {
        // Writing to a string does not fail.
        body.write_fmt(text).ok();
    };
    let top = y + 22.0;
    push(format_args!("<text x=\"16\" y=\"{top}\" font-weight=\"600\" fill=\"#1f2937\">{}</text>\n", escaped(title)));
    for (row, bar) in bars.iter().enumerate() {
        let top = y + HEADING + ROW * count(row);
        let (middle, text) = (top + 8.0, top + 12.5);
        let Spread { min, median, max } = bar.spread;
        let colour = if bar.ours { "#2563eb" } else { "#9ca3af" };
        let (label, value) = (LEFT - 10.0, x(max) + 8.0);
        push(format_args!(
            "<text x=\"{label}\" y=\"{text}\" text-anchor=\"end\" fill=\"#374151\">{}</text>\n",
            escaped(&bar.name)
        ));
        push(format_args!(
            "<rect x=\"{LEFT}\" y=\"{top:.1}\" width=\"{:.1}\" height=\"16\" rx=\"2\" fill=\"{colour}\"/>\n",
            x(median) - LEFT
        ));
        push(format_args!(
            "<path d=\"M{0:.1} {middle:.1}H{1:.1}M{0:.1} {2:.1}v8M{1:.1} {2:.1}v8\" stroke=\"#111827\" fill=\"none\"/>\n",
            x(min),
            x(max),
            middle - 4.0
        ));
        push(format_args!("<text x=\"{value:.1}\" y=\"{text:.1}\" fill=\"#111827\">{}</text>\n", short(median)));
    }
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalogue::tests::catalogue;
    use crate::results::tests::{measurement, results};

    #[test]
    fn the_chart_has_a_bar_for_each_system_as_long_as_its_median() {
        let one =
            |system, setting, round, value| measurement("workflow", system, setting, round, "complete_per_s", value);
        let svg = svg(
            &results(vec![
                one("less", "", 1, 10_000.0),
                one("less", "", 2, 20_000.0),
                one("bullmq", "sync", 1, 5_000.0),
                one("a<b", "", 1, 2_000.0),
            ]),
            &catalogue(),
        );
        assert!(
            svg.contains("width=\"285.0\" height=\"16\" rx=\"2\" fill=\"#2563eb\""),
            "ours, 15,000 of 20,000:\n{svg}"
        );
        assert!(svg.contains("width=\"95.0\" height=\"16\" rx=\"2\" fill=\"#9ca3af\""), "theirs:\n{svg}");
        assert!(svg.contains("BullMQ, synced") && svg.contains("a&lt;b") && !svg.contains("hello route"), "{svg}");
        assert_eq!(svg.matches("<path").count(), 3);
    }
}
