//! What clients of sockets say, beside a plain reading of it.
//!
//! Input: a frame's text.

use bytes::Bytes;
use less_server::read_frame;
use serde_json::Value;

/// As the contract has it.
const MOST: usize = 32 << 10;

pub(crate) fn run(data: &[u8]) {
    let text = Bytes::copy_from_slice(data);
    let plain: Option<Value> = serde_json::from_slice(data).ok();
    match read_frame(&text) {
        Some((channel, data)) => {
            assert!(data.len() <= MOST, "{} bytes", data.len());
            // What is nested beyond measure, the plain reading refuses.
            if let Some(plain) = plain {
                assert_eq!(plain["channel"], channel.as_str());
                assert_eq!(plain["data"], serde_json::from_slice::<Value>(&data).expect("data is JSON"));
            }
        }
        None => assert!(!plain.is_some_and(|plain| is_frame(&plain)) || may_be_refused(data), "{text:?} is a frame"),
    }
}

fn is_frame(value: &Value) -> bool {
    value.is_object() && value["channel"].is_string()
}

/// It is long, or has a field twice.
fn may_be_refused(data: &[u8]) -> bool {
    let text = String::from_utf8_lossy(data);
    let twice = |field: &str| text.matches(field).count() > 1;
    data.len() > MOST || text.contains('\\') || twice("channel") || twice("data")
}
