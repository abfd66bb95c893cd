//! What people see of `run`: a row for each request and each attempt at a delivery, what handlers print beneath it, and what becomes of saves.
//!
//! A thread of its own prints, so that a terminal which takes nothing (a full pager) holds up neither the server nor Ctrl-C.
//! In: what the command says ([`View`]) and what happens in the server (`feed`, which leaves out what is too much). Out: rows
//! on a terminal (`blocks` puts them together, `rows` is how they look, `stack` what was thrown), lines for everybody else
//! (`plain`).

mod blocks;
mod feed;
mod happened;
mod plain;
mod rows;
mod stack;

use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::Context;
use less_project::{Problem, ProjectName};
use less_server::control::api::{Resources, Step};
use less_server::seen::Echo;
use tokio::runtime::Handle;
use tokio::sync::{mpsc, oneshot};
use tokio::time::{MissedTickBehavior, interval, timeout};

use crate::commands::deploy::words;
use crate::printer::{Printer, Speaker};
use crate::project::Talk;
use crate::render;
use blocks::Blocks;
use feed::{Inbox, Pace, TICK};
use happened::Happened;

/// What the command said and nobody has printed yet.
const TOLD: usize = 256;
/// A stdout that takes nothing more is not waited for any longer at the end.
const LAST_WORDS: Duration = Duration::from_secs(2);
/// How often it is told how much was left out.
const SUMMARIES: Duration = Duration::from_secs(1);

/// How to show things.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Manner {
    pub(crate) json: bool,
    /// Nothing of what went well but what handlers print.
    pub(crate) quiet: bool,
}

/// What the command has to say. Dropped, all of it is printed.
pub(crate) struct View {
    told: mpsc::Sender<Told>,
    ended: oneshot::Receiver<()>,
    is_terminal: bool,
}

enum Told {
    Running(ProjectName, Box<Resources>),
    Step(Step),
    Remark(String),
    Warning(Problem),
    Failure(anyhow::Error),
    /// New code runs.
    Reloaded(String),
}

impl View {
    /// Begins to show; the second is for the server. To be called within a runtime.
    pub(crate) fn open(out: Printer, manner: Manner) -> anyhow::Result<(Self, Echo)> {
        let is_terminal = out.is_terminal();
        let rows = is_terminal && !manner.json && !manner.quiet;
        let (feed, inbox) = feed::feed(if rows { Pace::TERMINAL } else { Pace::PIPE });
        let (told, hears) = mpsc::channel(TOLD);
        let (end, ended) = oneshot::channel();
        let screen = Screen { out, manner, blocks: rows.then(Blocks::default), summed_up: Instant::now() };
        let runtime = Handle::current();
        let print = move || {
            runtime.block_on(screen.show(hears, inbox));
            // Nobody may wait for it any more.
            end.send(()).ok();
        };
        thread::Builder::new().name("view".into()).spawn(print).context("cannot start a thread")?;
        Ok((Self { told, ended, is_terminal }, Arc::new(move |seen| feed.take(seen))))
    }

    /// Whether somebody sits there.
    pub(crate) fn is_terminal(&self) -> bool {
        self.is_terminal
    }

    pub(crate) fn running(&self, name: &ProjectName, resources: &Resources) {
        self.tell(Told::Running(name.clone(), Box::new(resources.clone())));
    }

    pub(crate) fn failure(&self, error: anyhow::Error) {
        self.tell(Told::Failure(error));
    }

    pub(crate) fn reloaded(&self, text: String) {
        self.tell(Told::Reloaded(text));
    }

    /// What the server says of a deployment.
    pub(crate) fn teller(&self) -> impl Fn(Progress) + Send + Sync + use<> {
        let told = self.told.clone();
        move |progress| {
            let message = match progress {
                Progress::Step(step) => Told::Step(step),
                Progress::Warning(problem) => Told::Warning(problem),
            };
            told.try_send(message).ok();
        }
    }

    /// Prints what is left.
    pub(crate) async fn end(self) {
        let Self { told, ended, .. } = self;
        drop(told);
        timeout(LAST_WORDS, ended).await.ok();
    }

