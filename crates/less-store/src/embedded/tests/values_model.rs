//! Random walks through the key-values of a store and through a model of them: each change and the message
//! that tells of it correspond, also when the store crashes between.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::time::Duration;

use proptest::prelude::*;
use tempfile::TempDir;

use super::NOW;
use super::values::{TOPICS, change, deploy_telling};
use crate::contract::pending;
use crate::embedded::Embedded;
use crate::memory::Memory;
use crate::{CREATED, Changed, DELETED, Hands, Operation, Topics, UPDATED, Values, Verdict};

const KEYS: [&str; 3] = ["a", "ab", "it's \u{1F600}"];

#[derive(Debug, Clone)]
enum Step {
    Change {
        key: usize,
        wanted: Wanted,
    },
    /// Begun, and then the store crashes: it happened or it did not.
    Crash {
        key: usize,
        wanted: Wanted,
    },
    Forward {
        seconds: u64,
    },
    Deploy {
        topics: usize,
    },
    Reopen,
}

#[derive(Debug, Clone)]
enum Wanted {
    Set { seconds: Option<u64>, long: bool, on: On },
    Delete,
    Increment { by: i32 },
}

/// On which version a set is to happen.
#[derive(Debug, Clone, Copy)]
enum On {
    Any,
    This,
    None,
}

#[derive(Debug, Clone, PartialEq)]
struct Known {
    json: String,
    expires_at: Option<i64>,
    version: u64,
}

#[derive(Debug, Default)]
struct Model {
    values: BTreeMap<&'static str, Known>,
    deployed: usize,
    /// What each topic is to tell of each key, in order.
    told: HashMap<(&'static str, &'static str), Vec<String>>,
    last_version: u64,
}

impl Model {
    fn expire(&mut self, now: i64) {
        let expired = |_: &&str, known: &mut Known| known.expires_at.is_some_and(|at| at <= now);
        let expired: Vec<_> = self.values.extract_if(.., expired).collect();
        for (key, known) in expired {
            self.tell(key, Some(&known.json), None);
        }
    }

