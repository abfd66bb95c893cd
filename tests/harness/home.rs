//! A `LESS_HOME` of a test's own, and everything that lives in it.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use rustix::process::Signal;
use serde_json::Value;
use tempfile::TempDir;

use super::processes::{self, Process};
use super::{Foreground, Project, eventually};

/// The kernel writes so much of a file at once, or a multiple of it: where what a killed process was writing may end.
pub const PAGE: u64 = 4096;

/// Below one temporary folder: `home` (the `LESS_HOME`), `projects`, `notes` (what handlers noted) and `tmp`.
/// When it is dropped, every process that names the folder is killed.
pub struct Home {
    folder: TempDir,
}

/// What a finished command said.
#[derive(Debug)]
pub struct Ran {
    pub code: Option<i32>,
    pub stdout: String,
    pub stderr: String,
}

impl Ran {
    #[track_caller]
    pub fn succeeded(self) -> Self {
        assert_eq!(self.code, Some(0), "stdout:\n{}\nstderr:\n{}", self.stdout, self.stderr);
        self
    }

    #[track_caller]
    pub fn failed_with(self, code: i32) -> Self {
        assert_eq!(self.code, Some(code), "stdout:\n{}\nstderr:\n{}", self.stdout, self.stderr);
        self
    }

    /// One JSON value a line, or one array of them.
    #[track_caller]
    pub fn json_lines(&self) -> Vec<Value> {
        match serde_json::from_str(&self.stdout) {
            Ok(Value::Array(values)) => values,
            _ => self.stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect(),
        }
    }

    #[track_caller]
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.stdout).unwrap_or_else(|error| panic!("{error} in {self:?}"))
    }
}

impl Home {
    #[expect(clippy::new_without_default, reason = "a home is made on purpose: a folder, and what will run there")]
    pub fn new() -> Self {
        let folder = tempfile::Builder::new().prefix("less-it-").tempdir().unwrap();
        for name in ["projects", "notes", "tmp"] {
            fs::create_dir(folder.path().join(name)).unwrap();
        }
        Self { folder }
    }

    /// The folder that holds everything of this test.
    pub fn root(&self) -> &Path {
        self.folder.path()
    }

    /// The `LESS_HOME`.
    pub fn less_home(&self) -> PathBuf {
        self.root().join("home")
    }

