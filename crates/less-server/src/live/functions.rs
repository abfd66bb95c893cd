//! The functions of one version: called by handlers of any language, or from outside.

use std::collections::HashMap;
use std::time::Duration;

use bytes::Bytes;
use less_project::Project;
use less_protocol::{CallError, Input, Thrown};
use tokio::time::Instant;
use uuid::Uuid;

use super::Live;
use crate::clock::{self, millis};
use crate::limits;
use crate::services::Caller;
use crate::workers::{Handler, Invocation, Outcome};

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
    #[error("{name} was not called: {why}")]
    Busy { name: String, why: &'static str },
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
            CallFailed::Busy { .. } => "busy",
        };
        Self { code: code.into(), message, name: None }
    }
}

impl Live {
    pub(crate) fn has_function(&self, name: &str) -> bool {
        self.functions.contains_key(name)
    }

    /// Runs a function of this version. Its result is JSON. `caller`: the handler that calls it; none: it is
    /// called from outside.
    pub(crate) async fn call_function(
        &self,
        name: &str,
        argument: Bytes,
        caller: Option<&Caller>,
    ) -> Result<Bytes, CallFailed> {
        let Some(function) = self.functions.get(name) else { return Err(self.unknown(name)) };
        if argument.len() > limits::BODY_BYTES {
            return Err(CallFailed::ArgumentTooLarge { size: argument.len(), limit: limits::BODY_BYTES });
        }
        let depth = caller.map_or(1, |caller| caller.depth + 1);
        if depth > limits::CALL_DEPTH {
            let why = "functions call one another too deep (more than 32 calls)";
            return Err(CallFailed::Busy { name: name.to_owned(), why });
        }
        let invocation = function.invocation(argument, caller, depth);
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
                Err(CallFailed::WorkerLost(name))
            }
            Outcome::NotBegun => Err(CallFailed::Busy { name, why: "no process was free to run it" }),
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
    fn invocation(&self, payload: Bytes, caller: Option<&Caller>, depth: u32) -> Invocation {
        let now = Instant::now();
        let left = caller.map(|caller| caller.deadline.saturating_duration_since(now));
        let timeout = left.map_or(self.timeout, |left| left.min(self.timeout));
        let id = Uuid::now_v7();
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
            depth,
            held: None,
        }
    }
}
