//! One process per home: an exclusive lock on `<home>/lock`, which the kernel drops however the
//! process ends. The file holds the number of the process, for the error another one gets.

use std::fs::{File, OpenOptions};
use std::io::{Read, Write};
use std::path::Path;

use rustix::fs::{FlockOperation, flock};
use rustix::io::Errno;

use super::failure::failed;
use crate::{Error, Result};

/// The home is ours as long as this lives.
#[derive(Debug)]
pub(super) struct Lock {
    _held: File,
}

pub(super) fn lock(home: &Path) -> Result<Lock> {
    let path = home.join("lock");
    let broken = |error| failed(format!("cannot lock {}", path.display()), error);
    let mut file =
        OpenOptions::new().read(true).write(true).create(true).truncate(false).open(&path).map_err(broken)?;
    match flock(&file, FlockOperation::NonBlockingLockExclusive) {
        Ok(()) => {}
        Err(Errno::WOULDBLOCK) => return Err(Error::InUse(holder(home, &mut file))),
        Err(errno) => return Err(broken(errno.into())),
    }
    file.set_len(0).and_then(|()| write!(file, "{}", std::process::id())).map_err(broken)?;
    Ok(Lock { _held: file })
}

/// The home and, when its file tells, the process that has it.
fn holder(home: &Path, file: &mut File) -> String {
    let mut pid = String::new();
    match file.read_to_string(&mut pid) {
        Ok(_) if !pid.is_empty() => format!("{} (process {})", home.display(), pid.trim()),
        _ => home.display().to_string(),
    }
}