    /// Makes the project's folder; a path that ends in `/` is an empty folder. Files that name the module
    /// `notes` get it: `note(name, value)` appends a line to a file that [`Home::notes`] reads.
    pub fn project(&self, name: &str, files: &[(&str, &str)]) -> Project<'_> {
        Project::create(self, name, files)
    }

    /// `less-cli <args>`, with this home and free ports; not yet started.
    pub fn command(&self, folder: &Path, args: &[&str]) -> Command {
        let mut command = Command::new(less_cli());
        command.args(args).current_dir(folder);
        self.adopt(&mut command);
        command
    }

    /// Gives `command` this home's environment. Workers get `TMPDIR` too, so it marks them as this home's.
    pub fn adopt(&self, command: &mut Command) {
        for (name, _) in std::env::vars_os().filter(|(name, _)| name.as_encoded_bytes().starts_with(b"LESS_")) {
            command.env_remove(name);
        }
        command
            .env("LESS_HOME", self.less_home())
            .env("LESS_PORT", "0")
            .env("TMPDIR", self.root().join("tmp"))
            .env("NO_COLOR", "1");
    }

    /// Runs a command to its end.
    pub fn run(&self, args: &[&str]) -> Ran {
        self.run_in(self.root(), args)
    }

    pub fn run_in(&self, folder: &Path, args: &[&str]) -> Ran {
        let output = self.command(folder, args).output().unwrap();
        let text = |bytes| String::from_utf8(bytes).expect("output is UTF-8");
        Ran { code: output.status.code(), stdout: text(output.stdout), stderr: text(output.stderr) }
    }

    /// Starts a command that stays; its output goes to `<name>.out` and `<name>.err`.
    pub fn start(&self, name: &str, folder: &Path, args: &[&str]) -> Foreground {
        Foreground::start(self.command(folder, args), self.root().join(name).to_str().unwrap())
    }

    pub fn start_server(&self) {
        self.run(&["server", "start", "--port", "0", "--control-port", "0"]).succeeded();
    }

    /// For a server that was started in the foreground: returns once it listens.
    pub fn await_server(&self) {
        let file = self.less_home().join("server/server.json");
        eventually("the server listens", || file.exists());
    }

    pub fn stop_server(&self) {
        self.run(&["server", "stop"]).succeeded();
    }

    /// `server.json`, which the server writes once it listens.
    pub fn server_file(&self) -> Value {
        let path = self.less_home().join("server/server.json");
        serde_json::from_slice(&fs::read(&path).expect("a server was started")).unwrap()
    }

    pub fn server_pid(&self) -> u32 {
        u32::try_from(self.server_file()["pid"].as_u64().unwrap()).unwrap()
    }

    /// `kill -9` of the server; returns once it is gone, its workers perhaps not yet.
    pub fn kill_server(&self) {
        let pid = self.server_pid();
        processes::signal(pid, Signal::KILL);
        eventually("the killed server is gone", || !processes::lives(pid));
    }

    /// The handler processes of the running server.
    pub fn workers(&self) -> Vec<Process> {
        let server = self.server_pid();
        let mut all = processes::of(self.root());
        all.retain(|process| {
            process.parent == server && ["node", "python"].iter().any(|name| process.command.contains(name))
        });
        all
    }

    pub fn processes(&self) -> Vec<Process> {
        processes::of(self.root())
    }

    /// The end of a server is the end of all its processes.
    #[track_caller]
    pub fn assert_no_process_left(&self) {
        let mut left = Vec::new();
        eventually("no process of this home is left over", || {
            left = self.processes();
            left.is_empty()
        });
    }

    pub fn note_file(&self, name: &str) -> PathBuf {
        self.root().join("notes").join(name)
    }

    /// What handlers noted under `name`, in the order in which they did.
    pub fn notes(&self, name: &str) -> Vec<Value> {
        let text = fs::read_to_string(self.note_file(name)).unwrap_or_default();
        // A line without its end is still being written.
        let whole = text.rfind('\n').map_or("", |end| &text[..end]);
        let mut at = 0;
        let mut notes = Vec::new();
        for line in whole.split('\n') {
            at += line.len() as u64 + 1;
            match serde_json::from_str(line) {
                Ok(note) => notes.push(note),
                // Between two notes, or what was left of one when its process was killed: its first part, up to the end
                // of a page.
                Err(_) if line.is_empty() || (at - 1).is_multiple_of(PAGE) => {}
                Err(error) => panic!("{error} in the note {line}"),
            }
        }
        notes
    }

    /// How often handlers ticked under `name`.
    pub fn ticks(&self, name: &str) -> u64 {
        fs::metadata(self.note_file(name)).map_or(0, |metadata| metadata.len())
    }

    /// Writes a note that handlers wait for (`noted(name)`).
    pub fn give_note(&self, name: &str) {
        fs::write(self.note_file(name), "true\n").unwrap();
    }

    fn server_log(&self) -> String {
        fs::read_to_string(self.less_home().join("server/server.log")).unwrap_or_default()
    }
}

impl Drop for Home {
    fn drop(&mut self) {
        if std::thread::panicking() {
            let log = self.server_log();
            let from = log.lines().count().saturating_sub(40);
            let tail: Vec<_> = log.lines().skip(from).collect();
            if !tail.is_empty() {
                eprintln!("the server's log ends with:\n{}", tail.join("\n"));
            }
        }
        // A dying server may just be starting a worker, so look again until there is none.
        for _ in 0..100 {
            let left = self.processes();
            if left.is_empty() {
                break;
            }
            left.iter().for_each(|process| processes::signal(process.pid, Signal::KILL));
        }
    }
}

/// The `less-cli` under test: `LESS_CLI`, or the one built beside this test.
pub fn less_cli() -> PathBuf {
    let beside = || std::env::current_exe().unwrap().parent().unwrap().parent().unwrap().join("less-cli");
    let path = std::env::var_os("LESS_CLI").map_or_else(beside, PathBuf::from);
    assert!(path.is_file(), "{} is missing: build it (`cargo build -p less-cli`) or set LESS_CLI", path.display());
    path
}

/// A folder of the repository.
pub fn repository(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().join(path)
}
