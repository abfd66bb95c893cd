//! How things look, for people. Pure: values in, lines out.

use less_server::control::api::{CronInfo, LogLine, NamedUrl, ProjectInfo, Resources, Status, Waiting};
use serde::Serialize;

use crate::shown::one_line;
use crate::time::{iso, readable};

/// After `Deployment complete ✅`.
pub(crate) fn deployed(resources: &Resources) -> Vec<String> {
    let mut lines = vec!["Resources".to_owned()];
    for (title, urls) in
        [("API URLs", &resources.apis), ("Web Socket URLs", &resources.sockets), ("Websites URLs", &resources.websites)]
    {
        section(&mut lines, &format!("  - {title}"), "    ", urls);
    }
    lines
}

/// The same after `deploy --static`, which changed nothing else.
pub(crate) fn deployed_sites(resources: &Resources) -> Vec<String> {
    let mut lines = vec!["Resources".to_owned()];
    section(&mut lines, "  - Websites URLs", "    ", &resources.websites);
    lines
}

/// After `App "…" is running ✅`.
pub(crate) fn running(resources: &Resources) -> Vec<String> {
    let mut lines = vec!["Resources:".to_owned()];
    for (title, urls) in [
        ("List of APIs", &resources.apis),
        ("List of Sockets", &resources.sockets),
        ("List of Websites", &resources.websites),
    ] {
        section(&mut lines, &format!("  {title}:"), "    ", urls);
    }
    lines
}

/// What `list resources` prints.
pub(crate) fn listed(resources: &Resources) -> Vec<String> {
    let mut lines = Vec::new();
    for (title, urls) in
        [("API URLs", &resources.apis), ("WEBSOCKET URLs", &resources.sockets), ("Websites URLs", &resources.websites)]
    {
        section(&mut lines, title, "     ", urls);
    }
    if !resources.crons.is_empty() {
        lines.push("Crons".to_owned());
    }
    for CronInfo { name, schedule, next } in &resources.crons {
        let next = next.map_or_else(|| "no further run".to_owned(), |next| format!("next run {}", iso(next)));
        lines.push(format!("     - {name}: {schedule} ({next})"));
    }
    let waiting: Vec<&Waiting> = resources.waiting.iter().filter(|waiting| waiting.deliveries > 0).collect();
    if !waiting.is_empty() {
        lines.push("Waiting deliveries".to_owned());
    }
    for waiting in waiting {
        let parked = match (waiting.parked, waiting.paused) {
            (true, _) => " (no deployed subscriber takes them)",
            (false, true) => " (paused: its concurrency is 0)",
            (false, false) => "",
        };
        lines.push(format!("     - {}: {}{parked}", waiting.handler, waiting.deliveries));
    }
    lines
}

fn section(lines: &mut Vec<String>, title: &str, indent: &str, urls: &[NamedUrl]) {
    if urls.is_empty() {
        return;
    }
    lines.push(title.to_owned());
    lines.extend(urls.iter().map(|NamedUrl { name, url }| format!("{indent}- {name}: {url}")));
}

/// One project of `list`. Its name is what all commands know it by, so that is the ID for people and their scripts.
pub(crate) fn project(info: &ProjectInfo) -> Vec<String> {
    vec![
        format!("ID: {}", info.name),
        format!("Created At: {}", iso(info.created_at)),
        format!("Updated At: {}", iso(info.updated_at)),
    ]
}

/// Whether a log line names its handler and its invocation: not where all are of one handler.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Named {
    Yes,
    No,
}

pub(crate) fn log_line(line: &LogLine, named: Named) -> String {
    let (time, text) = (readable(line.time), one_line(&line.text));
    match named {
        Named::Yes if line.invocation.is_empty() => format!("{time} {} {text}", line.path),
        Named::Yes => format!("{time} {}#{} {text}", line.path, short(&line.invocation)),
        Named::No => format!("{time} {text}"),
    }
}

/// The end of an id: its beginning is the time, and the same in many.
fn short(id: &str) -> &str {
    &id[id.floor_char_boundary(id.len().saturating_sub(8))..]
}

/// A log line for programs.
#[derive(Debug, Serialize)]
pub(crate) struct LoggedLine<'a> {
    /// RFC 3339, UTC.
    time: String,
    path: &'a str,
    stream: &'a str,
    /// Of a request: its id. Empty for none.
    invocation: &'a str,
    text: &'a str,
}

impl<'a> From<&'a LogLine> for LoggedLine<'a> {
    fn from(line: &'a LogLine) -> Self {
        let LogLine { time, path, stream, invocation, text, cursor: _ } = line;
        Self { time: iso(*time), path, stream, invocation, text }
    }
}

