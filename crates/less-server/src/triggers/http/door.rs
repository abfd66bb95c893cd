//! Whose request it is: a listener's door leads to a whole server, one API, one socket, or the control API.

use std::sync::Arc;
use std::time::Duration;

use hyper::body::Incoming;
use hyper::http::request::Parts;
use hyper::{Request, Response};
use uuid::Uuid;

use super::api::{self, Target};
use super::body::{Rest, Upload};
use super::{Body, Failure, files, function, headers, publish, site, sockets, watched};
use crate::control::Control;
use crate::limits;
use crate::registry::Registry;
use crate::seen::Echo;
use crate::sites::Sites;
use crate::tasks::Tasks;

pub(crate) enum Door {
    /// `/<project>/apis/<api>/<route>`, `/<project>/topics/<topic>`, `/<project>/functions/<function>`,
    /// `/<project>/sockets/<socket>`, `/<project>/files/<path>`
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
    /// The generated functions API of one project at `/functions/<function>`.
    Functions {
        registry: Arc<Registry>,
        project: String,
    },
    /// One socket of one project, at any path.
    Socket {
        registry: Arc<Registry>,
        project: String,
        socket: String,
    },
    /// The files of one project at `/files/<path>`.
    Files {
        registry: Arc<Registry>,
        project: String,
    },
    /// One static site at `/`.
    Site {
        sites: Arc<Sites>,
        project: String,
        site: String,
    },
    Control(Arc<Control>),
    /// One of a project's, and who is told of what goes through it. `api`: how it is named there.
    Watched {
        door: Box<Door>,
        api: String,
        echo: Echo,
    },
}

impl Door {
    /// Whether only those come in who have the server's token; a command may pause (its pager is full).
    pub(super) fn knows_its_clients(&self) -> bool {
        matches!(self, Self::Control(_))
    }

    /// When the server stops, how long a client may take to read the rest of its answer, where that may be long: a
    /// command that pauses (its pager is full) or a film that does must not keep the server from stopping.
    pub(super) fn last_words(&self) -> Option<Duration> {
        match self {
            Self::Control(_) => Some(Duration::from_secs(2)),
            Self::Site { .. } => Some(limits::LAST_WORDS),
            Self::Watched { door, .. } => door.last_words(),
            Self::Gateway(_)
            | Self::Api { .. }
            | Self::Topics { .. }
            | Self::Functions { .. }
            | Self::Files { .. }
            | Self::Socket { .. } => None,
        }
    }

    /// The answer, and what of the request's body nobody read for it.
    pub(super) async fn answer(&self, request: Request<Incoming>, tasks: &Tasks) -> (Response<Body>, Option<Rest>) {
        let (head, body) = request.into_parts();
        let mut upload = Upload::new(&head.headers, body);
        if let Err(failure) = headers::check_host(&head).and_then(|()| headers::check_framing(&head.headers)) {
            return (failure.response(Uuid::now_v7()), upload.rest());
        }
        let path = head.uri.path();
        let response = match self {
            Self::Gateway(registry) => gateway(registry, path, &head, &mut upload, tasks).await,
            Self::Api { registry, project, api } => {
                api::answer(registry, Target { project, api, path }, &head, &mut upload).await
            }
            Self::Topics { registry, project } => match path.strip_prefix("/topics/") {
                Some(topic) => publish::answer(registry, project, topic, &head, &mut upload).await,
                None => Failure::NotFound.response(Uuid::now_v7()),
            },
            Self::Functions { registry, project } => match path.strip_prefix("/functions/") {
                Some(name) => function::answer(registry, project, name, &head, &mut upload).await,
                None => Failure::NotFound.response(Uuid::now_v7()),
            },
            Self::Socket { registry, project, socket } => sockets::answer(registry, project, socket, &head),
            Self::Files { registry, project } => match path.strip_prefix("/files/") {
                Some(path) => files::answer(registry, project, path, &head, &mut upload, tasks).await,
                None => Failure::NotFound.response(Uuid::now_v7()),
            },
            Self::Site { sites, project, site } => site::answer(sites.read(project, site), &head, tasks).await,
            Self::Control(control) => {
                let path = path.to_owned();
                let request = Request::from_parts(head, upload.into_body());
                return (Box::pin(control.answer(&path, request, tasks)).await, None);
            }
            Self::Watched { door, api, echo } => {
                let request = Request::from_parts(head, upload.into_body());
                return watched::answer(door, api, echo, request, tasks).await;
            }
        };
        (response, upload.rest())
    }
}

async fn gateway(
    registry: &Arc<Registry>,
    path: &str,
    head: &Parts,
    upload: &mut Upload,
    tasks: &Tasks,
) -> Response<Body> {
    let mut parts = path.trim_start_matches('/').splitn(3, '/');
    let (project, kind, rest) = (parts.next().unwrap_or(""), parts.next(), parts.next().unwrap_or(""));
    match kind {
        Some("apis") => {
            let (api, path) = match rest.find('/') {
                Some(end) => rest.split_at(end),
                None => (rest, "/"),
            };
            api::answer(registry, Target { project, api, path }, head, upload).await
        }
        Some("topics") => publish::answer(registry, project, rest, head, upload).await,
        Some("functions") => function::answer(registry, project, rest, head, upload).await,
        Some("sockets") => sockets::answer(registry, project, rest.trim_end_matches('/'), head),
        Some("files") => files::answer(registry, project, rest, head, upload, tasks).await,
        _ => Failure::NotFound.response(Uuid::now_v7()),
    }
}
