//! One load driven through a system, and what came of it.
//!
//! A closed loop keeps so many requests (or whole workflows) on their way; a fixed rate sends whether or not the system
//! keeps up, and counts latency from when each request *should* have left, so that a stall is paid by all it delayed.

use std::collections::VecDeque;
use std::ops::Range;
use std::time::Duration;

use anyhow::{Result, bail};

use crate::clock;
use crate::connection::Sent;
use crate::drive::{Drive, Ready};
use crate::http::{self, Post};
use crate::machine;
use crate::outcome::Outcome;
use crate::statistics::{ms, percentile, seconds};
use crate::verdict::Effort;

/// What is sent.
#[derive(Clone, Copy)]
pub enum Load<'a> {
    /// Orders, each with a padding of so many bytes, posted to this path.
    Orders { host: &'a str, path: &'a str, pad: usize },
    /// The same request again and again; no workflow follows it.
    Request(&'a [u8]),
    /// The same, and the body that each answer must have.
    Fetch { request: &'a [u8], body: &'a [u8] },
}

/// When the next one is sent.
#[derive(Debug, Clone, Copy)]
pub enum Pace {
    /// So many on their way until they are answered.
    Answered(usize),
    /// So many on their way until their workflow is complete.
    Complete(usize),
    /// A fixed number each second, over at most so many connections.
    Rate { per_second: f64, connections: usize },
}

/// When it ends.
#[derive(Debug, Clone, Copy)]
pub enum Length {
    /// After so long.
    For(Duration),
    /// After so many.
    Count(u64),
}

/// A load.
#[derive(Clone, Copy)]
pub struct Plan<'a> {
    /// What is sent.
    pub load: Load<'a>,
    /// When the next one is sent.
    pub pace: Pace,
    /// When it ends.
    pub length: Length,
    /// How long nothing may be completed before what is missing counts as lost.
    pub patience: Duration,
}

/// A place whose request was refused sends again after this long.
const REST: u64 = 10_000_000;
/// Requests that fail one after the other before the run is given up.
const FAILURES: u64 = 1_000;

impl Drive {
    /// Drives `plan` to its end: everything sent, answered and, as far as patience reaches, complete.
    pub fn run(&mut self, plan: &Plan) -> Result<Outcome> {
        let places = match plan.pace {
            Pace::Answered(places) | Pace::Complete(places) => places,
            Pace::Rate { connections, .. } => connections,
        };
        self.connect(places)?;
        Run::new(self, plan, places).drive_to_the_end()
    }
}

struct Run<'a> {
    drive: &'a mut Drive,
    plan: &'a Plan<'a>,
    post: Option<Post>,
    padding: Vec<u8>,
    free: Vec<u32>,
    /// Places whose request was refused, and when they send again.
    resting: VecDeque<(u64, u32)>,
    began: u64,
    first: u64,
    over: bool,
    /// A request of a fixed rate was due while no connection was free.
    held_up: bool,
    unanswered: usize,
    open: u64,
    lags: Vec<u64>,
    answers: Vec<u64>,
    last_answer: u64,
    /// When a workflow was last completed or a request answered.
    progress: u64,
    sent: u64,
    refused: u64,
    failed: u64,
    other: u64,
}

impl<'a> Run<'a> {
    fn new(drive: &'a mut Drive, plan: &'a Plan<'a>, places: usize) -> Self {
        let (post, padding) = match plan.load {
            Load::Orders { host, path, pad } => (Some(Post::new(host, path)), vec![b'x'; pad]),
            Load::Request(_) | Load::Fetch { .. } => (None, Vec::new()),
        };
        let first = drive.ledger.next();
        let free = (0..u32::try_from(places).unwrap_or(u32::MAX)).rev().collect();
        let began = clock::now();
        Self {
            drive,
            plan,
            post,
            padding,
            free,
            resting: VecDeque::new(),
            began,
            first,
            over: false,
            held_up: false,
            unanswered: 0,
            open: 0,
            lags: Vec::new(),
            answers: Vec::new(),
            last_answer: began,
            progress: began,
            sent: 0,
            refused: 0,
            failed: 0,
            other: 0,
        }
    }

