//! A connection's handler at work, and what its end means: for the client, and for the author of the handler.

use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use less_protocol::Input;
use tokio::time::Instant;
use uuid::Uuid;

use super::{SocketHandler, words};
use crate::clock::{self, millis};
use crate::live::Live;
use crate::triggers::http::Failure;
use crate::workers::{Invocation, Outcome};

pub(super) struct Working {
    /// None: `connect`.
    pub(super) channel: Option<String>,
    pub(super) id: Uuid,
    pub(super) path: Arc<str>,
    outcome: Pin<Box<dyn Future<Output = Outcome> + Send>>,
}

impl Working {
    /// `told`: JSON.
    pub(super) fn begin(
        SocketHandler { handler, places }: &SocketHandler,
        channel: Option<String>,
        told: Bytes,
        timeout: Duration,
    ) -> Self {
        let (id, path) = (Uuid::now_v7(), handler.path.clone());
        let (handler, places) = (handler.clone(), places.clone());
        let outcome = Box::pin(async move {
            // Many clients at once take turns, so that they do not take all processes from others.
            let held = places.acquire_owned().await.ok();
            let invocation = Invocation {
                id,
                trace: id,
                handler: handler.place,
                path: handler.path.clone(),
                timeout,
                deadline: Instant::now() + timeout,
                deadline_ms: u64::try_from(clock::now_ms()).unwrap_or(0) + millis(timeout),
                input: Input::Call { payload: told },
                origin: None,
                depth: 0,
                alone: false,
                held: Some(Arc::new(held)),
            };
            handler.pool.invoke(&invocation).await
        });
        Self { channel, id, path, outcome }
    }
}

/// Never, where nothing is at work.
pub(super) async fn finished(work: &mut Option<Working>) -> Outcome {
    match work {
        Some(working) => working.outcome.as_mut().await,
        None => std::future::pending().await,
    }
}

/// What an end of `connect` means for its client.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Entry {
    In,
    Refused,
    /// It may have let the client in, or not.
    Failed,
    /// It has not run.
    NotTried,
}

pub(super) fn entry(outcome: &Outcome) -> Entry {
    match outcome {
        Outcome::Returned(returned) if words::refuses(returned) => Entry::Refused,
        Outcome::Returned(_) => Entry::In,
        Outcome::Threw { .. } | Outcome::ResponseTooLarge(_) => Entry::Refused,
        Outcome::TimedOut { .. } | Outcome::WorkerLost { .. } => Entry::Failed,
        Outcome::NotBegun => Entry::NotTried,
    }
}

/// What a client is told of an end that is none it hoped for.
pub(super) fn failure(outcome: &Outcome) -> Option<Failure> {
    match outcome {
        Outcome::Returned(_) => None,
        Outcome::Threw { .. } | Outcome::ResponseTooLarge(_) => Some(Failure::HandlerFailed),
        Outcome::TimedOut { .. } => Some(Failure::TimedOut),
        Outcome::WorkerLost { .. } => Some(Failure::WorkerLost),
        Outcome::NotBegun => Some(Failure::Busy),
    }
}

/// What the author of the handler is told of it.
pub(super) fn tell(live: &Live, path: &Arc<str>, id: Uuid, outcome: &Outcome) {
    let text = match outcome {
        Outcome::Returned(_) | Outcome::NotBegun => return,
        Outcome::Threw { thrown, .. } => return live.services.tell_stack(path, id, thrown),
        Outcome::ResponseTooLarge(thrown) => thrown.message.clone(),
        Outcome::TimedOut { limit } => format!("the handler did not finish within its {} s", limit.as_secs_f64()),
        Outcome::WorkerLost { .. } => "the process that ran the handler was lost".to_owned(),
    };
    live.services.tell(path, id, text);
}

#[cfg(test)]
mod tests {
    use less_protocol::Thrown;

    use super::*;

    #[test]
    fn who_throws_or_returns_a_status_from_400_on_refuses_and_what_is_unknown_is_no_refusal() {
        let thrown = Thrown { name: "Error".into(), message: "no".into(), stack: String::new() };
        for (outcome, expected) in [
            (Outcome::Returned("null".into()), Entry::In),
            (Outcome::Returned(r#"{"statusCode":204}"#.into()), Entry::In),
            (Outcome::Returned(r#"{"statusCode":403}"#.into()), Entry::Refused),
            (Outcome::Threw { thrown, retriable: true }, Entry::Refused),
            (Outcome::TimedOut { limit: Duration::from_secs(1) }, Entry::Failed),
            (Outcome::WorkerLost { alone: true }, Entry::Failed),
            (Outcome::NotBegun, Entry::NotTried),
        ] {
            assert_eq!(entry(&outcome), expected, "{outcome:?}");
        }
    }
}
