//! What was acknowledged and what ran, both told by others than the server; and what follows from the two.
//!
//! Acknowledged publishes come from the load, runs from the file that handlers append to, faults from the scenario.
//! A run may be repeated only across a fault, and only so many: what was in flight, and what was settled in the last
//! 10 ms before a server was killed. Between faults nothing repeats.

use std::collections::{BTreeMap, HashMap};
use std::fs::File;
use std::io::{BufRead, BufReader, Seek, SeekFrom};
use std::path::PathBuf;
use std::time::{Duration, Instant, SystemTime};

use less_tests::harness::PAGE;
use parking_lot::Mutex;

use crate::town::{self, CONCURRENCY, Kind};

/// Settlements are committed no later than this, so a server that dies has forgotten no others.
const UNSETTLED_MS: u64 = 10;

/// How long the last field of a record is.
const MESSAGE_ID: usize = 36;

/// What a fault did, and so what may be repeated because of it: something that ran before its end and after its begin.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Fault {
    /// Milliseconds since 1970.
    pub(crate) from: u64,
    pub(crate) until: u64,
    pub(crate) of: Of,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Of {
    /// The server lost its memory: what was in flight runs again, and what was settled last.
    Server,
    /// Workers were lost or given up: what was in flight runs again.
    Worker,
    /// Nothing may be repeated because of it.
    Nobody,
}

