//! Whose request it is: a listener's door leads to a whole server, one API, or the control API.

use std::sync::Arc;

use hyper::body::Incoming;
use hyper::{Request, Response};
use uuid::Uuid;

use super::api::{self, Target};
use super::{Body, Failure, headers, publish};
use crate::control::Control;
use crate::registry::Registry;
use crate::tasks::Tasks;

pub(crate) enum Door {
    /// `/<project>/apis/<api>/<route>`, `/<project>/topics/<topic>`
    Gateway(Arc<Registry>),
    /// One API of one project at `/`.
    Api {
        registry: Arc<Registry>,
        project: String,
        api: String,
    },
    /// The generated topics API of one project at `/topics/<topic>`.
    Topics {
        registry: Arc<Registry>,
        project: String,
    },
    Control(Arc<Control>),
}

impl Door {
    pub(super) async fn answer(&self, request: Request<Incoming>, tasks: &Tasks) -> Response<Body> {
        if let Err(failure) = headers::check_host(request.headers()) {
            return failure.response(Uuid::now_v7());
        }
        let uri = request.uri().clone();
        let path = uri.path();
        match self {
            Self::Gateway(registry) => gateway(registry, path, request, tasks).await,
            Self::Api { registry, project, api } => {
                api::answer(registry, Target { project, api, path }, request, tasks).await
            }
            Self::Topics { registry, project } => match path.strip_prefix("/topics/") {
                Some(topic) => publish::answer(registry, project, topic, request, tasks).await,
                None => Failure::NotFound.response(Uuid::now_v7()),
            },
            Self::Control(control) => Box::pin(control.answer(path, request, tasks)).await,
        }
    }
}

async fn gateway(registry: &Registry, path: &str, request: Request<Incoming>, tasks: &Tasks) -> Response<Body> {
    let mut parts = path.trim_start_matches('/').splitn(3, '/');
    let (project, kind, rest) = (parts.next().unwrap_or(""), parts.next(), parts.next().unwrap_or(""));
    match kind {
        Some("apis") => {
            let (api, path) = match rest.find('/') {
                Some(end) => rest.split_at(end),
                None => (rest, "/"),
            };
            api::answer(registry, Target { project, api, path }, request, tasks).await
        }
        Some("topics") => publish::answer(registry, project, rest, request, tasks).await,
        _ => Failure::NotFound.response(Uuid::now_v7()),
    }
}
