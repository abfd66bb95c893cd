//! A project's log as a crash, a bad disk or another program may leave it.
//!
//! Input: a byte of how (bit 0: the checksums of frames are mended; bit 1: what is old goes), and files: a byte
//! (bit 0: an index, else a segment; bit 1: without magic bytes; bit 2: named in another way), a number, a part.

use std::fs;
use std::path::Path;
use std::time::Duration;

use less_server::logs::{Line, LogLimits, Logs, Query, Stream};
use uuid::Uuid;

use crate::input::Input;
use crate::scratch;

const LOG_MAGIC: &[u8] = b"LESSLOG\x01";
const INDEX_MAGIC: &[u8] = b"LESSIDX\x01";
const NOW: i64 = 1_800_000_000_000;
/// More lines than an input has bytes for.
const MOST_LINES: usize = 100_000;

pub(crate) fn run(data: &[u8]) {
    let mut input = Input(data);
    let how = input.byte();
    let folder = scratch::folder();
    let mut folder_is = FolderIs::default();
    while !input.is_empty() {
        let (kind, number) = (input.byte(), input.long());
        folder_is.full |= number > u64::MAX - 4;
        folder_is.indexed |= kind & 1 == 1;
        write(folder.path(), kind, number, input.part(), how & 1 == 1);
    }
    let keeps_all = how & 2 == 0;
    let age = if keeps_all { Duration::MAX } else { LogLimits::default().age };
    let limits = LogLimits { age, segment_bytes: 4096, ..LogLimits::default() };
    scratch::runtime().block_on(async {
        let before = session(folder.path(), &limits, &line("one"), &folder_is).await;
        let after = session(folder.path(), &limits, &line("two"), &folder_is).await;
        assert!(!keeps_all || after.starts_with(&before), "a log that was mended stays as it is");
    });
}

fn write(folder: &Path, kind: u8, number: u64, content: &[u8], mend: bool) {
    let (magic, end, head) = if kind & 1 == 0 { (LOG_MAGIC, "log", 8) } else { (INDEX_MAGIC, "idx", 0) };
    let mut bytes = if kind & 2 == 0 { magic.to_vec() } else { Vec::new() };
    bytes.extend(content);
    if mend {
        mend_frames(&mut bytes, magic.len() + head);
    }
    let name = if kind & 4 == 0 { format!("{number:020}.{end}") } else { format!("{number}.{end}") };
    fs::write(folder.join(name), bytes).expect("a file");
}

#[derive(Default)]
struct FolderIs {
    /// There may be no number left for another segment.
    full: bool,
    /// Somebody wrote an index.
    indexed: bool,
}

/// Opens, stores one line more, and reads everything.
async fn session(folder: &Path, limits: &LogLimits, last: &Line, folder_is: &FolderIs) -> Vec<Line> {
    let logs =
        Logs::open(folder.to_owned(), limits.clone(), || NOW).expect("a log is opened whatever lies in its folder");
    logs.append(last.clone());
    let narrow = Query { path: Some(last.path.to_string()), since: Some(NOW), ..Query::default() };
    let (all, some) = (read(&logs, &Query::default()).await, read(&logs, &narrow).await);
    logs.close().await;
    let is_wanted = |line: &&Line| line.time >= NOW && line.path == last.path;
    let wanted: Vec<Line> = all.iter().filter(is_wanted).cloned().collect();
    // An index that lies hides what it does not name.
    assert!(some == wanted || folder_is.indexed && some.iter().all(|line| wanted.contains(line)), "{some:?}");
    assert!(folder_is.full || all.last() == Some(last), "a line that was stored is there");
    all
}

async fn read(logs: &Logs, query: &Query) -> Vec<Line> {
    let reader = logs.read(query).await.expect("a folder that is read");
    let lines: Vec<Line> = reader.take(MOST_LINES).map(|line| line.expect("a file that is read").0).collect();
    assert!(lines.len() < MOST_LINES, "it goes on and on");
    lines
}

fn line(text: &str) -> Line {
    Line { time: NOW, path: "apis/a/get".into(), stream: Stream::Out, invocation: Uuid::nil(), text: text.into() }
}

/// Writes the right checksum over every frame that is read.
fn mend_frames(bytes: &mut [u8], mut at: usize) {
    while let Some(head) = bytes.get(at..at + 8) {
        let length = u32::from_le_bytes([head[4], head[5], head[6], head[7]]) as usize;
        let Some(summed) = bytes.get(at + 4..at + 8 + length) else { return };
        let step = |hash: u64, byte: &u8| (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3);
        let hash = summed.iter().fold(0xcbf2_9ce4_8422_2325, step);
        bytes[at..at + 4].copy_from_slice(&((hash ^ (hash >> 32)) as u32).to_le_bytes());
        at += 8 + length;
    }
}
