//! What a run's figures mean: the table of targets, the chart, and the figures of `docs/performance.md`. All of it comes
//! from the results alone, so that it can be made again from the file that a run wrote.

mod chart;
mod figures;
mod page;
mod targets;

use std::fs;
use std::path::Path;

use anyhow::{Context, Result};

use crate::catalogue::Catalogue;
use crate::results::Results;

pub use targets::{Line, Verdict, lines};

/// Writes `docs/performance.svg` and the figures section of `docs/performance.md`.
pub fn write(root: &Path, results: &Results, catalogue: &Catalogue) -> Result<()> {
    fs::write(root.join("docs/performance.svg"), chart::svg(results, catalogue))?;
    let path = root.join("docs/performance.md");
    let text = fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))?;
    let text = page::with_figures(&text, &figures::section(results, catalogue))
        .with_context(|| format!("{} has no place for figures", path.display()))?;
    fs::write(&path, text).with_context(|| format!("cannot write {}", path.display()))
}

/// The table of targets for a terminal.
pub fn table(lines: &[Line]) -> String {
    let width = |column: fn(&Line) -> &str| lines.iter().map(|line| column(line).chars().count()).max().unwrap_or(0);
    let (what, target, measured) = (width(|l| &l.what), width(|l| &l.target), width(|l| &l.measured));
    let row = |line: &Line| {
        let Line { what: a, target: b, measured: c, verdict } = line;
        format!("{a:what$}  {b:target$}  {c:measured$}  {verdict}\n")
    };
    lines.iter().map(row).collect()
}
