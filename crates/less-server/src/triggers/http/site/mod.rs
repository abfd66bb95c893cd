//! Answers a request for a file of a static site.
//!
//! In: a request, and the site as it is now. Out: the file, in a form that the client takes (`coding`), as a whole, a part,
//! or not at all when the client has it (`conditions`), from the disk as fast as the client reads (`send`).

mod coding;
mod conditions;
mod send;

use std::sync::Arc;
use std::time::SystemTime;

use hyper::header::{self, HeaderMap, HeaderName, HeaderValue};
use hyper::http::request::Parts;
use hyper::{Method, Response, StatusCode};
use uuid::Uuid;

use self::conditions::Asked;
use super::{Body, Failure, full};
use crate::sites::{Form, Found, Located, Reading, SitePath};
use crate::tasks::Tasks;

/// Ask before you use what you have: what a name leads to may be another thing tomorrow.
const ASK: &str = "no-cache";
/// Never ask again: another content has another name.
const KEEP: &str = "public, max-age=31536000, immutable";

/// `reading`: none when the project has no such site any more.
pub(super) async fn answer(reading: Option<Reading>, head: &Parts, tasks: &Tasks) -> Response<Body> {
    let mut response = match serve(reading, head, tasks).await {
        Ok(response) => response,
        Err(failure) => failure.response(Uuid::now_v7()),
    };
    response.headers_mut().insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    response
}

async fn serve(reading: Option<Reading>, head: &Parts, tasks: &Tasks) -> Result<Response<Body>, Failure> {
    if head.method != Method::GET && head.method != Method::HEAD {
        return Err(Failure::WrongVerb { allow: "GET, HEAD".into() });
    }
    let reading = reading.ok_or(Failure::NotFound)?;
    let path = SitePath::parse(head.uri.path()).ok_or(Failure::NotFound)?;
    match reading.find(path).await {
        Found::File(located) => file(reading, &located, head, tasks).await,
        Found::NotFoundPage(located) => not_found(reading, &located, head, tasks).await,
        Found::Folder(path) => redirect(&path, head.uri.query()),
        Found::Nothing => Err(Failure::NotFound),
    }
}

async fn file(reading: Reading, located: &Located, head: &Parts, tasks: &Tasks) -> Result<Response<Body>, Failure> {
    let asks_for_part = head.method == Method::GET && head.headers.contains_key(header::RANGE);
    let form = if asks_for_part { located.form.clone() } else { form(&reading, located, &head.headers).await };
    let mut response = Response::new(full(""));
    describe(response.headers_mut(), located, &form);
    set(response.headers_mut(), header::ETAG, &form.tag);
    response.headers_mut().insert(header::LAST_MODIFIED, located.last_modified.clone());
    response.headers_mut().insert(header::ACCEPT_RANGES, HeaderValue::from_static("bytes"));
    let keep = HeaderValue::from_static(if located.lasts { KEEP } else { ASK });
    response.headers_mut().insert(header::CACHE_CONTROL, keep);
    if conditions::has_it(&head.headers, &form.tag, located.modified) {
        response.headers_mut().remove(header::CONTENT_TYPE);
        *response.status_mut() = StatusCode::NOT_MODIFIED;
        return Ok(response);
    }
    let asked = if asks_for_part { part(&head.headers, &form, located.modified) } else { Asked::Whole };
    let (from, length) = match asked {
        Asked::Whole => (0, form.bytes),
        Asked::Part { from, length } => {
            *response.status_mut() = StatusCode::PARTIAL_CONTENT;
            let range = format!("bytes {from}-{}/{}", from + length - 1, form.bytes);
            set(response.headers_mut(), header::CONTENT_RANGE, &range);
            (from, length)
        }
        Asked::Nowhere => {
            *response.status_mut() = StatusCode::RANGE_NOT_SATISFIABLE;
            set(response.headers_mut(), header::CONTENT_RANGE, &format!("bytes */{}", form.bytes));
            return Ok(response);
        }
    };
    fill(&mut response, reading, form, from..from + length, head, tasks).await?;
    Ok(response)
}

fn part(headers: &HeaderMap, form: &Form, modified: SystemTime) -> Asked {
    if conditions::is_of_this(headers, &form.tag, modified) {
        conditions::asked(headers, form.bytes)
    } else {
        Asked::Whole
    }
}

/// The site's own page, which is never what the client has: it is the answer to another question.
async fn not_found(
    reading: Reading,
    located: &Located,
    head: &Parts,
    tasks: &Tasks,
) -> Result<Response<Body>, Failure> {
    let form = form(&reading, located, &head.headers).await;
    let mut response = Response::new(full(""));
    *response.status_mut() = StatusCode::NOT_FOUND;
    describe(response.headers_mut(), located, &form);
    set(response.headers_mut(), header::CACHE_CONTROL, ASK);
    let whole = 0..form.bytes;
    fill(&mut response, reading, form, whole, head, tasks).await?;
    Ok(response)
}

fn redirect(path: &str, query: Option<&str>) -> Result<Response<Body>, Failure> {
    let location = query.map_or_else(|| path.to_owned(), |query| format!("{path}?{query}"));
    let mut response = Response::new(full(""));
    *response.status_mut() = StatusCode::MOVED_PERMANENTLY;
    let location = HeaderValue::try_from(location).map_err(|_| Failure::NotFound)?;
    response.headers_mut().insert(header::LOCATION, location);
    // Tomorrow it may be a file.
    set(response.headers_mut(), header::CACHE_CONTROL, ASK);
    Ok(response)
}

/// The smallest form of a file that the client takes.
async fn form(reading: &Reading, located: &Located, headers: &HeaderMap) -> Arc<Form> {
    let compressed = match coding::choose(headers, &located.codings) {
        Some(coding) => reading.compressed(located, coding).await,
        None => None,
    };
    compressed.unwrap_or_else(|| located.form.clone())
}

/// What the bytes are.
fn describe(headers: &mut HeaderMap, located: &Located, form: &Form) {
    headers.insert(header::CONTENT_TYPE, located.content_type.clone());
    if !located.codings.is_empty() {
        headers.insert(header::VARY, header::ACCEPT_ENCODING.into());
    }
    if let Some(coding) = form.coding {
        headers.insert(header::CONTENT_ENCODING, HeaderValue::from_static(coding.name()));
    }
}

async fn fill(
    response: &mut Response<Body>,
    reading: Reading,
    form: Arc<Form>,
    range: std::ops::Range<u64>,
    head: &Parts,
    tasks: &Tasks,
) -> Result<(), Failure> {
    let length = range.end - range.start;
    response.headers_mut().insert(header::CONTENT_LENGTH, length.into());
    if head.method == Method::GET {
        *response.body_mut() = send::body(form, range, reading, tasks).await?;
    }
    Ok(())
}

/// Values of ours are always valid.
fn set(headers: &mut HeaderMap, name: HeaderName, value: &str) {
    if let Ok(value) = HeaderValue::from_str(value) {
        headers.insert(name, value);
    }
}
