//! Options that were not given, asked for at the terminal; where there is none, all of them are named.
//!
//! A prompt takes the terminal's keys one by one and hides its cursor. So Ctrl-C, and whoever else ends the process
//! meanwhile, is heard by a thread that gives the terminal back as it was, for the one that asks waits for a key.

use std::io::{IsTerminal, Write, stderr, stdin};
use std::process::exit;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;

use dialoguer::console::Term;
use dialoguer::theme::{ColorfulTheme, SimpleTheme, Theme};
use dialoguer::{Input, Select};
use less_project::{BadName, Problem};
use rustix::termios::{OptionalActions, Termios, tcgetattr, tcsetattr};

use crate::failure::Usage;
use crate::foreground::{INTERRUPTED, Signals};
use crate::project::Rejected;

/// A text, and how it is asked for.
pub(crate) struct Question<'a> {
    /// As typed: `--name`.
    pub(crate) option: &'static str,
    pub(crate) text: &'a str,
    /// The answer to pressing Enter; none: something must be typed.
    pub(crate) default: Option<&'a str>,
}

/// The options of one command. Each that cannot be had is noted, and `refusal` tells of all.
pub(crate) struct Form {
    terminal: Option<Terminal>,
    missing: Vec<&'static str>,
    problems: Vec<Problem>,
    broken: Option<anyhow::Error>,
}

struct Terminal {
    theme: Box<dyn Theme>,
    /// There is nothing more to ask: what is begun then is not broken off.
    is_over: Arc<AtomicBool>,
    /// Ends the process at a signal.
    guard: JoinHandle<()>,
}

impl Form {
    /// Asks where both the answers and the questions have a terminal.
    pub(crate) fn new() -> anyhow::Result<Self> {
        let is_terminal = stdin().is_terminal() && stderr().is_terminal();
        let terminal = if is_terminal { Some(Terminal::open()?) } else { None };
        Ok(Self { terminal, missing: Vec::new(), problems: Vec::new(), broken: None })
    }

    /// Whether there is somebody to ask.
    pub(crate) fn asks(&self) -> bool {
        self.terminal.is_some()
    }

    /// One of `choices`, each a value and what is shown for it.
    pub(crate) fn choice<T: Copy>(
        &mut self,
        given: Option<T>,
        option: &'static str,
        text: &str,
        choices: &[(T, &str)],
    ) -> Option<T> {
        if given.is_some() {
            return given;
        }
        let shown: Vec<&str> = choices.iter().map(|(_, shown)| *shown).collect();
        let index = self.ask(option, |terminal| {
            Select::with_theme(&*terminal.theme).with_prompt(text).items(&shown).default(0).interact()
        })?;
        choices.get(index).map(|(value, _)| *value)
    }

    pub(crate) fn text<T>(
        &mut self,
        given: Option<&str>,
        question: &Question<'_>,
        check: impl Fn(&str) -> Result<T, BadName>,
    ) -> Option<T> {
        let typed = match given {
            Some(given) => given.to_owned(),
            None => self.typed(question, |text| check(text.trim()).map(drop))?,
        };
        self.checked(question.option, check(typed.trim()))
    }

    /// Several, with spaces between them.
    pub(crate) fn texts<T>(
        &mut self,
        given: &[String],
        question: &Question<'_>,
        check: impl Fn(&str) -> Result<T, BadName>,
    ) -> Option<Vec<T>> {
        let given = match given {
            [] => {
                let each = |text: &str| match text.split_whitespace().next() {
                    None => check("").map(drop),
                    Some(_) => text.split_whitespace().try_for_each(|word| check(word).map(drop)),
                };
                let typed = self.typed(question, each)?;
                typed.split_whitespace().map(str::to_owned).collect()
            }
            given => given.to_vec(),
        };
        let checked: Vec<_> = given.iter().map(|word| self.checked(question.option, check(word))).collect();
        checked.into_iter().collect()
    }

