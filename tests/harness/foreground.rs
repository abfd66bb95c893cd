//! A command that stays: `run`, `server serve`. Its output goes to files, so that nothing has to read pipes.

use std::fs::{self, File};
use std::path::PathBuf;
use std::process::{Child, Command, ExitStatus, Stdio};

use rustix::process::Signal;

use super::{eventually, eventually_some, processes};

pub struct Foreground {
    child: Child,
    stdout: PathBuf,
    stderr: PathBuf,
}

impl Foreground {
    /// Starts `command`, its output in `<base>.out` and `<base>.err`.
    pub fn start(mut command: Command, base: &str) -> Self {
        let (stdout, stderr) = (PathBuf::from(format!("{base}.out")), PathBuf::from(format!("{base}.err")));
        let child = command
            .stdin(Stdio::null())
            .stdout(File::create(&stdout).unwrap())
            .stderr(File::create(&stderr).unwrap())
            .spawn()
            .unwrap();
        Self { child, stdout, stderr }
    }

    pub fn stdout(&self) -> String {
        fs::read_to_string(&self.stdout).unwrap()
    }

    pub fn stderr(&self) -> String {
        fs::read_to_string(&self.stderr).unwrap()
    }

    /// The URL printed as `- <name>: <url>`, once it is there.
    pub fn url(&mut self, name: &str) -> String {
        eventually_some(&format!("`- {name}: <url>` on stdout"), || {
            if self.child.try_wait().unwrap().is_some() {
                panic!("the command ended early\n{}\n{}", self.stdout(), self.stderr());
            }
            super::project::url_of(&self.stdout(), name)
        })
    }

    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Whether it has ended by itself or was killed; it leaves no zombie then.
    pub fn has_ended(&mut self) -> bool {
        self.child.try_wait().unwrap().is_some()
    }

    pub fn signal(&self, signal: Signal) {
        processes::signal(self.child.id(), signal);
    }

    /// Waits for its end.
    pub fn ended(mut self) -> ExitStatus {
        let mut status = None;
        eventually("the command ends", || {
            status = self.child.try_wait().unwrap();
            status.is_some()
        });
        status.unwrap()
    }
}
