//! Reads a file for a client: small ones at once, others piece by piece, as fast as the client takes them.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::ops::Range;
use std::sync::Arc;

use bytes::Bytes;
use hyper::body::Frame;
use tokio::sync::{Semaphore, mpsc};

use crate::limits;
use crate::sites::{Form, Reading};
use crate::tasks::Tasks;
use crate::triggers::http::{Body, Failure, full, streamed};

/// What is read at once, and how many pieces wait for the client besides the one that it takes.
const PIECE: usize = 64 << 10;
const WAITING: usize = 1;

/// Clients that read slowly hold a few pieces each; beyond so many, others are told to come again.
static STREAMS: Semaphore = Semaphore::const_new(limits::FILES_AT_ONCE);

/// A body of exactly `range` of the file; one that cannot be read to its end breaks the connection.
pub(super) async fn body(form: Arc<Form>, range: Range<u64>, reading: Reading, tasks: &Tasks) -> Result<Body, Failure> {
    if let Some(bytes) = reading.remembered(&form) {
        let place = |at: u64| usize::try_from(at).unwrap_or(usize::MAX);
        return Ok(full(bytes.slice(place(range.start)..place(range.end))));
    }
    let (file, shown) = (form.file.clone(), form.file.clone());
    let is_whole = range == (0..form.bytes);
    let opened = blocking(move || {
        let mut file = File::open(file)?;
        if range.start > 0 {
            file.seek(SeekFrom::Start(range.start))?;
        }
        let mut rest = Rest { file, left: range.end - range.start };
        let first = rest.next()?;
        Ok((rest, first))
    });
    let (rest, first) = opened.await.map_err(|error| {
        tracing::error!(file = %shown.display(), %error, "a file of a site cannot be read");
        Failure::Internal
    })?;
    if rest.left == 0 {
        if is_whole {
            reading.remember(&form, &first);
        }
        return Ok(full(first));
    }
    let stream = STREAMS.try_acquire().map_err(|_| Failure::Busy)?;
    let (pieces, body) = mpsc::channel(WAITING);
    tasks.work("file", async move {
        let (mut rest, mut piece) = (rest, first);
        // It ends when the client has gone, too.
        while pieces.send(Ok(Frame::data(piece))).await.is_ok() && rest.left > 0 {
            let read = blocking(move || {
                let piece = rest.next()?;
                Ok((rest, piece))
            });
            match read.await {
                Ok(read) => (rest, piece) = read,
                Err(error) => {
                    tracing::error!(file = %shown.display(), %error, "a file of a site cannot be read to its end");
                    break;
                }
            }
        }
        drop((reading, stream));
    });
    Ok(streamed(body))
}

struct Rest {
    file: File,
    left: u64,
}

impl Rest {
    /// Blocking: the next piece, which is never short of what is left.
    fn next(&mut self) -> io::Result<Bytes> {
        let length = usize::try_from(self.left).unwrap_or(PIECE).min(PIECE);
        let mut piece = vec![0; length];
        self.file.read_exact(&mut piece)?;
        self.left -= length as u64;
        Ok(piece.into())
    }
}

async fn blocking<T: Send + 'static>(work: impl FnOnce() -> io::Result<T> + Send + 'static) -> io::Result<T> {
    tokio::task::spawn_blocking(work).await.map_err(io::Error::other).flatten()
}
