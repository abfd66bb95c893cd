//! What an error of SQLite means to those who wait, and how far it reaches.

use std::error::Error as StdError;
use std::sync::Arc;

use rusqlite::ErrorCode;

use crate::Error;

pub(super) type Sql<T> = rusqlite::Result<T>;

/// An error after which the store cannot go on.
pub(super) type Fatal = Arc<rusqlite::Error>;

/// How much of the store an error takes along.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Reach {
    /// One job was refused, its neighbours are not concerned.
    Job,
    /// The commit failed, and the next may succeed once there is room.
    Full,
    /// Nothing more can be promised. After a failed sync the kernel may have dropped the pages and
    /// called them clean: trying again would prove nothing.
    Store,
}

pub(super) fn reach(error: &rusqlite::Error) -> Reach {
    match error.sqlite_error_code() {
        Some(ErrorCode::DiskFull) => Reach::Full,
        Some(ErrorCode::ConstraintViolation | ErrorCode::TooBig | ErrorCode::TypeMismatch) => Reach::Job,
        _ => Reach::Store,
    }
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

/// The same error for each of many.
pub(super) fn tell(what: &str, error: &Arc<rusqlite::Error>) -> Error {
    match reach(error) {
        Reach::Full => Error::Full,
        Reach::Job | Reach::Store => failed(what, Arc::clone(error)),
    }
}
