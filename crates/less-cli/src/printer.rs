//! Everything that is printed goes through here: data to stdout, talk to stderr. A terminal gets what others wrote
//! in a form that it does not obey.
//!
//! A reader that has gone away (`less-cli log … | head`) is no error: what follows is dropped, and
//! who prints without end asks `closed`. A spinner shows only where stderr is a terminal.

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::fmt::Display;
use std::io::{self, BufWriter, IsTerminal, Write};
use std::time::Duration;

use anyhow::Context;
use indicatif::{ProgressBar, ProgressDrawTarget};
use less_project::Problem;

use crate::failure::Failure;
use crate::paint::{Span, Style};
use crate::project::{Rejected, Talk};
use crate::shown::harmless;

/// Who speaks, in front of each line that is meant for people.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Speaker {
    /// Commands that talk to a server.
    Cli,
    /// `build` and `run`.
    Local,
}

pub(crate) struct Printer {
    out: BufWriter<Box<dyn Write + Send>>,
    talk: Box<dyn Write + Send>,
    out_is_terminal: bool,
    talk_is_terminal: bool,
    out_is_coloured: bool,
    talk_is_coloured: bool,
    /// What goes on, when stderr is a terminal.
    spinner: Option<ProgressBar>,
    spins: bool,
    closed: bool,
    /// Failures are data, too.
    for_programs: bool,
    warned: BTreeSet<Problem>,
    /// Warnings since the last reload, told or not.
    found: BTreeSet<Problem>,
}

