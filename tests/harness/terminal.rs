//! A command at a terminal of its own, and a person's keys. Python makes the terminal: that takes a `fork`.

use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};

use super::{Home, eventually};

/// Runs `argv[1:]` at a new terminal, passes on keys and what is shown, and ends as the command does.
const RELAY: &str = r"
import fcntl, os, pty, select, struct, sys, termios

pid, terminal = pty.fork()
if pid == 0:
    os.execv(sys.argv[1], sys.argv[1:])
fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack('HHHH', 40, 100, 0, 0))
watched = [terminal, 0]
while True:
    for ready in select.select(watched, [], [])[0]:
        try:
            data = os.read(ready, 4096)
        except OSError:
            data = b''
        if ready == 0 and data:
            os.write(terminal, data)
        elif ready == 0:
            watched.remove(0)
        elif data:
            os.write(1, data)
        else:
            sys.exit(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
";

pub const ENTER: &str = "\r";
pub const DOWN: &str = "\x1b[B";
pub const CTRL_C: &str = "\x03";

pub struct Terminal {
    child: Child,
    keys: ChildStdin,
    shown: PathBuf,
    /// So much of what is shown was expected already.
    seen: usize,
}

impl Terminal {
    /// `less-cli <args>` in `folder`.
    pub fn start(home: &Home, folder: &Path, args: &[&str]) -> Self {
        let command = home.command(folder, args);
        let shown = home.root().join("terminal.out");
        let mut relay = Command::new("python3");
        relay.args(["-c", RELAY]).arg(command.get_program()).args(args).current_dir(folder);
        home.adopt(&mut relay);
        relay.env("TERM", "xterm");
        let mut child = relay.stdin(Stdio::piped()).stdout(File::create(&shown).unwrap()).spawn().unwrap();
        let keys = child.stdin.take().unwrap();
        Self { child, keys, shown, seen: 0 }
    }

    /// Waits until `text` is shown, after what was expected before.
    #[track_caller]
    pub fn expect(&mut self, text: &str) {
        let mut shown = String::new();
        eventually(&format!("{text:?} at the terminal"), || {
            shown = String::from_utf8_lossy(&fs::read(&self.shown).unwrap()).into_owned();
            shown[self.seen..].contains(text)
        });
        self.seen += shown[self.seen..].find(text).unwrap() + text.len();
    }

    pub fn press(&mut self, keys: &str) {
        self.keys.write_all(keys.as_bytes()).unwrap();
    }

    /// Waits for the end: the exit code, and all that was shown.
    pub fn ended(mut self) -> (Option<i32>, String) {
        let mut status = None;
        eventually("the command at the terminal ends", || {
            status = self.child.try_wait().unwrap();
            status.is_some()
        });
        (status.unwrap().code(), String::from_utf8_lossy(&fs::read(&self.shown).unwrap()).into_owned())
    }
}
