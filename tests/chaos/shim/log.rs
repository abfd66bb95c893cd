//! Reads the side log that `shim.c` writes: one operation after the other.

/// A place in the log; an operation's is where its record begins.
pub(super) type Mark = u64;

#[derive(Debug, PartialEq, Eq)]
pub(super) struct Operation {
    pub(super) mark: Mark,
    pub(super) what: What,
}

#[derive(Debug, PartialEq, Eq)]
pub(super) enum What {
    Written {
        inode: u64,
        at: u64,
        bytes: Vec<u8>,
    },
    Truncated {
        inode: u64,
        length: u64,
    },
    /// What came before `mark` is on the disk.
    Synced {
        inode: u64,
        mark: Mark,
    },
    SyncFailed {
        inode: u64,
        mark: Mark,
    },
    AllSynced {
        mark: Mark,
    },
    /// A new inode with its name.
    Linked {
        folder: u64,
        name: String,
        inode: u64,
        mode: u32,
        /// Of a symbolic link.
        target: String,
    },
    Unlinked {
        folder: u64,
        name: String,
    },
    Renamed {
        folder: u64,
        name: String,
        to_folder: u64,
        to_name: String,
    },
}

const HEAD: usize = 48;

/// All operations.
pub(super) fn read(log: &[u8]) -> Vec<Operation> {
    let (mut operations, mut mark) = (Vec::new(), 0);
    while mark < log.len() {
        let (head, bytes) =
            record(&log[mark..]).unwrap_or_else(|| panic!("the side log's record at {mark} is cut short"));
        let number = |n: usize| u64::from_ne_bytes(*head[n * 8..].first_chunk().unwrap());
        let (inode, at, folder, other) = (number(1), number(2), number(4), number(5));
        let what = match number(0) {
            1 => What::Written { inode, at, bytes: bytes.to_vec() },
            2 => What::Truncated { inode, length: at },
            3 => What::Synced { inode, mark: other },
            4 => What::SyncFailed { inode, mark: other },
            5 => {
                let (name, target) = two_names(bytes);
                What::Linked { folder, name, inode, mode: u32::try_from(at).unwrap(), target }
            }
            6 => What::Unlinked { folder, name: two_names(bytes).0 },
            7 => {
                let (name, to_name) = two_names(bytes);
                What::Renamed { folder, name, to_folder: inode, to_name }
            }
            8 => What::AllSynced { mark: other },
            unknown => panic!("the side log has an operation {unknown} at {mark}"),
        };
        operations.push(Operation { mark: mark as u64, what });
        mark += HEAD + bytes.len();
    }
    operations
}

/// The first record's head, and its bytes.
fn record(log: &[u8]) -> Option<(&[u8; HEAD], &[u8])> {
    let (head, rest) = log.split_first_chunk::<HEAD>()?;
    let length = u64::from_ne_bytes(*head[24..].first_chunk()?);
    Some((head, rest.get(..usize::try_from(length).ok()?)?))
}

fn two_names(bytes: &[u8]) -> (String, String) {
    let text = str::from_utf8(bytes).unwrap();
    let (first, second) = text.split_once('\0').unwrap_or((text, ""));
    (first.to_owned(), second.to_owned())
}
