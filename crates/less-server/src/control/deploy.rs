//! Receives a snapshot and deploys it, telling each step as it happens.

use std::convert::Infallible;
use std::io::{Seek, SeekFrom, Write};
use std::sync::Arc;

use bytes::{Buf, Bytes, BytesMut};
use http_body_util::BodyExt;
use hyper::body::{Frame, Incoming};
use hyper::{Response, StatusCode};
use less_project::ProjectName;
use tokio::sync::mpsc;

use super::api::{DeployEvent, DeployMeta};
use super::{Answer, Refused, json_line};
use crate::limits;
use crate::projects::Projects;
use crate::tasks::Tasks;
use crate::triggers::http::streamed;

/// Steps and warnings that the client has not read yet: more than projects have.
const EVENTS: usize = 4_096;
/// The variables of a project are not larger than this.
const META_BYTES: usize = 1 << 20;

pub(super) async fn deploy(projects: Arc<Projects>, name: ProjectName, body: Incoming, tasks: &Tasks) -> Answer {
    let (meta, snapshot) = receive(body, projects.home().root()).await?;
    let (tell, events) = mpsc::channel(EVENTS);
    // It goes on when the client leaves: a deploy is whole or not at all.
    tasks.work("deploy", async move {
        let (tell_step, finish) = (tell.clone(), tell);
        let progress = move |event: DeployEvent| {
            // A client that is slow or gone misses a step, never the end.
            tell_step.try_send(line(&event)).ok();
        };
        let last = match projects.deploy(&name, snapshot, meta, &progress).await {
            Ok(resources) => DeployEvent::Done { resources },
            Err(failed) => DeployEvent::Failed { message: failed.message, problems: failed.problems },
        };
        finish.send(line(&last)).await.ok();
    });
    Ok(Response::new(streamed(events)))
}

fn line(event: &DeployEvent) -> Result<Frame<Bytes>, Infallible> {
    Ok(Frame::data(json_line(event)))
}

/// Splits the body in its parts; the snapshot goes to a file that has no name and leaves with its handle.
async fn receive(mut body: Incoming, home: &std::path::Path) -> Result<(DeployMeta, std::fs::File), Refused> {
    let mut file = tempfile::tempfile_in(home).map_err(|error| Refused::internal(&error.into()))?;
    let mut head = BytesMut::new();
    let mut meta = None;
    let mut received = 0;
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|_| bad_upload("the upload ended early"))?;
        let Ok(mut data) = frame.into_data() else { continue };
        received += data.len() as u64;
        // Headers of the tar come on top of the files' bytes; the exact limit is checked when it is unpacked.
        if received > limits::SNAPSHOT_BYTES + (limits::SNAPSHOT_BYTES >> 2) {
            let message = format!("the snapshot is larger than {} MiB", limits::SNAPSHOT_BYTES >> 20);
            return Err(Refused::new(StatusCode::PAYLOAD_TOO_LARGE, "snapshot_too_large", message));
        }
        if meta.is_none() {
            head.extend_from_slice(&data);
            data = match split_meta(&mut head)? {
                Some(read) => {
                    meta = Some(read);
                    head.split().freeze()
                }
                None => continue,
            };
        }
        file.write_all(&data).map_err(|error| Refused::internal(&error.into()))?;
    }
    let meta = meta.ok_or_else(|| bad_upload("the upload has no head"))?;
    file.seek(SeekFrom::Start(0)).map_err(|error| Refused::internal(&error.into()))?;
    Ok((meta, file))
}

/// Takes the length and the JSON off the front, once they are there.
fn split_meta(head: &mut BytesMut) -> Result<Option<DeployMeta>, Refused> {
    let Some(length) = head.first_chunk::<4>().map(|bytes| u32::from_le_bytes(*bytes) as usize) else {
        return Ok(None);
    };
    if length > META_BYTES {
        return Err(bad_upload("the upload's head is too large"));
    }
    if head.len() < 4 + length {
        return Ok(None);
    }
    head.advance(4);
    let json = head.split_to(length);
    serde_json::from_slice(&json).map(Some).map_err(|_| bad_upload("the upload's head is not what was expected"))
}

fn bad_upload(message: &str) -> Refused {
    Refused::new(StatusCode::BAD_REQUEST, "bad_upload", message)
}
