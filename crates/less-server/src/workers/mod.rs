//! Runs invocations in handler processes: (invocation) in, (outcome) out.
//!
//! `pool` chooses a worker, `queue` is who waits for one, `growth` starts and replaces them, `launch` starts
//! processes. `worker` is one process: `flights` is what is in flight on it, `window` how much it is sent, `wire` its
//! connection, `calls` what its handlers ask for, `pulse` what takes too long, `watchdog` looks at all that. A handler
//! that blocks or kills its process costs others only what `Outcome::WorkerLost` says.

mod calls;
mod flights;
mod growth;
mod launch;
mod pool;
mod pulse;
mod queue;
mod watchdog;
mod window;
mod wire;
mod worker;

use std::any::Any;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use less_protocol::{Input, Thrown};
use tokio::time::Instant;
use uuid::Uuid;

use crate::clock;
use crate::services::{Caller, Causing};

pub(crate) use launch::{Launcher, Program};
pub use launch::{SUBCOMMAND, become_worker};
pub(crate) use pool::{Pool, PoolOptions, StartError};

/// A handler of a live version, and where it runs.
#[derive(Clone)]
pub struct Handler {
    pub pool: Pool,
    /// Its place in the `Load` of that pool.
    pub place: u16,
    /// Its identity.
    pub path: Arc<str>,
}

/// One run of a handler.
#[derive(Debug, Clone)]
pub struct Invocation {
    pub id: Uuid,
    pub trace: Uuid,
    /// The handler's place in the `Load` of its pool, and its identity.
    pub handler: u16,
    pub path: Arc<str>,
    /// How long the handler may take. Its deadline, the same moment twice: to wait for, and to tell the
    /// handler (milliseconds since 1970).
    pub timeout: Duration,
    pub deadline: Instant,
    pub deadline_ms: u64,
    pub input: Input,
    /// The delivery that it belongs to: its own, or that of the handler which called it, or whose caller did.
    pub origin: Option<Arc<Causing>>,
    /// How many functions deep it was called; 0: by no handler.
    pub depth: u32,
    /// It is a suspect, or called by one: it runs in a worker of its own.
    pub alone: bool,
    /// What it occupies (room for its body, its place among the requests) until it ends, also when
    /// nobody waits for it any more.
    pub held: Held,
}

pub(crate) type Held = Option<Arc<dyn Any + Send + Sync>>;

impl Invocation {
    /// As whom its handler asks for services.
    fn caller(&self) -> Caller {
        let Self { id, trace, depth, deadline, alone, .. } = *self;
        Caller { invocation: id, trace, origin: self.origin.clone(), depth, deadline, alone }
    }

    /// The same, with all its time before it.
    fn afresh(&self) -> Self {
        let deadline_ms = u64::try_from(clock::now_ms()).unwrap_or(0) + clock::millis(self.timeout);
        Self { deadline: Instant::now() + self.timeout, deadline_ms, ..self.clone() }
    }
}

/// How an invocation ended.
#[derive(Debug)]
pub enum Outcome {
    /// For a request the encoded response, for a call its result in JSON, else empty.
    Returned(Bytes),
    Threw {
        thrown: Thrown,
        retriable: bool,
    },
    ResponseTooLarge(Thrown),
    /// It had begun, and its deadline passed.
    TimedOut {
        limit: Duration,
    },
    /// It had begun when its process was lost. `alone`: nobody else was in that process.
    WorkerLost {
        alone: bool,
    },
    /// No worker took it before its deadline, or before the pool closed. The handler has not run.
    NotBegun,
}
