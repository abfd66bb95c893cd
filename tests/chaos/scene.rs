//! What a scenario plays on: a home of its own with the town in it, its server, the load, and the ledger of both.

use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use less_tests::harness::processes::Process;
use less_tests::harness::{Home, Project, Request, eventually, for_a_while, http};

use crate::args::Size;
use crate::ledger::{Fault, Ledger, Of, now};
use crate::load::{self, Address, Ids, Load};
use crate::random::Random;
use crate::server::{Launch, Server};
use crate::town::{self, Kind};

/// Deliveries are given up when for so long none of them came: longer than any wait between attempts.
const NOTHING_CAME: Duration = Duration::from_secs(60);
/// The usual number of clients.
const CLIENTS: usize = 8;

pub(crate) struct Scene<'h> {
    pub(crate) home: &'h Home,
    pub(crate) project: Project<'h>,
    pub(crate) random: Random,
    pub(crate) size: Size,
    pub(crate) ledger: Arc<Ledger>,
    /// How many clients publish at once.
    pub(crate) clients: usize,
    /// How the next server is started.
    pub(crate) launch: Launch,
    address: Address,
    ids: Ids,
    server: Option<Server>,
    starts: usize,
    load: Option<Load>,
    /// What the report says beside the figures of the ledger.
    pub(crate) remarks: Vec<String>,
}

impl<'h> Scene<'h> {
    pub(crate) fn set(home: &'h Home, name: &str, python: bool, size: Size) -> Self {
        let mut random = Random::new(size.seed, name);
        let project = town::project(home, &format!("town_{:08x}", random.next() >> 32));
        if python {
            town::add_python(home, &project);
        }
        Self {
            home,
            project,
            random,
            size,
            ledger: Arc::new(Ledger::new(home.note_file(town::RUNS), python)),
            clients: CLIENTS,
            launch: Launch::default(),
            address: Address::default(),
            ids: Arc::new(AtomicU64::new(1)),
            server: None,
            starts: 0,
            load: None,
            remarks: Vec::new(),
        }
    }

    /// Server, project and load; returns once publishes are acknowledged.
    pub(crate) fn begin(&mut self) {
        self.start();
        self.project.deploy();
        self.load();
        self.acknowledge_some();
    }

    /// Starts the server and returns once it listens.
    pub(crate) fn start(&mut self) {
        self.spawn();
        assert!(self.listens(), "the server ended: {}", self.server().log());
    }

    /// Starts the server and does not wait for it.
    pub(crate) fn spawn(&mut self) {
        self.starts += 1;
        let name = format!("server-{}", self.starts);
        self.server = Some(Server::spawn(self.home, &name, &self.launch));
    }

    /// Waits until the server listens, and tells the clients where; false when it has ended instead.
    pub(crate) fn listens(&mut self) -> bool {
        let Some(origin) = self.server.as_mut().unwrap().listens(self.home) else { return false };
        *self.address.lock() = format!("{origin}/{}", self.project.name);
        true
    }

    pub(crate) fn server(&self) -> &Server {
        self.server.as_ref().expect("a server was started")
    }

    pub(crate) fn server_mut(&mut self) -> &mut Server {
        self.server.as_mut().expect("a server was started")
    }

    /// `<gateway>/<project>`
    pub(crate) fn base(&self) -> String {
        self.address.lock().clone()
    }

    /// The same, for those who outlive a server.
    pub(crate) fn address(&self) -> Address {
        self.address.clone()
    }

    /// Where the ids of this scenario's publishes come from.
    pub(crate) fn ids(&self) -> Ids {
        self.ids.clone()
    }

    pub(crate) fn load(&mut self) {
        self.load = Some(Load::start(self.clients, &mut self.random, &self.address, &self.ids, &self.ledger));
    }

    pub(crate) fn stop_load(&mut self) {
        if let Some(load) = self.load.take() {
            load.stop();
        }
    }

    /// Returns once some more publishes are acknowledged, and the load has had its time.
    pub(crate) fn calm(&mut self) {
        for_a_while(self.size.calm());
        self.acknowledge_some();
    }

    pub(crate) fn acknowledge_some(&self) {
        let so_far = self.ledger.acknowledged();
        eventually("publishes are acknowledged", || self.ledger.acknowledged() > so_far + self.clients);
    }

