//! A server in this process: its runtime, the signals that end it, and our own executable.

use std::future::Future;
use std::path::PathBuf;

use anyhow::Context;
use tokio::signal::unix::{Signal, SignalKind, signal};

/// The code shells use for "ended by Ctrl-C".
pub(crate) const INTERRUPTED: u8 = 130;

/// Ctrl-C and SIGTERM.
pub(crate) struct Signals {
    interrupt: Signal,
    terminate: Signal,
}

impl Signals {
    pub(crate) fn listen() -> anyhow::Result<Self> {
        let listen = |kind| signal(kind).context("cannot listen for signals");
        Ok(Self { interrupt: listen(SignalKind::interrupt())?, terminate: listen(SignalKind::terminate())? })
    }

    /// Resolves with the next one. Cancel safe.
    pub(crate) async fn next(&mut self) {
        tokio::select! {
            _ = self.interrupt.recv() => (),
            _ = self.terminate.recv() => (),
        }
    }
}

/// Runs to the end; what is still going on then is not waited for.
pub(crate) fn block_on<T>(work: impl Future<Output = anyhow::Result<T>>) -> anyhow::Result<T> {
    let runtime =
        tokio::runtime::Builder::new_multi_thread().enable_all().build().context("cannot start the runtime")?;
    let result = runtime.block_on(work);
    runtime.shutdown_background();
    result
}

/// Sends what the server says about itself to stderr.
pub(crate) fn log_to_stderr(most: tracing::Level) {
    tracing_subscriber::fmt().with_writer(std::io::stderr).with_ansi(false).with_max_level(most).init();
}

/// This program's file, which the server starts again for its workers.
pub(crate) fn own_executable() -> anyhow::Result<PathBuf> {
    std::env::current_exe().context("cannot find the file of this program")
}
