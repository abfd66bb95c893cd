//! Reads a project's lines as they come.
//!
//! It is a reader that goes on: the writer tells where the stored lines end, after each batch and whoever listens, so
//! a follower reads each record once and exactly up to there. One that is slow keeps nobody waiting and holds no
//! lines in memory; it only has more of the files before it. What retention removes before it comes there is lost to it.

use std::io;
use std::path::Path;

use tokio::sync::{OwnedSemaphorePermit, watch};

use super::{Cursor, Line, Query, Reader};

/// The lines that answer a [`Query`], those to come included, each with its cursor. `next` returns none when all that
/// is stored was read, and goes on after `more`. Reads files: not for an async task.
pub struct Follower {
    reader: Reader,
    stored: watch::Receiver<Cursor>,
    _place: OwnedSemaphorePermit,
}

impl Follower {
    pub(super) fn open(
        dir: &Path,
        query: &Query,
        mut stored: watch::Receiver<Cursor>,
        place: OwnedSemaphorePermit,
    ) -> io::Result<Self> {
        let end = *stored.borrow_and_update();
        Ok(Self { reader: Reader::open(dir, query, end)?, stored, _place: place })
    }

    /// Resolves when more lines are stored than were read, wanted ones or not; false once the log is closed and read
    /// to its end. Cancel safe.
    pub async fn more(&mut self) -> bool {
        self.stored.changed().await.is_ok()
    }

    fn read(&mut self) -> io::Result<Option<(Line, Cursor)>> {
        loop {
            if let Some(found) = self.reader.next().transpose()? {
                return Ok(Some(found));
            }
            let end = *self.stored.borrow_and_update();
            if end == self.reader.end() {
                return Ok(None);
            }
            self.reader.go_on(end)?;
        }
    }
}

impl Iterator for Follower {
    type Item = io::Result<(Line, Cursor)>;

    fn next(&mut self) -> Option<Self::Item> {
        self.read().transpose()
    }
}

#[cfg(test)]
mod tests {
    use tempfile::TempDir;
    use uuid::Uuid;

    use super::super::folder::Folder;
    use super::super::{FOLLOWERS, LogLimits, Logs, Stream};
    use super::*;

    fn line(path: &str, text: &str) -> Line {
        Line { time: 1, path: path.into(), stream: Stream::Out, invocation: Uuid::nil(), text: text.into() }
    }

    /// A log that begins a new segment about every ten lines.
    fn logs(dir: &TempDir) -> Logs {
        let limits = LogLimits { segment_bytes: 600, ..LogLimits::default() };
        Logs::open(dir.path().into(), limits, || 0).unwrap()
    }

    fn of(path: &str) -> Query {
        Query { path: Some(path.into()), ..Query::default() }
    }

    /// What can be read now.
    fn texts(follower: &mut Follower) -> Vec<String> {
        follower.map(|found| found.unwrap().0.text).collect()
    }

    fn numbers(range: std::ops::Range<usize>) -> Vec<String> {
        range.map(|number| number.to_string()).collect()
    }

    #[tokio::test]
    async fn every_line_comes_once_and_in_order_however_writing_and_reading_interleave() {
        let dir = TempDir::new().unwrap();
        let logs = logs(&dir);
        logs.append(line("mine", "0"));
        logs.flush().await;
        let mut all = logs.follow(&Query::default()).unwrap().unwrap();
        let mut mine = logs.follow(&of("mine")).unwrap().unwrap();
        let writing = {
            let logs = logs.clone();
            std::thread::spawn(move || {
                for number in 1..3_000 {
                    let path = if number % 3 == 0 { "mine" } else { "other" };
                    logs.append(line(path, &number.to_string()));
                    if number % 50 == 0 {
                        std::thread::yield_now();
                    }
                }
            })
        };
        let (mut seen_all, mut seen_mine) = (Vec::new(), Vec::new());
        while seen_all.len() < 3_000 {
            seen_all.extend(texts(&mut all));
            seen_mine.extend(texts(&mut mine));
            if seen_all.len() < 3_000 {
                assert!(all.more().await);
            }
        }
        seen_mine.extend(texts(&mut mine));
        writing.join().unwrap();
        assert_eq!(seen_all, numbers(0..3_000));
        assert_eq!(seen_mine, numbers(0..3_000).into_iter().step_by(3).collect::<Vec<_>>());
    }

    #[tokio::test]
    async fn a_follower_that_does_not_read_keeps_nobody_waiting_and_misses_nothing() {
        let dir = TempDir::new().unwrap();
        let logs = logs(&dir);
        let mut follower = logs.follow(&of("a")).unwrap().unwrap();
        for number in 0..500 {
            logs.append(line("a", &number.to_string()));
            if number % 100 == 0 {
                logs.flush().await;
            }
        }
        logs.flush().await;
        assert!(follower.more().await);
        assert_eq!(texts(&mut follower), numbers(0..500));
    }

    #[tokio::test]
    async fn a_follower_goes_on_after_the_line_whose_cursor_it_has() {
        let dir = TempDir::new().unwrap();
        let logs = logs(&dir);
        for number in 0..30 {
            logs.append(line("a", &number.to_string()));
        }
        logs.flush().await;
        let mut first = logs.follow(&Query::default()).unwrap().unwrap();
        let (_, cursor) = first.nth(17).unwrap().unwrap();
        let mut second = logs.follow(&Query { after: Some(cursor), ..Query::default() }).unwrap().unwrap();
        assert_eq!(texts(&mut second), numbers(18..30));
    }

    #[tokio::test]
    async fn following_ends_when_the_log_is_closed_after_its_last_line() {
        let dir = TempDir::new().unwrap();
        let logs = logs(&dir);
        let mut follower = logs.follow(&Query::default()).unwrap().unwrap();
        logs.append(line("a", "last"));
        logs.close().await;
        assert!(follower.more().await);
        assert_eq!(texts(&mut follower), ["last"]);
        assert!(!follower.more().await);
    }

    #[test]
    fn what_lies_beyond_the_told_end_is_not_read_before_it_is_told() {
        let dir = TempDir::new().unwrap();
        let mut folder = Folder::open(dir.path(), LogLimits::default(), 0).unwrap();
        let mut append = |text: &str| {
            folder.append(&[line("a", text)], 0).unwrap();
            folder.end()
        };
        let (first, second) = (append("first"), append("second"));
        let mut reader = Reader::open(dir.path(), &Query::default(), first).unwrap();
        assert_eq!(reader.next().unwrap().unwrap(), (line("a", "first"), first));
        assert!(reader.next().is_none());
        reader.go_on(second).unwrap();
        assert_eq!(reader.next().unwrap().unwrap(), (line("a", "second"), second));
    }

    #[tokio::test]
    async fn only_so_many_follow_one_log_at_once() {
        let dir = TempDir::new().unwrap();
        let logs = logs(&dir);
        let follow = || logs.follow(&Query::default()).unwrap();
        let mut followers: Vec<_> = std::iter::from_fn(follow).take(FOLLOWERS + 1).collect();
        assert_eq!(followers.len(), FOLLOWERS);
        followers.pop();
        assert!(follow().is_some());
    }
}
