//! Projects as the control API shows them. Pure.

use less_project::Problem;
use less_store::Deployment;

use super::Addresses;
use crate::control::api::{NamedUrl, ProjectInfo, Resources, Waiting};
use crate::live::Live;

pub(super) fn info(record: &Deployment) -> ProjectInfo {
    ProjectInfo {
        name: record.project.clone(),
        id: record.id.to_string(),
        created_at: record.created_at,
        updated_at: record.updated_at,
    }
}

/// `waiting`: (topic, subscriber, deliveries).
pub(super) fn resources(
    record: &Deployment,
    live: Option<&Live>,
    addresses: Addresses,
    waiting: Vec<(String, String, u64)>,
) -> Resources {
    let apis = match (addresses, live) {
        (Addresses::Gateway { port }, Some(live)) => gateway_urls(port, live),
        (Addresses::Gateway { .. } | Addresses::Elsewhere, _) => Vec::new(),
    };
    let waiting =
        waiting.into_iter().filter(|(_, _, deliveries)| *deliveries > 0).map(|(topic, subscriber, deliveries)| {
            let handler = format!("topics/{topic}/{subscriber}");
            let parked = live.is_none_or(|live| !live.has_handler(&handler));
            let paused = live.is_some_and(|live| live.is_paused(&handler));
            Waiting { handler, deliveries, parked, paused }
        });
    Resources {
        project: info(record),
        apis,
        sockets: Vec::new(),
        websites: Vec::new(),
        waiting: waiting.collect(),
        crons: Vec::new(),
    }
}

fn gateway_urls(port: u16, live: &Live) -> Vec<NamedUrl> {
    let base = format!("http://localhost:{port}/{}", live.name);
    let apis = live.project.apis.iter().map(|api| {
        let url = format!("{base}/apis/{}", api.name);
        NamedUrl { name: api.name.clone(), url }
    });
    apis.chain([NamedUrl { name: "topics".into(), url: format!("{base}/topics") }]).collect()
}

/// Deliveries whose subscriber the new version does not have.
pub(super) fn parked(topic: &str, subscriber: &str, waiting: u64) -> Problem {
    Problem::new(
        format!("less/topics/{topic}/{subscriber}"),
        format!("this subscriber is gone, and {waiting} deliveries wait for it"),
        "they resume when the folder returns, and expire as usual otherwise",
    )
}
