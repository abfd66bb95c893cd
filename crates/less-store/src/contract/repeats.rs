//! Promises 10 and 11: a publish that repeats an earlier one.

use std::time::Duration;

use uuid::Uuid;

use super::all;
use super::project::{Project, payloads};
use crate::{Delivery, Error, Hands, Message, Origin, Publish, Reason, Result, Topics, Verdict};

const SECOND: Duration = Duration::from_secs(1);
const DAY: Duration = Duration::from_secs(24 * 60 * 60);

fn keyed(message: Message, key: &str) -> Publish {
    Publish { message, idempotency_key: Some(key.to_owned()), origin: None }
}

async fn with_key(project: &Project<'_>, payload: &str, key: &str) -> Uuid {
    project.topics.publish(keyed(project.message(payload), key)).await.expect("a message is published")
}

fn origin(delivery: &Delivery, hash: u8, nth: u32) -> Origin {
    Origin { subscriber: delivery.subscriber, seq: delivery.seq, hash: [hash; 16], nth }
}

pub(super) async fn one_key_makes_one_message(topics: &dyn Topics, hands: &Hands) {
    let (project, other) = (Project::with(topics, hands, &["a"]).await, Project::with(topics, hands, &["a"]).await);
    let publishes = (0..100).map(|number| with_key(&project, if number % 2 == 0 { "1" } else { "2" }, "k"));
    let ids = all(publishes.collect()).await;
    assert!(ids.iter().all(|id| *id == ids[0]), "{ids:?}");
    let claimed = project.all(0).await;
    assert_eq!(claimed.iter().map(|delivery| delivery.message.id).collect::<Vec<_>>(), [ids[0]]);
    assert_ne!(with_key(&project, "another key", "j").await, ids[0]);
    assert_ne!(with_key(&other, "another project", "k").await, ids[0]);
    project.finish(0, 1).await;
    claimed.into_iter().for_each(|delivery| topics.settle(delivery, Verdict::Done));
    hands.forward(DAY - SECOND);
    assert_eq!(with_key(&project, "a repeat", "k").await, ids[0]);
    project.nothing_is_due(0).await;
    hands.forward(SECOND);
    assert_ne!(with_key(&project, "a day later", "k").await, ids[0]);
    assert_eq!(payloads(&project.all(0).await), ["a day later"]);
}

pub(super) async fn a_key_is_one_topics(topics: &dyn Topics, hands: &Hands) {
    let project = Project::with(topics, hands, &["a"]).await;
    let both = ["orders", "others"].map(|topic| project.subscription(topic, None)).into();
    project.deploy_all(both, Vec::new()).await.expect("two topics");
    let id = with_key(&project, "1", "k").await;
    let message = Message { topic: "others".into(), ..project.message("1") };
    assert_ne!(topics.publish(keyed(message, "k")).await.expect("a message is published"), id);
    topics.remove(&project.name, true).await.expect("it is purged");
    project.deploy(&["a"]).await.expect("it is deployed anew");
    assert_ne!(with_key(&project, "1", "k").await, id, "a purged project has made nothing");
}

pub(super) async fn a_refused_publish_has_used_no_key(topics: &dyn Topics, hands: &Hands) {
    let project = Project::with(topics, hands, &["a"]).await;
    topics.remove(&project.name, false).await.expect("it is removed");
    let refused = topics.publish(keyed(project.message("1"), "k")).await;
    assert!(matches!(refused, Err(Error::UnknownTopic { .. })));
    project.deploy(&["a"]).await.expect("it is back");
    with_key(&project, "2", "k").await;
    assert_eq!(payloads(&project.all(0).await), ["2"]);
}

/// A handler that publishes to `others`, whose subscriber is the second.
async fn publisher<'t>(topics: &'t dyn Topics, hands: &'t Hands) -> Project<'t> {
    let mut project = Project::with(topics, hands, &[]).await;
    let both = ["orders", "others"].map(|topic| project.subscription(topic, Some(format!("topics/{topic}/a")))).into();
    project.subscribers = project.deploy_all(both, Vec::new()).await.expect("two topics").subscribers;
    project.publish("origin").await;
    project
}

