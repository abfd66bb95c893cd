//! What clients say, and what they and the handlers are told: JSON, both ways. Pure.
//!
//! ```text
//! client → server   {"channel": "<name>", "data": <any JSON>}
//! server → client   what handlers publish, as it is; of a frame that came to nothing:
//!                   {"error": "<a sentence>", "code": "<stable>", "channel": "<name>" or null, "request_id": "<id>"}
//! ```

use std::borrow::Cow;
use std::fmt::Display;

use bytes::Bytes;
use hyper::http::request::Parts;
use serde::Deserialize;
use serde_json::value::RawValue;
use serde_json::{Map, Value, json};
use uuid::Uuid;

use crate::limits;
use crate::triggers::http::{Failure, headers};

#[derive(Deserialize)]
struct Frame<'f> {
    #[serde(borrow)]
    channel: Cow<'f, str>,
    #[serde(borrow)]
    data: Option<&'f RawValue>,
}

/// A frame that is understood.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Said {
    pub(super) channel: String,
    /// JSON.
    pub(super) data: Bytes,
}

/// Reads a frame; what is wrong with it, and its channel where that is known.
pub(super) fn read(text: &Bytes) -> Result<Said, (Failure, Option<String>)> {
    let wrong = |why: &dyn Display| {
        let shape = r#"A frame is {"channel": "<name>", "data": <any JSON>}"#;
        (Failure::BadFrame(format!("{shape}; this one is not: {why}")), None)
    };
    // The fields one after the other would be read as well.
    if text.trim_ascii_start().starts_with(b"[") {
        return Err(wrong(&"it is an array"));
    }
    let frame: Frame<'_> = serde_json::from_slice(text).map_err(|error| wrong(&error))?;
    let channel = frame.channel.into_owned();
    let data = frame.data.map_or("null", RawValue::get);
    if data.len() > limits::SOCKET_MESSAGE_BYTES {
        return Err((Failure::FrameTooLarge { most: limits::SOCKET_MESSAGE_BYTES }, Some(channel)));
    }
    let data = frame.data.map_or(Bytes::from_static(b"null"), |data| text.slice_ref(data.get().as_bytes()));
    Ok(Said { channel, data })
}

/// What a client is told of a failure. `request`: the id under which the log tells more.
pub(super) fn failed(failure: &Failure, channel: Option<&str>, request: Uuid) -> Bytes {
    let mut told = failure.told(request);
    told["channel"] = json!(channel);
    told.to_string().into()
}

/// What `connect` is told.
pub(super) fn connecting(id: Uuid, head: &Parts) -> Bytes {
    let object = |pairs: Vec<(String, String)>| -> Map<String, Value> {
        pairs.into_iter().map(|(name, value)| (name, value.into())).collect()
    };
    let query = less_project::parse_query(head.uri.query().unwrap_or_default());
    let (headers, query) = (object(headers::for_handler(&head.headers)), object(query));
    json!({ "connection_id": id, "headers": headers, "query": query }).to_string().into()
}

/// What a channel is told.
pub(super) fn heard(id: Uuid, data: &[u8]) -> Bytes {
    [br#"{"data":"#, data, br#","connection_id":""#, id.to_string().as_bytes(), br#""}"#].concat().into()
}

/// What `disconnect` is told.
pub(super) fn disconnected(id: Uuid) -> Bytes {
    format!(r#"{{"connection_id":"{id}"}}"#).into()
}

/// Whether `connect`, by what it returned, does not let the client in.
pub(super) fn refuses(returned: &[u8]) -> bool {
    #[derive(Deserialize)]
    struct Returned {
        #[serde(rename = "statusCode")]
        status: f64,
    }
    let returned: Option<Returned> = serde_json::from_slice(returned).unwrap_or_default();
    returned.is_some_and(|returned| returned.status >= 400.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(text: &str) -> Result<(String, String), (String, Option<String>)> {
        match read(&Bytes::from(text.to_owned())) {
            Ok(said) => Ok((said.channel, String::from_utf8(said.data.into()).unwrap())),
            Err((failure, channel)) => Err((failure.to_string(), channel)),
        }
    }

    #[test]
    fn a_frame_names_a_channel_and_carries_any_json() {
        for (text, data) in [
            (r#"{"channel":"a","data":{"x": [1, 2.50]}}"#, r#"{"x": [1, 2.50]}"#),
            (r#" { "data" : 0 , "channel" : "\u0061", "more": {} } "#, "0"),
            (r#"{"channel":"a","data":null}"#, "null"),
            (r#"{"channel":"a"}"#, "null"),
        ] {
            assert_eq!(said(text), Ok(("a".to_owned(), data.to_owned())), "{text}");
        }
    }

    #[test]
    fn what_is_no_frame_is_told_how_one_looks() {
        for text in [
            "",
            "hello",
            "[]",
            r#" ["a", 1]"#,
            "7",
            r#""a""#,
            r#"{"data":1}"#,
            r#"{"channel":7}"#,
            r#"{"channel":"a","data":}"#,
        ] {
            let (message, channel) = said(text).unwrap_err();
            assert!(message.starts_with(r#"A frame is {"channel""#) && channel.is_none(), "{text}: {message}");
        }
    }

    #[test]
    fn data_of_exactly_the_limit_is_taken() {
        let frame = |length| format!(r#"{{"channel":"a","data":"{}"}}"#, "x".repeat(length - 2));
        assert!(said(&frame(limits::SOCKET_MESSAGE_BYTES)).is_ok());
        let (message, channel) = said(&frame(limits::SOCKET_MESSAGE_BYTES + 1)).unwrap_err();
        assert_eq!((message.as_str(), channel.as_deref()), ("The data is larger than 32768 bytes", Some("a")));
    }

    #[test]
    fn a_failure_names_its_channel_and_where_the_log_tells_more() {
        let told = |channel| failed(&Failure::HandlerFailed, channel, Uuid::nil());
        let value = |told: Bytes| serde_json::from_slice::<Value>(&told).unwrap();
        let expected = json!({ "error": "Internal Server Error", "code": "handler_failed", "channel": "a", "request_id": Uuid::nil() });
        assert_eq!(value(told(Some("a"))), expected);
        assert_eq!(value(told(None))["channel"], Value::Null);
    }

    #[test]
    fn handlers_are_told_json() {
        let value = |told: Bytes| serde_json::from_slice::<Value>(&told).unwrap();
        assert_eq!(value(heard(Uuid::nil(), b"[1]")), json!({ "data": [1], "connection_id": Uuid::nil() }));
        assert_eq!(value(disconnected(Uuid::nil())), json!({ "connection_id": Uuid::nil() }));
        let request = hyper::Request::builder().uri("/x?a=1&a=2&b=").header("x-token", "7").body(()).unwrap();
        let expected =
            json!({ "connection_id": Uuid::nil(), "headers": { "X-Token": "7" }, "query": { "a": "2", "b": "" } });
        assert_eq!(value(connecting(Uuid::nil(), &request.into_parts().0)), expected);
    }

    #[test]
    fn from_400_on_a_status_refuses() {
        for (returned, refused) in
            [("null", false), (r#"{"statusCode":200}"#, false), (r#"{"statusCode":399}"#, false), ("", false)]
        {
            assert_eq!(refuses(returned.as_bytes()), refused, "{returned}");
        }
        assert!(refuses(br#"{"statusCode":400}"#) && refuses(br#"{"statusCode":503}"#));
    }
}
