//! Promises 8 and 9: a message that is delayed, and messages that are in order.

use std::time::Duration;

use super::project::{Project, RETENTION, payload, payloads};
use crate::{Delivery, Hands, Message, Reason, Topics, Verdict};

const SECOND: Duration = Duration::from_secs(1);

fn again(after: Duration) -> Verdict {
    Verdict::Again { after, error: "no".to_owned() }
}

pub(super) async fn a_delayed_message_waits_for_its_time(topics: &dyn Topics, hands: &Hands) {
    let project = Project::with(topics, hands, &["a", "b"]).await;
    let published = project.publish_later("1", 10 * SECOND).await;
    topics.hurry(&project.name).await.expect("retries are hurried");
    hands.forward(9 * SECOND);
    project.nothing_is_due(0).await;
    assert_eq!(project.waiting().await, [("a".to_owned(), 1), ("b".to_owned(), 1)]);
    hands.forward(SECOND);
    let delivery = project.next(0).await;
    assert_eq!((&*delivery.message, delivery.attempt), (&published, 1));
    topics.settle(delivery, again(10 * SECOND));
    topics.hurry(&project.name).await.expect("retries are hurried");
    let delivery = project.next(0).await;
    assert_eq!((&*delivery.message, delivery.attempt), (&published, 2));
    topics.settle(delivery, Verdict::Done);
    project.finish(1, 1).await;
    project.publish_later("without anybody", 10 * SECOND).await;
    project.publish_later("before now", Duration::ZERO).await;
    assert_eq!(payload(&project.next(0).await), "before now");
}

pub(super) async fn what_is_delayed_expires_later(topics: &dyn Topics, hands: &Hands) {
    let project = Project::with(topics, hands, &["a", "b"]).await;
    let published = project.publish_later("1", 2 * RETENTION).await;
    hands.forward(2 * RETENTION);
    let delivery = project.next(0).await;
    assert_eq!(delivery.expires_at, hands.now() + i64::try_from(RETENTION.as_millis()).expect("4 days"));
    topics.settle(delivery, again(SECOND));
    hands.forward(RETENTION);
    project.nothing_is_due(0).await;
    let letters = project.dead_letters(2).await;
    assert!(letters.iter().all(|letter| letter.reason == Reason::Expired && letter.message == published));
}

pub(super) async fn of_one_key_there_is_one_at_a_time(topics: &dyn Topics, hands: &Hands) {
    let project = Project::with(topics, hands, &["a", "b"]).await;
    for (key, payload) in [("k", "k1"), ("k", "k2"), ("j", "j1"), ("k", "k3"), ("j", "j2")] {
        project.publish_ordered(key, payload).await;
    }
    project.publish("plain").await;
    let mut first = project.all(0).await;
    assert_eq!(payloads(&first), ["j1", "k1", "plain"]);
    let mut settle = |payload: &str, verdict| {
        let at = first.iter().position(|delivery| *delivery.message.payload == *payload.as_bytes());
        topics.settle(first.swap_remove(at.expect("it was claimed")), verdict);
    };
    settle("k1", again(SECOND));
    settle("j1", Verdict::Done);
    topics.settle(project.next(0).await, Verdict::Release);
    let next = project.next(0).await;
    assert_eq!(payload(&next), "j2", "another key is not delayed");
    topics.settle(next, Verdict::AgainAlone);
    project.finish(0, 1).await;
    project.nothing_is_due(0).await;
    assert_eq!(project.waiting().await, [("a".to_owned(), 4), ("b".to_owned(), 6)]);
    topics.hurry(&project.name).await.expect("retries are hurried");
    let first = project.all(0).await;
    assert_eq!(payloads(&first), ["k1"], "what waits behind it cannot be hurried");
    settle_all(topics, first, &Verdict::Bury { reason: Reason::Refused, error: "never".to_owned() });
    for payload in ["k2", "k3"] {
        let next = project.all(0).await;
        assert_eq!(payloads(&next), [payload]);
        settle_all(topics, next, &Verdict::Done);
    }
    project.publish_ordered("k", "k4").await;
    assert_eq!(payload(&project.next(0).await), "k4");
    assert_eq!(payloads(&project.all(1).await), ["j1", "k1", "plain"], "each subscriber has an order of its own");
}

fn settle_all(topics: &dyn Topics, deliveries: Vec<Delivery>, verdict: &Verdict) {
    deliveries.into_iter().for_each(|delivery| topics.settle(delivery, verdict.clone()));
}

pub(super) async fn the_next_of_a_key_has_its_own_delay(topics: &dyn Topics, hands: &Hands) {
    let project = Project::with(topics, hands, &["a"]).await;
    let (key, now) = (Some("k".into()), hands.now());
    for (payload, delayed_until) in [("1", Some(now + 1000)), ("2", None), ("3", Some(now + 5000))] {
        let message = Message { ordering_key: key.clone(), delayed_until, ..project.message(payload) };
        topics.publish(message.into()).await.expect("a message is published");
    }
    project.nothing_is_due(0).await;
    hands.forward(SECOND);
    for payload in ["1", "2"] {
        let next = project.all(0).await;
        assert_eq!(payloads(&next), [payload]);
        settle_all(topics, next, &Verdict::Done);
    }
    project.nothing_is_due(0).await;
    hands.forward(4 * SECOND);
    project.finish(0, 1).await;
    assert_eq!(project.waiting().await, [("a".to_owned(), 0)]);
}

pub(super) async fn an_expired_one_lets_the_next_of_its_key_begin(topics: &dyn Topics, hands: &Hands) {
    let project = Project::with(topics, hands, &["a"]).await;
    for payload in ["1", "2", "3"] {
        project.publish_ordered("k", payload).await;
    }
    hands.forward(SECOND);
    project.publish_ordered("k", "4").await;
    hands.forward(RETENTION - SECOND);
    let waiting = topics.claim(project.subscribers[0], 10).await.expect("it is claimed");
    assert_eq!(payloads(&waiting), ["4"]);
    project.dead_letters(3).await;
}

pub(super) async fn a_subscriber_that_returns_goes_on_in_order(topics: &dyn Topics, hands: &Hands) {
    let project = Project::with(topics, hands, &["a"]).await;
    for payload in ["1", "2", "3"] {
        project.publish_ordered("k", payload).await;
    }
    let first = project.next(0).await;
    project.deploy(&[]).await.expect("a version without a");
    topics.settle(first, Verdict::Done);
    project.nothing_is_due(0).await;
    project.deploy(&["a"]).await.expect("a is back");
    project.publish_ordered("k", "4").await;
    for payload in ["2", "3", "4"] {
        let next = project.all(0).await;
        assert_eq!(payloads(&next), [payload]);
        settle_all(topics, next, &Verdict::Done);
    }
}

pub(super) async fn a_purge_blocks_no_key(topics: &dyn Topics, hands: &Hands) {
    let project = Project::with(topics, hands, &["a"]).await;
    for payload in ["1", "2", "3"] {
        project.publish_ordered("k", payload).await;
    }
    let claimed = project.next(0).await;
    assert_eq!(topics.remove(&project.name, true).await.expect("it is purged"), 3);
    project.deploy(&["a"]).await.expect("it is deployed anew");
    project.publish_ordered("k", "new").await;
    let new = project.next(0).await;
    assert_eq!(payload(&new), "new");
    topics.settle(claimed, Verdict::Done);
    project.publish_ordered("k", "after").await;
    project.nothing_is_due(0).await;
    topics.settle(new, Verdict::Done);
    assert_eq!(payload(&project.next(0).await), "after");
}
