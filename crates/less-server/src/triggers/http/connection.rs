//! Accepts connections and keeps their clients within limits: how many, how large a head, how slow. One that is to be a
//! WebSocket goes on as one.

use std::io::ErrorKind;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use hyper::Response;
use hyper::header::{CONNECTION, HeaderValue};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use parking_lot::Mutex;
use rustix::process::{Resource, getrlimit};
use tokio::io::AsyncWriteExt;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::time::{Instant, timeout};
use uuid::Uuid;

use super::body::Rest;
use super::meter::{Meter, Metered};
use super::sockets::{self, Accepted, Rewound};
use super::{Body, Door, Failure, LastWords, refusal};
use crate::limits;
use crate::tasks::Tasks;

/// A client that takes nothing of its response for so long is cut off, so that it holds no memory.
const WRITE_TIME: Duration = Duration::from_secs(30);

/// So many clients at once are told that there is no place for them; more are cut off without a word.
const REFUSED_AT_ONCE: usize = 256;
/// Waits when nothing can be accepted: the first, doubling up to the second. How often that is told.
const WAITS: (Duration, Duration) = (Duration::from_millis(10), Duration::from_secs(1));
const TOLD_EVERY: Duration = Duration::from_secs(60);

/// Accepts until the family stops; connections finish what they answer, then close. Whoever comes when all places are
/// taken is sent away at once: those who have one may keep it for long.
pub(crate) async fn serve(listener: TcpListener, door: Arc<Door>, tasks: Tasks) -> anyhow::Result<()> {
    let places = Arc::new(Semaphore::new(most_connections()));
    let refusals = Arc::new(Semaphore::new(REFUSED_AT_ONCE));
    let stop = tasks.stopping();
    let mut hindered = Hindered::default();
    loop {
        let accepted = tokio::select! {
            biased;
            () = stop.cancelled() => return Ok(()),
            accepted = listener.accept() => accepted,
        };
        match accepted {
            Ok((stream, _)) => {
                hindered.wait = None;
                if let Ok(place) = places.clone().try_acquire_owned() {
                    let (door, tasks) = (door.clone(), tasks.clone());
                    tasks.clone().work("connection", async move {
                        converse(stream, door, tasks).await;
                        drop(place);
                    });
                } else if let Ok(place) = refusals.clone().try_acquire_owned() {
                    tasks.work("refusal", async move {
                        refusal::refuse(stream).await;
                        drop(place);
                    });
                }
            }
            // A client that left already.
            Err(error) if error.kind() == ErrorKind::ConnectionAborted => {}
            Err(error) => tokio::time::sleep(hindered.by(&error)).await,
        }
    }
}

/// The server's other files need some as well: those of the store, the logs, and two for each worker.
pub(crate) fn most_connections() -> usize {
    let files =
        getrlimit(Resource::Nofile).current.map_or(usize::MAX, |most| usize::try_from(most).unwrap_or(usize::MAX));
    connections(files)
}

/// How many connections a server accepts at once that may have so many files open.
pub fn connections(files: usize) -> usize {
    (files.saturating_sub(limits::OTHER_FILES) / 2).clamp(limits::FEWEST_CONNECTIONS, limits::CONNECTIONS)
}

/// Nothing can be accepted for now: out of file descriptors or of memory. It does not end the server, and passes.
#[derive(Default)]
struct Hindered {
    wait: Option<Duration>,
    told: Option<Instant>,
}

impl Hindered {
    /// How long to wait before the next try.
    fn by(&mut self, error: &std::io::Error) -> Duration {
        if self.told.is_none_or(|told| told.elapsed() >= TOLD_EVERY) {
            self.told = Some(Instant::now());
            tracing::warn!(%error, "connections are not accepted for now: close some, or allow more files (ulimit -n)");
        }
        let (first, longest) = WAITS;
        let wait = self.wait.map_or(first, |wait| (wait * 2).min(longest));
        self.wait = Some(wait);
        wait
    }
}

