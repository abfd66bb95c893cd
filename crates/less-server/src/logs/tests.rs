//! The log against a vector of lines, through crashes of its writer and its files.

use std::collections::VecDeque;
use std::fs::{self, OpenOptions};
use std::io::Write;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use proptest::prelude::*;
use tempfile::TempDir;
use tokio::sync::watch;
use uuid::Uuid;

use super::folder::Folder;
use super::index::{Parts, Wanted};
use super::queue::{Batch, LeftOut, Queue};
use super::writer::Writer;
use super::{Cursor, Line, LogLimits, Logs, Ordered, Query, Reader, Stream, format};

/// Everything.
const END: Cursor = Cursor { segment: u64::MAX, offset: u64::MAX };

fn line(path: &str, time: i64, text: &str) -> Line {
    Line { time, path: path.into(), stream: Stream::Out, invocation: Uuid::from_u128(7), text: text.into() }
}

fn lines(path: &str, count: usize, bytes: usize) -> Vec<Line> {
    (0..count).map(|n| line(path, n as i64, &format!("{n:0bytes$}"))).collect()
}

fn limits(bytes: u64, segment_bytes: u64) -> LogLimits {
    LogLimits { bytes, segment_bytes, ..LogLimits::default() }
}

fn read(dir: &Path, query: &Query) -> Vec<(Line, Cursor)> {
    Reader::open(dir, query, END).unwrap().map(|found| found.unwrap()).collect()
}

fn of(path: &str) -> Query {
    Query { path: Some(path.into()), ..Query::default() }
}

fn texts(found: &[(Line, Cursor)]) -> Vec<&str> {
    found.iter().map(|(line, _)| line.text.as_str()).collect()
}

fn size(dir: &Path) -> u64 {
    fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().metadata().unwrap().len()).sum()
}

#[tokio::test]
async fn every_line_comes_back_in_the_order_in_which_it_was_appended() {
    let dir = TempDir::new().unwrap();
    let logs = Logs::open(dir.path().into(), limits(1 << 30, 8 << 10), || 0).unwrap();
    let all: Vec<Line> = (0..5_000).map(|n| line(&format!("topics/t/s{}", n % 7), n, &format!("line {n} ü"))).collect();
    for line in &all {
        logs.append(line.clone());
    }
    let found = logs.read(&Query::default()).await.unwrap().map(|found| found.unwrap().0);
    assert_eq!(found.collect::<Vec<_>>(), all);
    let found = logs.read(&of("topics/t/s3")).await.unwrap().map(|found| found.unwrap().0);
    let expected = all.iter().filter(|line| &*line.path == "topics/t/s3").cloned();
    assert_eq!(found.collect::<Vec<_>>(), expected.collect::<Vec<_>>());
}

#[tokio::test]
async fn what_was_appended_before_close_is_there_after_it_and_what_comes_later_is_not() {
    let dir = TempDir::new().unwrap();
    let logs = Logs::open(dir.path().into(), LogLimits::default(), || 0).unwrap();
    logs.append(line("a", 1, "before"));
    logs.close().await;
    logs.append(line("a", 2, "after"));
    logs.close().await;
    assert_eq!(texts(&read(dir.path(), &Query::default())), ["before"]);
}

#[tokio::test]
async fn a_log_that_discards_keeps_what_it_had() {
    let dir = TempDir::new().unwrap();
    let opened =
        |discards| Logs::open(dir.path().into(), LogLimits { discards, ..LogLimits::default() }, || 0).unwrap();
    for (discards, text) in [(false, "kept"), (true, "not kept")] {
        let logs = opened(discards);
        logs.append(line("topics/t/s", 0, text));
        logs.close().await;
    }
    assert_eq!(texts(&read(dir.path(), &Query::default())), ["kept"]);
}

#[tokio::test]
async fn a_follower_goes_on_where_it_was_across_a_restart() {
    let dir = TempDir::new().unwrap();
    let mut after = None;
    let mut seen = Vec::new();
    for round in 0..3 {
        let logs = Logs::open(dir.path().into(), limits(1 << 30, 100), || 0).unwrap();
        for n in 0..3 {
            logs.append(line("a", n, &format!("{round}.{n}")));
            for found in logs.read(&Query { after, ..of("a") }).await.unwrap() {
                let (line, cursor) = found.unwrap();
                seen.push(line.text);
                after = Some(cursor.to_string().parse().unwrap());
            }
        }
        logs.close().await;
    }
    assert_eq!(seen, ["0.0", "0.1", "0.2", "1.0", "1.1", "1.2", "2.0", "2.1", "2.2"]);
}

