//! Random walks through a store and through a model of it that fits on a page.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use proptest::prelude::*;
use tempfile::TempDir;

use super::{NOW, deploy, message};
use crate::contract::pending;
use crate::embedded::Embedded;
use crate::memory::Memory;
use crate::{Delivery, Error, Hands, Origin, Publish, Reason, SubscriberId, Topics, Verdict};

const NAMES: [&str; 3] = ["a", "b", "c"];

#[derive(Debug, Clone)]
enum Step {
    Publish { long: bool, delay: Option<i64>, ordering_key: Option<u8>, idempotency_key: Option<u8> },
    PublishFrom { which: prop::sample::Index, hash: u8 },
    Claim { subscriber: usize, max: usize },
    Settle { which: prop::sample::Index, verdict: Verdict },
    PublishLate,
    Deploy { subscribers: usize },
    Forward { seconds: u64 },
    Hurry,
    Count,
    Crash,
}

/// What the store should think of one delivery.
#[derive(Debug, Clone, PartialEq)]
struct Expected {
    subscriber: usize,
    message: u128,
    ordering_key: Option<u8>,
    attempt: u32,
    alone: bool,
    due_at: i64,
    claimed: bool,
}

#[derive(Debug, Default)]
struct Model {
    expected: Vec<Expected>,
    /// As it was before a verdict that a crash may undo; nothing if it was not undone.
    unsure: Vec<Expected>,
    deployed: usize,
    /// Which message an idempotency key has made…
    by_key: HashMap<u8, u128>,
    /// …and the publish of a delivery, by subscriber, message and hash.
    by_origin: HashMap<(usize, u128, u8), u128>,
}

impl Model {
    fn publish(&mut self, message: u128, due_at: i64, ordering_key: Option<u8>) {
        let fresh = |subscriber| {
            let (attempt, alone, claimed) = (1, false, false);
            Expected { subscriber, message, ordering_key, attempt, alone, due_at, claimed }
        };
        self.expected.extend((0..self.deployed).map(fresh));
    }

    fn is_due(&self, expected: &Expected, now: i64) -> bool {
        expected.subscriber < self.deployed && !expected.claimed && expected.due_at <= now && !self.is_behind(expected)
    }

    fn is_behind(&self, expected: &Expected) -> bool {
        let before = |other: &Expected| {
            (other.subscriber, other.ordering_key) == (expected.subscriber, expected.ordering_key)
                && other.message < expected.message
        };
        expected.ordering_key.is_some() && self.expected.iter().any(before)
    }

    fn find(&mut self, subscriber: usize, message: u128) -> Option<usize> {
        self.expected.iter().position(|expected| (expected.subscriber, expected.message) == (subscriber, message))
    }

    fn settle(&mut self, at: usize, verdict: &Verdict, now: i64) {
        self.unsure.push(self.expected[at].clone());
        let expected = &mut self.expected[at];
        expected.claimed = false;
        match verdict {
            Verdict::Done | Verdict::Bury { .. } => drop(self.expected.remove(at)),
            Verdict::Again { after, .. } => {
                expected.attempt += 1;
                expected.due_at = now + i64::try_from(after.as_millis()).unwrap();
            }
            Verdict::AgainAlone => expected.alone = true,
            Verdict::Release => {}
        }
    }

    /// Whether a crash explains that this came again; then it is as it was.
    fn undo(&mut self, subscriber: usize, delivery: &Delivery) -> bool {
        let message = delivery.message.id.as_u128();
        let undone = |old: &Expected| {
            (old.subscriber, old.message, old.attempt, old.alone)
                == (subscriber, message, delivery.attempt, delivery.alone)
        };
        let Some(old) = self.unsure.iter().find(|old| undone(old)).cloned() else { return false };
        match self.find(subscriber, message) {
            Some(at) => self.expected[at] = old,
            None => self.expected.push(old),
        }
        true
    }
}

struct Walk {
    store: Arc<dyn Topics>,
    /// The same store, when it is one that can crash.
    embedded: Option<(TempDir, Arc<Embedded>)>,
    hands: Hands,
    ids: Vec<SubscriberId>,
    model: Model,
    claimed: Vec<(usize, Delivery)>,
    /// Settled for good, by the verdict.
    late: Option<Origin>,
    published: usize,
}

impl Walk {
    async fn embedded() -> Self {
        let (home, hands) = (tempfile::tempdir().unwrap(), Hands::at(NOW));
        let store = Arc::new(Embedded::open(home.path(), hands.clock()).unwrap());
        Self::begin(store.clone(), Some((home, store)), hands).await
    }

    async fn memory() -> Self {
        let hands = Hands::at(NOW);
        Self::begin(Arc::new(Memory::new(hands.clock())), None, hands).await
    }

    async fn begin(store: Arc<dyn Topics>, embedded: Option<(TempDir, Arc<Embedded>)>, hands: Hands) -> Self {
        let ids = deploy(&*store, &NAMES).await;
        let model = Model { deployed: NAMES.len(), ..Model::default() };
        Self { store, embedded, hands, ids, model, claimed: Vec::new(), late: None, published: 0 }
    }

