//! Puts what an invocation printed beneath the row that tells its end. Pure: what happened in, rows out.
//!
//! Lines wait for the end of their invocation, so that those of several that run at once do not mix; not for long, and not too
//! many of them: then they are shown beneath a row that names their invocation, and so is what follows.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::time::{Duration, Instant};

use less_server::logs::{Line, Stream};
use uuid::Uuid;

use super::happened::{Attempt, Happened, Request, Thrown};
use super::rows::{self, Row};

/// So long lines wait for the end of their invocation.
const WAIT: Duration = Duration::from_millis(150);
/// So many of one, and of all.
const LINES: usize = 200;
const LINES_OF_ALL: usize = 4_000;
/// Errors that need not be shown whole again.
const ERRORS: usize = 64;
/// Invocations that were shown before their end: one that is forgotten is shown as if it were not.
const NAMED: usize = 256;

#[derive(Default)]
pub(super) struct Blocks {
    waiting: HashMap<Uuid, Waiting>,
    /// Lines in all of them.
    lines: usize,
    /// Shown before their end; the latest are last.
    named: VecDeque<Uuid>,
    /// Whose lines the last row was.
    last: Option<Uuid>,
    /// Those that were shown, of which handler and when.
    errors: VecDeque<(Arc<str>, String, i64)>,
}

struct Waiting {
    since: Instant,
    path: Arc<str>,
    time: i64,
    printed: Vec<Printed>,
}

enum Printed {
    Line(Line),
    Thrown(Thrown),
}

impl Blocks {
    /// The rows that can be shown now.
    pub(super) fn happened(&mut self, happened: Happened, now: Instant) -> Vec<Row> {
        match happened {
            Happened::Line(line) => {
                self.printed(line.invocation, line.path.clone(), line.time, Printed::Line(line), now)
            }
            Happened::Thrown(thrown) => {
                self.printed(thrown.invocation, thrown.path.clone(), thrown.time, Printed::Thrown(thrown), now)
            }
            Happened::Request(request) => self.request(&request),
            Happened::Attempt(attempt) => self.attempt(&attempt),
        }
    }

    /// Shows what has waited for long enough.
    pub(super) fn late(&mut self, now: Instant) -> Vec<Row> {
        let is_late = |waiting: &Waiting| now.duration_since(waiting.since) >= WAIT;
        let mut late: Vec<_> = self.waiting.iter().filter(|(_, w)| is_late(w)).map(|(id, w)| (w.since, *id)).collect();
        late.sort_unstable();
        late.into_iter().flat_map(|(_, id)| self.show_early(id)).collect()
    }

    /// Everything, at the end.
    pub(super) fn rest(&mut self) -> Vec<Row> {
        let mut all: Vec<_> = self.waiting.iter().map(|(id, waiting)| (waiting.since, *id)).collect();
        all.sort_unstable();
        all.into_iter().flat_map(|(_, id)| self.show_early(id)).collect()
    }

    /// New code: its errors are new, too.
    pub(super) fn forget_errors(&mut self) {
        self.errors.clear();
    }

    fn printed(&mut self, id: Uuid, path: Arc<str>, time: i64, printed: Printed, now: Instant) -> Vec<Row> {
        let waiting = Waiting { since: now, path, time, printed: Vec::new() };
        self.waiting.entry(id).or_insert(waiting).printed.push(printed);
        self.lines += 1;
        let of_one = self.waiting.get(&id).map_or(0, |waiting| waiting.printed.len());
        // Nobody tells the end of what belongs to no invocation.
        if id.is_nil() || self.named.contains(&id) || of_one >= LINES || self.lines >= LINES_OF_ALL {
            return self.show_early(id);
        }
        Vec::new()
    }

    fn show_early(&mut self, id: Uuid) -> Vec<Row> {
        let Some(waiting) = self.take(id) else { return Vec::new() };
        let mut rows = Vec::new();
        if self.last != Some(id) {
            rows.push(rows::underway(waiting.time, &waiting.path, id));
        }
        if !id.is_nil() && !self.named.contains(&id) {
            self.named.push_back(id);
            if self.named.len() > NAMED {
                self.named.pop_front();
            }
        }
        self.last = Some(id);
        rows.extend(self.beneath(waiting.printed));
        rows
    }

    fn request(&mut self, request: &Request) -> Vec<Row> {
        self.ended(request.invocation, rows::request(request))
    }

    fn attempt(&mut self, attempt: &Attempt) -> Vec<Row> {
        self.ended(attempt.invocation, rows::attempt(attempt))
    }

    fn ended(&mut self, id: Uuid, mut row: Row) -> Vec<Row> {
        if let Some(at) = self.named.iter().position(|named| *named == id) {
            self.named.remove(at);
            row.push(rows::tag(id));
        }
        self.last = None;
        let printed = self.take(id).map_or_else(Vec::new, |waiting| waiting.printed);
        let mut rows = vec![row];
        rows.extend(self.beneath(printed));
        rows
    }

    fn take(&mut self, id: Uuid) -> Option<Waiting> {
        let waiting = self.waiting.remove(&id)?;
        self.lines -= waiting.printed.len();
        Some(waiting)
    }