#[test]
fn a_cursor_of_an_earlier_life_begins_anew_and_a_made_up_one_is_harmless() {
    let dir = TempDir::new().unwrap();
    Folder::open(dir.path(), LogLimits::default(), 0).unwrap().append(&lines("a", 3, 1), 0).unwrap();
    let after =
        |cursor: &str| texts(&read(dir.path(), &Query { after: Some(cursor.parse().unwrap()), ..of("a") })).len();
    assert_eq!([after("9:40"), after("1:17"), after("1:99999999"), after("0:5")], [3, 2, 0, 3]);
    assert!("1".parse::<Cursor>().is_err() && "a:b".parse::<Cursor>().is_err());
}

#[test]
fn reading_one_handler_among_many_touches_few_blocks() {
    let dir = TempDir::new().unwrap();
    let mut folder = Folder::open(dir.path(), LogLimits::default(), 0).unwrap();
    for n in 0..40 {
        folder.append(&lines("apis/loud/get", 500, 200), 0).unwrap();
        if n % 20 == 10 {
            folder.append(&[line("topics/rare/one", n, "here")], 0).unwrap();
        }
    }
    let parts = |query: &Query| {
        let end = fs::metadata(format::log_file(dir.path(), 1)).unwrap().len();
        let mut parts = Parts::new(format::open_index(dir.path(), 1).unwrap(), 0, end);
        let wanted = Wanted::new(query.path.as_deref(), query.since);
        std::iter::from_fn(|| parts.next(&wanted).unwrap()).count()
    };
    assert!(parts(&Query::default()) > 70);
    // Two blocks in which it occurs, and the end that is not indexed yet.
    assert_eq!(parts(&of("topics/rare/one")), 3);
    assert_eq!(parts(&Query { since: Some(1_000), ..Query::default() }), 1);
    assert_eq!(texts(&read(dir.path(), &of("topics/rare/one"))), ["here", "here"]);
}

#[test]
fn the_oldest_lines_go_when_there_are_too_many() {
    let dir = TempDir::new().unwrap();
    let mut folder = Folder::open(dir.path(), limits(100_000, 10_000), 0).unwrap();
    for time in 0..2_000 {
        folder.append(&[line("a", time, &"x".repeat(200))], 0).unwrap();
    }
    assert!(size(dir.path()) <= 100_000, "{}", size(dir.path()));
    let times: Vec<i64> = read(dir.path(), &of("a")).iter().map(|(line, _)| line.time).collect();
    assert!(times.len() > 300, "{}", times.len());
    assert_eq!(times, (2_000 - times.len() as i64..2_000).collect::<Vec<_>>());
}

#[test]
fn old_lines_go_even_when_no_new_ones_come() {
    let dir = TempDir::new().unwrap();
    let day = 24 * 3600 * 1000;
    let mut folder = Folder::open(dir.path(), LogLimits::default(), 0).unwrap();
    for today in 0..10 {
        folder.append(&[line("a", today * day, &today.to_string())], today * day).unwrap();
    }
    assert_eq!(texts(&read(dir.path(), &of("a"))), ["2", "3", "4", "5", "6", "7", "8", "9"]);
    folder.tidy(12 * day).unwrap();
    assert_eq!(texts(&read(dir.path(), &of("a"))), ["5", "6", "7", "8", "9"]);
    drop(folder);
    Folder::open(dir.path(), LogLimits::default(), 30 * day).unwrap().tidy(30 * day).unwrap();
    assert_eq!(read(dir.path(), &of("a")), []);
}

#[test]
fn a_full_queue_says_how_many_lines_of_each_handler_it_left_out() {
    let dir = TempDir::new().unwrap();
    let queue = Arc::new(Queue::default());
    for n in 0..100 {
        queue.push(line("loud", n, &"x".repeat(100_000)));
        queue.push(line("quiet", n, "y"));
    }
    let folder = Folder::open(dir.path(), LogLimits::default(), 0).unwrap();
    queue.close();
    Writer { queue, folder, now: || 5, left_out: LeftOut::new(), stored: watch::channel(END).0 }.run();
    let (loud, quiet) = (read(dir.path(), &of("loud")), read(dir.path(), &of("quiet")));
    let told = |found: &[(Line, Cursor)]| {
        // In the order of times, too, the note stands where lines are missing.
        let (last, _) = Ordered::new(found.iter().cloned().map(Ok)).last().unwrap().unwrap();
        assert_eq!((last.stream, &last), (Stream::Less, &found.last().unwrap().0));
        found.len() - 1 + last.text.split(' ').next().unwrap().parse::<usize>().unwrap()
    };
    assert!(loud.len() > 70 && loud.len() < 100);
    assert_eq!((told(&loud), told(&quiet)), (100, 100));
}