    async fn step(&mut self, step: Step) {
        let now = self.hands.now();
        match step {
            Step::Publish { long, delay, ordering_key, idempotency_key } => {
                let mut publish = self.publish(if long { 5000 } else { 1 });
                publish.message.delayed_until = delay.map(|delay| now + delay);
                publish.message.ordering_key = ordering_key.map(|key| key.to_string().into());
                publish.idempotency_key = idempotency_key.map(|key| key.to_string());
                let earlier = idempotency_key.and_then(|key| self.model.by_key.get(&key)).copied();
                let made = self.store.publish(publish).await.unwrap().as_u128();
                assert_eq!(made, earlier.unwrap_or(self.published as u128));
                if earlier.is_none() {
                    self.model.publish(made, now + delay.unwrap_or(0), ordering_key);
                }
                self.model.by_key.extend(idempotency_key.map(|key| (key, made)));
            }
            Step::PublishFrom { .. } if self.claimed.is_empty() => {}
            Step::PublishFrom { which, hash } => {
                let mut publish = self.publish(1);
                let (subscriber, delivery) = &self.claimed[which.index(self.claimed.len())];
                publish.origin = Some(origin(delivery, hash));
                let from = (*subscriber, delivery.message.id.as_u128(), hash);
                let made = self.store.publish(publish).await.unwrap().as_u128();
                if let Some(earlier) = self.model.by_origin.insert(from, made) {
                    assert_eq!(made, earlier);
                } else {
                    assert_eq!(made, self.published as u128);
                    self.model.publish(made, now, None);
                }
            }
            Step::PublishLate => {
                let publish = Publish { origin: self.late, ..self.publish(1) };
                let refused = publish.origin.is_some();
                let made = self.store.publish(publish).await;
                assert_eq!(matches!(made, Err(Error::Settled)), refused, "{made:?}");
                if !refused {
                    self.model.publish(self.published as u128, now, None);
                }
            }
            Step::Claim { subscriber, max } => {
                let claimed = self.claim(subscriber, max).await;
                self.receive(subscriber, claimed, false);
            }
            Step::Settle { .. } if self.claimed.is_empty() => {}
            Step::Settle { which, verdict } => {
                let (subscriber, delivery) = self.claimed.swap_remove(which.index(self.claimed.len()));
                let at = self.model.find(subscriber, delivery.message.id.as_u128()).unwrap();
                self.model.settle(at, &verdict, now);
                self.late = matches!(verdict, Verdict::Done | Verdict::Bury { .. }).then(|| origin(&delivery, 0));
                self.store.settle(delivery, verdict);
            }
            Step::Deploy { subscribers } => self.deploy(subscribers).await,
            Step::Forward { seconds } => self.hands.forward(Duration::from_secs(seconds)),
            Step::Hurry => {
                self.store.hurry("shop").await.unwrap();
                let tried = self.model.expected.iter_mut().filter(|expected| expected.attempt > 1);
                tried.for_each(|expected| expected.due_at = expected.due_at.min(now));
            }
            Step::Count => self.count().await,
            Step::Crash => self.crash().await,
        }
    }

    fn publish(&mut self, length: usize) -> Publish {
        self.published += 1;
        message(&self.hands, self.published, &vec![b'1'; length]).into()
    }

    async fn deploy(&mut self, subscribers: usize) {
        deploy(&*self.store, &NAMES[..subscribers]).await;
        self.model.deployed = subscribers;
    }

    /// Something if something is due by the model.
    async fn claim(&self, subscriber: usize, max: usize) -> Vec<Delivery> {
        let now = self.hands.now();
        let due = self.model.expected.iter().any(|e| e.subscriber == subscriber && self.model.is_due(e, now));
        let claim = self.store.claim(self.ids[subscriber], max);
        let claimed = if due { claim.await.unwrap() } else { self.now_or_none(claim).await };
        assert!(claimed.len() <= max);
        claimed
    }

    /// What is claimed while the store answers something else.
    async fn now_or_none(&self, claim: impl Future<Output = crate::Result<Vec<Delivery>>>) -> Vec<Delivery> {
        pending(claim, self.store.waiting("shop")).await.err().map_or_else(Vec::new, Result::unwrap)
    }

    fn receive(&mut self, subscriber: usize, claimed: Vec<Delivery>, after_crash: bool) {
        let now = self.hands.now();
        for delivery in claimed {
            let message = delivery.message.id.as_u128();
            let known = self.model.find(subscriber, message).map(|at| &self.model.expected[at]);
            let as_expected = known.is_some_and(|e| {
                self.model.is_due(e, now) && (e.attempt, e.alone) == (delivery.attempt, delivery.alone)
            });
            let fine = as_expected || (after_crash && self.model.undo(subscriber, &delivery));
            assert!(fine, "{delivery:?} of {:?}", self.model);
            let at = self.model.find(subscriber, message).unwrap();
            self.model.expected[at].claimed = true;
            self.claimed.push((subscriber, delivery));
        }
    }