    fn drive_to_the_end(mut self) -> Result<Outcome> {
        let (cpu, idle, duplicated) = (clock::own_cpu(), machine::idle_core_seconds(), self.drive.ledger.duplicated);
        let (mut effort, mut waited) = (None, 0);
        let mut ready = Vec::with_capacity(256);
        loop {
            self.send_due()?;
            let now = clock::now();
            if self.over && effort.is_none() {
                let wall = seconds(now - self.began).max(f64::MIN_POSITIVE);
                effort = Some(Effort {
                    busy: seconds(clock::own_cpu() - cpu) / wall,
                    waited: seconds(waited) / wall,
                    idle_cores: (machine::idle_core_seconds() - idle) / wall,
                    lag_ms: 0.0,
                });
            }
            if self.is_done(now) {
                break;
            }
            self.drive.wait(Duration::from_millis(50), &mut ready)?;
            let woken = clock::now();
            waited += woken - now;
            self.attend(&ready, woken)?;
        }
        let mut effort = effort.unwrap_or_default();
        self.lags.sort_unstable();
        effort.lag_ms = ms(percentile(&self.lags, 0.99));
        Ok(self.outcome(effort, duplicated))
    }

    fn attend(&mut self, ready: &[Ready], now: u64) -> Result<()> {
        for &event in ready {
            match event {
                Ready::Listener => self.drive.accept()?,
                Ready::Timer => self.drive.quiet_timer()?,
                Ready::Reporter(number) => self.hear(number, now)?,
                Ready::Connection { place, writable } => self.serve(place, writable, now)?,
            }
        }
        while self.resting.front().is_some_and(|&(until, _)| until <= now) {
            self.free.extend(self.resting.pop_front().map(|(_, place)| place));
        }
        Ok(())
    }

    /// Nothing more to send, nothing unanswered, nothing owed; or nothing has come for too long.
    fn is_done(&mut self, now: u64) -> bool {
        let impatient = now.saturating_sub(self.progress) > nanoseconds(self.plan.patience);
        if impatient && !self.over {
            // What occupies the places will not come: they are free for others, and it is told as lost in the end.
            self.over = self.unanswered > 0;
            self.release_all();
            self.progress = now;
        }
        self.over && ((self.unanswered == 0 && self.open == 0) || impatient)
    }

    fn release_all(&mut self) {
        let range = self.range();
        for id in range {
            let order = self.drive.ledger.order(id);
            if order.accepted && !order.complete() && !order.released {
                order.released = true;
                if matches!(self.plan.pace, Pace::Complete(_)) {
                    self.free.push(order.place);
                }
            }
        }
    }

    fn send_due(&mut self) -> Result<()> {
        while !self.over {
            let now = clock::now();
            let (intended, over) = self.next(now);
            self.over = over;
            if over {
                break;
            }
            if intended > now {
                self.held_up = false;
                self.drive.wake_at(intended)?;
                break;
            }
            let Some(place) = self.free.pop() else {
                self.held_up = true;
                break;
            };
            if matches!(self.plan.pace, Pace::Rate { .. }) {
                self.lags.push(if self.held_up { 0 } else { now - intended });
            }
            self.send(place, intended, now)?;
        }
        Ok(())
    }

    /// When the next request should leave, and whether there is none.
    fn next(&self, now: u64) -> (u64, bool) {
        let intended = match self.plan.pace {
            Pace::Answered(_) | Pace::Complete(_) => now,
            #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "nanoseconds of a run")]
            Pace::Rate { per_second, .. } => {
                self.began + (crate::statistics::from_u64(self.sent) * 1e9 / per_second) as u64
            }
        };
        let over = match self.plan.length {
            // A system that does not keep up with a rate gets as long again for what is due.
            Length::For(length) => {
                let end = self.began + nanoseconds(length);
                intended >= end || now >= end + nanoseconds(length)
            }
            Length::Count(count) => self.sent >= count,
        };
        (intended, over)
    }

    fn send(&mut self, place: u32, intended: u64, now: u64) -> Result<()> {
        let order = match (&self.plan.load, &self.post) {
            (Load::Orders { .. }, Some(post)) => {
                let id = self.drive.ledger.open(intended, place);
                let mut body = Vec::with_capacity(64 + self.padding.len());
                body.extend_from_slice(b"{\"order\":\"");
                http::decimal(id, &mut body);
                body.extend_from_slice(b"\",\"item\":\"pizza\",\"pad\":\"");
                body.extend_from_slice(&self.padding);
                body.extend_from_slice(b"\"}");
                let request = &mut self.drive.connections[place as usize].request;
                request.clear();
                post.write(&body, request);
                Some(id)
            }
            (Load::Request(bytes) | Load::Fetch { request: bytes, .. }, _) => {
                let request = &mut self.drive.connections[place as usize].request;
                request.clear();
                request.extend_from_slice(bytes);
                None
            }
            (Load::Orders { .. }, None) => None,
        };
        self.sent += 1;
        self.unanswered += 1;
        let sent = Sent { order, intended, at: now };
        match self.drive.connections[place as usize].send(sent) {
            Ok(true) => Ok(()),
            Ok(false) => self.drive.watch_writing(place, true),
            Err(error) => self.fail(place, &error),
        }
    }

