//! `GET` and `HEAD`: a file, or a range of it, piece by piece as its reader takes them.
//!
//! What is served is never a page of ours: `content-security-policy: sandbox` gives it an origin of its own, `nosniff`
//! keeps it what it was uploaded as.

use std::convert::Infallible;
use std::time::{Duration, UNIX_EPOCH};

use bytes::Bytes;
use hyper::body::Frame;
use hyper::header::{self, HeaderMap, HeaderName, HeaderValue};
use hyper::http::request::Parts;
use hyper::{Method, Response, StatusCode};
use less_store::{Entry, FilePath, Object, Opened};
use tokio::sync::mpsc;

use super::Place;
use super::conditions::{Known, is_known};
use super::range::{Range, Wanted, wanted};
use crate::limits;
use crate::registry::Live;
use crate::tasks::Tasks;
use crate::triggers::http::{Body, Failure, LastWords, full, streamed};

pub(super) async fn send(live: &Live, path: &FilePath, head: &Parts, tasks: &Tasks) -> Result<Response<Body>, Failure> {
    let place = Place::take(live)?;
    let opened = live.services.stored_files().open(&live.name, path).await?;
    let Opened { entry, object } = opened.ok_or(Failure::NotFound)?;
    let known = Known { etag: format!("\"{}\"", entry.etag()), modified: modified(&entry) };
    if is_known(&head.headers, &known) {
        return Ok(response(StatusCode::NOT_MODIFIED, &entry, &known, full("")));
    }
    let is_head = head.method == Method::HEAD;
    let wanted = if is_head { Wanted::Whole } else { wanted(&head.headers, &known, entry.size) };
    let (status, range) = match wanted {
        Wanted::Whole => (StatusCode::OK, Range { first: 0, length: entry.size }),
        Wanted::Part(range) => (StatusCode::PARTIAL_CONTENT, range),
        Wanted::Nothing => return Err(Failure::OutOfRange { size: entry.size }),
    };
    let body = if is_head { full("") } else { body(object, range, place, tasks).await? };
    let mut response = response(status, &entry, &known, body);
    response.extensions_mut().insert(LastWords(limits::LAST_WORDS));
    set(response.headers_mut(), header::CONTENT_LENGTH, &range.length.to_string());
    if status == StatusCode::PARTIAL_CONTENT {
        let last = range.first + range.length - 1;
        set(response.headers_mut(), header::CONTENT_RANGE, &format!("bytes {}-{last}/{}", range.first, entry.size));
    }
    Ok(response)
}

fn modified(entry: &Entry) -> u64 {
    u64::try_from(entry.uploaded_at).unwrap_or(0) / 1000
}

fn response(status: StatusCode, entry: &Entry, known: &Known, body: Body) -> Response<Body> {
    let mut response = Response::new(body);
    *response.status_mut() = status;
    let headers = response.headers_mut();
    let modified = httpdate::fmt_http_date(UNIX_EPOCH + Duration::from_secs(known.modified));
    for (name, value) in [
        (header::CONTENT_TYPE, entry.content_type.as_str()),
        (header::ETAG, &known.etag),
        (header::LAST_MODIFIED, &modified),
        (header::ACCEPT_RANGES, "bytes"),
        // A path may get other bytes: who keeps some asks each time whether they are still those.
        (header::CACHE_CONTROL, "no-cache"),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::CONTENT_SECURITY_POLICY, "sandbox"),
    ] {
        set(headers, name, value);
    }
    if status == StatusCode::NOT_MODIFIED {
        headers.remove(header::CONTENT_TYPE);
    }
    response
}

fn set(headers: &mut HeaderMap, name: HeaderName, value: &str) {
    if let Ok(value) = HeaderValue::from_str(value) {
        headers.insert(name, value);
    }
}

/// A short one at once; of a long one the next piece while the one before is taken.
async fn body(object: Box<dyn Object>, range: Range, place: Place, tasks: &Tasks) -> Result<Body, Failure> {
    let piece = limits::TRANSFER_PIECE as u64;
    if range.length <= piece {
        let bytes = object.read(range.first, usize::try_from(range.length).unwrap_or(0)).await?;
        return Ok(full(bytes));
    }
    let (pieces, taken) = mpsc::channel(1);
    tasks.work("send file", async move {
        stream(&*object, range, &pieces).await;
        drop(place);
    });
    Ok(streamed(taken))
}

/// Until all is sent, or the reader has gone. If the bytes cannot be read the body ends early, which its length tells.
async fn stream(object: &dyn Object, range: Range, pieces: &mpsc::Sender<Result<Frame<Bytes>, Infallible>>) {
    let (mut at, end) = (range.first, range.first + range.length);
    while at < end {
        let length = (end - at).min(limits::TRANSFER_PIECE as u64);
        let read = object.read(at, usize::try_from(length).unwrap_or(0)).await;
        let bytes = match read {
            Ok(bytes) => bytes,
            Err(error) => return tracing::error!(?error, "a file could not be sent to its end"),
        };
        at += length;
        if pieces.send(Ok(Frame::data(bytes))).await.is_err() {
            return;
        }
    }
}
