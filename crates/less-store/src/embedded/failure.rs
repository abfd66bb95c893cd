//! What an error of SQLite means to those who wait, and how far it reaches.

use std::error::Error as StdError;
use std::sync::Arc;

use rusqlite::{ErrorCode, ffi};

use crate::Error;

pub(super) type Sql<T> = rusqlite::Result<T>;

/// An error after which the store cannot go on.
pub(super) type Fatal = Arc<rusqlite::Error>;

/// How much of the store an error takes along.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Reach {
    /// One job was refused, its neighbours are not concerned.
    Job,
    /// The commit failed, and a later one may succeed: the disk is full, or another program has the
    /// file locked.
    Commit,
    /// Nothing more can be promised. After a failed sync the kernel may have dropped the pages and
    /// called them clean: trying again would prove nothing.
    Store,
}

pub(super) fn reach(error: &rusqlite::Error) -> Reach {
    // Files are shortened only once what was in them is elsewhere: one that stays long is shortened another time.
    let is_too_long = error.sqlite_error().is_some_and(|code| code.extended_code == ffi::SQLITE_IOERR_TRUNCATE);
    if is_full(error) || is_too_long {
        return Reach::Commit;
    }
    match error.sqlite_error_code() {
        Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => Reach::Commit,
        Some(ErrorCode::ConstraintViolation | ErrorCode::TooBig | ErrorCode::TypeMismatch) => Reach::Job,
        _ => Reach::Store,
    }
}

pub(super) fn is_full(error: &rusqlite::Error) -> bool {
    // Without room for one more page of the WAL's index.
    let index = |code: &ffi::Error| code.extended_code == ffi::SQLITE_IOERR_SHMSIZE;
    error.sqlite_error_code() == Some(ErrorCode::DiskFull) || error.sqlite_error().is_some_and(index)
}

/// A failure and what was being done; shared by everybody who waited for the same commit.
#[derive(Debug, Clone, thiserror::Error)]
#[error("{what}")]
struct Trouble {
    what: String,
    #[source]
    cause: Option<Arc<dyn StdError + Send + Sync>>,
}

pub(super) fn failed(what: impl Into<String>, cause: impl StdError + Send + Sync + 'static) -> Error {
    Error::Failed(Box::new(Trouble { what: what.into(), cause: Some(Arc::new(cause)) }))
}

pub(super) fn refused(what: impl Into<String>) -> Error {
    Error::Failed(Box::new(Trouble { what: what.into(), cause: None }))
}

/// What a home that is being opened says: a full disk may be helped, a damaged file not.
pub(super) fn at_opening(what: impl Into<String>, error: rusqlite::Error) -> Error {
    match error.sqlite_error_code() {
        _ if is_full(&error) => Error::Full,
        Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => damaged(&error.to_string()),
        _ => failed(what, error),
    }
}

/// What was `found` in the database's file.
pub(super) fn damaged(found: &str) -> Error {
    refused(format!("the store's file topics.db is damaged ({found}): restore it from a copy, or use another home"))
}

/// The same error for each of many.
pub(super) fn tell(what: &str, error: &Arc<rusqlite::Error>) -> Error {
    if is_full(error) { Error::Full } else { failed(what, Arc::clone(error)) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(code: i32) -> Arc<rusqlite::Error> {
        Arc::new(rusqlite::Error::SqliteFailure(ffi::Error::new(code), None))
    }

    #[test]
    fn a_full_disk_a_locked_file_and_one_that_stays_long_do_not_end_the_store() {
        let full = [(ffi::SQLITE_FULL, true), (ffi::SQLITE_IOERR_SHMSIZE, true)];
        let others = [(ffi::SQLITE_BUSY, false), (ffi::SQLITE_IOERR_TRUNCATE, false)];
        for (code, full) in full.into_iter().chain(others) {
            assert_eq!(reach(&of(code)), Reach::Commit, "{code}");
            assert_eq!(matches!(tell("no", &of(code)), Error::Full), full, "{code}");
        }
        assert_eq!(reach(&of(ffi::SQLITE_IOERR_FSYNC)), Reach::Store);
    }
}
