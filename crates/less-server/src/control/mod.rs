//! The control API: what `less-cli` asks of a server, on a port of its own, with a token.

pub mod api;
mod calls;
mod deploy;
mod log;

use std::sync::Arc;

use bytes::Bytes;
use hyper::body::Incoming;
use hyper::header::{self, HeaderMap};
use hyper::{Method, Request, Response, StatusCode};
use less_project::ProjectName;
use tokio::sync::oneshot;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::projects::Projects;
use crate::tasks::Tasks;
use crate::triggers::http::{Body, Failure, json, refuse_foreign_origin};
use api::{Deleted, ErrorBody, Status};

pub struct Control {
    pub token: String,
    pub projects: Arc<Projects>,
    pub gateway_url: String,
    pub started_at: i64,
    /// Asks the whole server to stop.
    pub stop: CancellationToken,
}

/// What a command is told when it cannot be done.
pub(crate) struct Refused {
    status: StatusCode,
    body: ErrorBody,
    /// The project that was asked for and is not there.
    missing: Option<String>,
}

impl Refused {
    pub(crate) fn new(status: StatusCode, code: &str, message: impl Into<String>) -> Self {
        Self { status, body: ErrorBody { code: code.into(), message: message.into(), name: None }, missing: None }
    }

    pub(crate) fn internal(error: &anyhow::Error) -> Self {
        tracing::error!(error = format!("{error:#}"), "a command failed");
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, "internal", format!("{error:#}"))
    }

    pub(crate) fn unknown_project(name: &str) -> Self {
        let message = format!("project \"{name}\" is not deployed");
        let refused = Self::new(StatusCode::NOT_FOUND, "unknown_project", message);
        Self { missing: Some(name.to_owned()), ..refused }
    }
}

pub(crate) type Answer = Result<Response<Body>, Refused>;

impl Control {
    pub(crate) async fn answer(&self, path: &str, request: Request<Incoming>, tasks: &Tasks) -> Response<Body> {
        if let Err(failure) = refuse_foreign_origin(request.headers()) {
            return failure.response(Uuid::now_v7());
        }
        if !self.is_authorized(request.headers()) {
            return Failure::Unauthorized.response(Uuid::now_v7());
        }
        match self.route(path, request, tasks).await {
            Ok(response) => response,
            Err(refused) => {
                let Refused { status, body, .. } = self.naming_projects(refused).await;
                json(status, &body)
            }
        }
    }

    /// Who asks for a project that is not there sees those that are.
    async fn naming_projects(&self, mut refused: Refused) -> Refused {
        if let Some(missing) = &refused.missing
            && let Ok(projects) = self.projects.list().await
        {
            let names: Vec<&str> = projects.iter().map(|project| project.name.as_str()).collect();
            refused.body.message.push_str(&match names.as_slice() {
                [] => "; none is\n  hint: deploy it in its folder: less-cli deploy <name>".to_owned(),
                names => format!("; deployed are: {}{}", names.join(", "), meant(missing, names)),
            });
        }
        refused
    }

    async fn route(&self, path: &str, request: Request<Incoming>, tasks: &Tasks) -> Answer {
        let parts: Vec<&str> = path.trim_matches('/').split('/').collect();
        let query = less_project::parse_query(request.uri().query().unwrap_or_default());
        match (request.method(), parts.as_slice()) {
            (&Method::GET, ["v1", "status"]) => Ok(json(StatusCode::OK, &self.status())),
            (&Method::POST, ["v1", "stop"]) => {
                self.stop.cancel();
                Ok(json(StatusCode::ACCEPTED, &serde_json::json!({})))
            }
            (&Method::GET, ["v1", "projects"]) => Ok(json(StatusCode::OK, &self.projects.list().await?)),
            (&Method::POST, ["v1", "projects", name, "deploy"]) => {
                let name = project_name(name)?;
                deploy::deploy(self.projects.clone(), name, request.into_body(), tasks).await
            }
            (&Method::GET, ["v1", "projects", name]) => {
                Ok(json(StatusCode::OK, &self.projects.resources(&project_name(name)?).await?))
            }
            (&Method::GET, ["v1", "projects", name, "log"]) => {
                log::read(&self.projects, &project_name(name)?, &query, tasks).await
            }
            (&Method::POST, ["v1", "projects", name, "topics", topic, "publish"]) => {
                let live = self.projects.live(&project_name(name)?).await?;
                calls::publish(&live, topic, &query, request.into_body()).await
            }
            (&Method::POST, ["v1", "projects", name, "functions", function, "invoke"]) => {
                let live = self.projects.live(&project_name(name)?).await?;
                calls::invoke(self.projects.registry(), &live, function, request.into_body()).await
            }
            (&Method::DELETE, ["v1", "projects", name]) => {
                let purge = query.iter().any(|(key, value)| key == "purge" && value == "true");
                Ok(json(StatusCode::OK, &self.remove(project_name(name)?, purge, tasks).await?))
            }
            _ => Err(Refused::new(StatusCode::NOT_FOUND, "unknown_command", "this server does not know that command")),
        }
    }

    /// It goes on when the client leaves: a project is there or gone, never half.
    async fn remove(&self, name: ProjectName, purge: bool, tasks: &Tasks) -> Result<Deleted, Refused> {
        let (tell, told) = oneshot::channel();
        let projects = self.projects.clone();
        tasks.work("remove", async move {
            tell.send(projects.remove(&name, purge).await).ok();
        });
        told.await.unwrap_or_else(|error| Err(Refused::internal(&error.into())))
    }

    fn is_authorized(&self, headers: &HeaderMap) -> bool {
        let given = headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok()).unwrap_or_default();
        let given = given.strip_prefix("Bearer ").unwrap_or_default().as_bytes();
        // Every byte is compared, so that the time tells nothing.
        let differ = |(a, b): (&u8, &u8)| a ^ b;
        given.len() == self.token.len()
            && given.iter().zip(self.token.as_bytes()).map(differ).fold(0, |all, one| all | one) == 0
    }

    fn status(&self) -> Status {
        Status {
            version: env!("CARGO_PKG_VERSION").into(),
            pid: std::process::id(),
            home: self.projects.home().root().display().to_string(),
            gateway_url: self.gateway_url.clone(),
            started_at: self.started_at,
            projects: self.projects.count(),
            memory: resident_bytes(),
        }
    }
}

fn project_name(given: &str) -> Result<ProjectName, Refused> {
    ProjectName::parse(given).map_err(|bad| Refused::new(StatusCode::BAD_REQUEST, "bad_project_name", bad.to_string()))
}

/// A further line of an error, when the name that was given is nearly one that exists.
fn meant(given: &str, names: &[&str]) -> String {
    let closest = less_project::closest(given, names.iter().copied());
    closest.map_or_else(String::new, |name| format!("\n  hint: did you mean {name}?"))
}

/// One JSON value and a line end.
fn json_line(value: &impl serde::Serialize) -> Bytes {
    let mut line = serde_json::to_vec(value).unwrap_or_default();
    line.push(b'\n');
    line.into()
}

fn resident_bytes() -> u64 {
    let pages = std::fs::read_to_string("/proc/self/statm")
        .ok()
        .and_then(|statm| statm.split_whitespace().nth(1)?.parse::<u64>().ok());
    pages.unwrap_or(0) * rustix::param::page_size() as u64
}