#[test]
fn lines_that_the_disk_refused_are_reported_where_they_are_missing() {
    let dir = TempDir::new().unwrap();
    let folder = Folder::open(dir.path(), limits(1 << 30, 1), 0).unwrap();
    let mut writer =
        Writer { queue: Arc::default(), folder, now: || 0, left_out: LeftOut::new(), stored: watch::channel(END).0 };
    let mut write = |lines: &[Line]| writer.write(Batch { lines: lines.to_vec(), ..Batch::default() });
    write(&[line("a", 1, "one")]);
    // Every line begins a new segment here, and the next one's name is taken by a folder.
    fs::create_dir(format::log_file(dir.path(), 2)).unwrap();
    write(&[line("a", 2, "two"), line("b", 2, "two")]);
    write(&[line("a", 3, "three")]);
    fs::remove_dir(format::log_file(dir.path(), 2)).unwrap();
    write(&[line("a", 4, "four")]);
    let note = "2 log lines left out here: the disk did not take them in time";
    assert_eq!(texts(&read(dir.path(), &of("a"))), ["one", note, "four"]);
    assert_eq!(read(dir.path(), &of("b")).len(), 1);
}

#[test]
fn a_file_of_a_newer_version_is_left_alone() {
    let dir = TempDir::new().unwrap();
    fs::write(format::log_file(dir.path(), 4), b"LESSLOG\x02something else").unwrap();
    let mut folder = Folder::open(dir.path(), LogLimits::default(), 0).unwrap();
    folder.append(&[line("a", 0, "new")], 0).unwrap();
    assert_eq!(fs::read(format::log_file(dir.path(), 4)).unwrap(), b"LESSLOG\x02something else");
    assert_eq!(read(dir.path(), &of("a"))[0].1.to_string().split(':').next(), Some("5"));
}

#[test]
fn lines_are_stored_after_the_last_file_has_gone() {
    let dir = TempDir::new().unwrap();
    fs::write(format::log_file(dir.path(), 4), b"LESSLOG\x02something else").unwrap();
    let mut folder = Folder::open(dir.path(), LogLimits::default(), 0).unwrap();
    let now = 8 * 24 * 3600 * 1000;
    folder.tidy(now).unwrap();
    assert_eq!(size(dir.path()), 0, "what is older than a week goes, whoever wrote it");
    folder.append(&[line("a", now, "new")], now).unwrap();
    assert_eq!(texts(&read(dir.path(), &of("a"))), ["new"]);
}

#[test]
fn version_1_on_disk_is_as_it_was() {
    let dir = TempDir::new().unwrap();
    Folder::open(dir.path(), LogLimits::default(), 0x0102).unwrap().append(&[line("a", 3, "hi")], 0x0102).unwrap();
    let invocation = Uuid::from_u128(7);
    let expected = [
        b"LESSLOG\x01\x02\x01\0\0\0\0\0\0".as_slice(),
        &[92, 10, 105, 150, 30, 0, 0, 0, 3, 0, 0, 0, 0, 0, 0, 0, 0],
        invocation.as_bytes(),
        b"\x01\0ahi",
    ];
    assert_eq!(fs::read(format::log_file(dir.path(), 1)).unwrap(), expected.concat());
}

#[tokio::test]
async fn a_line_longer_than_the_limit_is_cut_between_characters() {
    let dir = TempDir::new().unwrap();
    let logs = Logs::open(dir.path().into(), LogLimits::default(), || 0).unwrap();
    logs.append(line("a", 0, &"ü…".repeat(100_000)));
    let (line, _) = logs.read(&of("a")).await.unwrap().next().unwrap().unwrap();
    assert!(line.text.ends_with("… (368928 bytes left out)"));
}

#[derive(Debug, Clone)]
enum Step {
    Append(Vec<(usize, usize)>),
    /// As `kill -9` leaves it.
    Reopen,
    /// As a power cut leaves it: the last segment ends early, or in rubbish.
    CutTail(u64),
    Rubbish(Vec<u8>),
    LoseIndex(usize),
    ShortenIndex(usize, u64),
    Read {
        path: usize,
        since: i64,
        after: usize,
    },
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        6 => prop::collection::vec((0..5usize, 0..400usize), 1..60).prop_map(Step::Append),
        1 => Just(Step::Reopen),
        1 => (1..2_000u64).prop_map(Step::CutTail),
        1 => prop::collection::vec(any::<u8>(), 1..40).prop_map(Step::Rubbish),
        1 => any::<usize>().prop_map(Step::LoseIndex),
        1 => (any::<usize>(), 0..300u64).prop_map(|(which, bytes)| Step::ShortenIndex(which, bytes)),
        4 => (0..5usize, 0..200i64, any::<usize>()).prop_map(|(path, since, after)| Step::Read { path, since, after }),
    ];
    prop::collection::vec(step, 1..40)
}

/// The log, and beside it what it has to contain.
struct Modelled {
    dir: TempDir,
    folder: Option<Folder>,
    lines: VecDeque<(Line, Cursor)>,
    time: i64,
}