#[derive(Debug, Default)]
struct State {
    /// Where the next line of the file begins.
    read: u64,
    acknowledged: BTreeMap<u64, Kind>,
    runs: HashMap<(&'static str, u64), Run>,
    /// The message of each id in each topic.
    messages: HashMap<(&'static str, u64), String>,
    /// Ids that a topic has twice.
    twice: Vec<String>,
    repeats: Vec<Repeat>,
    /// When each run ended.
    ended: Vec<u64>,
    /// Deliveries of what is acknowledged that have not been seen.
    missing: usize,
    faults: Vec<Fault>,
    /// The first publish that was sent after this and acknowledged: how long after.
    expecting: Option<(Instant, Option<Duration>)>,
    recoveries: Vec<Duration>,
    /// Publishes that were not acknowledged: by status; 0 is a connection that broke.
    refused: BTreeMap<u16, u64>,
}

#[derive(Debug)]
struct Run {
    count: u64,
    last: u64,
}

#[derive(Debug)]
struct Repeat {
    what: String,
    before: u64,
    after: u64,
}

pub(crate) struct Ledger {
    file: PathBuf,
    subscribers: Vec<&'static str>,
    python: bool,
    state: Mutex<State>,
}

/// What it comes to.
#[derive(Debug, Clone, Default)]
pub(crate) struct Tally {
    /// Publishes.
    pub(crate) acknowledged: usize,
    /// Of which so many reached every subscriber.
    pub(crate) delivered: usize,
    /// Deliveries that never came, as `<handler> <id>`.
    pub(crate) lost: Vec<String>,
    /// Runs beyond the first.
    pub(crate) duplicated: u64,
    /// So many would be allowed.
    pub(crate) bound: u64,
    /// The longest time between a run and the fault because of which it was repeated, in milliseconds.
    pub(crate) oldest: u64,
    /// Repeats that no fault explains, and messages that were published twice.
    pub(crate) unexplained: Vec<String>,
    pub(crate) faults: usize,
    pub(crate) recoveries: Vec<Duration>,
    pub(crate) refused: BTreeMap<u16, u64>,
}

impl Ledger {
    pub(crate) fn new(file: PathBuf, python: bool) -> Self {
        Self { file, subscribers: town::all(python), python, state: Mutex::default() }
    }

    /// A publish that was sent at `sent` is answered: it is promised now.
    pub(crate) fn acknowledge(&self, id: u64, kind: Kind, sent: Instant) {
        let state = &mut *self.state.lock();
        let unseen = town::reached(kind, self.python).into_iter().filter(|&to| !state.runs.contains_key(&(to, id)));
        state.missing += unseen.count();
        state.acknowledged.insert(id, kind);
        if let Some((since, took @ None)) = &mut state.expecting
            && sent >= *since
        {
            *took = Some(since.elapsed());
        }
    }

    /// A publish was not acknowledged: it may arrive, and need not.
    pub(crate) fn refuse(&self, status: Option<u16>) {
        *self.state.lock().refused.entry(status.unwrap_or(0)).or_default() += 1;
    }

    pub(crate) fn acknowledged(&self) -> usize {
        self.state.lock().acknowledged.len()
    }

    pub(crate) fn fault(&self, fault: Fault) {
        self.state.lock().faults.push(fault);
    }

    /// Measures from now to the acknowledgement of the first publish that is sent from now on.
    pub(crate) fn expect_recovery(&self) {
        self.state.lock().expecting = Some((Instant::now(), None));
    }

    /// Whether that acknowledgement has come; then it is counted.
    pub(crate) fn has_recovered(&self) -> bool {
        let state = &mut *self.state.lock();
        let Some((_, Some(took))) = state.expecting else { return false };
        state.expecting = None;
        state.recoveries.push(took);
        true
    }

    /// How many deliveries of what is acknowledged have not been seen yet.
    pub(crate) fn missing(&self) -> usize {
        self.read();
        self.state.lock().missing
    }

    /// The same, as far as it was read.
    pub(crate) fn awaited(&self) -> usize {
        self.state.lock().missing
    }

    /// Reads what handlers have appended since the last time.
    pub(crate) fn read(&self) {
        let state = &mut *self.state.lock();
        let Ok(mut file) = File::open(&self.file) else { return };
        file.seek(SeekFrom::Start(state.read)).unwrap();
        let mut lines = BufReader::new(file);
        let mut line = String::new();
        // A line without its end is still being written.
        while lines.read_line(&mut line).unwrap() > 0 && line.ends_with('\n') {
            let record = line.trim_end();
            if !record.is_empty() && !is_torn(record, state.read + record.len() as u64) {
                self.note(state, record);
            }
            state.read += line.len() as u64;
            line.clear();
        }
    }

    fn note(&self, state: &mut State, line: &str) {
        let fields: Vec<_> = line.split(' ').collect();
        let [handler, id, _attempt, _pid, at, message] = fields[..] else { panic!("not a run: {line}") };
        let (id, at): (u64, u64) = (id.parse().unwrap(), at.parse().unwrap());
        let handler = self.subscribers.iter().find(|each| **each == handler);
        let handler = *handler.unwrap_or_else(|| panic!("nobody's run: {line}"));
        let topic = handler.split('/').next().unwrap();
        state.ended.push(at);
        let first = state.messages.entry((topic, id)).or_insert_with(|| message.to_owned());
        if first != message {
            state.twice.push(format!("{topic} has {id} twice: {first}, {message}"));
        }
        match state.runs.get_mut(&(handler, id)) {
            Some(run) => {
                run.count += 1;
                state.repeats.push(Repeat { what: line.to_owned(), before: run.last, after: at });
                run.last = at;
            }
            None => {
                state.runs.insert((handler, id), Run { count: 1, last: at });
                let is_awaited = state.acknowledged.get(&id);
                state.missing -= usize::from(is_awaited.is_some());
            }
        }
    }

    /// Acknowledged ids, for a look at what they left behind.
    pub(crate) fn acknowledged_of(&self, kind: Kind) -> Vec<u64> {
        self.state.lock().acknowledged.iter().filter(|(_, each)| **each == kind).map(|(id, _)| *id).collect()
    }

    pub(crate) fn tally(&self) -> Tally {
        self.read();
        let state = &mut *self.state.lock();
        state.ended.sort_unstable();
        let mut lost = Vec::new();
        let mut delivered = 0;
        for (&id, &kind) in &state.acknowledged {
            let never = town::reached(kind, self.python).into_iter().filter(|&to| !state.runs.contains_key(&(to, id)));
            let before = lost.len();
            lost.extend(never.map(|handler| format!("{handler} {id}")));
            delivered += usize::from(lost.len() == before);
        }
        let explains = |repeat: &Repeat, fault: &Fault| {
            fault.of != Of::Nobody && repeat.before <= fault.until && repeat.after >= fault.from
        };
        let age = |repeat: &Repeat| {
            let fault = state.faults.iter().find(|fault| explains(repeat, fault))?;
            Some(fault.from.saturating_sub(repeat.before))
        };
        let oldest = state.repeats.iter().filter_map(age).max().unwrap_or(0);
        let unexplained =
            state.repeats.iter().filter(|repeat| !state.faults.iter().any(|fault| explains(repeat, fault)));
        let unexplained = unexplained.map(|repeat| format!("repeated without a fault: {}", repeat.what));
        Tally {
            acknowledged: state.acknowledged.len(),
            delivered,
            lost,
            duplicated: state.runs.values().map(|run| run.count - 1).sum(),
            bound: state.faults.iter().map(|fault| self.allowed(fault, &state.ended)).sum(),
            oldest,
            unexplained: unexplained.chain(state.twice.iter().cloned()).collect(),
            faults: state.faults.len(),
            recoveries: state.recoveries.clone(),
            refused: state.refused.clone(),
        }
    }

    /// How many runs this fault may repeat; `ended` is sorted.
    fn allowed(&self, fault: &Fault, ended: &[u64]) -> u64 {
        let in_flight = self.subscribers.len() as u64 * CONCURRENCY;
        let after = |at: u64| ended.partition_point(|each| *each < at);
        match fault.of {
            Of::Server => in_flight + (after(fault.until + 1) - after(fault.from - UNSETTLED_MS)) as u64,
            Of::Worker => in_flight,
            Of::Nobody => 0,
        }
    }
}

impl Tally {
    pub(crate) fn is_good(&self) -> bool {
        self.lost.is_empty() && self.unexplained.is_empty() && self.duplicated <= self.bound
    }
}

/// A process that is killed may leave the first part of its record, up to the end of a page: its run has not ended.
fn is_torn(record: &str, end: u64) -> bool {
    let is_whole = record.rsplit(' ').next().is_some_and(|message| message.len() == MESSAGE_ID);
    !is_whole && end.is_multiple_of(PAGE)
}

/// Milliseconds since 1970, to compare with what handlers note.
pub(crate) fn now() -> u64 {
    let since = SystemTime::UNIX_EPOCH.elapsed().unwrap();
    u64::try_from(since.as_millis()).unwrap()
}