    fn tell(&mut self, key: &'static str, old: Option<&str>, new: Option<&str>) {
        let topic = match (old, new) {
            (None, _) => CREATED,
            (_, Some(_)) => UPDATED,
            (_, None) => DELETED,
        };
        if !TOPICS[..self.deployed].contains(&topic) {
            return;
        }
        let [old, new] = [("old_value", old), ("new_value", new)]
            .map(|(name, json)| json.map_or_else(String::new, |json| format!(r#","{name}":{json}"#)));
        self.told.entry((topic, key)).or_default().push(format!(r#"{{"key":"{key}"{old}{new}}}"#));
    }

    /// What is there after it; `None`: nothing changes.
    fn after(&self, key: &str, operation: &Operation) -> Option<Option<(String, Option<i64>)>> {
        let there = self.values.get(key);
        match operation {
            Operation::Set { if_version: Some(version), .. } if *version != self.version(key) => None,
            Operation::Set { json, expires_at, .. } => {
                Some(Some((String::from_utf8(json.to_vec()).unwrap(), *expires_at)))
            }
            Operation::Delete => there.map(|_| None),
            Operation::Increment { by } => {
                let number: f64 = there.map_or("0", |known| &known.json).parse().ok()?;
                Some(Some(((number + by).to_string(), there.and_then(|known| known.expires_at))))
            }
        }
    }

    fn version(&self, key: &str) -> u64 {
        self.values.get(key).map_or(0, |known| known.version)
    }

    /// It happened, and this is the version that it made.
    fn follow(&mut self, key: &'static str, after: Option<(String, Option<i64>)>, version: u64) {
        let old = self.values.remove(key).map(|known| known.json);
        self.tell(key, old.as_deref(), after.as_ref().map(|(json, _)| &**json));
        if let Some((json, expires_at)) = after {
            assert!(version > self.last_version, "{version} was given before");
            self.last_version = version;
            self.values.insert(key, Known { json, expires_at, version });
        }
    }
}

trait Both: Topics + Values {}
impl<T: Topics + Values> Both for T {}

struct Walk {
    store: Arc<dyn Both>,
    /// The same store, when it is one that can crash.
    embedded: Option<(TempDir, Arc<Embedded>)>,
    hands: Hands,
    model: Model,
    written: usize,
}

impl Walk {
    fn embedded() -> Self {
        let (home, hands) = (tempfile::tempdir().unwrap(), Hands::at(NOW));
        let store = Arc::new(Embedded::open(home.path(), hands.clock()).unwrap());
        Self { store: store.clone(), embedded: Some((home, store)), hands, model: Model::default(), written: 0 }
    }

    fn memory() -> Self {
        let hands = Hands::at(NOW);
        let store = Arc::new(Memory::new(hands.clock()));
        Self { store, embedded: None, hands, model: Model::default(), written: 0 }
    }

    async fn step(&mut self, step: Step) {
        self.model.expire(self.hands.now());
        match step {
            Step::Change { key, wanted } => self.change(KEYS[key], &wanted).await,
            Step::Crash { key, wanted } => self.crash(KEYS[key], &wanted).await,
            Step::Forward { seconds } => self.hands.forward(Duration::from_secs(seconds)),
            Step::Deploy { topics } => self.deploy(topics).await,
            Step::Reopen => {
                let Some((_, store)) = &self.embedded else { return };
                store.close().await;
                self.reopen();
            }
        }
        self.model.expire(self.hands.now());
        self.compare().await;
    }

    fn operation(&mut self, key: &str, wanted: &Wanted) -> Operation {
        self.written += 1;
        match *wanted {
            Wanted::Set { seconds, long, on } => {
                let json = if long { format!("\"{:5000}\"", self.written) } else { self.written.to_string() };
                let expires_at = seconds.map(|seconds| self.hands.now() + i64::try_from(seconds).unwrap() * 1000);
                let if_version = match on {
                    On::Any => None,
                    On::This => Some(self.model.version(key)),
                    On::None => Some(0),
                };
                Operation::Set { json: json.into(), expires_at, if_version }
            }
            Wanted::Delete => Operation::Delete,
            Wanted::Increment { by } => Operation::Increment { by: f64::from(by) },
        }
    }

    async fn change(&mut self, key: &'static str, wanted: &Wanted) {
        let operation = self.operation(key, wanted);
        let after = self.model.after(key, &operation);
        let changed = self.store.change(change(key, operation.clone())).await.unwrap();
        let version = match (&changed, &after) {
            (Changed::Done(value), Some(Some((json, _)))) => {
                assert_eq!(value.json, *json);
                value.version
            }
            (Changed::Deleted { existed: true }, Some(None)) => 0,
            (Changed::Deleted { existed: false }, None) => return,
            (Changed::Conflict { version }, None) => return assert_eq!(*version, self.model.version(key)),
            (Changed::NotANumber, None) => return assert!(matches!(operation, Operation::Increment { .. })),
            _ => panic!("{operation:?} did {changed:?}, not {after:?}"),
        };
        self.model.follow(key, after.unwrap(), version);
    }

    async fn crash(&mut self, key: &'static str, wanted: &Wanted) {
        let Some(store) = self.embedded.as_ref().map(|(_, store)| Arc::clone(store)) else { return };
        let operation = self.operation(key, wanted);
        let (after, before) = (self.model.after(key, &operation), self.model.version(key));
        let begun = pending(store.change(change(key, operation)), std::future::ready(())).await;
        store.crash();
        self.reopen();
        let there = self.store.get("shop", key).await.unwrap().map_or(0, |value| value.version);
        match after {
            Some(after) if there != before => self.model.follow(key, after, there),
            Some(_) => assert!(begun.is_ok(), "an answered change is lost: {begun:?}"),
            None => assert_eq!(there, before),
        }
    }

    fn reopen(&mut self) {
        let Some((home, store)) = &mut self.embedded else { return };
        *store = Arc::new(Embedded::open(home.path(), self.hands.clock()).unwrap());
        self.store = store.clone();
    }

    /// What expired before it is told to the topics before it.
    async fn deploy(&mut self, topics: usize) {
        while self.has_expired().await {
            self.store.waiting("shop").await.unwrap();
        }
        deploy_telling(&*self.store, &TOPICS[..topics]).await;
        self.model.deployed = topics;
    }

    async fn has_expired(&self) -> bool {
        let (Some((_, store)), now) = (&self.embedded, self.hands.now()) else { return false };
        let expired = "SELECT EXISTS (SELECT 1 FROM value WHERE expires_at <= ?)";
        store.reader.ask(move |conn| conn.query_row(expired, [now], |row| row.get(0))).await.unwrap()
    }

    async fn compare(&self) {
        for key in KEYS {
            let value = self.store.get("shop", key).await.unwrap();
            let value = value.map(|value| (String::from_utf8(value.json.to_vec()).unwrap(), value.version));
            let known = self.model.values.get(key).map(|known| (known.json.clone(), known.version));
            assert_eq!(value, known, "{key}");
        }
        let keys: Vec<_> = self.model.values.keys().copied().collect();
        assert_eq!(self.store.list("shop", "", None, 9).await.unwrap(), keys);
    }

    /// Everything that was told, and nothing else.
    async fn hear(&mut self) {
        self.deploy(TOPICS.len()).await;
        let told = deploy_telling(&*self.store, &TOPICS).await;
        let mut heard: HashMap<_, Vec<String>> = HashMap::new();
        for (topic, id) in TOPICS.into_iter().zip(told) {
            while self.waiting(topic).await > 0 {
                for delivery in self.store.claim(id, 9).await.unwrap() {
                    let key = delivery.message.ordering_key.as_deref().unwrap();
                    let key = KEYS.into_iter().find(|known| *known == key).unwrap();
                    let payload = String::from_utf8(delivery.message.payload.to_vec()).unwrap();
                    heard.entry((topic, key)).or_default().push(payload);
                    self.store.settle(delivery, Verdict::Done);
                }
            }
        }
        assert_eq!(heard, self.model.told);
    }

    async fn waiting(&self, topic: &str) -> u64 {
        let waiting = self.store.waiting("shop").await.unwrap();
        waiting.into_iter().find(|(subscriber, _)| *subscriber == format!("topics/{topic}/a")).map_or(0, |(_, n)| n)
    }
}

fn wanted() -> impl Strategy<Value = Wanted> {
    let on = prop_oneof![4 => Just(On::Any), 2 => Just(On::This), 1 => Just(On::None)];
    let set = (prop::option::of(1..40u64), any::<bool>(), on);
    prop_oneof![
        4 => set.prop_map(|(seconds, long, on)| Wanted::Set { seconds, long, on }),
        2 => Just(Wanted::Delete),
        2 => (-3..4).prop_map(|by| Wanted::Increment { by }),
    ]
}

fn step() -> impl Strategy<Value = Step> {
    let change = || (0..KEYS.len(), wanted());
    prop_oneof![
        12 => change().prop_map(|(key, wanted)| Step::Change { key, wanted }),
        3 => change().prop_map(|(key, wanted)| Step::Crash { key, wanted }),
        4 => (0..30u64).prop_map(|seconds| Step::Forward { seconds }),
        2 => (0..=TOPICS.len()).prop_map(|topics| Step::Deploy { topics }),
        1 => Just(Step::Reopen),
    ]
}

fn run(steps: Vec<Step>, begin: impl FnOnce() -> Walk) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let mut walk = begin();
        walk.step(Step::Deploy { topics: TOPICS.len() }).await;
        for step in steps {
            walk.step(step).await;
        }
        walk.hear().await;
    });
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 60, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn the_embedded_store_does_what_the_model_does(steps in prop::collection::vec(step(), 1..60)) {
        run(steps, Walk::embedded);
    }

    #[test]
    fn the_memory_store_does_what_the_model_does(steps in prop::collection::vec(step(), 1..60)) {
        run(steps, Walk::memory);
    }
}