pub(crate) fn status(status: &Status) -> Vec<String> {
    vec![
        "Status: running".to_owned(),
        format!("URL: {}", status.gateway_url),
        format!("Projects: {}", status.projects),
        format!("Home: {}", status.home),
        format!("PID: {}", status.pid),
        format!("Version: {}", status.version),
        format!("Started At: {}", iso(status.started_at)),
        format!("Memory: {} MiB", status.memory.div_ceil(1 << 20)),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn resources() -> Resources {
        let url = |name: &str| NamedUrl { name: name.into(), url: format!("http://localhost:4747/shop/{name}") };
        Resources {
            project: ProjectInfo { name: "shop".into(), id: "7".into(), created_at: 0, updated_at: 1 },
            apis: vec![url("orders"), url("topics")],
            sockets: vec![url("chat")],
            websites: vec![],
            waiting: vec![
                Waiting { handler: "topics/a/old".into(), deliveries: 2, parked: true, paused: false },
                Waiting { handler: "topics/a/slow".into(), deliveries: 9, parked: false, paused: false },
                Waiting { handler: "topics/a/idle".into(), deliveries: 0, parked: false, paused: false },
            ],
            crons: vec![],
            problems: vec![],
        }
    }

    #[test]
    fn a_deployment_lists_its_addresses_and_leaves_out_empty_sections() {
        assert_eq!(
            deployed(&resources()),
            [
                "Resources",
                "  - API URLs",
                "    - orders: http://localhost:4747/shop/orders",
                "    - topics: http://localhost:4747/shop/topics",
                "  - Web Socket URLs",
                "    - chat: http://localhost:4747/shop/chat",
            ]
        );
    }

    #[test]
    fn a_running_app_lists_its_addresses() {
        let lines = running(&Resources { sockets: vec![], ..resources() });
        assert_eq!(lines[..3], ["Resources:", "  List of APIs:", "    - orders: http://localhost:4747/shop/orders"]);
        assert_eq!(lines.len(), 4);
    }

    #[test]
    fn a_list_of_resources_tells_what_waits() {
        let lines = listed(&resources());
        assert_eq!(lines[0], "API URLs");
        assert_eq!(lines[1], "     - orders: http://localhost:4747/shop/orders");
        assert_eq!(lines[3], "WEBSOCKET URLs");
        assert_eq!(
            lines[5..],
            [
                "Waiting deliveries",
                "     - topics/a/old: 2 (no deployed subscriber takes them)",
                "     - topics/a/slow: 9"
            ]
        );
    }

    #[test]
    fn a_list_of_resources_tells_when_crons_run_next() {
        let cron = |name: &str, next| CronInfo { name: name.into(), schedule: "0 9 * * ? *".into(), next };
        let crons = vec![cron("report", Some(1_701_270_022_938)), cron("past", None)];
        let lines = listed(&Resources { apis: vec![], sockets: vec![], waiting: vec![], crons, ..resources() });
        assert_eq!(
            lines,
            [
                "Crons",
                "     - report: 0 9 * * ? * (next run 2023-11-29T15:00:22.938Z)",
                "     - past: 0 9 * * ? * (no further run)"
            ]
        );
    }

    fn line() -> LogLine {
        LogLine {
            time: 1_701_270_022_938,
            path: "topics/a/b".into(),
            stream: "out".into(),
            invocation: "018c1b2e-5c1a-7000-8000-0123456789ab".into(),
            text: "hello  world".into(),
            cursor: "1".into(),
        }
    }

    #[test]
    fn a_log_line_has_a_time_and_names_its_handler_and_invocation_among_others() {
        assert_eq!(log_line(&line(), Named::No), "2023-11-29 15:00:22.938 hello  world");
        assert_eq!(log_line(&line(), Named::Yes), "2023-11-29 15:00:22.938 topics/a/b#456789ab hello  world");
        let of_none = LogLine { invocation: String::new(), ..line() };
        assert_eq!(log_line(&of_none, Named::Yes), "2023-11-29 15:00:22.938 topics/a/b hello  world");
    }

    #[test]
    fn what_a_handler_prints_cannot_pass_for_another_line() {
        let forged = LogLine { text: "a\n2023-11-29 15:00:22.939 b\r".into(), ..line() };
        assert_eq!(log_line(&forged, Named::No), "2023-11-29 15:00:22.938 a\\n2023-11-29 15:00:22.939 b\\r");
    }

    #[test]
    fn a_log_line_for_programs_has_the_whole_id_and_a_time_of_rfc_3339() {
        assert_eq!(
            serde_json::to_string(&LoggedLine::from(&line())).unwrap(),
            "{\"time\":\"2023-11-29T15:00:22.938Z\",\"path\":\"topics/a/b\",\"stream\":\"out\",\
             \"invocation\":\"018c1b2e-5c1a-7000-8000-0123456789ab\",\"text\":\"hello  world\"}"
        );
    }

    #[test]
    fn a_project_of_a_list_has_an_id_and_times() {
        assert_eq!(
            project(&resources().project),
            ["ID: shop", "Created At: 1970-01-01T00:00:00.000Z", "Updated At: 1970-01-01T00:00:00.001Z"]
        );
    }
}
