//! What is wrong with a project, said to the author of the handlers.

use std::fmt;

use serde::{Deserialize, Serialize};

/// One mistake: where, what, and a way out.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Problem {
    /// Relative to the project's root; a file may carry a line: `less.config:4`.
    pub path: String,
    pub message: String,
    pub hint: String,
}

impl Problem {
    pub fn new(path: impl Into<String>, message: impl Into<String>, hint: impl Into<String>) -> Self {
        Self { path: path.into(), message: message.into(), hint: hint.into() }
    }

    /// The file and the line in it, so that line 10 comes after line 9.
    fn place(&self) -> (&str, usize) {
        let with_line = self.path.rsplit_once(':').and_then(|(file, line)| Some((file, line.parse().ok()?)));
        with_line.unwrap_or((&self.path, 0))
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.path, self.message)?;
        if self.hint.is_empty() { Ok(()) } else { write!(f, "\n  hint: {}", self.hint) }
    }
}

/// What was found so far: a project with a problem is refused, one with warnings is not.
#[derive(Debug, Default)]
pub(crate) struct Findings {
    pub(crate) problems: Vec<Problem>,
    pub(crate) warnings: Vec<Problem>,
}

impl Findings {
    pub(crate) fn problem(&mut self, path: impl Into<String>, message: impl Into<String>, hint: impl Into<String>) {
        self.problems.push(Problem::new(path, message, hint));
    }

    pub(crate) fn warn(&mut self, path: impl Into<String>, message: impl Into<String>, hint: impl Into<String>) {
        self.warnings.push(Problem::new(path, message, hint));
    }
}

/// By path, so that a list is the same on every machine; each once.
pub(crate) fn in_order(mut problems: Vec<Problem>) -> Vec<Problem> {
    problems.sort_by(|a, b| a.place().cmp(&b.place()).then_with(|| a.cmp(b)));
    problems.dedup();
    problems
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn problems_are_in_the_order_of_files_and_lines() {
        let at = |path: &str| Problem::new(path, "wrong", "right it");
        let sorted = in_order(vec![at("less.config:10"), at("less/a"), at("less.config:9"), at("less/a")]);
        let paths: Vec<&str> = sorted.iter().map(|problem| problem.path.as_str()).collect();
        assert_eq!(paths, ["less.config:9", "less.config:10", "less/a"]);
    }
}
