//! How many food-delivery orders a second the embedded store carries, with nothing around it.
//!
//! An order is 4 publishes in a chain, to topics with 1, 1, 4 and 2 subscribers, and 8 settlements. Run with
//! `cargo run -p less-store --release --example publish_rate [orders] [in flight] [1: publishes name their origin]`.
#![expect(clippy::print_stdout, reason = "figures are what it is for")]

use std::error::Error;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use less_store::{Config, Delivery, Deployment, Message, Origin, Publish, SubscriberId, Subscription, Topics, Verdict};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use uuid::Uuid;

const PROJECT: &str = "food_delivery";
const TOPICS: [(&str, usize); 4] =
    [("order_placed", 1), ("payment_success", 1), ("restaurant_confirmed_order", 4), ("partner_assigned", 2)];
const DELIVERIES: u8 = 8;

struct Load {
    topics: Arc<dyn Topics>,
    /// The deliveries of each order that are settled.
    settled: Vec<AtomicU8>,
    in_flight: Semaphore,
    /// Handlers' publishes name the delivery they come from.
    origins: bool,
    publishes: AtomicU64,
    settlements: AtomicU64,
}

impl Load {
    async fn publish(&self, topic: usize, order: u128, origin: Option<Origin>) -> Result<(), less_store::Error> {
        let message = Message {
            id: Uuid::now_v7(),
            project: PROJECT.into(),
            topic: TOPICS[topic].0.into(),
            payload: vec![b'7'; 250].into(),
            trace: Uuid::from_u128(order),
            cause: Some(Uuid::from_u128(order)),
            published_at: 0,
            delayed_until: None,
            ordering_key: None,
        };
        self.topics.publish(Publish { origin, ..message.into() }).await?;
        self.publishes.fetch_add(1, Ordering::Relaxed);
        Ok(())
    }

    /// The first subscriber of each topic publishes to the next, as the handlers do.
    async fn handle(self: Arc<Self>, next: Option<usize>, delivery: Delivery) -> Result<(), less_store::Error> {
        let order = delivery.message.trace.as_u128();
        if let Some(next) = next {
            let (subscriber, seq) = (delivery.subscriber, delivery.seq);
            let origin = self.origins.then_some(Origin { subscriber, seq, hash: [7; 16], nth: 0 });
            self.publish(next, order, origin).await?;
        }
        self.topics.settle(delivery, Verdict::Done);
        self.settlements.fetch_add(1, Ordering::Relaxed);
        let before = usize::try_from(order).map_or(0, |at| self.settled[at].fetch_add(1, Ordering::Relaxed));
        if before + 1 == DELIVERIES {
            self.in_flight.add_permits(1);
        }
        Ok(())
    }

    async fn dispatch(self: Arc<Self>, subscriber: SubscriberId, next: Option<usize>) {
        let mut handlers = JoinSet::new();
        while let Ok(deliveries) = self.topics.claim(subscriber, 64).await {
            for delivery in deliveries {
                handlers.spawn(Arc::clone(&self).handle(next, delivery));
            }
            while handlers.try_join_next().is_some() {}
        }
    }
}

#[tokio::main(worker_threads = 2)]
async fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1).map(|argument| argument.parse::<usize>());
    let orders = arguments.next().transpose()?.unwrap_or(200_000);
    let in_flight = arguments.next().transpose()?.unwrap_or(256);
    let origins = arguments.next().transpose()?.is_some_and(|origins| origins > 0);
    let home = tempfile::tempdir_in(".")?;
    let started = Instant::now();
    let clock = Arc::new(move || i64::try_from(started.elapsed().as_millis()).unwrap_or(i64::MAX));
    let topics = less_store::open(&Config::Embedded { home: home.path().to_owned() }, clock)?.topics;
    let subscribers = deploy(&*topics).await?;
    let load = Arc::new(Load {
        topics,
        settled: (0..orders).map(|_| AtomicU8::new(0)).collect(),
        in_flight: Semaphore::new(in_flight),
        origins,
        publishes: AtomicU64::new(0),
        settlements: AtomicU64::new(0),
    });
    let mut tasks = JoinSet::new();
    for (subscriber, next) in subscribers {
        tasks.spawn(Arc::clone(&load).dispatch(subscriber, next));
    }
    let began = Instant::now();
    for order in 0..orders as u128 {
        load.in_flight.acquire().await?.forget();
        let load = Arc::clone(&load);
        tasks.spawn(async move { load.publish(0, order, None).await.unwrap_or_else(|error| panic!("{error}")) });
    }
    drop(load.in_flight.acquire_many(u32::try_from(in_flight)?).await?);
    report(&load, orders, began.elapsed());
    load.topics.close().await;
    Ok(())
}

/// The subscribers, each with the topic it publishes to.
async fn deploy(topics: &dyn Topics) -> Result<Vec<(SubscriberId, Option<usize>)>, less_store::Error> {
    let (mut subscriptions, mut next) = (Vec::new(), Vec::new());
    for (at, (topic, subscribers)) in TOPICS.into_iter().enumerate() {
        for number in 0..subscribers {
            let (publisher, subscriber) = (PROJECT.to_owned(), Some(format!("topics/{topic}/subscriber_{number}")));
            let retention = Duration::from_secs(4 * 24 * 60 * 60);
            subscriptions.push(Subscription { publisher, topic: topic.to_owned(), subscriber, retention });
            next.push((number == 0 && at + 1 < TOPICS.len()).then_some(at + 1));
        }
    }
    let (project, version) = (PROJECT.to_owned(), "1".to_owned());
    let deployment = Deployment { project, id: Uuid::now_v7(), version, created_at: 0, updated_at: 0 };
    let deployed = topics.deploy(deployment, subscriptions, Vec::new()).await?;
    Ok(deployed.subscribers.into_iter().zip(next).collect())
}

fn report(load: &Load, orders: usize, took: Duration) {
    let rate = |count: u64| count as f64 / took.as_secs_f64();
    println!("{:.0} orders/s", rate(orders as u64));
    println!("{:.0} publishes/s", rate(load.publishes.load(Ordering::Relaxed)));
    println!("{:.0} settlements/s", rate(load.settlements.load(Ordering::Relaxed)));
}
