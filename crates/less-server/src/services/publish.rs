//! Publishing, from a handler or from outside.

use std::sync::Arc;

use bytes::Bytes;
use less_protocol::{Call, CallError, PublishOptions};
use less_store::{Message, Publish, Timestamp};
use sha2::{Digest, Sha256};
use uuid::Uuid;

use super::{Caller, Causing, Services};
use crate::clock;
use crate::limits;

/// Shorter payloads are copied out of the buffers in which they came.
const SHORT: usize = 16 << 10;

/// Who publishes.
#[derive(Debug, Clone, Default)]
pub(crate) struct From {
    pub trace: Uuid,
    /// The invocation that publishes; none: it comes from outside.
    pub cause: Option<Uuid>,
    pub origin: Option<Arc<Causing>>,
}

/// Why nothing was published.
#[derive(Debug, thiserror::Error)]
pub enum PublishError {
    #[error("the message has {size} bytes, more than the {limit} bytes a message may have")]
    TooLarge { size: usize, limit: usize },
    #[error("there is no topic {given}; the topics are: {existing}")]
    UnknownTopic { given: String, existing: String },
    #[error("{0}")]
    BadOption(String),
    #[error(transparent)]
    Store(#[from] less_store::Error),
}

impl PublishError {
    /// Stable, for handlers and clients.
    pub fn code(&self) -> &'static str {
        match self {
            Self::TooLarge { .. } => "message_too_large",
            Self::UnknownTopic { .. } => "unknown_topic",
            Self::BadOption(_) => "bad_option",
            Self::Store(error) => store_code(error),
        }
    }
}

/// Stable, for handlers and clients.
pub(super) fn store_code(error: &less_store::Error) -> &'static str {
    use less_store::Error;
    match error {
        Error::UnknownTopic { .. } => "unknown_topic",
        Error::Settled => "invocation_ended",
        Error::Full => "store_full",
        Error::Closed => "stopping",
        Error::InUse(_) | Error::Failed(_) => "store_failed",
    }
}

