//! Clients that publish as fast as the handlers follow, each in its own way, and tell the ledger what was acknowledged.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use serde_json::{Value, json};

use less_tests::harness::{Connection, Request, for_a_while};

use crate::ledger::Ledger;
use crate::random::Random;
use crate::town::Kind;

/// Clients wait while more deliveries than this are awaited, so that a slow machine is not buried.
const MOST_AWAITED: usize = 600;
/// After a publish that was not acknowledged.
const PAUSE: Duration = Duration::from_millis(10);

/// Where the server is; a restarted one is elsewhere.
pub(crate) type Address = Arc<Mutex<String>>;

/// Ids for what is published, each once in a scenario.
pub(crate) type Ids = Arc<AtomicU64>;

pub(crate) struct Load {
    stop: Arc<AtomicBool>,
    threads: Vec<JoinHandle<()>>,
}

struct Client {
    name: String,
    random: Random,
    address: Address,
    ids: Ids,
    ledger: Arc<Ledger>,
    connection: Option<(String, Connection)>,
}

/// One request: what it publishes, how it is sent, and whether it may be sent again.
struct Publish {
    ids: Vec<u64>,
    kind: Kind,
    path: &'static str,
    body: Value,
    /// A repeat with the same key publishes nothing more.
    idempotency_key: Option<String>,
}

impl Load {
    pub(crate) fn start(
        clients: usize,
        random: &mut Random,
        address: &Address,
        ids: &Ids,
        ledger: &Arc<Ledger>,
    ) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let mut threads: Vec<_> = (0..clients)
            .map(|n| {
                let name = format!("client {n}");
                let mut client = Client {
                    random: Random::new(random.next(), &name),
                    name,
                    address: address.clone(),
                    ids: ids.clone(),
                    ledger: ledger.clone(),
                    connection: None,
                };
                let stop = stop.clone();
                thread::spawn(move || {
                    while !stop.load(Ordering::Relaxed) {
                        client.publish(&stop);
                    }
                })
            })
            .collect();
        let (stopped, ledger) = (stop.clone(), ledger.clone());
        threads.push(thread::spawn(move || {
            while !stopped.load(Ordering::Relaxed) {
                ledger.read();
                for_a_while(Duration::from_millis(20));
            }
        }));
        Self { stop, threads }
    }

    /// Returns once the last request is answered.
    pub(crate) fn stop(mut self) {
        self.stop.store(true, Ordering::Relaxed);
        for thread in self.threads.drain(..) {
            thread.join().unwrap();
        }
    }
}

impl Drop for Load {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
    }
}

/// An id that nobody has.
pub(crate) fn next(ids: &Ids) -> u64 {
    ids.fetch_add(1, Ordering::Relaxed)
}

/// A message of the topics `placed` and `lined`: most are short, some are long enough to be kept in another way.
pub(crate) fn order(random: &mut Random, id: u64) -> Value {
    let length = match random.within(0..100) {
        0..80 => 10,
        80..97 => 3_000,
        _ => 60_000,
    };
    json!({ "id": id, "length": length, "padding": "x".repeat(length) })
}

impl Client {
    fn publish(&mut self, stop: &AtomicBool) {
        if self.ledger.awaited() > MOST_AWAITED {
            return for_a_while(PAUSE);
        }
        let publish = self.next();
        let sent = Instant::now();
        while !self.send(&publish, sent) && publish.idempotency_key.is_some() && !stop.load(Ordering::Relaxed) {
            for_a_while(PAUSE);
        }
        for_a_while(self.random.millis(0..6));
    }

    fn next(&mut self) -> Publish {
        let ids = self.ids.clone();
        let id = || next(&ids);
        match self.random.within(0..100) {
            0..45 => {
                let id = id();
                let body = order(&mut self.random, id);
                Publish { ids: vec![id], kind: Kind::Placed, path: "topics/placed", body, idempotency_key: None }
            }
            45..60 => {
                let id = id();
                let body = order(&mut self.random, id);
                let idempotency_key = Some(id.to_string());
                Publish { ids: vec![id], kind: Kind::Placed, path: "topics/placed", body, idempotency_key }
            }
            60..85 => {
                let ids = vec![id(), id(), id()];
                let messages: Vec<_> = ids.iter().map(|id| order(&mut self.random, *id)).collect();
                let body = json!({ "topic": "placed", "messages": messages });
                Publish { ids, kind: Kind::Placed, path: "apis/town/place", body, idempotency_key: None }
            }
            _ => {
                let id = id();
                let body =
                    json!({ "topic": "lined", "messages": [order(&mut self.random, id)], "ordering_key": self.name });
                Publish { ids: vec![id], kind: Kind::Lined, path: "apis/town/place", body, idempotency_key: None }
            }
        }
    }

    /// Whether it was acknowledged.
    fn send(&mut self, publish: &Publish, sent: Instant) -> bool {
        let url = format!("{}/{}", self.address.lock(), publish.path);
        let mut request = Request::new("POST", &url).body(publish.body.to_string());
        if let Some(key) = &publish.idempotency_key {
            request = request.header("idempotency-key", key);
        }
        let answer = self.connection(&url).and_then(|connection| connection.try_send(&request).ok());
        match &answer {
            Some(answer) if matches!(answer.status, 201 | 202) => {
                publish.ids.iter().for_each(|id| self.ledger.acknowledge(*id, publish.kind, sent));
                return true;
            }
            answer => self.ledger.refuse(answer.as_ref().map(|answer| answer.status)),
        }
        if answer.is_none() {
            self.connection = None;
        }
        for_a_while(PAUSE);
        false
    }

    /// The kept connection, unless the server has moved.
    fn connection(&mut self, url: &str) -> Option<&mut Connection> {
        let origin = self.address.lock().clone();
        if self.connection.as_ref().is_none_or(|(to, _)| *to != origin) {
            self.connection = Connection::try_open(url).ok().map(|connection| (origin, connection));
        }
        self.connection.as_mut().map(|(_, connection)| connection)
    }
}
