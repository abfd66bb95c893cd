//! Projects as the control API shows them. Pure.

use less_project::{ExternalTopic, Problem, Topic};
use less_store::{Deployment, Timestamp};

use super::Addresses;
use crate::control::api::{CronInfo, NamedUrl, ProjectInfo, Resources, Waiting};
use crate::live::Live;

pub(super) fn info(record: &Deployment) -> ProjectInfo {
    ProjectInfo {
        name: record.project.clone(),
        id: record.id.to_string(),
        created_at: record.created_at,
        updated_at: record.updated_at,
    }
}

/// `waiting`: (handler, deliveries).
pub(super) fn resources(
    record: &Deployment,
    live: Option<&Live>,
    addresses: Addresses,
    waiting: Vec<(String, u64)>,
    now: Timestamp,
) -> Resources {
    let (apis, sockets) = match (addresses, live) {
        (Addresses::Gateway { port }, Some(live)) => (gateway_urls(port, live), socket_urls(port, live)),
        (Addresses::Gateway { .. } | Addresses::Elsewhere { .. }, _) => (Vec::new(), Vec::new()),
    };
    let waiting = waiting.into_iter().filter(|(_, deliveries)| *deliveries > 0).map(|(handler, deliveries)| {
        let parked = live.is_none_or(|live| !live.has_handler(&handler));
        let paused = live.is_some_and(|live| live.is_paused(&handler));
        Waiting { handler, deliveries, parked, paused }
    });
    Resources {
        project: info(record),
        apis,
        sockets,
        websites: Vec::new(),
        waiting: waiting.collect(),
        crons: live.map(|live| crons(live, now)).unwrap_or_default(),
        problems: Vec::new(),
    }
}

fn crons(live: &Live, now: Timestamp) -> Vec<CronInfo> {
    let infos = live.crons().map(|(cron, state)| CronInfo {
        name: cron.name.clone(),
        schedule: cron.text.clone(),
        next: state.and_then(|state| cron.schedule.next_after(now.max(state.mark), state.since)),
    });
    infos.collect()
}

fn gateway_urls(port: u16, live: &Live) -> Vec<NamedUrl> {
    let base = format!("http://localhost:{port}/{}", live.name);
    let apis = live.project.apis.iter().map(|api| {
        let url = format!("{base}/apis/{}", api.name);
        NamedUrl { name: api.name.clone(), url }
    });
    let generated =
        ["functions", "topics", "files"].map(|name| NamedUrl { name: name.into(), url: format!("{base}/{name}") });
    apis.chain(generated).collect()
}

fn socket_urls(port: u16, live: &Live) -> Vec<NamedUrl> {
    let url = |socket: &str| format!("ws://localhost:{port}/{}/sockets/{socket}", live.name);
    let sockets = live.project.sockets.iter();
    sockets.map(|socket| NamedUrl { name: socket.name.clone(), url: url(&socket.name) }).collect()
}

fn place(external: &ExternalTopic) -> String {
    format!("less/external_topics/{}/{}", external.placeholder, external.topic)
}

pub(super) fn waits_for_project(external: &ExternalTopic, publisher: &str) -> Problem {
    let variable = external.variable();
    Problem::new(
        place(external),
        format!("there is no project \"{publisher}\" on this server yet: the subscription waits for it"),
        format!("deploy {publisher}, or name the project that publishes in the variable {variable}"),
    )
}

pub(super) fn no_such_topic(external: &ExternalTopic, publisher: &str, topics: &[Topic]) -> Problem {
    let names: Vec<&str> = topics.iter().map(|topic| topic.name.as_str()).collect();
    let names = if names.is_empty() { "none".to_owned() } else { names.join(", ") };
    Problem::new(
        place(external),
        format!("the project \"{publisher}\" has no topic {} yet: the subscription waits for it", external.topic),
        format!("its topics are: {names}"),
    )
}

pub(super) fn stands_alone(external: &ExternalTopic, publisher: &str) -> Problem {
    Problem::new(
        place(external),
        format!("run stands alone: no events of \"{publisher}\" arrive here"),
        "deploy both projects to join them",
    )
}

/// Deliveries whose subscriber the new version does not have.
pub(super) fn parked(handler: &str, waiting: u64) -> Problem {
    Problem::new(
        format!("less/{handler}"),
        format!("this subscriber is gone, and {waiting} deliveries wait for it"),
        "they resume when the folder returns, and expire as usual otherwise",
    )
}
