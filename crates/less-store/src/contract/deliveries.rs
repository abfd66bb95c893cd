//! Promises 1 to 5: what is published is delivered, once to each, until it is settled.

use std::collections::HashSet;
use std::time::Duration;

use super::project::{Project, RETENTION, name};
use crate::{Error, Hands, Reason, Topics, Verdict};

const SECOND: Duration = Duration::from_secs(1);

pub(super) async fn an_unknown_topic_is_refused(topics: &dyn Topics, hands: &Hands) {
    let project = Project::with(topics, hands, &["a"]).await;
    let mut message = project.message("1");
    message.topic = "order".into();
    let refused = topics.publish(message.into()).await;
    assert!(matches!(refused, Err(Error::UnknownTopic { topic, .. }) if topic == "order"));
    project.nothing_is_due(0).await;
}

pub(super) async fn a_topic_without_subscribers_takes_messages(topics: &dyn Topics, hands: &Hands) {
    let project = Project::with(topics, hands, &[]).await;
    project.publish("1").await;
    assert_eq!(project.waiting().await, []);
}

pub(super) async fn every_subscriber_gets_its_own(topics: &dyn Topics, hands: &Hands) {
    let project = Project::with(topics, hands, &["a", "b"]).await;
    let published = project.publish(r#"{"id": 7}"#).await;
    let failing = project.next(0).await;
    topics.settle(failing, Verdict::Again { after: SECOND, error: "no".to_owned() });
    let delivery = project.next(1).await;
    assert_eq!((&*delivery.message, delivery.attempt, delivery.alone), (&published, 1, false));
    assert_eq!(delivery.expires_at, published.published_at + i64::try_from(RETENTION.as_millis()).expect("4 days"));
    topics.settle(delivery, Verdict::Done);
    project.publish("8").await;
    project.finish(0, 1).await;
    project.finish(1, 1).await;
    assert_eq!(project.waiting().await, [("a".to_owned(), 1), ("b".to_owned(), 0)], "promise 7");
    hands.forward(SECOND);
    project.finish(0, 1).await;
}

pub(super) async fn a_long_payload_arrives_as_it_was(topics: &dyn Topics, hands: &Hands) {
    let project = Project::with(topics, hands, &["a", "b"]).await;
    let payload = format!("\"{}\"", "x".repeat(256 * 1024 - 2));
    project.publish(&payload).await;
    for subscriber in [0, 1] {
        let delivery = project.next(subscriber).await;
        assert!(delivery.message.payload == payload, "the payload changed on its way");
        topics.settle(delivery, Verdict::Again { after: SECOND, error: "once more".to_owned() });
    }
    project.nothing_is_due(0).await;
    hands.forward(SECOND);
    for subscriber in [0, 1] {
        let delivery = project.next(subscriber).await;
        assert!(delivery.message.payload == payload, "the payload changed while it waited");
        topics.settle(delivery, Verdict::Done);
    }
    assert_eq!(project.waiting().await, [("a".to_owned(), 0), ("b".to_owned(), 0)]);
}

pub(super) async fn a_claimed_one_is_with_one_claimer(topics: &dyn Topics, hands: &Hands) {
    let project = Project::with(topics, hands, &["a"]).await;
    for number in 0..20 {
        project.publish(&number.to_string()).await;
    }
    let (mut seen, subscriber) = (HashSet::new(), project.subscribers[0]);
    while seen.len() < 20 {
        for delivery in topics.claim(subscriber, 3).await.expect("there are more") {
            assert!(seen.insert(delivery.message.id), "claimed twice");
        }
    }
    project.nothing_is_due(0).await;
    hands.forward(Duration::from_secs(3600));
    project.nothing_is_due(0).await;
}

pub(super) async fn a_dropped_claim_has_claimed_nothing(topics: &dyn Topics, hands: &Hands) {
    let project = Project::with(topics, hands, &["a"]).await;
    project.nothing_is_due(0).await; // claims, and is dropped
    let published = project.publish("1").await;
    let delivery = project.next(0).await;
    assert_eq!((delivery.message.id, delivery.attempt), (published.id, 1));
    topics.settle(delivery, Verdict::Done);
}

pub(super) async fn a_waiting_claim_is_woken(topics: &dyn Topics, hands: &Hands) {
    let project = Project::with(topics, hands, &["a"]).await;
    let claims = async { tokio::join!(project.next(0), project.next(0)) };
    let publishes = async { tokio::join!(project.publish("1"), project.publish("2")) };
    let ((one, other), _) = tokio::join!(claims, publishes);
    assert_ne!(one.message.id, other.message.id);
    topics.settle(one, Verdict::Done);
    topics.settle(other, Verdict::Done);
}

pub(super) async fn a_failed_one_waits_until_it_is_due(topics: &dyn Topics, hands: &Hands) {
    let project = Project::with(topics, hands, &["a"]).await;
    let published = project.publish("1").await;
    for attempt in 1..=3 {
        let delivery = project.next(0).await;
        assert_eq!((delivery.message.id, delivery.attempt), (published.id, attempt));
        topics.settle(delivery, Verdict::Again { after: 2 * SECOND, error: "no".to_owned() });
        project.nothing_is_due(0).await;
        hands.forward(SECOND);
        project.nothing_is_due(0).await;
        hands.forward(SECOND);
    }
    project.finish(0, 1).await;
    assert_eq!(project.waiting().await, [("a".to_owned(), 0)]);
}

pub(super) async fn what_was_not_its_fault_counts_no_attempt(topics: &dyn Topics, hands: &Hands) {
    let project = Project::with(topics, hands, &["a", "b"]).await;
    project.publish("1").await;
    let delivery = project.next(0).await;
    topics.settle(delivery, Verdict::Release);
    let delivery = project.next(0).await;
    assert_eq!((delivery.attempt, delivery.alone), (1, false));
    topics.settle(delivery, Verdict::AgainAlone);
    let delivery = project.next(0).await;
    assert_eq!((delivery.attempt, delivery.alone), (1, true));
    topics.settle(delivery, Verdict::Release);
    let delivery = project.next(0).await;
    assert_eq!((delivery.attempt, delivery.alone), (1, true));
    topics.settle(delivery, Verdict::Done);
    let neighbour = project.next(1).await;
    assert_eq!((neighbour.attempt, neighbour.alone), (1, false));
    topics.settle(neighbour, Verdict::Done);
    assert_eq!(project.waiting().await, [("a".to_owned(), 0), ("b".to_owned(), 0)]);
}

pub(super) async fn a_buried_one_is_a_dead_letter(topics: &dyn Topics, hands: &Hands) {
    let project = Project::with(topics, hands, &["a", "b"]).await;
    let published = project.publish("1").await;
    let first_at = hands.now();
    let delivery = project.next(0).await;
    topics.settle(delivery, Verdict::Again { after: SECOND, error: "first".to_owned() });
    hands.forward(SECOND);
    let delivery = project.next(0).await;
    topics.settle(delivery, Verdict::Bury { reason: Reason::Exhausted, error: "second".to_owned() });
    project.nothing_is_due(0).await;
    let letters = topics.dead_letters(&project.name, 10).await.expect("dead letters are told");
    let [letter] = &letters[..] else { panic!("one was buried: {letters:?}") };
    assert_eq!((&letter.subscriber[..], &letter.message), ("topics/orders/a", &published));
    assert_eq!((letter.reason, letter.buried_at), (Reason::Exhausted, hands.now()));
    assert_eq!(letter.errors, [(1, first_at, "first".to_owned()), (2, hands.now(), "second".to_owned())]);
    project.finish(1, 1).await;
}

pub(super) async fn an_expired_one_is_buried(topics: &dyn Topics, hands: &Hands) {
    let project = Project::with(topics, hands, &["a", "b"]).await;
    let published = project.publish("1").await;
    let delivery = project.next(0).await;
    topics.settle(delivery, Verdict::Again { after: SECOND, error: "no".to_owned() });
    assert_eq!(project.waiting().await, [("a".to_owned(), 1), ("b".to_owned(), 1)]);
    hands.forward(RETENTION);
    project.nothing_is_due(0).await;
    project.nothing_is_due(1).await;
    let letters = project.dead_letters(2).await;
    assert!(letters.iter().all(|letter| letter.reason == Reason::Expired && letter.message == published));
    let mut errors: Vec<_> = letters.iter().map(|letter| (name(&letter.subscriber), letter.errors.len())).collect();
    errors.sort_unstable();
    assert_eq!(errors, [("a", 1), ("b", 0)]);
    assert_eq!(project.waiting().await, [("a".to_owned(), 0), ("b".to_owned(), 0)]);
}
