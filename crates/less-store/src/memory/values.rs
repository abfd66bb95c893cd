//! Key-values in the memory back end.

use std::collections::BTreeMap;
use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;

use super::Memory;
use super::state::State;
use crate::values::{Behalf, Effect, Event, Kept, effect};
use crate::{Change, Changed, Result, Timestamp, Value, Values};

#[derive(Debug, Default)]
pub(super) struct Shelf {
    /// By project and key.
    kept: BTreeMap<(Arc<str>, String), Kept>,
    last_version: u64,
}

impl Shelf {
    fn put(&mut self, change: &Change, json: Bytes, expires_at: Option<Timestamp>) -> Value {
        self.last_version += 1;
        let value = Value { json, version: self.last_version };
        let kept = Kept { value: value.clone(), expires_at };
        self.kept.insert((Arc::clone(&change.project), change.key.clone()), kept);
        value
    }

    fn keys(&self, project: &str, prefix: &str, after: Option<&str>, limit: usize) -> Vec<String> {
        let after = |key: &str| after.is_none_or(|after| key > after);
        let keys = self.kept.keys().filter(|(of, key)| **of == *project && key.starts_with(prefix) && after(key));
        keys.map(|(_, key)| key.clone()).take(limit).collect()
    }

    pub(super) fn next_expiry(&self) -> Option<Timestamp> {
        self.kept.values().filter_map(|kept| kept.expires_at).min()
    }

    pub(super) fn purge(&mut self, project: &str) {
        self.kept.retain(|(of, _), _| **of != *project);
    }
}

impl State {
    /// Before anything else is done, so that nobody meets an expired value.
    pub(super) fn expire_values(&mut self, now: Timestamp) {
        let expired: Vec<_> = self.values.kept.extract_if(.., |_, kept| kept.is_expired(now)).collect();
        for ((project, key), kept) in expired {
            let event = Event { key: &key, old: Some(&kept.value.json), new: None };
            self.tell(&project, event, Behalf::expiry(), now);
        }
    }

    fn change_value(&mut self, change: &Change, now: Timestamp) -> Changed {
        let place = (Arc::clone(&change.project), change.key.clone());
        let live = self.values.kept.get(&place).cloned();
        let old = live.as_ref().map(|kept| &kept.value.json[..]);
        let (new, changed) = match effect(&change.operation, live.as_ref()) {
            Effect::Nothing(changed) => return changed,
            Effect::Delete => {
                self.values.kept.remove(&place);
                (None, Changed::Deleted { existed: true })
            }
            Effect::Put { json, expires_at } => {
                (Some(json.clone()), Changed::Done(self.values.put(change, json, expires_at)))
            }
        };
        let event = Event { key: &change.key, old, new: new.as_deref() };
        self.tell(&change.project, event, Behalf::of(change), now);
        changed
    }

    fn tell(&mut self, project: &Arc<str>, event: Event<'_>, behalf: Behalf, now: Timestamp) {
        // Without the topic nobody is told.
        self.publish(event.message(project, behalf, now), now).ok();
    }
}

#[async_trait]
impl Values for Memory {
    async fn get(&self, project: &str, key: &str) -> Result<Option<Value>> {
        let place = (project.into(), key.to_owned());
        self.change(|state, _| Ok(state.values.kept.get(&place).map(|kept| kept.value.clone())))
    }

    async fn change(&self, change: Change) -> Result<Changed> {
        self.change(|state, now| Ok(state.change_value(&change, now)))
    }

    async fn list(&self, project: &str, prefix: &str, after: Option<&str>, limit: usize) -> Result<Vec<String>> {
        self.change(|state, _| Ok(state.values.keys(project, prefix, after, limit)))
    }
}
