//! How things look on a terminal. Pure: values in, rows out.

use std::time::Duration;

use less_server::logs::{Line, Stream};
use uuid::Uuid;

use super::feed::LeftOut;
use super::happened::{Attempt, Ended, Request};
use super::stack;
use crate::paint::{Span, Style};
use crate::shown::one_line;
use crate::time::readable;

pub(super) type Row = Vec<Span>;

/// What belongs to the row above it stands so far in.
const BENEATH: &str = "    ";
const FURTHER: &str = "      ";

/// `14:47:35.123 orders POST /orders 201 12 ms`
pub(super) fn request(request: &Request) -> Row {
    let Request { time, api, method, path, status, took, .. } = request;
    let mut row = beginning(*time);
    row.push(Span::new(Style::of(api), api.as_str()));
    row.push(Span::plain(format!(" {method} {path} ")));
    row.push(match status {
        Some(status @ 500..) => Span::new(Style::Red, status.to_string()),
        Some(status @ 400..) => Span::new(Style::Yellow, status.to_string()),
        Some(status) => Span::new(Style::Green, status.to_string()),
        None => Span::new(Style::Dim, "its client left"),
    });
    row.push(lasted(*took));
    row
}

/// `14:47:35.123 order_placed → payment_service attempt 2 failed, again in 4.0 s 12 ms`
pub(super) fn attempt(attempt: &Attempt) -> Row {
    let mut row = beginning(attempt.time);
    row.extend(name(&attempt.path));
    if attempt.attempt > 1 {
        row.push(Span::plain(format!(" attempt {}", attempt.attempt)));
    }
    row.push(Span::plain(" "));
    row.push(match attempt.ended {
        Ended::Ok => Span::new(Style::Green, "ok"),
        Ended::Again { after } => Span::new(Style::Red, format!("failed, again in {:.1} s", after.as_secs_f64())),
        Ended::AgainAlone => Span::new(Style::Red, "interrupted, again alone"),
        Ended::Buried => Span::new(Style::Red, "failed for good: a dead letter"),
    });
    row.push(lasted(attempt.took));
    row
}

/// What stands above lines whose invocation has not come to its end: `14:47:35.123 order_placed → payment #1234abcd`.
pub(super) fn underway(time: i64, path: &str, invocation: Uuid) -> Row {
    let mut row = beginning(time);
    row.extend(name(path));
    if !invocation.is_nil() {
        row.push(tag(invocation));
    }
    row
}

/// Tells invocations apart that were shown before their end.
pub(super) fn tag(invocation: Uuid) -> Span {
    let id = invocation.simple().to_string();
    Span::new(Style::Dim, format!(" #{}", &id[24..]))
}

pub(super) fn line(line: &Line) -> Row {
    let style = if line.stream == Stream::Less { Style::Dim } else { Style::Plain };
    vec![Span::plain(BENEATH), Span::new(style, one_line(&line.text))]
}

/// Where in the author's files first, then what it says, then how it got there.
pub(super) fn thrown(text: &str) -> Vec<Row> {
    let stack::Error { place, message, frames } = stack::error(text);
    let place = place.map(|place| Span::new(Style::Yellow, place + "  "));
    let first = message.first().copied().unwrap_or("an error without a message");
    let mut first_row = vec![Span::plain(BENEATH)];
    first_row.extend(place);
    first_row.push(Span::new(Style::Red, one_line(first)));
    let more = message.iter().skip(1).map(|line| vec![Span::plain(BENEATH), Span::new(Style::Red, one_line(line))]);
    let frames = frames.iter().map(|frame| vec![Span::plain(FURTHER), Span::new(Style::Dim, one_line(frame.trim()))]);
    std::iter::once(first_row).chain(more).chain(frames).collect()
}

/// The same error again.
pub(super) fn thrown_before(text: &str, time: i64) -> Row {
    let first = text.lines().next().unwrap_or_default();
    let message = stack::error(text).message.first().copied().unwrap_or(first);
    let before = format!(" (as at {})", time_of_day(time));
    vec![Span::plain(BENEATH), Span::new(Style::Red, one_line(message)), Span::new(Style::Dim, before)]
}

