//! A client's stream, watched: what came and was not answered, and whether the client takes what is sent.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Sleep, sleep};

/// How many bytes came, and how many of them belong to requests that were answered: a client that is
/// idle between requests is told apart from one that is in the middle of a head.
#[derive(Debug, Default)]
pub(super) struct Meter {
    read: AtomicU64,
    answered: AtomicU64,
}

impl Meter {
    pub(super) fn answered(&self) {
        self.answered.store(self.read.load(Ordering::Relaxed), Ordering::Relaxed);
    }

    pub(super) fn unanswered(&self) -> bool {
        self.read.load(Ordering::Relaxed) > self.answered.load(Ordering::Relaxed)
    }
}

/// Writes to it fail once the client has taken nothing for as long as our patience lasts.
pub(super) struct Metered<S> {
    pub(super) stream: S,
    meter: Arc<Meter>,
    patience: Option<Duration>,
    /// Runs while a write waits for the client.
    stalled: Option<Pin<Box<Sleep>>>,
}

impl<S> Metered<S> {
    /// `patience`: `None` for clients that are waited for without end.
    pub(super) fn new(stream: S, meter: Arc<Meter>, patience: Option<Duration>) -> Self {
        Self { stream, meter, patience, stalled: None }
    }

    /// The client did not read, and the last write failed for that.
    pub(super) fn gave_up(&self) -> bool {
        self.stalled.as_ref().is_some_and(|stalled| stalled.is_elapsed())
    }

    fn within_patience<T>(&mut self, cx: &mut Context<'_>, written: Poll<io::Result<T>>) -> Poll<io::Result<T>> {
        let (Poll::Pending, Some(patience)) = (&written, self.patience) else {
            self.stalled = None;
            return written;
        };
        let stalled = self.stalled.get_or_insert_with(|| Box::pin(sleep(patience)));
        ready!(stalled.as_mut().poll(cx));
        Poll::Ready(Err(io::Error::new(io::ErrorKind::TimedOut, "the client does not read")))
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Metered<S> {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let before = buf.filled().len();
        ready!(Pin::new(&mut self.stream).poll_read(cx, buf))?;
        let came = (buf.filled().len() - before) as u64;
        self.meter.read.fetch_add(came, Ordering::Relaxed);
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Metered<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write(cx, bytes);
        self.within_patience(cx, written)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write_vectored(cx, slices);
        self.within_patience(cx, written)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    // A TCP stream is always flushed, and shut down without waiting.
    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt, duplex};

    use super::*;

    const PATIENCE: Duration = Duration::from_secs(30);

    #[tokio::test(start_paused = true)]
    async fn a_client_that_does_not_read_is_given_up() {
        let (ours, _theirs) = duplex(16);
        let mut metered = Metered::new(ours, Arc::default(), Some(PATIENCE));
        let error = metered.write_all(&[0; 17]).await.unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::TimedOut);
        assert!(metered.gave_up());
    }

    #[tokio::test(start_paused = true)]
    async fn a_client_that_reads_slowly_is_served_to_the_end() {
        let (ours, mut theirs) = duplex(16);
        let mut metered = Metered::new(ours, Arc::default(), Some(PATIENCE));
        let reading = async {
            for _ in 0..100 {
                sleep(PATIENCE / 2).await;
                theirs.read_u8().await.unwrap();
            }
        };
        let (written, ()) = tokio::join!(metered.write_all(&[0; 100]), reading);
        written.unwrap();
        assert!(!metered.gave_up());
    }

    #[tokio::test(start_paused = true)]
    async fn without_a_limit_a_client_may_pause_as_long_as_it_likes() {
        let (ours, mut theirs) = duplex(16);
        let mut metered = Metered::new(ours, Arc::default(), None);
        let reading = async {
            sleep(PATIENCE * 100).await;
            theirs.read_exact(&mut [0; 17]).await.unwrap();
        };
        let (written, ()) = tokio::join!(metered.write_all(&[0; 17]), reading);
        written.unwrap();
    }
}
