//! Which pages may read what an API answers (CORS): any, unless `less.config` names origins.

use std::sync::Arc;

use hyper::header::{self, HeaderMap, HeaderValue};
use hyper::{Method, Response, StatusCode};

use super::{Body, full};

/// The origins whose pages may call an API; the default: all.
#[derive(Debug, Clone, Default)]
pub(super) struct Origins(Option<Arc<[String]>>);

impl Origins {
    /// `listed`: as configured; `*` among them stands for all.
    pub(super) fn new(listed: Option<&[String]>) -> Self {
        Self(listed.filter(|listed| !listed.iter().any(|origin| origin == "*")).map(Arc::from))
    }

    /// Says so in the answer, unless the handler has said otherwise itself.
    pub(super) fn allow(&self, asked: &HeaderMap, answer: &mut HeaderMap) {
        let Some(listed) = &self.0 else {
            answer.entry(header::ACCESS_CONTROL_ALLOW_ORIGIN).or_insert(HeaderValue::from_static("*"));
            return;
        };
        // Caches must not give one page's answer to another's.
        answer.append(header::VARY, HeaderValue::from_static("origin"));
        let Some(origin) = asked.get(header::ORIGIN) else { return };
        if origin.to_str().is_ok_and(|origin| listed.iter().any(|known| known == origin)) {
            answer.entry(header::ACCESS_CONTROL_ALLOW_ORIGIN).or_insert(origin.clone());
        }
    }
}

/// The method a browser asks about, when this is such a question.
pub(super) fn preflight<'a>(method: &Method, headers: &'a HeaderMap) -> Option<&'a str> {
    if method != Method::OPTIONS {
        return None;
    }
    headers.get(header::ACCESS_CONTROL_REQUEST_METHOD)?.to_str().ok()
}

/// Which verbs and headers it may send; whose page it may be, [`Origins::allow`] says.
pub(super) fn preflight_response(headers: &HeaderMap, allow: &str) -> Response<Body> {
    let mut response = Response::new(full(""));
    *response.status_mut() = StatusCode::NO_CONTENT;
    let answers = response.headers_mut();
    if let Ok(allow) = HeaderValue::from_str(allow) {
        answers.insert(header::ACCESS_CONTROL_ALLOW_METHODS, allow);
    }
    if let Some(asked) = headers.get(header::ACCESS_CONTROL_REQUEST_HEADERS) {
        answers.insert(header::ACCESS_CONTROL_ALLOW_HEADERS, asked.clone());
    }
    answers.insert(header::ACCESS_CONTROL_MAX_AGE, HeaderValue::from_static("600"));
    answers.insert(header::VARY, HeaderValue::from_static("access-control-request-headers"));
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    fn allowed(listed: Option<&[&str]>, origin: Option<&'static str>) -> Option<String> {
        let listed: Option<Vec<String>> = listed.map(|listed| listed.iter().map(|&one| one.to_owned()).collect());
        let (mut asked, mut answer) = (HeaderMap::new(), HeaderMap::new());
        asked.extend(origin.map(|origin| (header::ORIGIN, HeaderValue::from_static(origin))));
        Origins::new(listed.as_deref()).allow(&asked, &mut answer);
        answer.get(header::ACCESS_CONTROL_ALLOW_ORIGIN).map(|value| value.to_str().unwrap().to_owned())
    }

    #[test]
    fn any_page_may_call_unless_origins_are_named_and_then_only_theirs() {
        let shop = Some("https://shop.example");
        assert_eq!(allowed(None, shop).as_deref(), Some("*"));
        assert_eq!(allowed(Some(&["*"]), shop).as_deref(), Some("*"));
        assert_eq!(allowed(Some(&["https://shop.example"]), shop).as_deref(), shop);
        assert_eq!(allowed(Some(&["https://shop.example"]), Some("https://evil.example")), None);
        assert_eq!(allowed(Some(&["https://shop.example"]), None), None);
    }
}
