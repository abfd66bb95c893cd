//! Files over HTTP: `PUT` brings one to `<base>/files/<path>` (`receive`), `GET` and `HEAD` fetch it (`send`), each with
//! a URL that `services::files` has signed; what begins with `public/` everybody may read.
//!
//! A path is parsed before it is looked for, and never names a file of the machine. Who has no valid URL does not learn
//! whether a file is there.

mod conditions;
mod range;
mod receive;
mod send;

use std::sync::Arc;

use hyper::header::{self, HeaderValue};
use hyper::http::request::Parts;
use hyper::{Method, Response};
use less_project::percent_decode;
use less_store::{BadPath, FilePath};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, SemaphorePermit};
use uuid::Uuid;

use super::body::Upload;
use super::cors::{Origins, preflight, preflight_response};
use super::{Body, Failure};
use crate::limits;
use crate::registry::{Live, Registry};
use crate::signing::{Access, Denied};
use crate::tasks::Tasks;

const VERBS: &str = "GET, HEAD, PUT";

/// What pages of other origins may read beside the body.
const EXPOSED: HeaderValue = HeaderValue::from_static("accept-ranges, content-length, content-range, etag");

/// Places of the whole server.
static PLACES: Semaphore = Semaphore::const_new(limits::TRANSFERS);

/// A place among the files that come in or go out, of the server and of the project.
struct Place {
    _all: SemaphorePermit<'static>,
    _share: OwnedSemaphorePermit,
}

impl Place {
    fn take(live: &Live) -> Result<Self, Failure> {
        let share = Arc::clone(&live.transfers).try_acquire_owned().map_err(|_| Failure::Busy)?;
        Ok(Self { _all: PLACES.try_acquire().map_err(|_| Failure::Busy)?, _share: share })
    }
}

/// `path`: below the base, not decoded.
pub(super) async fn answer(
    registry: &Registry,
    project: &str,
    path: &str,
    head: &Parts,
    upload: &mut Upload,
    tasks: &Tasks,
) -> Response<Body> {
    let id = Uuid::now_v7();
    let done = serve(registry, project, path, head, upload, tasks, id).await;
    let mut response = done.unwrap_or_else(|failure| failure.response(id));
    Origins::default().allow(&head.headers, response.headers_mut());
    response.headers_mut().insert(header::ACCESS_CONTROL_EXPOSE_HEADERS, EXPOSED);
    response
}

async fn serve(
    registry: &Registry,
    project: &str,
    path: &str,
    head: &Parts,
    upload: &mut Upload,
    tasks: &Tasks,
    id: Uuid,
) -> Result<Response<Body>, Failure> {
    if preflight(&head.method, &head.headers).is_some() {
        return Ok(preflight_response(&head.headers, VERBS));
    }
    let live = registry.live(project).ok_or_else(|| registry.absent(project))?;
    let path = percent_decode(path).ok_or(BadPath::Character)?;
    let path = FilePath::parse(&path)?;
    let access = access(&head.method)?;
    live.services.file_urls.check(access, &path, head.uri.query().unwrap_or_default())?;
    match access {
        Access::Read => send::send(&live, &path, head, tasks).await,
        Access::Write => receive::receive(registry, &live, path, &head.headers, upload, id).await,
    }
}

fn access(method: &Method) -> Result<Access, Failure> {
    match *method {
        Method::GET | Method::HEAD => Ok(Access::Read),
        Method::PUT => Ok(Access::Write),
        _ => Err(Failure::WrongVerb { allow: VERBS.to_owned() }),
    }
}

impl From<Denied> for Failure {
    fn from(denied: Denied) -> Self {
        match denied {
            Denied::Unsigned => Self::Unsigned,
            Denied::Wrong => Self::BadSignature,
            Denied::Expired => Self::UrlExpired,
        }
    }
}
