//! Accepts connections and keeps their clients within limits: how many, how large a head, how slow.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll, ready};

use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt, ReadBuf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;

use super::Door;
use crate::limits;
use crate::tasks::Tasks;

/// Accepts until the family stops; connections finish what they answer, then close.
pub(crate) async fn serve(listener: TcpListener, door: Arc<Door>, tasks: Tasks) -> anyhow::Result<()> {
    let places = Arc::new(Semaphore::new(limits::CONNECTIONS));
    let stop = tasks.stopping();
    loop {
        let place = places.clone().acquire_owned().await?;
        let accepted = tokio::select! {
            biased;
            () = stop.cancelled() => return Ok(()),
            accepted = listener.accept() => accepted,
        };
        match accepted {
            Ok((stream, _)) => {
                let (door, tasks) = (door.clone(), tasks.clone());
                tasks.clone().work("connection", async move {
                    converse(stream, door, tasks).await;
                    drop(place);
                });
            }
            Err(error) => {
                // Out of file descriptors, or a client that left already: neither ends the server.
                tracing::warn!(%error, "a connection was not accepted");
                tokio::time::sleep(std::time::Duration::from_millis(50)).await;
            }
        }
    }
}

async fn converse(stream: TcpStream, door: Arc<Door>, tasks: Tasks) {
    // Small responses must not wait for an acknowledgement; without it they only come later.
    stream.set_nodelay(true).ok();
    let meter = Arc::new(Meter::default());
    let (stop, seen) = (tasks.stopping(), meter.clone());
    let service = service_fn(move |request| {
        let (door, tasks, seen) = (door.clone(), tasks.clone(), seen.clone());
        async move {
            let response = door.answer(request, &tasks).await;
            seen.answered();
            Ok::<_, std::convert::Infallible>(response)
        }
    });
    let io = TokioIo::new(Metered { stream, meter: meter.clone() });
    let mut connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(limits::HEAD_TIME)
        .max_buf_size(limits::HEAD_BYTES)
        .serve_connection(io, service);
    let mut stopping = false;
    let ended = loop {
        tokio::select! {
            ended = &mut connection => break ended,
            () = stop.cancelled(), if !stopping => {
                stopping = true;
                Pin::new(&mut connection).graceful_shutdown();
            }
        }
    };
    if ended.is_err_and(|error| error.is_timeout()) && meter.unanswered() {
        let mut stream = connection.into_parts().io.into_inner().stream;
        // The client may be gone; then nobody misses the answer.
        stream.write_all(TOO_SLOW).await.ok();
        stream.shutdown().await.ok();
    }
}

const TOO_SLOW: &[u8] = b"HTTP/1.1 408 Request Timeout\r\ncontent-type: application/json\r\n\
connection: close\r\ncontent-length: 80\r\n\r\n\
{\"error\":\"The request's head took more than 10 s\",\"code\":\"request_head_timeout\"}";

/// How many bytes came, and how many of them belong to requests that were answered: a client that is
/// idle between requests is told apart from one that is in the middle of a head.
#[derive(Debug, Default)]
struct Meter {
    read: AtomicU64,
    answered: AtomicU64,
}

impl Meter {
    fn answered(&self) {
        self.answered.store(self.read.load(Ordering::Relaxed), Ordering::Relaxed);
    }

    fn unanswered(&self) -> bool {
        self.read.load(Ordering::Relaxed) > self.answered.load(Ordering::Relaxed)
    }
}

struct Metered {
    stream: TcpStream,
    meter: Arc<Meter>,
}

impl AsyncRead for Metered {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let before = buf.filled().len();
        ready!(Pin::new(&mut self.stream).poll_read(cx, buf))?;
        let came = (buf.filled().len() - before) as u64;
        self.meter.read.fetch_add(came, Ordering::Relaxed);
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Metered {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(cx, bytes)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(cx, slices)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_canned_answer_states_its_own_length() {
        let text = std::str::from_utf8(super::TOO_SLOW).unwrap();
        let (head, body) = text.split_once("\r\n\r\n").unwrap();
        assert!(head.contains(format!("content-length: {}\r\n", body.len()).trim_end()), "{}", body.len());
    }
}
