//! Starts worker processes so that none outlives the server, however the server ends.
//!
//! The server starts its own binary with a hidden subcommand; that process asks the kernel to be
//! killed with its parent, checks that the parent is still there, takes the umask that handlers
//! write their files with, and becomes the worker by `exec`.
//! The death signal follows the spawning *thread*, so one thread starts them all and lives as long
//! as the server.

use std::ffi::OsString;
use std::fs::File;
use std::os::fd::{AsRawFd, IntoRawFd, OwnedFd};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};

use anyhow::{Context, bail};
use rustix::fs::Mode;
use rustix::process::{Pid, Signal};
use tokio::net::UnixStream;
use tokio::process::{Child, Command};
use tokio::runtime::Handle;
use tokio::sync::oneshot;

use crate::umask::keep_files_private;

/// The hidden subcommand of the server's binary.
pub const SUBCOMMAND: &str = "__worker";

/// What to run, and the whole environment it gets.
#[derive(Debug, Clone)]
pub struct Program {
    pub command: PathBuf,
    pub args: Vec<OsString>,
    pub env: Vec<(String, String)>,
    pub folder: PathBuf,
}

/// A started worker: its process, our end of its socket and its board. Dropping kills it.
#[derive(Debug)]
pub struct Spawned {
    pub child: Child,
    pub socket: UnixStream,
    pub board: File,
}

/// Hands programs to the thread that starts them. Cheap to clone; the thread ends with the last one.
#[derive(Debug, Clone)]
pub struct Launcher {
    requests: SyncSender<Request>,
}

type Request = (Arc<Program>, oneshot::Sender<anyhow::Result<Spawned>>);

impl Launcher {
    /// `binary`: our own executable. Must be called within a runtime.
    pub fn start(binary: PathBuf) -> std::io::Result<Self> {
        let (requests, inbox) = sync_channel(64);
        let runtime = Handle::current();
        std::thread::Builder::new().name("launcher".into()).spawn(move || serve(&binary, &runtime, &inbox))?;
        Ok(Self { requests })
    }

    pub async fn spawn(&self, program: Arc<Program>) -> anyhow::Result<Spawned> {
        let (answer, spawned) = oneshot::channel();
        if self.requests.try_send((program, answer)).is_err() {
            bail!("too many workers are starting at once");
        }
        spawned.await.context("the launcher thread is gone")?
    }
}

fn serve(binary: &Path, runtime: &Handle, inbox: &Receiver<Request>) {
    let _inside = runtime.enter();
    while let Ok((program, answer)) = inbox.recv() {
        // A requester that went away drops the worker, which kills it.
        answer.send(spawn(binary, &program)).ok();
    }
}

fn spawn(binary: &Path, program: &Program) -> anyhow::Result<Spawned> {
    let (ours, theirs) = std::os::unix::net::UnixStream::pair()?;
    ours.set_nonblocking(true)?;
    let board = File::from(rustix::fs::memfd_create("less-board", rustix::fs::MemfdFlags::CLOEXEC)?);
    let child = Command::from(command(binary, program, theirs.into(), board.try_clone()?))
        .kill_on_drop(true)
        .spawn()
        .with_context(|| format!("cannot start {}", binary.display()))?;
    Ok(Spawned { child, socket: UnixStream::from_std(ours)?, board })
}

/// The socket travels as standard input, the board as standard output; see [`become_worker`].
fn command(binary: &Path, program: &Program, socket: OwnedFd, board: File) -> std::process::Command {
    let mut command = std::process::Command::new(binary);
    command
        .arg(SUBCOMMAND)
        .arg(std::process::id().to_string())
        .arg(format!("{:o}", keep_files_private().bits()))
        .arg(&program.command)
        .args(&program.args)
        .env_clear()
        .envs(program.env.iter().map(|(name, value)| (name, value)))
        .current_dir(&program.folder)
        .stdin(Stdio::from(socket))
        .stdout(Stdio::from(board))
        .stderr(Stdio::piped())
        .process_group(0);
    command
}

/// Runs in the new process: `args` are the parent's pid, an umask, the program and its arguments. Returns only on failure.
pub fn become_worker(args: &[OsString]) -> anyhow::Error {
    match exec(args) {
        Ok(never) => match never {},
        Err(error) => error,
    }
}

fn exec(args: &[OsString]) -> anyhow::Result<std::convert::Infallible> {
    let [parent, umask, program, args @ ..] = args else { bail!("this command is the server's own") };
    let parent: i32 = parent.to_str().and_then(|pid| pid.parse().ok()).context("no parent's pid")?;
    rustix::process::set_parent_process_death_signal(Some(Signal::KILL))?;
    if rustix::process::getppid().map(Pid::as_raw_nonzero).map(i32::from) != Some(parent) {
        bail!("the server is gone");
    }
    let umask = umask.to_str().and_then(|octal| u32::from_str_radix(octal, 8).ok()).context("no umask")?;
    rustix::process::umask(Mode::from_bits_truncate(umask));
    // Copies without close-on-exec, so that the worker inherits them.
    let socket = rustix::io::dup(rustix::stdio::stdin())?;
    let board = rustix::io::dup(rustix::stdio::stdout())?;
    rustix::stdio::dup2_stdout(rustix::stdio::stderr())?;
    rustix::stdio::dup2_stdin(File::open("/dev/null")?)?;
    let mut command = std::process::Command::new(program);
    command
        .args(args)
        .env("LESS_FD", socket.as_raw_fd().to_string())
        .env("LESS_BOARD_FD", board.as_raw_fd().to_string());
    // The descriptors stay open across exec: nothing may close them here.
    let _kept = (socket.into_raw_fd(), board.into_raw_fd());
    Err(command.exec()).with_context(|| format!("cannot run {}", Path::new(program).display()))
}

/// Kills a worker and everything in its process group.
pub(crate) fn kill(child: &Child) {
    if let Some(group) = child.id().and_then(|pid| i32::try_from(pid).ok()).and_then(Pid::from_raw) {
        // Already gone is what we want.
        rustix::process::kill_process_group(group, Signal::KILL).ok();
    }
}
