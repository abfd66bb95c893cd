//! Promise 12, and how far a cron has come.

use super::project::{Project, payload};
use crate::{Cron, CronState, Deployed, Deployment, Hands, Message, Tick, Ticked, Timestamp, Topics, Verdict};

const CRON: &str = "crons/daily";

fn cron(name: &str, schedule: &str) -> Cron {
    Cron { name: name.to_owned(), schedule: schedule.to_owned() }
}

/// Each is a topic of its own.
async fn deploy(project: &Project<'_>, crons: Vec<Cron>, updated_at: Timestamp) -> Deployed {
    let subscription = |cron: &Cron| project.subscription(&cron.name, Some(cron.name.clone()));
    let subscriptions = crons.iter().map(subscription).collect();
    let deployment = Deployment { updated_at, ..project.deployment() };
    project.topics.deploy(deployment, subscriptions, crons).await.expect("a version with crons")
}

async fn with_cron<'t>(topics: &'t dyn Topics, hands: &'t Hands) -> Project<'t> {
    let mut project = Project::with(topics, hands, &[]).await;
    project.subscribers = deploy(&project, vec![cron(CRON, "0 9 * * ? *")], 100).await.subscribers;
    project
}

async fn tick(project: &Project<'_>, at: Timestamp) -> Ticked {
    let message = Message { topic: CRON.into(), ..project.message(&at.to_string()) };
    let tick = Tick { project: project.name.clone(), cron: CRON.to_owned(), at, message };
    project.topics.tick(tick).await.expect("a cron ticks")
}

pub(super) async fn a_scheduled_time_comes_once(topics: &dyn Topics, hands: &Hands) {
    let project = with_cron(topics, hands).await;
    assert_eq!(tick(&project, 200).await, Ticked::Published);
    assert_eq!(tick(&project, 200).await, Ticked::Already);
    assert_eq!(tick(&project, 150).await, Ticked::Already);
    let delivery = project.next(0).await;
    assert_eq!((payload(&delivery), &*delivery.message.topic), ("200", CRON));
    topics.settle(delivery, Verdict::Done);
    assert_eq!(tick(&project, 300).await, Ticked::Published, "the run before is settled");
    project.finish(0, 1).await;
    project.nothing_is_due(0).await;
}

pub(super) async fn a_run_beside_another_is_left_out(topics: &dyn Topics, hands: &Hands) {
    let project = with_cron(topics, hands).await;
    assert_eq!(tick(&project, 200).await, Ticked::Published);
    assert_eq!(tick(&project, 300).await, Ticked::StillRuns, "it waits");
    let after = std::time::Duration::from_secs(1);
    topics.settle(project.next(0).await, Verdict::Again { after, error: "no".to_owned() });
    assert_eq!(tick(&project, 400).await, Ticked::StillRuns, "it will be tried again");
    assert_eq!(tick(&project, 400).await, Ticked::Already);
    hands.forward(after);
    let delivery = project.next(0).await;
    assert_eq!(payload(&delivery), "200");
    assert_eq!(tick(&project, 500).await, Ticked::StillRuns, "it runs");
    topics.settle(delivery, Verdict::Done);
    assert_eq!(tick(&project, 600).await, Ticked::Published);
    assert_eq!(payload(&project.next(0).await), "600");
}

pub(super) async fn a_cron_that_is_gone_does_not_tick(topics: &dyn Topics, hands: &Hands) {
    let project = with_cron(topics, hands).await;
    deploy(&project, vec![cron("crons/other", "0 9 * * ? *")], 200).await;
    assert_eq!(tick(&project, 300).await, Ticked::Unknown);
    deploy(&project, vec![cron(CRON, "0 9 * * ? *")], 300).await;
    topics.remove(&project.name, false).await.expect("it is removed");
    assert_eq!(tick(&project, 400).await, Ticked::Unknown);
    project.nothing_is_due(0).await;
}

pub(super) async fn a_cron_keeps_how_far_it_came(topics: &dyn Topics, hands: &Hands) {
    let project = with_cron(topics, hands).await;
    let states = async |crons: &[(&str, &str)], at| {
        let crons = crons.iter().map(|(name, schedule)| cron(name, schedule)).collect();
        let states = deploy(&project, crons, at).await.crons;
        states.into_iter().map(|CronState { since, mark }| (since, mark)).collect::<Vec<_>>()
    };
    assert_eq!(states(&[(CRON, "0 9 * * ? *")], 200).await, [(100, 100)], "the same schedule");
    tick(&project, 900).await;
    assert_eq!(states(&[("crons/new", "x"), (CRON, "0 9 * * ? *")], 300).await, [(300, 300), (100, 900)]);
    assert_eq!(states(&[(CRON, "0 10 * * ? *")], 400).await, [(400, 900)], "another schedule");
    assert_eq!(states(&[(CRON, "0 11 * * ? *"), ("crons/new", "x")], 1000).await, [(1000, 1000), (1000, 1000)]);
}