    fn serve(&mut self, place: u32, writable: bool, now: u64) -> Result<()> {
        let connection = &mut self.drive.connections[place as usize];
        if writable {
            match connection.flush() {
                Ok(true) => self.drive.watch_writing(place, false)?,
                Ok(false) => {}
                Err(error) => return self.fail(place, &error),
            }
        }
        match self.drive.connections[place as usize].receive() {
            Ok(Some(status)) => self.answered(place, status, now),
            Ok(None) => Ok(()),
            Err(error) => self.fail(place, &error),
        }
    }

    fn answered(&mut self, place: u32, status: u16, now: u64) -> Result<()> {
        let connection = &mut self.drive.connections[place as usize];
        let Some(sent) = connection.sent.take() else { bail!("an answer came that nobody asked for") };
        let close = connection.must_close();
        if let Load::Fetch { body, .. } = self.plan.load {
            self.other += u64::from((200..300).contains(&status) && !connection.answered_with(body));
        }
        self.unanswered -= 1;
        (self.last_answer, self.progress) = (now, now);
        if close {
            self.drive.reconnect(place)?;
        }
        if !(200..300).contains(&status) {
            if status < 500 {
                bail!("the system answered {status} to a good request");
            }
            self.refused += 1;
            self.resting.push_back((now + REST, place));
            return Ok(());
        }
        self.answers.push(now - sent.intended);
        let mut free = true;
        if let Some(id) = sent.order {
            let order = self.drive.ledger.order(id);
            order.accepted = true;
            if !order.complete() {
                self.open += 1;
                free = !matches!(self.plan.pace, Pace::Complete(_));
            }
        }
        if free {
            self.free.push(place);
        }
        Ok(())
    }

    fn hear(&mut self, number: usize, now: u64) -> Result<()> {
        let Drive { completions, ledger, buffer, .. } = &mut *self.drive;
        let (first, waits) = (self.first, matches!(self.plan.pace, Pace::Complete(_)));
        let (open, free, progress) = (&mut self.open, &mut self.free, &mut self.progress);
        completions.read(number, buffer, |record| {
            if !ledger.ran(record.order, record.handler, record.end) {
                return;
            }
            *progress = now;
            let order = ledger.order(record.order);
            if record.order >= first && order.accepted {
                *open -= 1;
                if waits && !order.released {
                    free.push(order.place);
                }
            }
        })
    }

    /// The connection failed: what became of its request is not known, so nothing is owed for it.
    fn fail(&mut self, place: u32, error: &anyhow::Error) -> Result<()> {
        let lost = self.drive.connections[place as usize].sent.take();
        if lost.is_some() {
            self.unanswered -= 1;
            self.failed += 1;
            self.resting.push_back((clock::now() + REST, place));
        }
        if self.failed > FAILURES {
            bail!("{FAILURES} requests failed, the last one because {error:#}");
        }
        self.drive.reconnect(place)
    }

    fn range(&self) -> Range<u64> {
        self.first..self.drive.ledger.next()
    }

    fn outcome(self, effort: Effort, duplicated_before: u64) -> Outcome {
        let range = self.range();
        let complete: Vec<_> = self.drive.ledger.orders(range.clone()).filter(|(_, order)| order.complete()).collect();
        let last = complete.iter().map(|(_, order)| order.last_end).max();
        let workflows = complete.iter().map(|(_, order)| order.last_end.saturating_sub(order.intended)).collect();
        Outcome {
            sent: self.sent,
            accepted: self.answers.len() as u64,
            refused: self.refused,
            failed: self.failed,
            completed: complete.len() as u64,
            lost: self.drive.ledger.lost(range),
            duplicated: self.drive.ledger.duplicated - duplicated_before,
            other: self.other,
            unknown: self.drive.ledger.unknown,
            took: seconds(last.unwrap_or(self.last_answer).saturating_sub(self.began)),
            answered_in: seconds(self.last_answer - self.began),
            workflows,
            answers: self.answers,
            effort,
        }
    }
}

fn nanoseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX / 4)
}