async fn to_others(project: &Project<'_>, payload: &str, origin: Origin) -> Result<Uuid> {
    let message = Message { topic: "others".into(), ..project.message(payload) };
    project.topics.publish(Publish { message, idempotency_key: None, origin: Some(origin) }).await
}

pub(super) async fn a_later_attempt_publishes_nothing_again(topics: &dyn Topics, hands: &Hands) {
    let project = publisher(topics, hands).await;
    let mut delivery = project.next(0).await;
    let mut made = Vec::new();
    for (payload, hash, nth) in [("one", 1, 0), ("one", 1, 1), ("two", 2, 0)] {
        made.push(to_others(&project, payload, origin(&delivery, hash, nth)).await.expect("it is published"));
    }
    let published = project.all(1).await;
    assert_eq!(payloads(&published), ["one", "one", "two"]);
    published.into_iter().for_each(|delivery| topics.settle(delivery, Verdict::Done));
    let again = || Verdict::Again { after: SECOND, error: "no".to_owned() };
    for verdict in [Verdict::Release, Verdict::AgainAlone, again(), again()] {
        let late = origin(&delivery, 3, 0);
        topics.settle(delivery, verdict);
        made.push(to_others(&project, "late", late).await.expect("it is not settled"));
        hands.forward(SECOND);
        delivery = project.next(0).await;
        let mut again = Vec::new();
        for (payload, hash, nth) in [("one", 1, 0), ("one", 1, 1), ("two", 2, 0), ("late", 3, 0)] {
            again.push(to_others(&project, payload, origin(&delivery, hash, nth)).await.expect("a repeat"));
        }
        made.dedup();
        assert_eq!(again, made);
    }
    assert_eq!(payloads(&project.all(1).await), ["late"]);
    to_others(&project, "new", origin(&delivery, 4, 0)).await.expect("it is published");
    assert_eq!(payloads(&project.all(1).await), ["new"]);
}

pub(super) async fn what_is_settled_publishes_nothing(topics: &dyn Topics, hands: &Hands) {
    let project = publisher(topics, hands).await;
    let buried = Verdict::Bury { reason: Reason::Refused, error: "never".to_owned() };
    let again = Verdict::Again { after: Duration::ZERO, error: "no".to_owned() };
    for verdicts in [vec![Verdict::Done], vec![buried.clone()], vec![again.clone(), Verdict::Done], vec![again, buried]]
    {
        let mut late = Vec::new();
        for verdict in verdicts {
            let delivery = project.next(0).await;
            to_others(&project, "once", origin(&delivery, 1, 0)).await.expect("it is published");
            late = vec![origin(&delivery, 1, 0), origin(&delivery, 1, 1)];
            topics.settle(delivery, verdict);
        }
        for origin in late {
            let published = to_others(&project, "late", origin).await;
            assert!(matches!(published, Err(Error::Settled)), "{published:?}");
        }
        assert_eq!(payloads(&project.all(1).await), ["once"]);
        project.publish("origin").await;
    }
    let delivery = project.next(0).await;
    topics.remove(&project.name, true).await.expect("it is purged");
    project.deploy_all(vec![project.subscription("others", None)], Vec::new()).await.expect("it is deployed anew");
    let published = to_others(&project, "late", origin(&delivery, 1, 0)).await;
    assert!(matches!(published, Err(Error::Settled)), "{published:?}");
    let nobody = Origin { seq: i64::MAX, ..origin(&delivery, 1, 0) };
    assert!(matches!(to_others(&project, "late", nobody).await, Err(Error::Settled)));
}

pub(super) async fn an_origin_outlives_a_key(topics: &dyn Topics, hands: &Hands) {
    let project = publisher(topics, hands).await;
    let first = project.message("by the key");
    topics.publish(keyed(first.clone(), "k")).await.expect("a message is published");
    let delivery = project.next(0).await;
    let repeat = |payload| {
        topics.publish(Publish { origin: Some(origin(&delivery, 1, 0)), ..keyed(project.message(payload), "k") })
    };
    assert_eq!(repeat("by both").await.expect("a repeat"), first.id);
    hands.forward(DAY);
    assert_eq!(repeat("by its origin").await.expect("a repeat"), first.id);
    assert_eq!(payloads(&project.all(0).await), ["by the key"]);
}
