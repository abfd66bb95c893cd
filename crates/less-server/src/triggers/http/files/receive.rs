//! `PUT`: a body becomes a file, piece by piece; nobody sees anything of it before all is on the disk.

use bytes::Bytes;
use hyper::header::{self, HeaderMap, HeaderValue};
use hyper::{Response, StatusCode};
use less_store::{FilePath, Keep};
use uuid::Uuid;

use super::Place;
use crate::limits;
use crate::registry::{Live, Registry};
use crate::triggers::http::body::{Flow, Upload};
use crate::triggers::http::{Body, Failure, json};

const UNTYPED: &str = "application/octet-stream";

/// Answers 200 once the file would survive a power cut.
pub(super) async fn receive(
    registry: &Registry,
    live: &Live,
    path: FilePath,
    headers: &HeaderMap,
    upload: &mut Upload,
    id: Uuid,
) -> Result<Response<Body>, Failure> {
    let content_type = content_type(headers)?;
    if headers.contains_key(header::CONTENT_RANGE) {
        return Err(Failure::BadRequest("A file is sent whole: leave out content-range".into()));
    }
    upload.check_announced(limits::FILE_BYTES)?;
    let _place = Place::take(live)?;
    let mut object = live.services.stored_files().begin(&live.name).await?;
    let mut flow = Flow::new(limits::FILE_BYTES, Some(limits::UPLOAD_PAUSE));
    loop {
        let pieces = gather(upload, &mut flow).await?;
        if pieces.is_empty() {
            break;
        }
        object.write(pieces).await?;
    }
    // One that was deleted meanwhile takes no file: nothing would ever remove it.
    registry.live(&live.name).ok_or_else(|| registry.absent(&live.name))?;
    let entry = object.keep(Keep { path, content_type, trace: id }).await?;
    let mut response = json(StatusCode::OK, &entry.to_json());
    if let Ok(etag) = HeaderValue::try_from(format!("\"{}\"", entry.etag())) {
        response.headers_mut().insert(header::ETAG, etag);
    }
    Ok(response)
}

/// So much that it is worth a write; nothing at the end.
async fn gather(upload: &mut Upload, flow: &mut Flow) -> Result<Vec<Bytes>, Failure> {
    let (mut pieces, mut length) = (Vec::new(), 0);
    while length < limits::TRANSFER_PIECE
        && let Some(piece) = upload.next(flow).await?
    {
        length += piece.len();
        if !piece.is_empty() {
            pieces.push(piece);
        }
    }
    Ok(pieces)
}

fn content_type(headers: &HeaderMap) -> Result<String, Failure> {
    let Some(given) = headers.get(header::CONTENT_TYPE) else { return Ok(UNTYPED.to_owned()) };
    match given.to_str() {
        Ok("") => Ok(UNTYPED.to_owned()),
        Ok(text) if text.len() <= limits::CONTENT_TYPE_BYTES => Ok(text.to_owned()),
        _ => Err(Failure::BadRequest(format!(
            "The content-type is ASCII of at most {} bytes",
            limits::CONTENT_TYPE_BYTES
        ))),
    }
}