    fn typed(&mut self, question: &Question<'_>, check: impl Fn(&str) -> Result<(), BadName>) -> Option<String> {
        self.ask(question.option, |terminal| {
            let mut input = Input::<String>::with_theme(&*terminal.theme).with_prompt(question.text);
            if let Some(default) = question.default {
                input = input.default(default.to_owned());
            }
            // On one line: that much is taken away again when the answer is right.
            let told = |text: &String| check(text).map_err(|bad| format!("{}: {}", bad.message, bad.hint));
            input.validate_with(told).interact_text()
        })
    }

    fn ask<T>(&mut self, option: &'static str, prompt: impl FnOnce(&Terminal) -> dialoguer::Result<T>) -> Option<T> {
        if self.broken.is_some() {
            return None;
        }
        let Some(terminal) = &self.terminal else {
            self.missing.push(option);
            return None;
        };
        match prompt(terminal) {
            Ok(answer) => Some(answer),
            Err(error) => {
                self.broken = self.terminal.take().map(|terminal| terminal.left(error));
                None
            }
        }
    }

    pub(crate) fn checked<T>(&mut self, option: &str, checked: Result<T, BadName>) -> Option<T> {
        checked.map_err(|bad| self.problems.push(Problem::new(option, bad.message, bad.hint))).ok()
    }

    /// Whether all that was given and answered is right.
    pub(crate) fn is_right(&self) -> bool {
        self.missing.is_empty() && self.problems.is_empty() && self.broken.is_none()
    }

    /// Why an option is not there. `consequence`: `nothing was created`.
    pub(crate) fn refusal(mut self, consequence: &str) -> anyhow::Error {
        if let Some(broken) = self.broken.take() {
            return broken;
        }
        if !self.problems.is_empty() {
            return Rejected::new(std::mem::take(&mut self.problems), consequence).into();
        }
        let (noun, verb) = if self.missing.len() == 1 { ("option", "is") } else { ("options", "are") };
        let message = format!(
            "the {noun} {} {verb} missing\n  hint: give {}, or run the command at a terminal, which asks",
            self.missing.join(", "),
            if self.missing.len() == 1 { "it" } else { "them" }
        );
        Usage(message).into()
    }
}

impl Terminal {
    fn open() -> anyhow::Result<Self> {
        let before = tcgetattr(stdin())?;
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let mut signals = {
            let _inside = runtime.enter();
            Signals::listen()?
        };
        let is_over = Arc::new(AtomicBool::new(false));
        let is_over_there = is_over.clone();
        let guard = std::thread::Builder::new().name("terminal".into()).spawn(move || {
            runtime.block_on(signals.next());
            if !is_over_there.load(Ordering::Relaxed) {
                give_up(&before);
            }
        })?;
        let is_coloured = dialoguer::console::colors_enabled_stderr();
        let theme: Box<dyn Theme> =
            if is_coloured { Box::new(ColorfulTheme::default()) } else { Box::new(SimpleTheme) };
        Ok(Self { theme, is_over, guard })
    }

    /// Why a prompt has no answer.
    fn left(self, dialoguer::Error::IO(error): dialoguer::Error) -> anyhow::Error {
        if error.kind() == std::io::ErrorKind::Interrupted && !self.guard.is_finished() {
            // By a signal: the other thread ends the process.
            self.guard.join().ok();
        } else {
            self.is_over.store(true, Ordering::Relaxed);
        }
        anyhow::Error::new(error).context("cannot ask on the terminal")
    }
}

impl Drop for Form {
    fn drop(&mut self) {
        if let Some(terminal) = &self.terminal {
            terminal.is_over.store(true, Ordering::Relaxed);
        }
    }
}

/// Nothing is written while there are questions, so nothing is broken off.
#[expect(clippy::disallowed_methods, reason = "the thread that could return a code waits for a key")]
fn give_up(before: &Termios) {
    // A terminal that is gone needs nothing.
    tcsetattr(stdin(), OptionalActions::Now, before).ok();
    Term::stderr().show_cursor().ok();
    writeln!(stderr(), "\n[less-cli] Interrupted; nothing was created").ok();
    exit(i32::from(INTERRUPTED));
}
