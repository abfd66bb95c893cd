//! `less-cli` with a terminal for its stdout.

use std::path::PathBuf;
use std::process::Command;

use less_tests::harness::{Home, Project};

/// Gives a command a terminal for its stdout; its stderr goes to the file that is named first.
const TERMINAL: &str = r#"
import os, pty, sys
sys.exit(os.waitstatus_to_exitcode(pty.spawn(['sh', '-c', 'exec "$@" 2>"$0"', *sys.argv[1:]])))
"#;

/// `less-cli <args>`, and the file of its stderr.
pub(crate) fn on_a_terminal(home: &Home, project: &Project<'_>, args: &[&str]) -> (Command, PathBuf) {
    let binary = home.command(&project.folder, args);
    let talk = home.root().join("talk");
    let mut command = Command::new("python3");
    command.args(["-I", "-c", TERMINAL]).arg(&talk).arg(binary.get_program()).args(args);
    command.current_dir(&project.folder);
    home.adopt(&mut command);
    (command, talk)
}