    /// Does what may repeat runs, and tells the ledger.
    pub(crate) fn fault<T>(&mut self, of: Of, strike: impl FnOnce(&mut Self) -> T) -> T {
        let from = now();
        let struck = strike(self);
        self.ledger.fault(Fault { from, until: now(), of });
        struck
    }

    /// `kill -9` of the server; its workers go with it.
    pub(crate) fn kill_server(&mut self) {
        self.kill_server_only();
        self.home.assert_no_process_left();
    }

    /// The same while other programs of this home run.
    pub(crate) fn kill_server_only(&mut self) {
        self.fault(Of::Server, |scene| scene.server.take().expect("a server was started").kill());
    }

    /// The handler processes, however they are started.
    pub(crate) fn workers(&self) -> Vec<Process> {
        let server = self.server().pid;
        self.home.processes().into_iter().filter(|process| process.parent == server).collect()
    }

    /// Measures from here until a publish that is sent from now on is acknowledged.
    pub(crate) fn recover(&self) {
        self.ledger.expect_recovery();
        self.recovered();
    }

    /// The same, from where the ledger was told to expect it.
    pub(crate) fn recovered(&self) {
        eventually("a publish is acknowledged again", || {
            // The load may be waiting for deliveries.
            self.probe("topics/placed", |order| order);
            self.ledger.has_recovered()
        });
    }

    /// Returns once a handler answers: it may have to get a process first.
    pub(crate) fn answered(&self) {
        eventually("a handler answers again", || {
            self.probe("apis/town/place", |order| json!({ "topic": "placed", "messages": [order] }))
        });
    }

    /// One publish beside the load; whether it was acknowledged.
    fn probe(&self, path: &str, body: impl FnOnce(Value) -> Value) -> bool {
        let (id, sent) = (load::next(&self.ids), Instant::now());
        let body = body(load::order(&mut self.random.clone(), id)).to_string();
        let answer = Request::new("POST", &format!("{}/{path}", self.base())).body(body).try_send();
        let acknowledged = answer.is_ok_and(|answer| matches!(answer.status, 201 | 202));
        if acknowledged {
            self.ledger.acknowledge(id, Kind::Placed, sent);
        }
        acknowledged
    }

    /// Says something beside the figures.
    pub(crate) fn remark(&mut self, remark: impl Into<String>) {
        self.remarks.push(remark.into());
    }

    /// For a scenario that failed: how the server's log ends.
    pub(crate) fn last_words(&self) -> String {
        let Some(server) = &self.server else { return String::new() };
        let log = server.log();
        let from = log.lines().count().saturating_sub(20);
        let tail: Vec<_> = log.lines().skip(from).collect();
        format!("\nthe server's log ends with:\n{}", tail.join("\n"))
    }

    /// Ends the load, waits for what is still on its way, looks for what should be there, and ends the server.
    pub(crate) fn finish(&mut self) {
        self.stop_load();
        self.await_deliveries();
        let missing = self.missing_values();
        assert!(missing.is_empty(), "values that handlers had set are not there: {missing:?}");
        self.server.take().expect("a server was started").stop();
        self.home.assert_no_process_left();
    }

    /// Until nothing is missing, or what is missing cannot come any more.
    fn await_deliveries(&self) {
        let (mut missing, mut since) = (self.ledger.missing(), Instant::now());
        let mut looked = Instant::now();
        while missing > 0 && since.elapsed() < NOTHING_CAME {
            for_a_while(Duration::from_millis(20));
            let now = self.ledger.missing();
            if now != missing {
                (missing, since) = (now, Instant::now());
            }
            if looked.elapsed() > Duration::from_secs(2) {
                looked = Instant::now();
                // The server knows of nothing more; what it ran a moment ago was noted before.
                if self.project.waiting() == 0 && self.ledger.missing() == missing {
                    return;
                }
            }
        }
    }

    /// Acknowledged orders whose value is not stored, though its handler came to its end.
    fn missing_values(&self) -> Vec<Value> {
        let lost = self.ledger.tally().lost;
        if !lost.is_empty() {
            return Vec::new(); // that is worse, and said by the ledger
        }
        let url = format!("{}/apis/town/missing", self.base());
        let ids = self.ledger.acknowledged_of(Kind::Placed);
        let missing_of = |ids: &[u64]| http::post(&url, json!(ids).to_string()).expect(200).json();
        ids.chunks(200).flat_map(|ids| missing_of(ids).as_array().unwrap().clone()).collect()
    }
}
