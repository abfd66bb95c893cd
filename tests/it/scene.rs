//! A worker with twenty well-behaved neighbours in flight, ten requests and ten deliveries, when a bad one strikes.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use less_tests::harness::{Answer, Home, Project, Request, eventually, for_a_while, http, processes};

/// What happens to the worker, and with it to the neighbours.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fate {
    /// The neighbours notice nothing.
    Spared,
    /// Begun requests get 502 `worker_lost`; begun deliveries run again, their attempt not counted.
    Lost,
}

const NEIGHBOURS: usize = 10;
/// How long another route may go without an answer.
const PAUSE: Duration = Duration::from_secs(2);
const CULPRIT: &str = "topics/strikes/culprit";

const STRIKES: &str = "
const { note } = require('notes');
const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
const strikes = {
  throws: () => { throw new Error('on purpose'); },
  never_resolves: () => new Promise(() => {}),
  loops_before_its_await: () => { for (;;); },
  loops_after_its_await: async () => { await pause(50); for (;;); },
  exits: () => process.exit(1),
  exits_in_a_timer: () => { setTimeout(() => process.exit(1), 100); return { body: 'gone soon' }; },
  rejects_in_a_timer: () => { setTimeout(() => Promise.reject(new Error('nobody hears')), 10); return pause(100); },
  eats_buffers: async () => { for (const kept = []; ; await pause(1)) kept.push(Buffer.alloc(16 << 20, 1)); },
  eats_its_heap: () => { for (const kept = []; ;) kept.push(new Array(1000).fill(kept.length)); },
  segfaults: () => { process.kill(process.pid, 'SIGSEGV'); return new Promise(() => {}); },
  returns_20_mb: () => ({ body: 'x'.repeat(20e6) }),
  prints_a_million_lines: () => { for (let n = 0; n < 1e6; n += 1) console.log(n); return { body: 'printed' }; },
};
exports.strike = async (kind, attempt) => {
  note('culprit', { pid: process.pid, attempt });
  return strikes[kind]();
};
";
const NEIGHBOUR: &str = "
const { note, until_noted } = require('notes');
exports.wait = async (who, attempt) => {
  note('neighbours', { who, what: 'begun', pid: process.pid, attempt });
  await until_noted('release');
  note('neighbours', { who, what: 'done', pid: process.pid, attempt });
};
";
const FILES: [(&str, &str); 7] = [
    ("less/shared/strikes/index.js", STRIKES),
    ("less/shared/neighbour/index.js", NEIGHBOUR),
    ("less/apis/calm/ping/get.js", "exports.process = async () => ({ body: 'pong' });"),
    (
        "less/apis/calm/wait/{n}/get.js",
        "const { wait } = require('neighbour');
         exports.process = async (request) => {
           await wait(`request ${request.params.n}`, 1);
           return { body: 'waited' };
         };",
    ),
    (
        "less/apis/culprits/{kind}/get.js",
        "const { strike } = require('strikes');
         exports.process = async (request, response) => strike(request.params.kind, 1);",
    ),
    (
        "less/topics/errands/wait/index.js",
        "const { wait } = require('neighbour');
         exports.process = async (n, { attempt }) => wait(`delivery ${n}`, attempt);",
    ),
    (
        "less/topics/strikes/culprit/index.js",
        "const { strike } = require('strikes');
         exports.process = async (kind, { attempt }) => { await strike(kind, attempt); };",
    ),
];

/// `GET <culprits>/<kind>` strikes and is answered with `status`.
pub(crate) fn request(kind: &str, status: u16, fate: Fate) {
    let home = Home::new();
    let scene = Scene::set(&home);
    let answer = http::get(&format!("{}/{kind}", scene.project.url("culprits")));
    assert_eq!(answer.status, status, "{}", String::from_utf8_lossy(&answer.body[..answer.body.len().min(1000)]));
    scene.play_on(fate);
}

/// A delivery of `kind` strikes, and is given up after `attempts`.
pub(crate) fn delivery(kind: &str, attempts: u64, fate: Fate) {
    let home = Home::new();
    let scene = Scene::set(&home);
    http::post(&format!("{}/strikes", scene.project.url("topics")), json!(kind).to_string()).expect(202);
    let last_attempt = || home.notes("culprit").last().map(|note| note["attempt"].clone());
    if fate == Fate::Spared {
        eventually("the culprit has had its attempts", || last_attempt() == Some(json!(attempts)));
    }
    let project = scene.play_on(fate);
    eventually("the culprit has been given up", || project.waiting_for(CULPRIT) == 0);
    assert_eq!(last_attempt(), Some(json!(attempts)));
}

