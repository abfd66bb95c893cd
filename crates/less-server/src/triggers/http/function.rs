//! The generated functions API: `POST <base>/functions/<name>` with a JSON body calls it.

use std::sync::Arc;

use bytes::Bytes;
use hyper::http::request::Parts;
use hyper::{Method, Response, StatusCode, header};
use uuid::Uuid;

use super::api::Place;
use super::body::Upload;
use super::publish::check_json;
use super::watched::id_of;
use super::{Body, Failure, full, refuse_foreign_origin};
use crate::limits;
use crate::live::{CallFailed, CallFrom};
use crate::registry::Registry;

/// Answers 200 with the result as JSON. No body stands for `null`.
pub(super) async fn answer(
    registry: &Registry,
    project: &str,
    function: &str,
    head: &Parts,
    upload: &mut Upload,
) -> Response<Body> {
    let id = id_of(head);
    match call(registry, project, function, head, upload, id).await {
        Ok(response) => response,
        Err(failure) => failure.response(id),
    }
}

async fn call(
    registry: &Registry,
    project: &str,
    function: &str,
    head: &Parts,
    upload: &mut Upload,
    id: Uuid,
) -> Result<Response<Body>, Failure> {
    refuse_foreign_origin(&head.headers)?;
    let live = registry.live(project).ok_or_else(|| registry.absent(project))?;
    let function = function.strip_prefix("functions/").unwrap_or(function);
    // Known before the body is read: what goes nowhere is not received.
    let handler = live.function_handler(function).ok_or(Failure::UnknownFunction)?;
    if head.method != Method::POST {
        return Err(Failure::WrongVerb { allow: Method::POST.to_string() });
    }
    Place::look(&live, handler)?;
    let (argument, room) = upload.read(limits::BODY_BYTES, &live.bodies).await?;
    let argument = if argument.is_empty() { Bytes::from_static(b"null") } else { argument };
    check_json(&argument).map_err(|what| Failure::BadRequest(format!("The body is not JSON: {what}")))?;
    let held = Arc::new((room, Place::take(&live, handler)?));
    drop(live);
    let result = registry.call_function(project, function, argument, &CallFrom::outside(id, Some(held))).await?;
    let mut response = Response::new(full(result));
    *response.status_mut() = StatusCode::OK;
    response.headers_mut().insert(header::CONTENT_TYPE, header::HeaderValue::from_static("application/json"));
    Ok(response)
}

/// What a function threw is its author's: clients learn only that it did.
impl From<CallFailed> for Failure {
    fn from(failed: CallFailed) -> Self {
        match failed {
            CallFailed::Unknown { .. } => Self::UnknownFunction,
            CallFailed::ArgumentTooLarge { limit, .. } => Self::BodyTooLarge { most: limit },
            CallFailed::Threw(_) => Self::FunctionFailed,
            CallFailed::ResultTooLarge(_) => Self::ResponseTooLarge { most: limits::BODY_BYTES },
            CallFailed::TimedOut { .. } => Self::TimedOut,
            CallFailed::WorkerLost(_) => Self::WorkerLost,
            CallFailed::TooDeep(_) | CallFailed::NotBegun(_) | CallFailed::NotRunning(_) => Self::Busy,
        }
    }
}