impl Printer {
    /// Prints to this process's stdout and stderr.
    pub(crate) fn standard() -> Self {
        let plain = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty())
            || std::env::var_os("TERM").is_some_and(|value| value == "dumb");
        Self {
            out: BufWriter::new(Box::new(io::stdout())),
            talk: Box::new(io::stderr()),
            out_is_terminal: io::stdout().is_terminal(),
            talk_is_terminal: io::stderr().is_terminal(),
            out_is_coloured: !plain && io::stdout().is_terminal(),
            talk_is_coloured: !plain && io::stderr().is_terminal(),
            spinner: None,
            spins: io::stderr().is_terminal(),
            closed: false,
            for_programs: false,
            warned: BTreeSet::new(),
            found: BTreeSet::new(),
        }
    }

    /// Prints to `out` and `talk`, as if they were files.
    #[cfg(test)]
    pub(crate) fn to(out: Box<dyn Write + Send>, talk: Box<dyn Write + Send>) -> Self {
        Self {
            out: BufWriter::new(out),
            talk,
            out_is_terminal: false,
            talk_is_terminal: false,
            out_is_coloured: false,
            talk_is_coloured: false,
            spinner: None,
            spins: false,
            closed: false,
            for_programs: false,
            warned: BTreeSet::new(),
            found: BTreeSet::new(),
        }
    }

    /// From now on a failure is told as JSON on stdout.
    pub(crate) fn tell_programs(&mut self) {
        self.for_programs = true;
    }

    /// Nobody reads stdout any more.
    pub(crate) fn closed(&self) -> bool {
        self.closed
    }

    /// A line of data, at once.
    pub(crate) fn line(&mut self, text: &str) -> anyhow::Result<()> {
        self.queue(text)?;
        self.flush()
    }

    /// A line of data among many; `flush` when there are no more for now.
    pub(crate) fn queue(&mut self, text: &str) -> anyhow::Result<()> {
        self.put(&shown(text, self.out_is_terminal))
    }

    fn put(&mut self, text: &str) -> anyhow::Result<()> {
        self.end_step();
        let written = self.out.write_all(text.as_bytes()).and_then(|()| self.out.write_all(b"\n"));
        self.written(written)
    }

    pub(crate) fn flush(&mut self) -> anyhow::Result<()> {
        let written = self.out.flush();
        self.written(written)
    }

    /// A line of data in pieces, each in its colour; `flush` when there are no more for now.
    pub(crate) fn row(&mut self, spans: &[Span]) -> anyhow::Result<()> {
        let pieces = spans.iter().map(|span| self.out_colour(span.style, &shown(&span.text, self.out_is_terminal)));
        let line: String = pieces.collect();
        self.put(&line)
    }

    /// Whether people see stdout as it is written.
    pub(crate) fn is_terminal(&self) -> bool {
        self.out_is_terminal
    }

    /// A value for programs, on one line.
    pub(crate) fn json(&mut self, value: &impl serde::Serialize) -> anyhow::Result<()> {
        let text = serde_json::to_string(value)?;
        self.line(&text)
    }

    /// A result for people: `[less-cli] Deployment complete ✅`.
    pub(crate) fn say(&mut self, speaker: Speaker, text: &str) -> anyhow::Result<()> {
        let text = shown(text, self.out_is_terminal);
        let line =
            format!("{} {}", self.out_colour(Style::Yellow, speaker.tag()), self.out_colour(Style::Green, &text));
        self.put(&line)?;
        self.flush()
    }

    /// A remark on stderr.
    pub(crate) fn remark(&mut self, text: &str) {
        let tag = self.talk_colour(Style::Yellow, Speaker::Cli.tag());
        self.talk(&format!("{tag} {}", shown(text, self.talk_is_terminal)));
    }

    /// Once: the client finds most warnings before the server does, and a reload finds them again.
    pub(crate) fn warn(&mut self, problem: &Problem) {
        self.found.insert(problem.clone());
        if self.warned.insert(problem.clone()) {
            self.remark(&format!("WARNING: {problem}"));
        }
    }

    /// A reload has come to its end: what it did not find any more is told again when it comes back.
    pub(crate) fn forget_other_warnings(&mut self) {
        self.warned = std::mem::take(&mut self.found);
    }

    /// Why a command failed: each problem of a project by itself, or the error with its causes.
    pub(crate) fn failure(&mut self, error: &anyhow::Error) {
        if self.for_programs {
            // A stdout that takes nothing leaves the exit code.
            self.json(&Failure::of(error)).ok();
            return;
        }
        let Some(rejected) = error.downcast_ref::<Rejected>() else { return self.error(&format!("{error:#}")) };
        for problem in &rejected.problems {
            self.error(problem);
        }
        self.remark(&rejected.outcome);
    }

    fn error(&mut self, what: &impl Display) {
        let tag = self.talk_colour(Style::Yellow, Speaker::Cli.tag());
        let word = self.talk_colour(Style::Red, "ERROR:");
        self.talk(&format!("{tag} {word} {}", shown(&what.to_string(), self.talk_is_terminal)));
    }

    /// What goes on now, until something else is printed.
    pub(crate) fn step(&mut self, text: &str) {
        if !self.spins {
            return self.remark(text);
        }
        let spinner = self.spinner.get_or_insert_with(|| {
            let spinner = ProgressBar::new_spinner();
            spinner.set_draw_target(ProgressDrawTarget::stderr());
            spinner.enable_steady_tick(Duration::from_millis(100));
            spinner
        });
        spinner.set_message(shown(text, true).into_owned());
    }

    pub(crate) fn end_step(&mut self) {
        if let Some(spinner) = self.spinner.take() {
            spinner.finish_and_clear();
        }
    }

    /// Asks on stderr, for people at a terminal; the answer without the line's end.
    pub(crate) fn ask(&mut self, question: &str) -> anyhow::Result<String> {
        self.end_step();
        let tag = self.talk_colour(Style::Yellow, Speaker::Cli.tag());
        write!(self.talk, "{tag} {} ", shown(question, self.talk_is_terminal))
            .and_then(|()| self.talk.flush())
            .context("cannot ask on the terminal")?;
        let mut answer = String::new();
        io::stdin().read_line(&mut answer).context("cannot read the answer")?;
        Ok(answer.trim().to_owned())
    }

    /// Nothing can be done about a stderr that takes nothing.
    fn talk(&mut self, text: &str) {
        self.end_step();
        writeln!(self.talk, "{text}").ok();
    }

    fn written(&mut self, result: io::Result<()>) -> anyhow::Result<()> {
        match result {
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => self.closed = true,
            other => other.context("cannot write to stdout")?,
        }
        Ok(())
    }

    fn out_colour(&self, colour: Style, text: &str) -> String {
        if self.out_is_coloured { colour.paint(text) } else { text.to_owned() }
    }

    fn talk_colour(&self, colour: Style, text: &str) -> String {
        if self.talk_is_coloured { colour.paint(text) } else { text.to_owned() }
    }
}

impl Talk for Printer {
    fn remark(&mut self, text: &str) {
        Self::remark(self, text);
    }

    fn warn(&mut self, problem: &Problem) {
        Self::warn(self, problem);
    }
}

fn shown(text: &str, is_terminal: bool) -> Cow<'_, str> {
    if is_terminal { harmless(text) } else { Cow::Borrowed(text) }
}

impl Drop for Printer {
    fn drop(&mut self) {
        self.end_step();
    }
}

impl Speaker {
    fn tag(self) -> &'static str {
        match self {
            Self::Cli => "[less-cli]",
            Self::Local => "[less-local]",
        }
    }
}
