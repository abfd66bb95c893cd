//! The thread that writes one project's lines.
//!
//! In: batches from the queue. Out: records in the folder. It never ends because of the disk: lines that it could not
//! store are counted per handler, and a line in the log says how many are missing as soon as there is room again.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use uuid::Uuid;

use super::folder::{Folder, Refused};
use super::queue::{Batch, LeftOut, Queue};
use super::{Cursor, Line, Stream};

/// How often old lines are looked for.
const TIDY: Duration = Duration::from_secs(3600);
/// How soon a disk that refused lines is tried again, when no new lines come.
const TRY_AGAIN: Duration = Duration::from_secs(1);

pub(super) struct Writer<Now> {
    pub(super) queue: Arc<Queue>,
    pub(super) folder: Folder,
    /// Ms since 1970.
    pub(super) now: Now,
    /// Lines that are missing at the log's present end.
    pub(super) left_out: LeftOut,
    /// Tells where the stored lines end.
    pub(super) stored: watch::Sender<Cursor>,
}

impl<Now: Fn() -> i64> Writer<Now> {
    /// Runs until the queue is closed and empty.
    pub(super) fn run(mut self) {
        let mut tidied = (self.now)();
        while let Some(batch) = self.queue.take(if self.left_out.is_empty() { TIDY } else { TRY_AGAIN }) {
            self.write(batch);
            let now = (self.now)();
            if now.saturating_sub(tidied) >= TIDY.as_millis() as i64 {
                tidied = now;
                self.tidy(now);
            }
        }
    }

    fn tidy(&mut self, now: i64) {
        if let Err(error) = self.folder.tidy(now) {
            tracing::warn!(%error, "cannot begin a new log segment");
        }
    }

    pub(super) fn write(&mut self, batch: Batch) {
        self.note_left_out(batch.lines.first());
        self.store(&batch.lines);
        for (path, lines) in batch.left_out {
            *self.left_out.entry(path).or_default() += lines;
        }
        self.note_left_out(batch.lines.last());
        for waiter in batch.waiters {
            // Whoever stopped waiting needs no word.
            waiter.send(()).ok();
        }
    }

    fn store(&mut self, lines: &[Line]) {
        // Once lines are missing, the next in the log has to be the note that says so.
        let refused = if self.left_out.is_empty() { self.append(lines) } else { lines };
        for line in refused {
            *self.left_out.entry(line.path.clone()).or_default() += 1;
        }
    }

    /// Beside this line, in the order of times, too: others with earlier times than now may be waiting.
    fn note_left_out(&mut self, beside: Option<&Line>) {
        let now = beside.map_or_else(&self.now, |line| line.time);
        let notes: Vec<Line> = self.left_out.iter().map(|(path, lines)| note(path, *lines, now)).collect();
        let refused = self.append(&notes);
        for note in &notes[..notes.len() - refused.len()] {
            self.left_out.remove(&note.path);
        }
    }

    /// Returns the lines that the disk refused.
    fn append<'a>(&mut self, lines: &'a [Line]) -> &'a [Line] {
        match self.folder.append(lines, (self.now)()) {
            Ok(()) => {
                let end = self.folder.end();
                self.stored.send_if_modified(|told| std::mem::replace(told, end) != end);
                &[]
            }
            Err(Refused { stored, cause }) => {
                let lines = &lines[stored..];
                tracing::warn!(lines = lines.len(), error = %cause, "cannot write handlers' log lines");
                lines
            }
        }
    }
}

fn note(path: &Arc<str>, lines: u64, time: i64) -> Line {
    let text = match lines {
        1 => "1 log line left out here: the disk did not take it in time".into(),
        _ => format!("{lines} log lines left out here: the disk did not take them in time"),
    };
    Line { time, path: path.clone(), stream: Stream::Less, invocation: Uuid::nil(), text }
}
