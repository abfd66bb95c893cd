//! Whose files this process makes: its owner's alone, whatever the caller's umask allows. Handlers get the caller's
//! back, for what they write is not ours.

use std::sync::OnceLock;

use rustix::fs::Mode;

static CALLERS: OnceLock<Mode> = OnceLock::new();

/// From now on nobody else can read or change what this process writes. Returns what the caller had set.
pub fn keep_files_private() -> Mode {
    let before = rustix::process::umask(Mode::RWXG | Mode::RWXO);
    // The second time, what was before is ours.
    *CALLERS.get_or_init(|| before)
}
