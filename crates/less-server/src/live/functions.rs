//! The functions of one version: called by handlers of any language, or from outside.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use less_project::Project;
use less_protocol::{CallError, Input, Thrown};
use tokio::time::Instant;
use uuid::Uuid;

use super::Live;
use crate::clock::{self, millis};
use crate::limits;
use crate::registry::Registry;
use crate::services::Caller;
use crate::workers::{Handler, Held, Invocation, Outcome};

pub(super) struct Function {
    handler: Handler,
    timeout: Duration,
}

pub(super) fn table(project: &Project, handlers: &HashMap<String, Handler>) -> HashMap<String, Function> {
    let functions = project.functions.iter();
    functions
        .map(|function| {
            let handler = handlers[function.handler.path.as_ref()].clone();
            (function.name.clone(), Function { handler, timeout: function.timeout })
        })
        .collect()
}

/// Why a function has no result. Shown to whoever called it; clients outside see less of it.
#[derive(Debug, thiserror::Error)]
pub(crate) enum CallFailed {
    #[error("there is no function {given}; the functions are: {existing}")]
    Unknown { given: String, existing: String },
    #[error("the argument has {size} bytes, more than the {limit} bytes it may have")]
    ArgumentTooLarge { size: usize, limit: usize },
    #[error("{}", .0.message)]
    Threw(Thrown),
    #[error("{}", .0.message)]
    ResultTooLarge(Thrown),
    #[error("{name} did not finish within its {} s", limit.as_secs_f64())]
    TimedOut { name: String, limit: Duration },
    #[error("the process that ran {0} was lost")]
    WorkerLost(String),
    #[error("{0} was not called: functions call one another too deep (more than 32 calls)")]
    TooDeep(String),
    /// It may be called again, perhaps in a newer version.
    #[error("{0} was not called: no process was free to run it")]
    NotBegun(String),
    #[error("the project {0} is not running")]
    NotRunning(String),
}

/// Who calls, and what a call occupies.
#[derive(Clone)]
pub(crate) struct CallFrom {
    /// The handler that calls; none: it is called from outside.
    caller: Option<Caller>,
    /// Of the invocation, where it is known before; a client is told it.
    id: Option<Uuid>,
    held: Held,
}

impl CallFrom {
    pub(crate) fn handler(caller: &Caller) -> Self {
        Self { caller: Some(caller.clone()), id: None, held: None }
    }

    pub(crate) fn outside(id: Uuid, held: Held) -> Self {
        Self { caller: None, id: Some(id), held }
    }
}

impl Registry {
    /// Calls a function of the project's live version; of a newer one, if that comes before the call has begun.
    pub(crate) async fn call_function(
        &self,
        project: &str,
        name: &str,
        argument: Bytes,
        from: &CallFrom,
    ) -> Result<Bytes, CallFailed> {
        let mut live = self.live(project).ok_or_else(|| CallFailed::NotRunning(project.to_owned()))?;
        loop {
            let called = live.call_function(name, argument.clone(), from).await;
            match self.live(project).filter(|newer| !Arc::ptr_eq(newer, &live)) {
                Some(newer) if matches!(called, Err(CallFailed::NotBegun(_))) => live = newer,
                Some(_) | None => return called,
            }
        }
    }
}

impl From<CallFailed> for CallError {
    fn from(failed: CallFailed) -> Self {
        let message = failed.to_string();
        let code = match failed {
            CallFailed::Threw(Thrown { name, .. }) => {
                return Self { code: "function_failed".into(), message, name: Some(name) };
            }
            CallFailed::Unknown { .. } => "unknown_function",
            CallFailed::ArgumentTooLarge { .. } => "argument_too_large",
            CallFailed::ResultTooLarge(_) => "result_too_large",
            CallFailed::TimedOut { .. } => "timeout",
            CallFailed::WorkerLost(_) => "worker_lost",
            CallFailed::TooDeep(_) | CallFailed::NotBegun(_) => "busy",
            CallFailed::NotRunning(_) => "stopping",
        };
        Self { code: code.into(), message, name: None }
    }
}

impl Live {
    /// What runs the function, if there is such a one.
    pub(crate) fn function_handler(&self, name: &str) -> Option<&Handler> {
        self.functions.get(name).map(|function| &function.handler)
    }

    /// Runs a function of this version. Its result is JSON.
    async fn call_function(&self, name: &str, argument: Bytes, from: &CallFrom) -> Result<Bytes, CallFailed> {
        let Some(function) = self.functions.get(name) else { return Err(self.unknown(name)) };
        if argument.len() > limits::BODY_BYTES {
            return Err(CallFailed::ArgumentTooLarge { size: argument.len(), limit: limits::BODY_BYTES });
        }
        let invocation = function.invocation(argument, from);
        if invocation.depth > limits::CALL_DEPTH {
            return Err(CallFailed::TooDeep(name.to_owned()));
        }
        let outcome = function.handler.pool.invoke(&invocation).await;
        self.judge(name, &invocation, outcome)
    }

    fn judge(&self, name: &str, invocation: &Invocation, outcome: Outcome) -> Result<Bytes, CallFailed> {
        let tell = |text: String| self.services.tell(&invocation.path, invocation.id, text);
        let name = name.to_owned();
        match outcome {
            Outcome::Returned(result) => Ok(result),
            Outcome::Threw { thrown, .. } => {
                self.services.tell_stack(&invocation.path, invocation.id, &thrown);
                Err(CallFailed::Threw(thrown))
            }
            Outcome::ResponseTooLarge(thrown) => {
                tell(thrown.message.clone());
                Err(CallFailed::ResultTooLarge(thrown))
            }
            Outcome::TimedOut { limit } => {
                tell(format!("the function did not finish within its {} s", limit.as_secs_f64()));
                Err(CallFailed::TimedOut { name, limit })
            }
            Outcome::WorkerLost { .. } => {
                tell("the process that ran the function was lost".to_owned());
                if let Some(origin) = &invocation.origin {
                    origin.lose_a_worker();
                }
                Err(CallFailed::WorkerLost(name))
            }
            Outcome::NotBegun => Err(CallFailed::NotBegun(name)),
        }
    }

    fn unknown(&self, given: &str) -> CallFailed {
        let mut names: Vec<&str> = self.functions.keys().map(String::as_str).collect();
        names.sort_unstable();
        let existing = if names.is_empty() { "none".to_owned() } else { names.join(", ") };
        CallFailed::Unknown { given: given.to_owned(), existing }
    }
}

impl Function {
    /// It has no more time than its caller, and belongs to the same delivery.
    fn invocation(&self, payload: Bytes, from: &CallFrom) -> Invocation {
        let (now, caller) = (Instant::now(), from.caller.as_ref());
        let left = caller.map(|caller| caller.deadline.saturating_duration_since(now));
        let timeout = left.map_or(self.timeout, |left| left.min(self.timeout));
        let id = from.id.unwrap_or_else(Uuid::now_v7);
        Invocation {
            id,
            trace: caller.map_or(id, |caller| caller.trace),
            handler: self.handler.place,
            path: self.handler.path.clone(),
            timeout,
            deadline: now + timeout,
            deadline_ms: u64::try_from(clock::now_ms()).unwrap_or(0) + millis(timeout),
            input: Input::Call { payload },
            origin: caller.and_then(|caller| caller.origin.clone()),
            depth: caller.map_or(0, |caller| caller.depth + 1),
            alone: caller.is_some_and(|caller| caller.alone),
            held: from.held.clone(),
        }
    }
}