    /// A stdout that has taken nothing for so long gets no more.
    fn tell(&self, what: Told) {
        self.told.try_send(what).ok();
    }
}

/// Of a deployment.
pub(crate) enum Progress {
    Step(Step),
    Warning(Problem),
}

impl Talk for View {
    fn remark(&mut self, text: &str) {
        self.tell(Told::Remark(text.to_owned()));
    }

    fn warn(&mut self, problem: &Problem) {
        self.tell(Told::Warning(problem.clone()));
    }
}

struct Screen {
    out: Printer,
    manner: Manner,
    /// On a terminal.
    blocks: Option<Blocks>,
    summed_up: Instant,
}

impl Screen {
    async fn show(mut self, mut hears: mpsc::Receiver<Told>, mut inbox: Inbox) {
        let mut ticks = interval(TICK);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                // In this order: a flood holds up nothing.
                biased;
                told = hears.recv() => match told {
                    Some(told) => self.told(told),
                    None => break,
                },
                _ = ticks.tick() => self.tick(&inbox),
                happened = inbox.next() => self.happened(happened, &mut inbox),
            }
        }
        // Often the reason of an end is in what the handlers printed.
        while let Some(happened) = inbox.try_next() {
            self.one(happened);
        }
        if let Some(blocks) = &mut self.blocks {
            let rows = blocks.rest();
            self.rows(&rows);
        }
        self.sum_up(&inbox);
        self.flush();
    }

    /// What came with it, too, so that all of it is written at once.
    fn happened(&mut self, happened: Happened, inbox: &mut Inbox) {
        self.one(happened);
        for _ in 0..256 {
            let Some(happened) = inbox.try_next() else { break };
            self.one(happened);
        }
        self.flush();
    }

    fn one(&mut self, happened: Happened) {
        if self.manner.quiet && matches!(happened, Happened::Request(_) | Happened::Attempt(_)) {
            return;
        }
        if let Some(blocks) = &mut self.blocks {
            let rows = blocks.happened(happened, Instant::now());
            return self.rows(&rows);
        }
        let lines = if self.manner.json {
            plain::json(&happened).iter().map(ToString::to_string).collect()
        } else {
            plain::text(&happened)
        };
        for line in lines {
            // A stdout that takes nothing does not end the app.
            self.out.queue(&line).ok();
        }
    }

    fn rows(&mut self, rows: &[rows::Row]) {
        for row in rows {
            self.out.row(row).ok();
        }
    }

    fn flush(&mut self) {
        self.out.flush().ok();
    }

    fn tick(&mut self, inbox: &Inbox) {
        inbox.refill();
        if let Some(blocks) = &mut self.blocks {
            let rows = blocks.late(Instant::now());
            self.rows(&rows);
        }
        if self.summed_up.elapsed() >= SUMMARIES {
            self.sum_up(inbox);
        }
        self.flush();
    }

    fn sum_up(&mut self, inbox: &Inbox) {
        self.summed_up = Instant::now();
        let left_out = inbox.left_out();
        if self.blocks.is_some() {
            let row = rows::left_out(left_out);
            self.rows(row.as_slice());
        } else if let Some(words) = rows::words_of(left_out) {
            self.out.remark(&format!("{words} came too fast and are not shown"));
        }
    }

    fn told(&mut self, told: Told) {
        match told {
            Told::Running(name, resources) => self.running(&name, &resources),
            Told::Step(step) => self.out.step(words(step)),
            Told::Remark(text) => self.out.remark(&text),
            Told::Warning(problem) => self.out.warn(&problem),
            Told::Failure(error) => self.out.failure(&error),
            Told::Reloaded(text) => {
                self.out.forget_other_warnings();
                if let Some(blocks) = &mut self.blocks {
                    blocks.forget_errors();
                }
                self.out.remark(&text);
            }
        }
    }

    /// Nothing can be done about a stdout that takes nothing.
    fn running(&mut self, name: &ProjectName, resources: &Resources) {
        if self.manner.json {
            self.out.json(resources).ok();
            return;
        }
        self.out.say(Speaker::Local, &format!("App \"{name}\" is running ✅")).ok();
        for line in render::running(resources) {
            self.out.say(Speaker::Local, &line).ok();
        }
    }
}