    fn beneath(&mut self, printed: Vec<Printed>) -> Vec<Row> {
        let has_error = printed.iter().any(|printed| matches!(printed, Printed::Thrown(_)));
        let mut rows = Vec::new();
        for printed in printed {
            match printed {
                // The row above says it, and the error.
                Printed::Line(line) if has_error && is_of_attempt(&line) => {}
                Printed::Line(line) => rows.push(rows::line(&line)),
                Printed::Thrown(thrown) => rows.extend(self.error(thrown)),
            }
        }
        rows
    }

    /// Whole once, then in a line.
    fn error(&mut self, thrown: Thrown) -> Vec<Row> {
        let Thrown { time, path, text, .. } = thrown;
        let known = self.errors.iter().find(|(of, known, _)| *of == path && *known == text);
        if let Some((_, _, before)) = known {
            return vec![rows::thrown_before(&text, *before)];
        }
        let rows = rows::thrown(&text);
        self.errors.push_back((path, text, time));
        if self.errors.len() > ERRORS {
            self.errors.pop_front();
        }
        rows
    }
}

/// `attempt 1 failed: …; next try (attempt 2) in 1.0 s`
fn is_of_attempt(line: &Line) -> bool {
    line.stream == Stream::Less && line.text.starts_with("attempt ")
}

#[cfg(test)]
mod tests {
    use super::super::happened::Ended;
    use super::*;

    fn line(id: u128, text: &str) -> Happened {
        Happened::Line(Line {
            time: 0,
            path: "topics/a/b".into(),
            stream: Stream::Out,
            invocation: Uuid::from_u128(id),
            text: text.into(),
        })
    }

    fn thrown(id: u128) -> Happened {
        let text = "Error: no\n    at x (less/topics/a/b/index.js:1:2)".to_owned();
        Happened::Thrown(Thrown { time: 0, path: "topics/a/b".into(), invocation: Uuid::from_u128(id), text })
    }

    fn attempt(id: u128, ended: Ended) -> Happened {
        let (invocation, took) = (Uuid::from_u128(id), Duration::from_millis(7));
        Happened::Attempt(Attempt { time: 0, path: "topics/a/b".into(), invocation, attempt: 1, took, ended })
    }

    fn texts(rows: &[Row]) -> Vec<String> {
        rows.iter().map(|row| row.iter().map(|span| span.text.as_str()).collect()).collect()
    }

    const OK: &str = "00:00:00.000 a → b ok 7 ms";

    #[test]
    fn lines_stand_beneath_the_end_of_their_invocation() {
        let (mut blocks, now) = (Blocks::default(), Instant::now());
        for happened in [line(1, "one"), line(2, "two"), line(1, "more")] {
            assert!(blocks.happened(happened, now).is_empty());
        }
        assert_eq!(texts(&blocks.happened(attempt(2, Ended::Ok), now)), [OK, "    two"]);
        assert_eq!(texts(&blocks.happened(attempt(1, Ended::Ok), now)), [OK, "    one", "    more"]);
        assert!(blocks.rest().is_empty() && blocks.lines == 0);
    }

    #[test]
    fn what_waits_too_long_is_shown_with_its_name_and_so_is_its_end() {
        let (mut blocks, now) = (Blocks::default(), Instant::now());
        blocks.happened(line(1, "one"), now);
        assert!(blocks.late(now + WAIT / 2).is_empty());
        assert_eq!(texts(&blocks.late(now + WAIT)), ["00:00:00.000 a → b #00000001", "    one"]);
        assert_eq!(texts(&blocks.happened(line(1, "two"), now)), ["    two"]);
        assert_eq!(texts(&blocks.happened(attempt(9, Ended::Ok), now)), [OK]);
        assert_eq!(texts(&blocks.happened(line(1, "three"), now)), ["00:00:00.000 a → b #00000001", "    three"]);
        assert_eq!(texts(&blocks.happened(attempt(1, Ended::Ok), now)), [format!("{OK} #00000001")]);
    }

    #[test]
    fn an_error_is_shown_whole_once() {
        let (mut blocks, now) = (Blocks::default(), Instant::now());
        let again = Ended::Again { after: Duration::from_secs(1) };
        let mut fail = |id| {
            blocks.happened(thrown(id), now);
            let mut told = line(id, "attempt 1 failed: Error: no; next try (attempt 2) in 1.0 s");
            if let Happened::Line(line) = &mut told {
                line.stream = Stream::Less;
            }
            blocks.happened(told, now);
            texts(&blocks.happened(attempt(id, again), now))
        };
        let first = "00:00:00.000 a → b failed, again in 1.0 s 7 ms";
        assert_eq!(
            fail(1),
            [first, "    less/topics/a/b/index.js:1:2  Error: no", "      at x (less/topics/a/b/index.js:1:2)"]
        );
        assert_eq!(fail(2), [first, "    Error: no (as at 00:00:00.000)"]);
    }

    #[test]
    fn what_waits_is_bounded() {
        let (mut blocks, now) = (Blocks::default(), Instant::now());
        let shown: usize = (0..LINES).map(|_| blocks.happened(line(1, "x"), now).len()).sum();
        assert_eq!(shown, LINES + 1);
        for id in 0..2 * LINES_OF_ALL as u128 {
            blocks.happened(line(10 + id, "x"), now);
        }
        assert!(blocks.lines <= LINES_OF_ALL && blocks.named.len() <= NAMED);
    }
}
