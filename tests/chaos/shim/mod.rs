//! Stands between a server and its disk and clock: the C library beside this file, preloaded into one process.
//!
//! It notes every change of a file below one folder, from which `disk` models a power cut; it fails, shortens or delays
//! the calls that it is told to; it shifts the clock of day. It concerns the process it is preloaded into and none
//! that this one starts.

mod disk;
mod log;
mod tree;

use std::ffi::OsString;
use std::fs::{self, File, OpenOptions};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::harness::eventually;

pub use disk::Disk;
pub use tree::{Entry, Tree};

const SOURCES: [(&str, &str); 4] = [
    ("shim.h", include_str!("shim.h")),
    ("shim.c", include_str!("shim.c")),
    ("clock.c", include_str!("clock.c")),
    ("syncfs.c", include_str!("syncfs.c")),
];

/// Calls that can be failed, by kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Call {
    Write,
    Sync,
    Truncate,
    /// A new file, folder or link.
    Create,
    Rename,
    Remove,
    Clock,
}

/// Files, by what they are to Less.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Wal = 1,
    Database = 2,
    Logs = 4,
    Other = 8,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum How {
    Error(Errno),
    /// A write takes a part only, and says so.
    Short,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Errno {
    Io = 5,
    NoSpace = 28,
}

/// What is to go wrong from now on.
#[derive(Debug, Clone, Copy)]
pub struct Fault<'f> {
    pub calls: &'f [Call],
    pub files: &'f [Kind],
    /// So many of the calls still succeed,
    pub after: u64,
    /// and then so many fail.
    pub count: u64,
    pub how: How,
}

/// Where the fields lie in the control page; `shim.h` has the same.
mod field {
    pub(super) const CLOCK: u64 = 0;
    pub(super) const CALLS: u64 = 1;
    pub(super) const FILES: u64 = 2;
    pub(super) const AFTER: u64 = 3;
    pub(super) const COUNT: u64 = 4;
    pub(super) const ERROR: u64 = 5;
    pub(super) const DELAY: u64 = 6;
    pub(super) const FAILED: u64 = 7;
    pub(super) const HELD: u64 = 8;
    pub(super) const INSIDE: u64 = 9;
    pub(super) const SEEN: u64 = 10;
}

pub struct Shim {
    folder: PathBuf,
    control: File,
}

impl Shim {
    /// Compiles the library in `folder`, which is made; it must not be watched itself.
    pub fn new(folder: &Path) -> Self {
        fs::create_dir_all(folder).unwrap();
        for (name, text) in SOURCES {
            fs::write(folder.join(name), text).unwrap();
        }
        let options = ["-shared", "-fPIC", "-O1", "-Wall", "-Wextra", "-Werror", "-o", "shim.so"];
        let parts = ["shim.c", "clock.c", "syncfs.c", "-lpthread"];
        let output = Command::new("gcc").args(options).args(parts).current_dir(folder).output().unwrap();
        assert!(output.status.success(), "gcc says {}", String::from_utf8_lossy(&output.stderr));
        let control = folder.join("control");
        fs::write(&control, [0; 4096]).unwrap();
        let control = OpenOptions::new().read(true).write(true).open(control).unwrap();
        Self { folder: folder.canonicalize().unwrap(), control }
    }

    /// `make test` must work where no compiler is; CI must not.
    pub fn can_be_made() -> bool {
        let here = Command::new("gcc").arg("--version").stdout(Stdio::null()).stderr(Stdio::null()).status().is_ok();
        assert!(here || std::env::var_os("CI").is_none(), "CI needs gcc");
        if !here {
            eprintln!("not checked: gcc is not installed");
        }
        here
    }

    /// The environment that has a process watched: what it does below `home`, a folder that exists.
    pub fn env(&self, home: &Path) -> Vec<(String, OsString)> {
        let library = self.folder.join("shim.so").into_os_string();
        let home = home.canonicalize().unwrap().into_os_string();
        let env = [("LD_PRELOAD", library), ("LESS_SHIM", self.folder.clone().into()), ("LESS_SHIM_HOME", home)];
        env.map(|(name, value)| (name.to_owned(), value)).into()
    }

    pub fn fail(&self, fault: Fault<'_>) {
        self.lift();
        self.set(field::FILES, fault.files.iter().fold(0, |bits, file| bits | *file as i64));
        self.set(field::AFTER, i64::try_from(fault.after).unwrap());
        self.set(field::COUNT, i64::try_from(fault.count).unwrap_or(i64::MAX));
        self.set(field::ERROR, if let How::Error(errno) = fault.how { errno as i64 } else { 0 });
        self.set(field::FAILED, 0);
        self.set(field::CALLS, fault.calls.iter().fold(0, |bits, call| bits | 1 << *call as i64));
    }

    /// Nothing goes wrong any more.
    pub fn lift(&self) {
        self.set(field::CALLS, 0);
    }

    /// How many calls failed since the last [`Shim::fail`].
    pub fn failed(&self) -> u64 {
        u64::try_from(self.get(field::FAILED)).unwrap()
    }

    /// How many calls of this kind there were so far, on files that are watched.
    pub fn seen(&self, call: Call) -> u64 {
        u64::try_from(self.get(field::SEEN + call as u64)).unwrap()
    }

    /// Every sync takes so much longer.
    pub fn delay_syncs(&self, micros: u64) {
        self.set(field::DELAY, i64::try_from(micros).unwrap());
    }

    /// The clock of day shows so many seconds more.
    pub fn shift_clock(&self, seconds: i64) {
        self.set(field::CLOCK, seconds * 1_000_000_000);
    }

    /// What was noted since it was begun; each process goes on where the one before ended.
    pub fn log(&self) -> Vec<u8> {
        fs::read(self.folder.join("log")).unwrap_or_default()
    }

    /// Begins the log anew. No process that is watched may run.
    pub fn begin_log(&self) {
        fs::write(self.folder.join("log"), "").unwrap();
    }

    /// Ends the process that is watched with `kill`, while none of its operations is half done: the next one finds in
    /// the files what the log says.
    pub fn between_operations(&self, kill: impl FnOnce()) {
        self.set(field::HELD, 1);
        eventually("the operation under way is noted", || self.get(field::INSIDE) == 0);
        kill();
        self.set(field::HELD, 0);
    }

    fn set(&self, field: u64, value: i64) {
        self.control.write_all_at(&value.to_ne_bytes(), field * 8).unwrap();
    }

    fn get(&self, field: u64) -> i64 {
        let mut bytes = [0; 8];
        self.control.read_exact_at(&mut bytes, field * 8).unwrap();
        i64::from_ne_bytes(bytes)
    }
}
