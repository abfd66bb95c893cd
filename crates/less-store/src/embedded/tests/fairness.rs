use std::future::poll_fn;
use std::pin::Pin;
use std::task::{Context, Poll};

use rusqlite::Connection;
use tokio::task::unconstrained;
use uuid::Uuid;

use super::{NOW, deploy, message};
use crate::embedded::Embedded;
use crate::{Deployment, Hands, SubscriberId, Subscription, Topics};

type Publishing<'s> = Pin<Box<dyn Future<Output = crate::Result<Uuid>> + 's>>;

async fn deploy_other(store: &Embedded) -> SubscriberId {
    let (project, version) = ("other".to_owned(), "1".to_owned());
    let subscription = Subscription {
        publisher: project.clone(),
        topic: "orders".into(),
        subscriber: Some("its".into()),
        retention: super::DAY,
    };
    let deployment = Deployment { project, id: Uuid::nil(), version, created_at: 0, updated_at: 0 };
    store.deploy(deployment, vec![subscription], Vec::new()).await.unwrap().subscribers[0]
}

/// How many are left.
fn poll_all(publishings: &mut Vec<Publishing<'_>>, context: &mut Context<'_>) -> usize {
    publishings.retain_mut(|publishing| publishing.as_mut().poll(context).map(Result::unwrap).is_pending());
    publishings.len()
}

#[tokio::test]
async fn a_publish_does_not_wait_for_all_that_another_project_publishes() {
    let (home, hands) = (tempfile::tempdir().unwrap(), Hands::at(NOW));
    let store = Embedded::open(home.path(), hands.clock()).unwrap();
    deploy(&store, &[]).await;
    let other = deploy_other(&store).await;
    let publish = |project: &'static str, number: usize| -> Publishing<'_> {
        let mut message = message(&hands, number, b"1");
        message.project = project.into();
        // As if each had a task of its own.
        Box::pin(unconstrained(async { store.publish(message.into()).await }))
    };
    let mut flood: Vec<_> = (0..30_000).map(|number| publish("shop", number)).collect();
    let mut one = publish("other", 30_000);
    // While the file is locked nothing is committed; then it comes when everything else waits.
    let locking = Connection::open(home.path().join("topics.db")).unwrap();
    locking.execute_batch("BEGIN IMMEDIATE").unwrap();
    let left = poll_fn(|context| Poll::Ready(poll_all(&mut flood, context))).await;
    let early = poll_fn(|context| Poll::Ready(one.as_mut().poll(context).is_ready())).await;
    assert!(left == 30_000 && !early, "the file is locked");
    locking.execute_batch("COMMIT").unwrap();
    poll_fn(|context| {
        poll_all(&mut flood, context);
        one.as_mut().poll(context)
    })
    .await
    .unwrap();
    let before = store.claim(other, 1).await.unwrap()[0].seq;
    assert!(before < 5_000, "{before} messages of the other project were first");
}
