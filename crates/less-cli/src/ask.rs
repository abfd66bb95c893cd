//! Options that were not given, asked for at the terminal; where there is none, all of them are named.
//!
//! A prompt takes the terminal's keys one by one and hides its cursor, so Ctrl-C must not end the process in the middle
//! of it: while there is a [`Form`], it ends the prompt instead, and that the command.

use std::io::{IsTerminal, stderr, stdin};

use dialoguer::console::Term;
use dialoguer::theme::{ColorfulTheme, SimpleTheme, Theme};
use dialoguer::{Input, Select};
use less_project::{BadName, Problem};
use tokio::runtime::Runtime;

use crate::failure::{Interrupted, Usage};
use crate::foreground::Signals;
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
    /// Catches Ctrl-C for as long as it is there.
    _runtime: Runtime,
    _signals: Signals,
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
        prompt(terminal).map_err(|error| self.broken = Some(ended(error))).ok()
    }

    pub(crate) fn checked<T>(&mut self, option: &str, checked: Result<T, BadName>) -> Option<T> {
        checked.map_err(|bad| self.problems.push(Problem::new(option, bad.message, bad.hint))).ok()
    }

    /// Whether all that was given and answered is right.
    pub(crate) fn is_right(&self) -> bool {
        self.missing.is_empty() && self.problems.is_empty() && self.broken.is_none()
    }

    /// Why an option is not there. `consequence`: `nothing was created`.
    pub(crate) fn refusal(self, consequence: &str) -> anyhow::Error {
        if let Some(broken) = self.broken {
            return broken;
        }
        if !self.problems.is_empty() {
            return Rejected::new(self.problems, consequence).into();
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
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let signals = {
            let _inside = runtime.enter();
            Signals::listen()?
        };
        let is_coloured = dialoguer::console::colors_enabled_stderr();
        let theme: Box<dyn Theme> =
            if is_coloured { Box::new(ColorfulTheme::default()) } else { Box::new(SimpleTheme) };
        Ok(Self { theme, _runtime: runtime, _signals: signals })
    }
}

/// A prompt that was left.
fn ended(error: dialoguer::Error) -> anyhow::Error {
    // Selecting hides it; a terminal that is gone needs none.
    Term::stderr().show_cursor().ok();
    let dialoguer::Error::IO(error) = error;
    match error.kind() {
        std::io::ErrorKind::Interrupted => Interrupted.into(),
        _ => anyhow::Error::new(error).context("cannot ask on the terminal"),
    }
}