struct Scene<'h> {
    home: &'h Home,
    project: Project<'h>,
    requests: Vec<JoinHandle<Answer>>,
    /// The worker in which all neighbours have begun.
    worker: u32,
    pinger: Pinger,
}

impl<'h> Scene<'h> {
    fn set(home: &'h Home) -> Self {
        let project = home.project("town", &FILES);
        // Long enough for a million lines, short enough to wait for.
        project.write(
            "less.config",
            "apis: { culprits: { timeout: 8s } }
topics: { strikes: { subscribers: { culprit: { timeout: 4s, retry: { first: 1s, factor: 1, attempts: 2 } } } } }
",
        );
        let deployed = project.deploy();
        let calm = deployed.url("calm").to_owned();
        let requests = (0..NEIGHBOURS).map(|n| format!("{calm}/wait/{n}"));
        let requests = requests.map(|url| thread::spawn(move || http::get(&url))).collect();
        for n in 0..NEIGHBOURS {
            http::post(&format!("{}/errands", deployed.url("topics")), n.to_string()).expect(202);
        }
        eventually("all neighbours have begun", || home.notes("neighbours").len() == 2 * NEIGHBOURS);
        let pids: BTreeSet<_> = home.notes("neighbours").iter().map(|note| note["pid"].as_u64().unwrap()).collect();
        assert_eq!(pids.len(), 1, "all neighbours share a worker");
        let worker = u32::try_from(*pids.first().unwrap()).unwrap();
        Self { home, project, requests, worker, pinger: Pinger::start(format!("{calm}/ping")) }
    }

    /// After the strike: lets the neighbours finish and checks what became of them.
    fn play_on(self, fate: Fate) -> Project<'h> {
        if fate == Fate::Lost {
            eventually("the struck worker is gone", || !processes::lives(self.worker));
        }
        self.home.give_note("release");
        for answer in self.requests.into_iter().map(|request| request.join().unwrap()) {
            match fate {
                Fate::Spared => assert_eq!(answer.expect(200).text(), "waited"),
                Fate::Lost => assert_eq!(answer.expect_error(502)["code"], "worker_lost"),
            }
        }
        let runs = |what: &str| runs_of(&self.home.notes("neighbours"), what);
        eventually("all errands are done", || {
            runs("done").keys().filter(|who| who.starts_with('d')).count() == NEIGHBOURS
        });
        let longest = self.pinger.stop();
        assert!(longest <= PAUSE, "another route did not answer for {longest:?}");

        let (begun, done) = (runs("begun"), runs("done"));
        assert_eq!(begun.len(), 2 * NEIGHBOURS);
        for (who, pids) in &begun {
            let again = fate == Fate::Lost && who.starts_with('d');
            assert_eq!(pids.len(), if again { 2 } else { 1 }, "runs of {who}");
            assert_ne!(pids.get(1), Some(&pids[0]), "{who} ran again in the same worker");
            let finished = if fate == Fate::Lost && who.starts_with('r') { 0 } else { 1 };
            assert_eq!(done.get(who).map_or(0, Vec::len), finished, "ends of {who}");
        }
        assert!(self.home.notes("neighbours").iter().all(|note| note["attempt"] == 1), "a neighbour paid an attempt");
        assert_eq!(self.home.notes("culprit")[0]["pid"], self.worker, "the culprit struck another worker");
        self.project
    }
}

/// Who → the processes in which it has `begun` (or `done`), in order.
fn runs_of(notes: &[Value], what: &str) -> BTreeMap<String, Vec<u64>> {
    let mut runs: BTreeMap<_, Vec<_>> = BTreeMap::new();
    for note in notes.iter().filter(|note| note["what"] == what) {
        runs.entry(note["who"].as_str().unwrap().to_owned()).or_default().push(note["pid"].as_u64().unwrap());
    }
    runs
}

/// Asks one route again and again, and measures the longest time without a good answer.
struct Pinger {
    stop: Arc<AtomicBool>,
    thread: JoinHandle<Duration>,
}

impl Pinger {
    fn start(url: String) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let stopped = Arc::clone(&stop);
        let thread = thread::spawn(move || {
            let mut last = Instant::now();
            let mut longest = Duration::ZERO;
            while !stopped.load(Ordering::Relaxed) {
                let good = Request::new("GET", &url).try_send().is_ok_and(|answer| answer.status == 200);
                longest = longest.max(last.elapsed());
                if good {
                    last = Instant::now();
                }
                for_a_while(Duration::from_millis(20));
            }
            longest
        });
        Self { stop, thread }
    }

    fn stop(self) -> Duration {
        self.stop.store(true, Ordering::Relaxed);
        self.thread.join().unwrap()
    }
}