impl Modelled {
    fn take(&mut self, step: Step) {
        match step {
            Step::Append(given) => self.append(&given),
            Step::Reopen => self.damage(|_| ()),
            Step::CutTail(bytes) => self.cut_tail(bytes),
            Step::Rubbish(bytes) => {
                self.damage(|last| OpenOptions::new().append(true).open(last).unwrap().write_all(&bytes).unwrap());
            }
            Step::LoseIndex(which) => self.damage_index(which, |index| fs::remove_file(index).unwrap()),
            Step::ShortenIndex(which, bytes) => self.damage_index(which, |index| {
                let file = OpenOptions::new().write(true).open(index).unwrap();
                file.set_len(file.metadata().unwrap().len().saturating_sub(bytes)).unwrap();
            }),
            Step::Read { path, since, after } => self.check(path, since, after),
        }
    }

    fn append(&mut self, given: &[(usize, usize)]) {
        let batch: Vec<Line> = given
            .iter()
            .map(|(path, length)| {
                self.time += 1;
                line(&format!("p{path}"), self.time, &"t".repeat(*length))
            })
            .collect();
        self.folder.as_mut().unwrap().append(&batch, 0).unwrap();
        let after = self.lines.back().map(|(_, cursor)| *cursor);
        let stored = read(self.dir.path(), &Query { after, ..Query::default() });
        assert_eq!(stored.iter().map(|(line, _)| line.clone()).collect::<Vec<_>>(), batch);
        self.lines.extend(stored);
    }

    fn damage(&mut self, damage: impl FnOnce(&Path)) {
        self.folder = None;
        damage(&format::log_file(self.dir.path(), *format::segments(self.dir.path()).unwrap().last().unwrap()));
        self.folder = Some(Folder::open(self.dir.path(), limits(1 << 30, 6_000), 0).unwrap());
    }

    fn cut_tail(&mut self, bytes: u64) {
        let last = *format::segments(self.dir.path()).unwrap().last().unwrap();
        let mut left = 0;
        self.damage(|log| {
            let file = OpenOptions::new().write(true).open(log).unwrap();
            left = file.metadata().unwrap().len().saturating_sub(bytes).max(format::LOG_HEAD);
            file.set_len(left).unwrap();
        });
        self.lines.retain(|(_, cursor)| *cursor <= Cursor { segment: last, offset: left });
    }

    fn damage_index(&mut self, which: usize, damage: impl FnOnce(&Path)) {
        let numbers = format::segments(self.dir.path()).unwrap();
        let index = format::index_file(self.dir.path(), numbers[which % numbers.len()]);
        // First under the running writer: a reader must do without.
        damage(&index);
        self.check(0, 0, 0);
        self.damage(|_| ());
    }

    fn check(&self, path: usize, since: i64, after: usize) {
        let after = self.lines.get(after % (self.lines.len() + 1)).map(|(_, cursor)| *cursor);
        let path = format!("p{path}");
        let found = read(self.dir.path(), &Query { path: Some(path.clone()), since: Some(since), after });
        let wanted = |line: &Line| *line.path == *path && line.time >= since;
        let expected = self.lines.iter().filter(|(line, cursor)| wanted(line) && Some(*cursor) > after);
        assert_eq!(found, expected.cloned().collect::<Vec<_>>());
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    #[test]
    fn whatever_happens_to_it_the_log_has_the_lines_that_a_vector_would_have(steps in steps()) {
        let dir = TempDir::new().unwrap();
        let folder = Folder::open(dir.path(), limits(1 << 30, 6_000), 0).unwrap();
        let mut modelled = Modelled { dir, folder: Some(folder), lines: VecDeque::new(), time: 0 };
        modelled.append(&[(0, 0)]);
        for step in steps {
            modelled.take(step);
        }
        modelled.check(0, 0, usize::MAX);
        prop_assert_eq!(modelled.lines, read(modelled.dir.path(), &Query::default()));
    }
}

#[tokio::test]
async fn the_writer_looks_for_old_lines_by_the_clock_it_was_given() {
    let dir = TempDir::new().unwrap();
    let clock = Arc::new(AtomicI64::new(0));
    let now = {
        let clock = clock.clone();
        move || clock.load(Ordering::Relaxed)
    };
    let age = Duration::from_secs(70);
    let logs = Logs::open(dir.path().into(), LogLimits { age, ..LogLimits::default() }, now).unwrap();
    for time in [0, 60_000, 5_000_000, 5_060_000, 9_000_000] {
        clock.store(time, Ordering::Relaxed);
        logs.append(line("a", time, &time.to_string()));
        logs.flush().await;
    }
    let found: Vec<String> = logs.read(&of("a")).await.unwrap().map(|found| found.unwrap().0.text).collect();
    assert_eq!(found, ["9000000"]);
}
