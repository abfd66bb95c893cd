//! The key-value store as handlers ask for it: operations with options in JSON, answered in JSON.

use bytes::Bytes;
use less_protocol::{Call, CallError, KvsOptions};
use less_store::{Change, Changed, Operation, Value};

use super::publish::{later, store_code};
use super::{Caller, Services};
use crate::clock;
use crate::limits;

/// Keys that one `list` returns at most.
const LISTED: u32 = 1_000;

impl Services {
    pub(super) async fn kvs(&self, caller: &Caller, call: Call) -> Result<Bytes, CallError> {
        let options: KvsOptions =
            serde_json::from_slice(&call.options).map_err(|error| refused("bad_option", error.to_string()))?;
        if call.target == "list" {
            return self.list(options).await;
        }
        check_key(&options.key)?;
        let operation = match call.target.as_str() {
            "get" => return self.get(&options.key).await,
            "set" => set(&options, call.payload)?,
            "delete" => Operation::Delete,
            "increment" => Operation::Increment { by: options.by.unwrap_or(1.0) },
            other => return Err(refused("bad_option", format!("the key-value store has no operation {other}"))),
        };
        let change = Change {
            project: self.project.clone(),
            key: options.key.clone(),
            operation,
            trace: caller.trace,
            cause: Some(caller.invocation),
        };
        let changed = self.store.values.change(change).await.map_err(|error| failed(&error))?;
        answer(&options, changed, &call.target)
    }

    async fn get(&self, key: &str) -> Result<Bytes, CallError> {
        let found = self.store.values.get(&self.project, key).await.map_err(|error| failed(&error))?;
        Ok(found.map_or_else(|| Bytes::from_static(b"null"), |value| with_version(&value)))
    }

    async fn list(&self, options: KvsOptions) -> Result<Bytes, CallError> {
        let KvsOptions { key: prefix, after, limit, .. } = options;
        let limit = limit.map_or(LISTED, |limit| limit.min(LISTED));
        let listed = self.store.values.list(&self.project, &prefix, after.as_deref(), limit as usize).await;
        let keys = listed.map_err(|error| failed(&error))?;
        Ok(serde_json::to_vec(&keys).unwrap_or_default().into())
    }
}

fn set(options: &KvsOptions, json: Bytes) -> Result<Operation, CallError> {
    if json.len() > limits::VALUE_BYTES {
        let message =
            format!("the value has {} bytes, more than the {} a value may have", json.len(), limits::VALUE_BYTES);
        return Err(refused("value_too_large", message));
    }
    let longest = limits::TTL.as_secs_f64();
    if options.ttl.is_some_and(|ttl| !(ttl > 0.0 && ttl <= longest)) {
        return Err(refused("bad_option", format!("ttl is a number of seconds, more than 0 and at most {longest}")));
    }
    let expires_at = options.ttl.map(|ttl| later(clock::now_ms(), ttl));
    Ok(Operation::Set { json, expires_at, if_version: options.if_version })
}

fn check_key(key: &str) -> Result<(), CallError> {
    if key.is_empty() || key.len() > limits::KEY_BYTES {
        let message = format!("a key is a text of 1 to {} bytes, not of {}", limits::KEY_BYTES, key.len());
        return Err(refused("bad_key", message));
    }
    Ok(())
}

fn answer(options: &KvsOptions, changed: Changed, operation: &str) -> Result<Bytes, CallError> {
    let key = &options.key;
    match changed {
        Changed::Done(value) if operation == "increment" => Ok(value.json),
        Changed::Done(value) => Ok(Bytes::from(format!(r#"{{"version":{}}}"#, value.version))),
        Changed::Deleted { existed } => Ok(Bytes::from(existed.to_string())),
        Changed::Conflict { version } => {
            let there = if version == 0 { "it has no value".to_owned() } else { format!("its version is {version}") };
            let wanted = options.if_version.unwrap_or(0);
            let message = format!("kvs.set: '{key}' was not changed: if_version is {wanted}, and {there}");
            Err(refused("version_conflict", message))
        }
        Changed::NotANumber => {
            Err(refused("not_a_number", format!("kvs.increment: what '{key}' has, or the sum, is no number")))
        }
    }
}

/// As it was set, beside its version.
fn with_version(value: &Value) -> Bytes {
    let mut json = format!(r#"{{"version":{},"value":"#, value.version).into_bytes();
    json.extend_from_slice(&value.json);
    json.push(b'}');
    json.into()
}

pub(super) fn refused(code: &str, message: String) -> CallError {
    CallError { code: code.into(), message, name: None }
}

pub(super) fn failed(error: &less_store::Error) -> CallError {
    refused(store_code(error), error.to_string())
}
