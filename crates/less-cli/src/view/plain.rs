//! What files and programs get: a line for each thing, as it happens. Pure.
//!
//! ```text
//! 2026-01-31 09:00:00.000 <handler>#<end of the invocation's id> <what it printed>
//! 2026-01-31 09:00:00.000 apis/<api>#<…> <METHOD> <path> <status> in <n> ms      `sockets/<socket>#…` for a handshake
//! 2026-01-31 09:00:00.000 <handler>#<…> ok in <n> ms                      `attempt 2 ok in …`; failed ones have lines of their own
//! ```
//! As JSON: objects as `log --json` has them; those of requests have `"stream":"request"`, of attempts `"stream":"attempt"`,
//! each with further fields.

use less_server::control::api::LogLine;
use less_server::logs::{Line, Stream};
use serde_json::json;

use super::happened::{Attempt, Ended, Happened, Request, Thrown};
use crate::render::{LoggedLine, Named, log_line};
use crate::time::iso;

/// The lines of text.
pub(super) fn text(happened: &Happened) -> Vec<String> {
    lines(happened).iter().map(|line| log_line(line, Named::Yes)).collect()
}

/// The objects.
pub(super) fn json(happened: &Happened) -> Vec<serde_json::Value> {
    let further = match happened {
        Happened::Line(_) | Happened::Thrown(_) => {
            let lines = lines(happened);
            return lines.iter().filter_map(|line| serde_json::to_value(LoggedLine::from(line)).ok()).collect();
        }
        Happened::Request(request) => json!({
            "stream": "request", "method": request.method, "url_path": request.path,
            "status": request.status, "ms": request.took.as_millis(),
        }),
        Happened::Attempt(attempt) => json!({
            "stream": "attempt", "attempt": attempt.attempt, "outcome": outcome(attempt.ended),
            "ms": attempt.took.as_millis(),
        }),
    };
    let line = said(happened);
    let mut object = json!({
        "time": iso(line.time), "path": line.path, "invocation": line.invocation, "text": line.text,
    });
    if let (Some(object), serde_json::Value::Object(further)) = (object.as_object_mut(), further) {
        object.extend(further);
    }
    vec![object]
}

fn lines(happened: &Happened) -> Vec<LogLine> {
    match happened {
        Happened::Line(line) => vec![line.clone().into()],
        Happened::Thrown(Thrown { time, path, invocation, text }) => {
            let line = |text: &str| Line {
                time: *time,
                path: path.clone(),
                stream: Stream::Error,
                invocation: *invocation,
                text: text.to_owned(),
            };
            text.lines().map(|text| line(text).into()).collect()
        }
        // A failed one has a line of its own.
        Happened::Attempt(attempt) if attempt.ended != Ended::Ok => Vec::new(),
        Happened::Request(_) | Happened::Attempt(_) => vec![said(happened)],
    }
}

/// What is said of a request or an attempt.
fn said(happened: &Happened) -> LogLine {
    let (time, path, invocation, text) = match happened {
        Happened::Request(Request { time, api, invocation, method, path, status, took }) => {
            let ended = status.map_or_else(|| "its client left after".to_owned(), |status| format!("{status} in"));
            let text = format!("{method} {path} {ended} {} ms", took.as_millis());
            // Only a socket's handshake changes the protocol.
            let kind = if *status == Some(101) { "sockets" } else { "apis" };
            (*time, format!("{kind}/{api}").into(), *invocation, text)
        }
        Happened::Attempt(Attempt { time, path, invocation, attempt, took, ended }) => {
            let nth = if *attempt > 1 { format!("attempt {attempt} ") } else { String::new() };
            (*time, path.clone(), *invocation, format!("{nth}{} in {} ms", outcome(*ended), took.as_millis()))
        }
        Happened::Line(Line { time, path, invocation, text, .. })
        | Happened::Thrown(Thrown { time, path, invocation, text }) => (*time, path.clone(), *invocation, text.clone()),
    };
    Line { time, path, stream: Stream::Less, invocation, text }.into()
}

fn outcome(ended: Ended) -> &'static str {
    match ended {
        Ended::Ok => "ok",
        Ended::Again { .. } => "failed",
        Ended::AgainAlone => "interrupted",
        Ended::Buried => "failed for good",
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use uuid::Uuid;

    use super::*;

    fn request(status: Option<u16>) -> Happened {
        let (time, invocation, took) = (0, Uuid::from_u128(1), Duration::from_millis(12));
        let (api, method, path) = ("orders".to_owned(), "POST".to_owned(), "/orders".to_owned());
        Happened::Request(Request { time, api, invocation, method, path, status, took })
    }

    fn attempt(attempt: u32, ended: Ended) -> Happened {
        let (invocation, took) = (Uuid::from_u128(2), Duration::from_millis(3));
        Happened::Attempt(Attempt { time: 0, path: "topics/a/b".into(), invocation, attempt, took, ended })
    }

    #[test]
    fn each_is_a_line_that_grep_finds() {
        assert_eq!(
            text(&request(Some(201))),
            ["1970-01-01 00:00:00.000 apis/orders#00000001 POST /orders 201 in 12 ms"]
        );
        let handshake = "1970-01-01 00:00:00.000 sockets/orders#00000001 POST /orders 101 in 12 ms";
        assert_eq!(text(&request(Some(101))), [handshake]);
        let left = "1970-01-01 00:00:00.000 apis/orders#00000001 POST /orders its client left after 12 ms";
        assert_eq!(text(&request(None)), [left]);
        assert_eq!(text(&attempt(1, Ended::Ok)), ["1970-01-01 00:00:00.000 topics/a/b#00000002 ok in 3 ms"]);
        assert_eq!(text(&attempt(2, Ended::Ok)), ["1970-01-01 00:00:00.000 topics/a/b#00000002 attempt 2 ok in 3 ms"]);
        assert!(text(&attempt(2, Ended::Buried)).is_empty());
    }

    #[test]
    fn programs_get_the_fields() {
        let object = &json(&request(Some(201)))[0];
        assert_eq!((&object["stream"], &object["status"], &object["ms"]), (&json!("request"), &json!(201), &json!(12)));
        let object = &json(&attempt(3, Ended::Buried))[0];
        assert_eq!((&object["attempt"], &object["outcome"]), (&json!(3), &json!("failed for good")));
    }
}
