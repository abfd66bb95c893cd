//! What handlers do, for somebody at the command line: publishes a message, calls a function.
//!
//! Here an error of a function is shown in full: whoever has the server's token may also read its log.

use bytes::{Bytes, BytesMut};
use http_body_util::BodyExt;
use hyper::body::Incoming;
use hyper::header::{CONTENT_TYPE, HeaderValue};
use hyper::{Response, StatusCode};
use less_protocol::{CallError, PublishOptions};
use uuid::Uuid;

use super::api::{ErrorBody, Published};
use super::{Answer, Refused, meant};
use crate::limits;
use crate::live::{CallFrom, Live};
use crate::registry::Registry;
use crate::services::{From, PublishError};
use crate::triggers::http::{check_json, full, json};

/// Answers once the message is durable.
pub(super) async fn publish(live: &Live, topic: &str, query: &[(String, String)], body: Incoming) -> Answer {
    let topic = decoded(topic);
    let names: Vec<&str> = live.project.topics.iter().map(|topic| topic.name.as_str()).collect();
    if !names.contains(&topic.as_str()) {
        return Err(unknown(live, "topic", &topic, &names));
    }
    let options = options(query)?;
    // More than a message may have is received all the same, so that the words about it are the same everywhere.
    let message = receive(body, limits::BODY_BYTES).await?;
    let from = From { trace: Uuid::now_v7(), ..Default::default() };
    let id = live.services.publish(&topic, message, &options, from).await.map_err(|error| refused(&error))?;
    Ok(json(StatusCode::ACCEPTED, &Published { id: id.to_string() }))
}

/// Answers with the function's result.
pub(super) async fn invoke(registry: &Registry, live: &Live, function: &str, body: Incoming) -> Answer {
    let function = decoded(function);
    let names: Vec<&str> = live.handlers().into_iter().filter_map(|path| path.strip_prefix("functions/")).collect();
    if !names.contains(&function.as_str()) {
        return Err(unknown(live, "function", &function, &names));
    }
    let argument = receive(body, limits::BODY_BYTES).await?;
    let from = CallFrom::outside(Uuid::now_v7(), None);
    let called = registry.call_function(&live.name, &function, argument, &from).await;
    let result = called.map_err(|failed| {
        let CallError { code, message, name } = failed.into();
        Refused { status: StatusCode::BAD_GATEWAY, body: ErrorBody { code, message, name }, missing: None }
    })?;
    let mut response = Response::new(full(result));
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    Ok(response)
}

/// `kind`: topic or function.
fn unknown(live: &Live, kind: &str, given: &str, names: &[&str]) -> Refused {
    let existing = match names {
        [] => format!("it has no {kind}s"),
        names => format!("its {kind}s are: {}", names.join(", ")),
    };
    let hint = meant(given, names);
    let message = format!("project \"{}\" has no {kind} {given}; {existing}{hint}", live.name);
    Refused::new(StatusCode::NOT_FOUND, &format!("unknown_{kind}"), message)
}

fn refused(error: &PublishError) -> Refused {
    let status = match error.code() {
        "message_too_large" => StatusCode::PAYLOAD_TOO_LARGE,
        "unknown_topic" => StatusCode::NOT_FOUND,
        "bad_option" => StatusCode::BAD_REQUEST,
        "store_full" => StatusCode::INSUFFICIENT_STORAGE,
        "stopping" => StatusCode::SERVICE_UNAVAILABLE,
        _ => StatusCode::INTERNAL_SERVER_ERROR,
    };
    Refused::new(status, error.code(), error.to_string())
}

fn options(query: &[(String, String)]) -> Result<PublishOptions, Refused> {
    let mut options = PublishOptions::default();
    for (name, value) in query {
        match name.as_str() {
            "delay" => {
                let seconds = value.parse().map_err(|_| bad_request("`delay` is not a number of seconds".into()))?;
                options.delay = Some(seconds);
            }
            "idempotency_key" => options.idempotency_key = Some(value.clone()),
            "ordering_key" => options.ordering_key = Some(value.clone()),
            other => return Err(bad_request(format!("there is no option `{other}`"))),
        }
    }
    Ok(options)
}

/// A name in a path, as it was meant. There are no spaces in names, so `+` is itself.
fn decoded(part: &str) -> String {
    let query = format!("={}", part.replace('+', "%2B"));
    less_project::parse_query(&query).pop().map(|(_, name)| name).unwrap_or_default()
}

/// A body that is JSON. One that is too large is read to its end and thrown away, so that its sender sees the answer.
async fn receive(mut body: Incoming, most: usize) -> Result<Bytes, Refused> {
    let (mut whole, mut received) = (BytesMut::new(), 0);
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|_| bad_request("the body ended early".into()))?;
        let Ok(data) = frame.into_data() else { continue };
        received += data.len();
        if received > limits::DISCARD_BYTES {
            break;
        }
        if received <= most {
            whole.extend_from_slice(&data);
        }
    }
    if received > most {
        let message = format!("the body is larger than {} MiB", most >> 20);
        return Err(Refused::new(StatusCode::PAYLOAD_TOO_LARGE, "body_too_large", message));
    }
    check_json(&whole).map_err(|what| bad_request(format!("the body is not JSON: {what}")))?;
    Ok(whole.freeze())
}

fn bad_request(message: String) -> Refused {
    Refused::new(StatusCode::BAD_REQUEST, "bad_request", message)
}