impl Services {
    pub(super) async fn publish_for(&self, caller: &Caller, call: Call) -> Result<Bytes, CallError> {
        let from = From { trace: caller.trace, cause: Some(caller.invocation), origin: caller.origin.clone() };
        let published = match options(&call.options) {
            Ok(options) => self.publish(&call.target, call.payload, &options, from).await,
            Err(error) => Err(error),
        };
        match published {
            Ok(id) => Ok(Bytes::from(format!(r#"{{"id":"{id}"}}"#))),
            Err(error) => Err(CallError { code: error.code().into(), message: error.to_string(), name: None }),
        }
    }

    /// Resolves with the message's id once it is durable.
    pub(crate) async fn publish(
        &self,
        topic: &str,
        payload: Bytes,
        options: &PublishOptions,
        from: From,
    ) -> Result<Uuid, PublishError> {
        if payload.len() > limits::MESSAGE_BYTES {
            return Err(PublishError::TooLarge { size: payload.len(), limit: limits::MESSAGE_BYTES });
        }
        check(options)?;
        let topic = self.topic_names.iter().find(|name| ***name == *topic).cloned().ok_or_else(|| {
            let existing = match self.topic_names.as_slice() {
                [] => "none".to_owned(),
                names => names.join(", "),
            };
            PublishError::UnknownTopic { given: topic.to_owned(), existing }
        })?;
        let hash = from.origin.as_ref().map(|_| content_hash(&topic, &payload));
        let origin = from.origin.as_ref().zip(hash).map(|(origin, hash)| origin.next(hash));
        let published_at = clock::now_ms();
        let message = Message {
            id: Uuid::now_v7(),
            project: self.project.clone(),
            topic,
            payload: compact(payload),
            trace: from.trace,
            cause: from.cause,
            published_at,
            delayed_until: options.delay.filter(|delay| *delay > 0.0).map(|delay| later(published_at, delay)),
            ordering_key: options.ordering_key.as_deref().map(Arc::from),
        };
        let publish = Publish { message, idempotency_key: options.idempotency_key.clone(), origin };
        let published = self.store.topics.publish(publish).await;
        if let (Err(_), Some(causing), Some(origin)) = (&published, &from.origin, origin) {
            causing.take_back(origin);
        }
        Ok(published?)
    }
}

/// A short payload gets memory of its own: as long as it waits in a queue, it is not to hold the whole buffer in which
/// it came.
fn compact(payload: Bytes) -> Bytes {
    if payload.len() < SHORT { Bytes::copy_from_slice(&payload) } else { payload }
}

fn options(json: &[u8]) -> Result<PublishOptions, PublishError> {
    if json.is_empty() {
        return Ok(PublishOptions::default());
    }
    serde_json::from_slice(json).map_err(|error| PublishError::BadOption(format!("the options of publish: {error}")))
}

fn check(options: &PublishOptions) -> Result<(), PublishError> {
    let longest = limits::DELAY.as_secs_f64();
    if options.delay.is_some_and(|delay| !(0.0..=longest).contains(&delay)) {
        let message = format!("delay is a number of seconds from 0 to {longest}");
        return Err(PublishError::BadOption(message));
    }
    for (name, key) in [("idempotency_key", &options.idempotency_key), ("ordering_key", &options.ordering_key)] {
        if key.as_ref().is_some_and(|key| key.is_empty() || key.len() > limits::OPTION_KEY_BYTES) {
            let message = format!("{name} is a text of 1 to {} bytes", limits::OPTION_KEY_BYTES);
            return Err(PublishError::BadOption(message));
        }
    }
    Ok(())
}

/// `seconds` after `now`; both are within what [`check`] allows.
pub(super) fn later(now: Timestamp, seconds: f64) -> Timestamp {
    #[expect(clippy::cast_possible_truncation, reason = "bounded by the longest delay")]
    let millis = (seconds * 1000.0).ceil() as i64;
    now.saturating_add(millis)
}

fn content_hash(topic: &str, payload: &[u8]) -> [u8; 16] {
    let mut hash = Sha256::new();
    hash.update(topic);
    hash.update([0]); // no topic's name has it
    hash.update(payload);
    let mut short = [0; 16];
    short.copy_from_slice(&hash.finalize()[..16]);
    short
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options_outside_their_ranges_are_refused_by_name() {
        let refused = |options: PublishOptions| check(&options).unwrap_err().to_string();
        for delay in [-1.0, f64::NAN, f64::INFINITY, 1e12] {
            assert!(refused(PublishOptions { delay: Some(delay), ..Default::default() }).starts_with("delay is"));
        }
        for key in [String::new(), "k".repeat(limits::OPTION_KEY_BYTES + 1)] {
            let ordering_key = Some(key.clone());
            assert!(refused(PublishOptions { ordering_key, ..Default::default() }).starts_with("ordering_key is"));
            let idempotency_key = Some(key);
            let refused = refused(PublishOptions { idempotency_key, ..Default::default() });
            assert!(refused.starts_with("idempotency_key is"));
        }
        let fine = PublishOptions { delay: Some(0.5), idempotency_key: Some("a".into()), ordering_key: None };
        assert!(check(&fine).is_ok());
    }

    #[test]
    fn equal_publishes_of_an_attempt_are_counted_and_refused_ones_are_not() {
        let causing = Causing::new(less_store::SubscriberId(1), 7);
        let hash = content_hash("t", b"1");
        assert_ne!(hash, content_hash("t1", b""));
        let (first, second) = (causing.next(hash), causing.next(hash));
        assert_eq!((first.nth, second.nth), (0, 1));
        causing.take_back(first); // the second has its number: it keeps it
        causing.take_back(second);
        assert_eq!((causing.next(hash).nth, causing.next([0; 16]).nth), (1, 0));
    }
}
