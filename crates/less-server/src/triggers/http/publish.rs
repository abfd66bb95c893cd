//! The generated topics API: `POST <base>/topics/<name>` with a JSON body publishes it. The header
//! `idempotency-key` makes it safe to send again.
//!
//! The address that is printed ends in `/topics`; clients of the reference add `/topics/<name>` to the one printed
//! there. Both are heard, for no topic has a `/` in its name; so it is with functions.

use hyper::header::HeaderMap;
use hyper::http::request::Parts;
use hyper::{Method, Response, StatusCode};
use less_protocol::PublishOptions;
use serde::de::IgnoredAny;
use uuid::Uuid;

use super::body::Upload;
use super::watched::id_of;
use super::{Body, Failure, json, refuse_foreign_origin};
use crate::limits;
use crate::registry::Registry;
use crate::services::From;

/// Answers 202 `{"id"}` once the message is durable.
pub(super) async fn answer(
    registry: &Registry,
    project: &str,
    topic: &str,
    head: &Parts,
    upload: &mut Upload,
) -> Response<Body> {
    let id = id_of(head);
    match publish(registry, project, topic, head, upload, id).await {
        Ok(response) => response,
        Err(failure) => failure.response(id),
    }
}

async fn publish(
    registry: &Registry,
    project: &str,
    topic: &str,
    head: &Parts,
    upload: &mut Upload,
    trace: Uuid,
) -> Result<Response<Body>, Failure> {
    refuse_foreign_origin(&head.headers)?;
    let live = registry.live(project).ok_or_else(|| registry.absent(project))?;
    let topic = topic.strip_prefix("topics/").unwrap_or(topic);
    // Known before the body is read: what goes nowhere is not received.
    if !live.project.topics.iter().any(|known| known.name == *topic) {
        return Err(Failure::UnknownTopic);
    }
    if head.method != Method::POST {
        return Err(Failure::WrongVerb { allow: Method::POST.to_string() });
    }
    let (message, _room) = upload.read(limits::MESSAGE_BYTES, &live.bodies).await?;
    check_json(&message).map_err(|what| Failure::BadRequest(format!("The body is not JSON: {what}")))?;
    let options = PublishOptions { idempotency_key: idempotency_key(&head.headers)?, ..Default::default() };
    let from = From { trace, ..Default::default() };
    let id = live.services.publish(topic, message, &options, from).await?;
    Ok(json(StatusCode::ACCEPTED, &serde_json::json!({ "id": id })))
}

fn idempotency_key(headers: &HeaderMap) -> Result<Option<String>, Failure> {
    let Some(key) = headers.get("idempotency-key") else { return Ok(None) };
    let key = key.to_str().map_err(|_| Failure::BadRequest("The header idempotency-key is not ASCII".into()))?;
    Ok(Some(key.to_owned()))
}

/// It is stored as it came, so it must be JSON to every reader: what is skipped over is not checked for UTF-8.
pub(crate) fn check_json(message: &[u8]) -> Result<(), String> {
    let text = std::str::from_utf8(message).map_err(|error| error.to_string())?;
    serde_json::from_str::<IgnoredAny>(text).map(drop).map_err(|error| error.to_string())
}