async fn converse(stream: TcpStream, door: Arc<Door>, tasks: Tasks) {
    // Small responses must not wait for an acknowledgement; without it they only come later.
    stream.set_nodelay(true).ok();
    let meter = Arc::new(Meter::default());
    let patience = (!door.knows_its_clients()).then_some(WRITE_TIME);
    let (stop, seen, family) = (tasks.stopping(), meter.clone(), tasks.clone());
    let promised = Arc::new(Mutex::new(Promised::before(&door)));
    let promising = promised.clone();
    let service = service_fn(move |request| {
        let (door, tasks, seen, promising) = (door.clone(), family.clone(), seen.clone(), promising.clone());
        async move {
            *promising.lock() = Promised::before(&door);
            let (mut response, rest) = door.answer(request, &tasks).await;
            seen.answered();
            promising.lock().read(&mut response);
            leave(&mut response, rest, &tasks, seen);
            Ok::<_, std::convert::Infallible>(response)
        }
    });
    let io = TokioIo::new(Metered::new(stream, meter.clone(), patience));
    let mut connection = protocol().serve_connection(io, service);
    let ended = tokio::select! {
        ended = &mut connection => Some(ended),
        () = stop.cancelled() => None,
    };
    let ended = match ended {
        Some(ended) => ended,
        None => {
            Pin::new(&mut connection).graceful_shutdown();
            let last_words = promised.lock().last_words;
            match last_words {
                None => (&mut connection).await,
                Some(last_words) => match timeout(last_words, &mut connection).await {
                    Ok(ended) => ended,
                    Err(_late) => return,
                },
            }
        }
    };
    let Err(error) = ended else {
        let accepted = promised.lock().accepted.take();
        if let Some(accepted) = accepted {
            let parts = connection.into_parts();
            let stream = Rewound::new(parts.read_buf, parts.io.into_inner());
            Box::pin(sockets::converse(accepted, stream, &tasks)).await;
        }
        return;
    };
    let mut io = connection.into_parts().io.into_inner();
    if io.gave_up() {
        // The kernel, too, lets go of what it holds for this client.
        io.stream.set_zero_linger().ok();
    } else if error.is_timeout() && meter.unanswered() {
        // The client may be gone; then nobody misses the answer.
        io.write_all(&refusal::answer(&Failure::HeadTooSlow, Uuid::now_v7())).await.ok();
        io.shutdown().await.ok();
    }
}

/// What the latest answer means for its connection.
struct Promised {
    /// It is to be a WebSocket.
    accepted: Option<Arc<Accepted>>,
    last_words: Option<Duration>,
}

impl Promised {
    fn before(door: &Door) -> Self {
        Self { accepted: None, last_words: door.last_words() }
    }

    fn read(&mut self, response: &mut Response<Body>) {
        let said = response.extensions_mut();
        self.accepted = said.remove();
        if let Some(LastWords(time)) = said.remove() {
            self.last_words = Some(time);
        }
    }
}

/// What a connection speaks, and how much of a head it takes.
pub(super) fn protocol() -> http1::Builder {
    let mut protocol = http1::Builder::new();
    protocol.timer(TokioTimer::new()).header_read_timeout(limits::HEAD_TIME).max_buf_size(limits::HEAD_BYTES);
    protocol
}

/// What nobody read of the request's body is thrown away beside the answer.
pub(super) fn leave(response: &mut Response<Body>, rest: Option<Rest>, tasks: &Tasks, seen: Arc<Meter>) {
    let Some(rest) = rest else { return };
    if !rest.keeps_connection() {
        response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
    }
    tasks.work("discard body", async move {
        rest.discard().await;
        seen.answered();
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn the_waits_double_and_it_is_told_once_a_minute() {
        let (mut hindered, error) = (Hindered::default(), std::io::Error::from_raw_os_error(24));
        let waits: Vec<_> = (0..9).map(|_| hindered.by(&error).as_millis()).collect();
        assert_eq!(waits, [10, 20, 40, 80, 160, 320, 640, 1_000, 1_000]);
        let told = hindered.told;
        tokio::time::advance(TOLD_EVERY / 2).await;
        hindered.by(&error);
        assert_eq!(hindered.told, told);
        tokio::time::advance(TOLD_EVERY / 2).await;
        hindered.by(&error);
        assert_ne!(hindered.told, told);
    }
}