/// `… 1200 requests and 9600 deliveries more`
pub(super) fn left_out(left_out: LeftOut) -> Option<Row> {
    words_of(left_out).map(|words| vec![Span::new(Style::Dim, format!("… {words} more"))])
}

/// `1200 requests, 9600 deliveries and 1 line`
pub(super) fn words_of(LeftOut { requests, deliveries, lines }: LeftOut) -> Option<String> {
    let count = |count: u64, one: &str, many: &str| match count {
        0 => None,
        1 => Some(format!("1 {one}")),
        count => Some(format!("{count} {many}")),
    };
    let counts = [
        count(requests, "request", "requests"),
        count(deliveries, "delivery", "deliveries"),
        count(lines, "line", "lines"),
    ];
    let counts: Vec<String> = counts.into_iter().flatten().collect();
    let (last, others) = counts.split_last()?;
    Some(if others.is_empty() { last.clone() } else { format!("{} and {last}", others.join(", ")) })
}

fn beginning(time: i64) -> Row {
    vec![Span::new(Style::Dim, time_of_day(time)), Span::plain(" ")]
}

/// UTC, as in logs.
fn time_of_day(time: i64) -> String {
    readable(time).split_off("2023-11-29 ".len())
}

fn lasted(took: Duration) -> Span {
    Span::new(Style::Dim, format!(" {} ms", took.as_millis()))
}

/// A handler, as its author calls it; its service in its colour.
fn name(path: &str) -> Row {
    let service = |name: &str| Span::new(Style::of(name), name);
    match path.split('/').collect::<Vec<_>>().as_slice() {
        ["topics", topic, subscriber] => vec![Span::plain(format!("{topic} → ")), service(subscriber)],
        ["external_topics", publisher, topic, subscriber] => {
            vec![Span::plain(format!("{publisher}/{topic} → ")), service(subscriber)]
        }
        ["apis", api, within @ .., verb] => {
            vec![service(api), Span::plain(format!(" {} /{}", verb.to_uppercase(), within.join("/")))]
        }
        ["crons", cron] => vec![Span::plain("cron "), service(cron)],
        ["functions", function] => vec![Span::plain("function "), service(function)],
        ["sockets", socket, channel] => vec![service(socket), Span::plain(format!(" {channel}"))],
        _ => vec![service(path)],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(row: &[Span]) -> String {
        row.iter().map(|span| span.text.as_str()).collect()
    }

    #[test]
    fn handlers_are_named_as_their_authors_call_them() {
        for (path, named) in [
            ("topics/order_placed/payment", "order_placed → payment"),
            ("external_topics/shop/sold/archive", "shop/sold → archive"),
            ("apis/orders/orders/{id}/post", "orders POST /orders/{id}"),
            ("apis/orders/get", "orders GET /"),
            ("crons/daily", "cron daily"),
            ("functions/price", "function price"),
            ("sockets/chat/connect", "chat connect"),
            ("worker", "worker"),
        ] {
            assert_eq!(text(&name(path)), named);
        }
    }

    #[test]
    fn what_was_left_out_is_told_in_words() {
        let told = |requests, deliveries, lines| words_of(LeftOut { requests, deliveries, lines });
        assert_eq!(told(0, 0, 0), None);
        assert_eq!(told(1, 0, 0).unwrap(), "1 request");
        assert_eq!(told(2, 1, 3).unwrap(), "2 requests, 1 delivery and 3 lines");
    }

    #[test]
    fn an_error_begins_with_its_place() {
        let rows = thrown("Error: no oven\n    at bake (less/shared/oven/index.js:3:9)");
        let rows: Vec<String> = rows.iter().map(|row| text(row)).collect();
        assert_eq!(
            rows,
            ["    less/shared/oven/index.js:3:9  Error: no oven", "      at bake (less/shared/oven/index.js:3:9)"]
        );
    }
}
