//! Promise 6 and what follows from it: versions come and go, what waits stays.

use std::time::Duration;

use super::pending;
use super::project::{Project, identity};
use crate::{Deployed, Error, Hands, Topics, Verdict};

pub(super) async fn a_live_version_is_on_record(topics: &dyn Topics, hands: &Hands) {
    let project = Project::with(topics, hands, &["a", "b"]).await;
    let again = project.deploy(&["b", "a"]).await.expect("the same is deployed again");
    let swapped = vec![project.subscribers[1], project.subscribers[0]];
    assert_eq!(again, Deployed { subscribers: swapped, ..Deployed::default() }, "an id names a subscriber for good");
    let live = topics.deployments().await.expect("deployments are told");
    assert!(live.contains(&project.deployment()));
}

pub(super) async fn what_waits_for_a_gone_subscriber_resumes(topics: &dyn Topics, hands: &Hands) {
    let project = Project::with(topics, hands, &["a", "b"]).await;
    let published = project.publish("1").await;
    let deployed = project.deploy(&["b"]).await.expect("a version without a");
    assert_eq!(deployed.parked, [(identity("a"), 1)]);
    assert_eq!(project.waiting().await, [("a".to_owned(), 1), ("b".to_owned(), 1)]);
    project.nothing_is_due(0).await;
    project.publish("2").await;
    project.deploy(&["a", "b"]).await.expect("a is back");
    assert_eq!(project.next(0).await.message.id, published.id);
    project.nothing_is_due(0).await;
    project.finish(1, 2).await;
}

pub(super) async fn a_new_subscriber_gets_what_comes_after(topics: &dyn Topics, hands: &Hands) {
    let mut project = Project::with(topics, hands, &["a"]).await;
    project.publish("before").await;
    project.subscribers = project.deploy(&["a", "new"]).await.expect("one more subscriber").subscribers;
    project.nothing_is_due(1).await;
    let after = project.publish("after").await;
    assert_eq!(project.next(1).await.message.id, after.id);
    project.finish(0, 2).await;
}

pub(super) async fn hurried_retries_are_due(topics: &dyn Topics, hands: &Hands) {
    let project = Project::with(topics, hands, &["a"]).await;
    let other = Project::with(topics, hands, &["a"]).await;
    for project in [&project, &other] {
        project.publish("1").await;
        let after = Duration::from_secs(300);
        topics.settle(project.next(0).await, Verdict::Again { after, error: "no".to_owned() });
        project.nothing_is_due(0).await;
    }
    topics.hurry(&project.name).await.expect("retries are hurried");
    let delivery = project.next(0).await;
    assert_eq!(delivery.attempt, 2);
    topics.settle(delivery, Verdict::Done);
    other.nothing_is_due(0).await;
}

pub(super) async fn a_removed_project_keeps_what_waits(topics: &dyn Topics, hands: &Hands) {
    let project = Project::with(topics, hands, &["a", "b"]).await;
    project.publish("1").await;
    assert_eq!(topics.remove(&project.name, false).await.expect("it is removed"), 2);
    assert!(!topics.deployments().await.expect("deployments are told").contains(&project.deployment()));
    let refused = topics.publish(project.message("2").into()).await;
    assert!(matches!(refused, Err(Error::UnknownTopic { .. })));
    project.nothing_is_due(0).await;
    project.deploy(&["a", "b"]).await.expect("it is back");
    project.finish(0, 1).await;
    project.finish(1, 1).await;
    assert_eq!(project.waiting().await, [("a".to_owned(), 0), ("b".to_owned(), 0)]);
}

pub(super) async fn a_purged_project_leaves_nothing(topics: &dyn Topics, hands: &Hands) {
    let project = Project::with(topics, hands, &["a", "b"]).await;
    for number in 0..3 {
        project.publish(&number.to_string()).await;
    }
    let (claimed, failed, dead) = (project.next(0).await, project.next(0).await, project.next(0).await);
    topics.settle(failed, Verdict::Again { after: Duration::ZERO, error: "no".to_owned() });
    topics.settle(dead, Verdict::Bury { reason: crate::Reason::Refused, error: "never".to_owned() });
    assert_eq!(topics.remove(&project.name, true).await.expect("it is purged"), 5);
    topics.settle(claimed, Verdict::Again { after: Duration::ZERO, error: "too late".to_owned() });
    assert_eq!(project.waiting().await, []);
    assert_eq!(topics.dead_letters(&project.name, 10).await.expect("dead letters are told"), []);
    project.deploy(&["a", "b"]).await.expect("it is deployed anew");
    project.nothing_is_due(0).await;
    project.nothing_is_due(1).await;
    let published = project.publish("new").await;
    assert_eq!(project.next(1).await.message.id, published.id);
}

pub(super) async fn a_closed_store_says_so(topics: &dyn Topics, hands: &Hands) {
    let project = Project::with(topics, hands, &["a"]).await;
    let waits = pending(topics.claim(project.subscribers[0], 1), topics.close()).await;
    assert!(matches!(waits, Ok(()) | Err(Err(Error::Closed))), "a waiting claim hears of it: {waits:?}");
    assert!(matches!(topics.claim(project.subscribers[0], 1).await, Err(Error::Closed)));
    assert!(matches!(topics.publish(project.message("1").into()).await, Err(Error::Closed)));
    assert!(matches!(topics.waiting(&project.name).await, Err(Error::Closed)));
    topics.close().await;
}
