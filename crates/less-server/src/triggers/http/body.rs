//! Reads a request's body within limits: how large, how slow, how much of all bodies at once.

use bytes::{Bytes, BytesMut};
use http_body_util::BodyExt;
use hyper::body::{Body as _, Incoming};
use tokio::sync::{Semaphore, SemaphorePermit};
use tokio::time::{Duration, Instant, timeout_at};

use super::Failure;
use crate::limits;
use crate::tasks::Tasks;

/// Room for all bodies of the server, in KiB.
static ROOM: Semaphore = Semaphore::const_new(limits::BODIES_BYTES >> 10);

/// The whole body, and the room it takes while it is used. What is too large is refused at once; the
/// rest of it is read and thrown away behind the answer.
pub(crate) async fn read_body(
    mut body: Incoming,
    most: usize,
    tasks: &Tasks,
) -> Result<(Bytes, SemaphorePermit<'static>), Failure> {
    let announced = body.size_hint().lower();
    if announced > most as u64 {
        tasks.work("discard body", discard(body));
        return Err(Failure::BodyTooLarge { most });
    }
    let mut room = take_room(announced)?;
    let started = Instant::now();
    let mut whole = Bytes::new();
    let mut rest = BytesMut::new();
    let mut received = 0_usize;
    while received == 0 || !body.is_end_stream() {
        let allowance = Duration::from_secs(received as u64 / limits::BODY_BYTES_PER_SECOND);
        let Some(frame) = timeout_at(started + limits::HEAD_TIME + allowance, body.frame())
            .await
            .map_err(|_| Failure::BodyTooSlow)?
        else {
            break;
        };
        let Ok(data) = frame.map_err(|_| Failure::BodyBroken)?.into_data() else { continue };
        received += data.len();
        if received > most {
            tasks.work("discard body", discard(body));
            return Err(Failure::BodyTooLarge { most });
        }
        if received as u64 > announced {
            room.merge(take_room(data.len() as u64)?);
        }
        // Most bodies come in one piece and are not copied.
        if whole.is_empty() && rest.is_empty() {
            whole = data;
        } else {
            rest.extend_from_slice(&std::mem::take(&mut whole));
            rest.extend_from_slice(&data);
        }
    }
    Ok((if rest.is_empty() { whole } else { rest.freeze() }, room))
}

fn take_room(bytes: u64) -> Result<SemaphorePermit<'static>, Failure> {
    let kib = u32::try_from(bytes.div_ceil(1 << 10)).unwrap_or(u32::MAX);
    ROOM.try_acquire_many(kib).map_err(|_| Failure::Busy)
}

/// Clients that send before they read would otherwise see a broken pipe instead of the answer.
async fn discard(mut body: Incoming) {
    let deadline = Instant::now() + limits::DISCARD_TIME;
    let mut read = 0;
    while read < limits::DISCARD_BYTES {
        match timeout_at(deadline, body.frame()).await {
            Ok(Some(Ok(frame))) => read += frame.data_ref().map_or(0, Bytes::len),
            Ok(Some(Err(_)) | None) | Err(_) => return,
        }
    }
}
