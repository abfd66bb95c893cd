//! The connection to one worker process: one task writes what gathered, many frames at once, another reads.

use std::sync::Arc;

use bytes::BytesMut;
use less_protocol::{Decoder, FromWorker};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::unix::{OwnedReadHalf, OwnedWriteHalf};

use super::calls::Calls;
use super::worker::{Answer, Phase, Worker};
use crate::services::Services;

/// How much is read at once, and how much room for it is kept.
const READ_BYTES: usize = 64 << 10;
/// With less room than this a read is not worth its system call.
const LEAST_ROOM: usize = 16 << 10;
/// A buffer that has grown beyond is not kept.
const KEPT_BYTES: usize = 256 << 10;

impl Worker {
    pub(super) async fn write(self: Arc<Self>, mut socket: OwnedWriteHalf) {
        let mut out = BytesMut::new();
        loop {
            std::mem::swap(&mut out, &mut self.state.lock().out);
            if out.is_empty() {
                tokio::select! {
                    () = self.wake.notified() => {}
                    () = self.gone.cancelled() => return,
                }
                // Whatever else is ready may have frames for it, too: they go in one write.
                tokio::task::yield_now().await;
                continue;
            }
            if socket.write_all(&out).await.is_err() {
                return; // the reader notices the end too
            }
            if out.capacity() > KEPT_BYTES { out = BytesMut::new() } else { out.clear() }
        }
    }

    pub(super) async fn read(self: Arc<Self>, mut socket: OwnedReadHalf, services: Arc<Services>, calls: Calls) {
        let mut decoder = Decoder::default();
        loop {
            if decoder.buffer.capacity() - decoder.buffer.len() < LEAST_ROOM {
                decoder.buffer.reserve(READ_BYTES);
            }
            if !matches!(socket.read_buf(&mut decoder.buffer).await, Ok(1..)) {
                return;
            }
            loop {
                match decoder.next_from_worker() {
                    Ok(Some(FromWorker::Call(call))) => self.take_call(call, &calls).await,
                    Ok(Some(frame)) => self.hear(frame, &services),
                    Ok(None) => break,
                    Err(error) => {
                        tracing::error!(pid = self.pid, %error, "a worker broke the protocol");
                        return;
                    }
                }
            }
        }
    }

    fn hear(&self, frame: FromWorker, services: &Services) {
        match frame {
            FromWorker::Reply { id, reply } => self.answer(id, Answer::Reply(reply)),
            FromWorker::Returned { id } => self.answer(id, Answer::NotBegun),
            FromWorker::Call(_) => {} // the reader takes calls itself: they may have to wait
            FromWorker::Log { id, error, time, text } => {
                let (path, invocation) = self.state.lock().flights.whose(id);
                services.log(path, invocation, error, time, text);
            }
            FromWorker::Pong { .. } => {
                let mut state = self.state.lock();
                state.ping = None;
                state.overdue = false;
                if state.phase == Phase::Silent {
                    state.phase = Phase::Ready;
                    self.queue.changed();
                }
            }
            FromWorker::Loaded(loaded) => {
                if let Some(waiting) = self.loaded.lock().take() {
                    waiting.send(loaded).ok();
                }
            }
        }
    }
}
