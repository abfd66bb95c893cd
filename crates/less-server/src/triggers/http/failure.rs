//! What a client sees of a failure: a status, a stable code and a sentence; never a stack or a path.

use hyper::{Response, StatusCode, header};
use uuid::Uuid;

use super::{Body, json};
use crate::limits;
use crate::services::PublishError;

/// A variant exists because clients are told something else. The cause is logged where it happens.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Failure {
    #[error("Unknown host: this server answers for localhost, 127.0.0.1 and [::1] only")]
    UnknownHost,
    #[error("Pages of other origins may not call this API")]
    ForeignOrigin,
    #[error("A valid token is needed")]
    Unauthorized,
    #[error("There is no project {0} here")]
    UnknownProject(String),
    #[error("The project {0} could not be started; the server's log says why")]
    NotStarted(String),
    #[error("Not found")]
    NotFound,
    #[error("Topic not found")]
    UnknownTopic,
    #[error("Function not found")]
    UnknownFunction,
    #[error("Socket not found")]
    UnknownSocket,
    #[error("This is a WebSocket: a WebSocket client of version 13 connects to it")]
    NotWebSocket,
    #[error("There is no channel {0}")]
    UnknownChannel(String),
    #[error("{0}")]
    BadFrame(String),
    #[error("The data is larger than {most} bytes")]
    FrameTooLarge { most: usize },
    #[error("The function failed")]
    FunctionFailed,
    #[error("Method not allowed")]
    WrongVerb { allow: String },
    #[error("The request's head took more than {} s", limits::HEAD_TIME.as_secs())]
    HeadTooSlow,
    #[error("The body is larger than {most} bytes")]
    BodyTooLarge { most: usize },
    #[error("The body came slower than 1 KiB/s")]
    BodyTooSlow,
    #[error("The body ended early")]
    BodyBroken,
    #[error("{0}")]
    BadRequest(String),
    /// It may mean one thing to us and another to a proxy before us.
    #[error("{0}")]
    Ambiguous(String),
    #[error("The server is busy; try again shortly")]
    Busy,
    #[error("Internal Server Error")]
    HandlerFailed,
    #[error("The handler did not answer within its time limit")]
    TimedOut,
    #[error("The process that ran the handler was lost")]
    WorkerLost,
    #[error("The handler's response is larger than {most} bytes")]
    ResponseTooLarge { most: usize },
    #[error("{message}")]
    NotPublished { status: StatusCode, code: &'static str, message: String },
    #[error("{0}")]
    BadPath(#[from] less_store::BadPath),
    #[error("A signed URL is needed for this")]
    Unsigned,
    #[error("The signature does not fit: the URL was changed, or made for something else")]
    BadSignature,
    #[error("The URL has expired")]
    UrlExpired,
    #[error("The file has {size} bytes, none in this range")]
    OutOfRange { size: u64 },
    #[error("The disk is full; nothing was stored")]
    Full,
    #[error("Internal Server Error")]
    Internal,
}

impl Failure {
    /// Status and stable code.
    fn face(&self) -> (StatusCode, &'static str) {
        match self {
            Self::UnknownHost => (StatusCode::MISDIRECTED_REQUEST, "unknown_host"),
            Self::ForeignOrigin => (StatusCode::FORBIDDEN, "foreign_origin"),
            Self::Unauthorized => (StatusCode::UNAUTHORIZED, "unauthorized"),
            Self::UnknownProject(_) => (StatusCode::NOT_FOUND, "unknown_project"),
            Self::NotStarted(_) => (StatusCode::SERVICE_UNAVAILABLE, "not_started"),
            Self::NotFound => (StatusCode::NOT_FOUND, "not_found"),
            Self::UnknownTopic => (StatusCode::NOT_FOUND, "unknown_topic"),
            Self::UnknownFunction => (StatusCode::NOT_FOUND, "unknown_function"),
            Self::UnknownSocket => (StatusCode::NOT_FOUND, "unknown_socket"),
            Self::NotWebSocket => (StatusCode::UPGRADE_REQUIRED, "not_websocket"),
            Self::UnknownChannel(_) => (StatusCode::NOT_FOUND, "unknown_channel"),
            Self::BadFrame(_) => (StatusCode::BAD_REQUEST, "bad_frame"),
            Self::FrameTooLarge { .. } => (StatusCode::PAYLOAD_TOO_LARGE, "message_too_large"),
            Self::FunctionFailed => (StatusCode::BAD_GATEWAY, "function_failed"),
            Self::WrongVerb { .. } => (StatusCode::METHOD_NOT_ALLOWED, "method_not_allowed"),
            Self::HeadTooSlow => (StatusCode::REQUEST_TIMEOUT, "request_head_timeout"),
            Self::BodyTooLarge { .. } => (StatusCode::PAYLOAD_TOO_LARGE, "body_too_large"),
            Self::BodyTooSlow => (StatusCode::REQUEST_TIMEOUT, "request_body_timeout"),
            Self::BodyBroken => (StatusCode::BAD_REQUEST, "body_broken"),
            Self::BadRequest(_) | Self::Ambiguous(_) => (StatusCode::BAD_REQUEST, "bad_request"),
            Self::Busy => (StatusCode::SERVICE_UNAVAILABLE, "busy"),
            Self::HandlerFailed => (StatusCode::BAD_GATEWAY, "handler_failed"),
            Self::TimedOut => (StatusCode::GATEWAY_TIMEOUT, "timeout"),
            Self::WorkerLost => (StatusCode::BAD_GATEWAY, "worker_lost"),
            Self::ResponseTooLarge { .. } => (StatusCode::BAD_GATEWAY, "response_too_large"),
            Self::NotPublished { status, code, .. } => (*status, code),
            Self::BadPath(_) => (StatusCode::BAD_REQUEST, "bad_path"),
            Self::Unsigned => (StatusCode::FORBIDDEN, "signature_required"),
            Self::BadSignature => (StatusCode::FORBIDDEN, "bad_signature"),
            Self::UrlExpired => (StatusCode::FORBIDDEN, "url_expired"),
            Self::OutOfRange { .. } => (StatusCode::RANGE_NOT_SATISFIABLE, "out_of_range"),
            Self::Full => (StatusCode::INSUFFICIENT_STORAGE, "store_full"),
            Self::Internal => (StatusCode::INTERNAL_SERVER_ERROR, "internal"),
        }
    }

    /// The body of the response. `request`: the id under which the log tells more.
    pub(super) fn told(&self, request: Uuid) -> serde_json::Value {
        let (_, code) = self.face();
        serde_json::json!({ "error": self.to_string(), "code": code, "request_id": request })
    }

    pub fn response(&self, request: Uuid) -> Response<Body> {
        let (status, _) = self.face();
        let mut response = json(status, &self.told(request));
        let headers = response.headers_mut();
        match self {
            Self::Busy => {
                headers.insert(header::RETRY_AFTER, header::HeaderValue::from_static("1"));
            }
            Self::NotWebSocket => {
                headers.insert(header::UPGRADE, header::HeaderValue::from_static("websocket"));
                headers.insert(header::CONNECTION, header::HeaderValue::from_static("Upgrade"));
                headers.insert(header::SEC_WEBSOCKET_VERSION, header::HeaderValue::from_static("13"));
            }
            Self::WrongVerb { allow } => {
                if let Ok(allow) = header::HeaderValue::from_str(allow) {
                    headers.insert(header::ALLOW, allow);
                }
            }
            Self::OutOfRange { size } => {
                if let Ok(range) = header::HeaderValue::try_from(format!("bytes */{size}")) {
                    headers.insert(header::CONTENT_RANGE, range);
                }
            }
            Self::BodyTooLarge { .. } | Self::BodyTooSlow | Self::BodyBroken | Self::Ambiguous(_) => {
                headers.insert(header::CONNECTION, header::HeaderValue::from_static("close"));
            }
            _ => {}
        }
        response
    }
}

/// Of files; publishing says more.
impl From<less_store::Error> for Failure {
    fn from(error: less_store::Error) -> Self {
        use less_store::Error;
        match error {
            Error::Full => Self::Full,
            Error::Closed => Self::Busy,
            error @ (Error::InUse(_) | Error::UnknownTopic { .. } | Error::Settled | Error::Failed(_)) => {
                tracing::error!(?error, "a file was not served");
                Self::Internal
            }
        }
    }
}

impl From<PublishError> for Failure {
    fn from(error: PublishError) -> Self {
        use less_store::Error;
        let (code, message) = (error.code(), error.to_string());
        let status = match error {
            PublishError::TooLarge { .. } => StatusCode::PAYLOAD_TOO_LARGE,
            PublishError::UnknownTopic { .. } | PublishError::Store(Error::UnknownTopic { .. }) => {
                return Self::UnknownTopic;
            }
            PublishError::Store(Error::Full) => StatusCode::INSUFFICIENT_STORAGE,
            PublishError::Store(Error::Closed) => return Self::Busy,
            PublishError::BadOption(_) => StatusCode::BAD_REQUEST,
            PublishError::Store(error @ (Error::InUse(_) | Error::Failed(_) | Error::Settled)) => {
                tracing::error!(?error, "a message was not published");
                return Self::Internal;
            }
        };
        Self::NotPublished { status, code, message }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_passes_by_itself_says_when_to_try_again() {
        let response = |failure: Failure| failure.response(Uuid::nil());
        let busy = response(Failure::Busy);
        assert_eq!((busy.status().as_u16(), busy.headers().contains_key(header::RETRY_AFTER)), (503, true));
        let broken = response(Failure::NotStarted("shop".into()));
        assert_eq!((broken.status().as_u16(), broken.headers().contains_key(header::RETRY_AFTER)), (503, false));
    }

    #[test]
    fn a_project_that_did_not_start_points_to_the_log() {
        let told = Failure::NotStarted("shop".into()).told(Uuid::nil());
        assert_eq!(told["code"], "not_started");
        assert_eq!(told["error"], "The project shop could not be started; the server's log says why");
    }
}
