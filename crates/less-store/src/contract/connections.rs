//! The promises of [`Connections`], as far as one process can see them.

use uuid::Uuid;

use super::all;
use super::project::{Project, payload};
use crate::{Connection, Connections, Error, Hands, Message, Topics};

const TOPIC: &str = "sockets/chat/disconnect";

/// Panics with the promise that is not kept. `topics` and `connections` are views over one back end, `hands` turn its
/// clock. At its end the back end is closed.
pub async fn check_connections(topics: &dyn Topics, connections: &dyn Connections, hands: &Hands) {
    an_open_connection_is_on_record(topics, connections, hands).await;
    a_connection_ends_once_and_is_told_of(topics, connections, hands).await;
    a_connection_may_end_untold(topics, connections, hands).await;
    without_its_topic_only_the_record_goes(topics, connections, hands).await;
    a_thousand_come_and_go_side_by_side(topics, connections, hands).await;
    a_purge_takes_the_records_of_its_project(topics, connections, hands).await;
    a_closed_store_says_so(topics, connections, hands).await;
}

async fn with_socket<'t>(topics: &'t dyn Topics, hands: &'t Hands) -> Project<'t> {
    let mut project = Project::with(topics, hands, &[]).await;
    let subscription = project.subscription(TOPIC, Some(TOPIC.to_owned()));
    let deployed = project.deploy_all(vec![subscription], Vec::new()).await;
    project.subscribers = deployed.expect("a version with a socket").subscribers;
    project
}

fn connection(project: &Project<'_>) -> Connection {
    Connection { project: project.name.as_str().into(), topic: TOPIC.into(), id: Uuid::new_v4() }
}

fn told(project: &Project<'_>, of: &Connection) -> Message {
    Message { topic: TOPIC.into(), ..project.message(&format!("\"{}\"", of.id)) }
}

async fn opened(connections: &dyn Connections, project: &Project<'_>) -> Connection {
    let connection = connection(project);
    connections.open(connection.clone()).await.expect("a connection opens");
    connection
}

async fn open_ones(connections: &dyn Connections, project: &Project<'_>) -> Vec<Connection> {
    connections.open_ones(&project.name).await.expect("open connections are told")
}

async fn an_open_connection_is_on_record(topics: &dyn Topics, connections: &dyn Connections, hands: &Hands) {
    let (project, other) = (with_socket(topics, hands).await, with_socket(topics, hands).await);
    let mut both = [opened(connections, &project).await, opened(connections, &project).await];
    both.sort();
    assert_eq!(open_ones(connections, &project).await, both);
    assert_eq!(open_ones(connections, &other).await, []);
    project.nothing_is_due(0).await;
}

async fn a_connection_ends_once_and_is_told_of(topics: &dyn Topics, connections: &dyn Connections, hands: &Hands) {
    let project = with_socket(topics, hands).await;
    let (ends, stays) = (opened(connections, &project).await, opened(connections, &project).await);
    let message = told(&project, &ends);
    assert!(connections.end(ends.clone(), Some(message.clone())).await.expect("it ends"));
    assert_eq!(open_ones(connections, &project).await, [stays]);
    assert!(!connections.end(ends, Some(message.clone())).await.expect("it has ended"));
    let unknown = connection(&project);
    assert!(!connections.end(unknown.clone(), Some(told(&project, &unknown))).await.expect("it never was"));
    assert_eq!(project.next(0).await.message.id, message.id);
    project.nothing_is_due(0).await;
}

async fn a_connection_may_end_untold(topics: &dyn Topics, connections: &dyn Connections, hands: &Hands) {
    let project = with_socket(topics, hands).await;
    let refused = opened(connections, &project).await;
    assert!(connections.end(refused.clone(), None).await.expect("it ends"));
    assert_eq!(open_ones(connections, &project).await, []);
    assert!(!connections.end(refused.clone(), Some(told(&project, &refused))).await.expect("it has ended"));
    project.nothing_is_due(0).await;
}

async fn without_its_topic_only_the_record_goes(topics: &dyn Topics, connections: &dyn Connections, hands: &Hands) {
    let project = with_socket(topics, hands).await;
    let open = opened(connections, &project).await;
    project.deploy_all(Vec::new(), Vec::new()).await.expect("a version without the socket");
    assert!(connections.end(open.clone(), Some(told(&project, &open))).await.expect("it ends"));
    assert_eq!(open_ones(connections, &project).await, []);
}

async fn a_thousand_come_and_go_side_by_side(topics: &dyn Topics, connections: &dyn Connections, hands: &Hands) {
    let project = with_socket(topics, hands).await;
    let opened = all((0..1000).map(|_| opened(connections, &project)).collect()).await;
    assert_eq!(open_ones(connections, &project).await.len(), 1000);
    let ends = opened.iter().map(|open| connections.end(open.clone(), Some(told(&project, open))));
    let ended = all(ends.collect()).await;
    assert!(ended.into_iter().all(|was_open| was_open.expect("it ends")));
    assert_eq!(open_ones(connections, &project).await, []);
    let mut heard: Vec<String> = project.all(0).await.iter().map(|delivery| payload(delivery).to_owned()).collect();
    let mut expected: Vec<String> = opened.iter().map(|open| format!("\"{}\"", open.id)).collect();
    heard.sort();
    expected.sort();
    assert_eq!(heard, expected);
}

async fn a_purge_takes_the_records_of_its_project(topics: &dyn Topics, connections: &dyn Connections, hands: &Hands) {
    let (project, other) = (with_socket(topics, hands).await, with_socket(topics, hands).await);
    let (_, stays) = (opened(connections, &project).await, opened(connections, &other).await);
    topics.remove(&project.name, false).await.expect("it is removed");
    assert_eq!(open_ones(connections, &project).await.len(), 1, "its data stays");
    topics.remove(&project.name, true).await.expect("it is purged");
    assert_eq!(open_ones(connections, &project).await, []);
    assert_eq!(open_ones(connections, &other).await, [stays]);
}

async fn a_closed_store_says_so(topics: &dyn Topics, connections: &dyn Connections, hands: &Hands) {
    let project = with_socket(topics, hands).await;
    let open = opened(connections, &project).await;
    topics.close().await;
    assert!(matches!(connections.open(connection(&project)).await, Err(Error::Closed)));
    assert!(matches!(connections.end(open, None).await, Err(Error::Closed)));
    assert!(matches!(connections.open_ones(&project.name).await, Err(Error::Closed)));
}