    async fn count(&mut self) {
        let waiting = self.store.waiting("shop").await.unwrap();
        self.model.unsure.clear();
        for (subscriber, name) in NAMES.iter().enumerate() {
            let counted = waiting.iter().find(|(of, _)| of == name).map_or(0, |(_, waiting)| *waiting);
            let expected = self.model.expected.iter().filter(|e| e.subscriber == subscriber).count();
            assert_eq!(counted, expected as u64, "{name} of {:?}", self.model);
        }
    }

    async fn crash(&mut self) {
        let Some((home, store)) = &mut self.embedded else { return };
        store.crash();
        *store = Arc::new(Embedded::open(home.path(), self.hands.clock()).unwrap());
        self.store = store.clone();
        self.claimed.clear();
        self.late = None; // or not settled after all
        self.model.expected.iter_mut().for_each(|expected| expected.claimed = false);
        self.model.unsure.iter_mut().for_each(|expected| expected.claimed = false);
        self.see_what_was_undone().await;
    }

    /// Claims all that is due, by the store's own account, and gives it back.
    async fn see_what_was_undone(&mut self) {
        let deployed = self.model.deployed;
        self.deploy(NAMES.len()).await;
        for subscriber in 0..NAMES.len() {
            loop {
                let claimed = self.now_or_none(self.store.claim(self.ids[subscriber], 9)).await;
                if claimed.is_empty() {
                    break;
                }
                self.receive(subscriber, claimed, true);
            }
        }
        for (subscriber, delivery) in std::mem::take(&mut self.claimed) {
            let at = self.model.find(subscriber, delivery.message.id.as_u128()).unwrap();
            self.model.expected[at].claimed = false;
            self.store.settle(delivery, Verdict::Release);
        }
        self.deploy(deployed).await;
        self.count().await;
    }

    /// All that is left can be had, and then nothing is left.
    async fn drain(&mut self) {
        self.deploy(NAMES.len()).await;
        self.hands.forward(Duration::from_secs(3600));
        loop {
            for (subscriber, delivery) in std::mem::take(&mut self.claimed) {
                let at = self.model.find(subscriber, delivery.message.id.as_u128()).unwrap();
                self.model.expected.remove(at);
                self.store.settle(delivery, Verdict::Done);
            }
            if self.model.expected.is_empty() {
                break;
            }
            for subscriber in 0..NAMES.len() {
                let claimed = self.claim(subscriber, 5).await;
                self.receive(subscriber, claimed, false);
            }
        }
        self.count().await;
    }
}

fn origin(delivery: &Delivery, hash: u8) -> Origin {
    Origin { subscriber: delivery.subscriber, seq: delivery.seq, hash: [hash; 16], nth: 0 }
}

fn verdict() -> impl Strategy<Value = Verdict> {
    let error = || "no".to_owned();
    let again = (0..40u64).prop_map(move |s| Verdict::Again { after: Duration::from_secs(s), error: error() });
    let bury = Just(Verdict::Bury { reason: Reason::Exhausted, error: error() });
    prop_oneof![4 => Just(Verdict::Done), 2 => again, 1 => Just(Verdict::AgainAlone), 1 => Just(Verdict::Release), 1 => bury]
}

fn publish() -> impl Strategy<Value = Step> {
    let key = || prop::option::weighted(0.3, 0..2u8);
    let delay = prop::option::weighted(0.2, 0..40_000i64);
    (any::<bool>(), delay, key(), key()).prop_map(|(long, delay, ordering_key, idempotency_key)| Step::Publish {
        long,
        delay,
        ordering_key,
        idempotency_key,
    })
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        6 => publish(),
        3 => (any::<prop::sample::Index>(), 0..2u8).prop_map(|(which, hash)| Step::PublishFrom { which, hash }),
        1 => Just(Step::PublishLate),
        6 => (0..NAMES.len(), 1..4usize).prop_map(|(subscriber, max)| Step::Claim { subscriber, max }),
        8 => (any::<prop::sample::Index>(), verdict()).prop_map(|(which, verdict)| Step::Settle { which, verdict }),
        1 => (0..=NAMES.len()).prop_map(|subscribers| Step::Deploy { subscribers }),
        2 => (0..60u64).prop_map(|seconds| Step::Forward { seconds }),
        1 => Just(Step::Hurry),
        1 => Just(Step::Count),
        1 => Just(Step::Crash),
    ]
}

fn run(steps: Vec<Step>, begin: impl AsyncFnOnce() -> Walk) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let mut walk = begin().await;
        for step in steps {
            walk.step(step).await;
        }
        walk.drain().await;
    });
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 60, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn the_embedded_store_does_what_the_model_does(steps in prop::collection::vec(step(), 1..80)) {
        run(steps, Walk::embedded);
    }

    #[test]
    fn the_memory_store_does_what_the_model_does(steps in prop::collection::vec(step(), 1..80)) {
        run(steps, Walk::memory);
    }
}
