//! What handlers ask of the server while they run: each call is answered on the connection it came by.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use less_protocol::{Call, CallError, Service, ToWorker};
use tokio::sync::OwnedSemaphorePermit;

use super::worker::Worker;
use crate::services::{Caller, Services};
use crate::tasks::Tasks;

/// Calls of one worker that wait for their answers, in KiB of payload.
pub(super) const ROOM: usize = 16 << 10;

impl Worker {
    pub(super) async fn serve(self: &Arc<Self>, call: Call, services: &Arc<Services>, calls: &Tasks) {
        let number = call.call;
        let Some(caller) = self.caller(&call) else {
            let result = Err(CallError {
                code: "invocation_ended".into(),
                message: "the invocation has ended; its calls are refused".into(),
                name: None,
            });
            return self.say(&ToWorker::Answer { call: number, result });
        };
        let Some(room) = self.room_for(&call).await else { return };
        let waits = (call.service == Service::Function).then(|| self.state.lock().flights.is_exclusive(call.id));
        let waits = waits.unwrap_or(false);
        let (this, services) = (self.clone(), services.clone());
        calls.critical("call", async move {
            this.waiting_calls.fetch_add(usize::from(waits), Ordering::Relaxed);
            let result = services.call(caller, call).await;
            this.waiting_calls.fetch_sub(usize::from(waits), Ordering::Relaxed);
            drop(room);
            this.say(&ToWorker::Answer { call: number, result });
        });
    }

    /// Who calls; an attempt whose time is over may still publish, until its delivery is settled.
    fn caller(&self, call: &Call) -> Option<Caller> {
        let state = self.state.lock();
        let late = || state.flights.late_caller(call.id).filter(|_| call.service == Service::Publish);
        state.flights.caller(call.id).or_else(late)
    }

    /// A worker that calls faster than calls are answered is not read for as long.
    async fn room_for(&self, call: &Call) -> Option<OwnedSemaphorePermit> {
        let kib = u32::try_from(1 + call.payload.len() / 1024).unwrap_or(u32::MAX).min(ROOM as u32);
        if let Ok(room) = self.call_room.clone().try_acquire_many_owned(kib) {
            return Some(room);
        }
        self.state.lock().congested = true;
        let room = self.call_room.clone().acquire_many_owned(kib).await.ok();
        let mut state = self.state.lock();
        state.congested = false;
        state.ping = None;
        room
    }
}
