//! How an upload is told: plain, for every back end.

use std::sync::Arc;

use uuid::Uuid;

use super::{Entry, UPLOADED};
use crate::Message;

/// In order with the others of its path.
pub(crate) fn message(project: &Arc<str>, entry: &Entry, trace: Uuid) -> Message {
    Message {
        id: Uuid::now_v7(),
        project: Arc::clone(project),
        topic: UPLOADED.into(),
        payload: entry.to_json().to_string().into(),
        trace,
        cause: None,
        published_at: entry.uploaded_at,
        delayed_until: None,
        ordering_key: Some(entry.path.as_str().into()),
    }
}
