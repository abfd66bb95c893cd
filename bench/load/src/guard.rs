//! Stands between the benchmark and a system it started, so that the system ends when the benchmark does, whatever ended
//! the benchmark: the guard's stdin is a pipe from it.

use std::ffi::OsStr;
use std::io::{Read, stdin};
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, ExitCode, Stdio};
use std::sync::mpsc::{RecvTimeoutError, sync_channel};
use std::time::Duration;

use anyhow::{Context, Result};
use rustix::process::{Pid, Signal, kill_process, kill_process_group};

/// A system that was told to end gets so long for it.
const GRACE: Duration = Duration::from_secs(20);

/// A command that runs `program` behind a guard; arguments may be added.
pub fn guarded(program: impl AsRef<OsStr>) -> Result<Command> {
    let mut command = Command::new(std::env::current_exe()?);
    command.arg("guard").arg(program).stdin(Stdio::piped());
    Ok(command)
}

/// Ends what runs behind a guard, and waits for it.
pub fn end(guard: &mut Child) -> Result<()> {
    drop(guard.stdin.take());
    guard.wait()?;
    Ok(())
}

/// Runs `command`; tells it to end once stdin does, and kills what it leaves in its process group.
pub fn guard(command: &[String]) -> Result<ExitCode> {
    let (program, args) = command.split_first().context("a command to guard is missing")?;
    let mut child = Command::new(program)
        .args(args)
        .stdin(Stdio::null())
        .process_group(0)
        .spawn()
        .with_context(|| format!("cannot start {program}"))?;
    let pid = Pid::from_child(&child);
    let (ended, end) = sync_channel(1);
    std::thread::spawn(move || {
        // Nothing is ever written: it ends, one way or the other, with the benchmark.
        drop(stdin().read_to_end(&mut Vec::new()));
        // The process may have ended by itself.
        kill_process(pid, Signal::TERM).ok();
        if end.recv_timeout(GRACE) == Err(RecvTimeoutError::Timeout) {
            kill_process_group(pid, Signal::KILL).ok();
        }
    });
    let status = child.wait()?;
    ended.send(()).ok();
    kill_process_group(pid, Signal::KILL).ok();
    Ok(if status.success() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
