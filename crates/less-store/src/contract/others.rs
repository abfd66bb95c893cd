//! Promise 6 between projects: subscribers to the topics of others.

use super::project::{Project, RETENTION, payloads};
use crate::{Deployed, Error, Hands, Reason, Subscription, Topics, Verdict};

const IDENTITY: &str = "external_topics/chat/created/notify";

/// A project that subscribes to `orders` of another.
async fn subscriber<'t>(publisher: &Project<'t>, topics: &'t dyn Topics, hands: &'t Hands) -> Project<'t> {
    let mut project = Project::with(topics, hands, &[]).await;
    project.subscribers = subscribe(&project, publisher).await.subscribers;
    project
}

async fn subscribe(project: &Project<'_>, publisher: &Project<'_>) -> Deployed {
    let subscriber = Some(IDENTITY.to_owned());
    let (publisher, topic) = (publisher.name.clone(), "orders".to_owned());
    let subscription = Subscription { publisher, topic, subscriber, retention: RETENTION };
    project.deploy_all(vec![subscription], Vec::new()).await.expect("it subscribes")
}

pub(super) async fn a_subscriber_may_be_there_before_the_topic(topics: &dyn Topics, hands: &Hands) {
    let publisher = Project::with(topics, hands, &[]).await;
    topics.remove(&publisher.name, false).await.expect("it is removed");
    let early = subscriber(&publisher, topics, hands).await;
    let refused = topics.publish(publisher.message("1").into()).await;
    assert!(
        matches!(refused, Err(Error::UnknownTopic { .. })),
        "a subscriber deploys no topic of another: {refused:?}"
    );
    publisher.deploy(&["a"]).await.expect("the publisher is deployed");
    let published = publisher.publish("1").await;
    let delivery = early.next(0).await;
    assert_eq!(*delivery.message, published);
    topics.settle(delivery, Verdict::Done);
    assert_eq!(subscribe(&early, &publisher).await.subscribers, early.subscribers);
    publisher.publish("2").await;
    assert_eq!(payloads(&early.all(0).await), ["2"]);
}

pub(super) async fn what_one_project_does_leaves_the_others_alone(topics: &dyn Topics, hands: &Hands) {
    let publisher = Project::with(topics, hands, &["a"]).await;
    let (one, two) = (subscriber(&publisher, topics, hands).await, subscriber(&publisher, topics, hands).await);
    assert_ne!(one.subscribers, two.subscribers, "the same identity in two projects is two subscribers");
    publisher.publish("1").await;
    publisher.deploy(&[]).await.expect("the publisher is deployed again");
    assert_eq!(payloads(&one.all(0).await), ["1"]);
    assert_eq!(two.waiting().await, [(IDENTITY.to_owned(), 1)]);
    assert_eq!(publisher.waiting().await, [("a".to_owned(), 1)]);
    publisher.deploy(&["a"]).await.expect("its subscriber is back");
    let gone = two.deploy(&[]).await.expect("it subscribes no more");
    assert_eq!(gone.parked, [(IDENTITY.to_owned(), 1)]);
    publisher.publish("2").await;
    two.nothing_is_due(0).await;
    assert_eq!(payloads(&publisher.all(0).await), ["1", "2"]);
    assert_eq!(topics.remove(&two.name, true).await.expect("it is purged"), 1);
    assert_eq!(payloads(&one.all(0).await), ["2"]);
    subscribe(&two, &publisher).await;
    two.nothing_is_due(0).await;
}

pub(super) async fn a_purged_publisher_leaves_what_waits_for_others(topics: &dyn Topics, hands: &Hands) {
    let publisher = Project::with(topics, hands, &["a"]).await;
    let other = subscriber(&publisher, topics, hands).await;
    publisher.publish("1").await;
    let published = publisher.publish("2").await;
    let claimed = other.next(0).await;
    topics.settle(publisher.next(0).await, Verdict::Bury { reason: Reason::Refused, error: "never".to_owned() });
    assert_eq!(topics.remove(&publisher.name, true).await.expect("it is purged"), 1);
    assert_eq!(publisher.waiting().await, []);
    topics.settle(claimed, Verdict::Done);
    let last = other.next(0).await;
    assert_eq!(*last.message, published);
    topics.settle(last, Verdict::Bury { reason: Reason::Refused, error: "never".to_owned() });
    let letters = other.dead_letters(1).await;
    assert_eq!((&letters[0].subscriber[..], &letters[0].message), (IDENTITY, &published));
    assert_eq!(publisher.dead_letters(0).await, []);
    let refused = topics.publish(publisher.message("3").into()).await;
    assert!(matches!(refused, Err(Error::UnknownTopic { .. })));
    publisher.deploy(&[]).await.expect("it is back");
    publisher.publish("4").await;
    assert_eq!(payloads(&other.all(0).await), ["4"]);
}
