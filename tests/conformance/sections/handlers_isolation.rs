//! Section 2: what a bad handler costs others.

use std::collections::BTreeSet;
use std::thread::{self, JoinHandle};
use std::time::Duration;

use less_tests::harness::{Answer, Project, eventually, eventually_some, for_a_while, http, processes};
use serde_json::{Value, json};

use crate::case::{Case, case};
use crate::scene::{Scene, Stage};

pub(crate) const CASES: &[Case] = &[
    case!(a_handler_runs_concurrently_with_itself, ["2.33"],
        "crates/less-server/src/limits.rs":
            "REQUESTS_AT_ONCE: usize = 1_024"
            => "REQUESTS_AT_ONCE: usize = 1"),
    case!(a_handler_that_throws_costs_others_nothing, ["2.34"],
        "sdk/node/invocations.cjs":
            "invocations.done(invocation, undefined, { error });"
            => "process.exit(1);"),
    case!(a_handler_that_never_returns_costs_others_nothing, ["2.35"],
        "crates/less-server/src/workers/watchdog.rs":
            "if passed.blocked {"
            => "if passed.blocked || passed == super::pulse::Passed::default() {"),
    case!(a_handler_that_blocks_its_process_costs_others_only_this_process, ["2.36", "2.39", "2.40"],
        "crates/less-server/src/workers/pulse.rs":
            "state.phase = Phase::Silent;"
            => "state.phase = Phase::Ready;"),
    case!(a_handler_that_ends_its_process_costs_others_only_this_process, ["2.37", "2.41", "2.42", "2.43", "2.46"],
        "crates/less-server/src/dispatch/retry.rs":
            "Outcome::WorkerLost { alone: false } => Verdict::AgainAlone,"
            => "Outcome::WorkerLost { alone: false } => failed(\"lost\".into()),"),
    case!(a_handler_that_crashes_its_process_costs_others_only_this_process, ["2.38"],
        "crates/less-server/src/workers/worker.rs":
            "(true, false) => Answer::Lost,"
            => "(true, false) => Answer::NotBegun,"),
    case!(a_poison_message_finds_its_end_alone, ["2.44", "2.45", "4.10"],
        "crates/less-server/src/workers/pool.rs":
            "if invocation.alone {"
            => "if false {"),
    case!(a_subscriber_runs_64_deliveries_at_once, ["16.02"],
        "crates/less-project/src/config/mod.rs":
            "CONCURRENCY: u32 = 64"
            => "CONCURRENCY: u32 = 80"),
    case!(a_worker_that_takes_too_much_memory_is_stopped, ["16.03"],
        "crates/less-server/src/limits.rs":
            "WORKER_BYTES: u64 = 512 << 20"
            => "WORKER_BYTES: u64 = 4096 << 20"),
    case!(no_worker_outlives_its_server, ["2.47"],
        "crates/less-server/src/workers/launch.rs":
            "rustix::process::set_parent_process_death_signal(Some(Signal::KILL))?;"
            => ""),
];

/// A worker with neighbours in flight, requests and deliveries, and then a handler that misbehaves.
struct Town<'s> {
    stage: &'s Stage,
    project: Project<'s>,
    requests: Vec<JoinHandle<Answer>>,
}

const NEIGHBOURS: usize = 4;

impl<'s> Town<'s> {
    fn found(stage: &'s Stage) -> Self {
        let project = stage.project();
        let deployed = project.deploy();
        let calm = deployed.url("calm").to_owned();
        let urls = (0..NEIGHBOURS).map(|n| format!("{calm}/wait/{n}"));
        let requests = urls.map(|url| thread::spawn(move || http::get(&url))).collect();
        for n in 0..NEIGHBOURS {
            stage.publish("errands", &json!(n));
        }
        stage.notes("requests", NEIGHBOURS);
        stage.notes("errands", NEIGHBOURS);
        Self { stage, project, requests }
    }

    /// The bad request's answer, and the process in which it struck.
    fn strike(&self, kind: &str) -> (Answer, Value) {
        let answer = http::get(&format!("{}/{kind}", self.project.url("bad")));
        (answer, self.stage.notes("struck", 1)[0]["pid"].clone())
    }

    /// Lets the neighbours finish. `lost`: the process that was lost, if one was.
    fn close(self, lost: Option<&Value>) {
        let home = &self.stage.home;
        let of = |name: &str| home.notes(name);
        let is_lost = |note: &Value| Some(&note["pid"]) == lost;
        let (requests, errands) = (of("requests"), of("errands"));
        let suspects = errands.iter().take(NEIGHBOURS).filter(|note| is_lost(note)).count();
        if lost.is_some() {
            assert!(
                requests.iter().any(is_lost) && suspects > 0,
                "nobody was beside the bad one: {requests:?} {errands:?}"
            );
        }
        home.give_note("release");
        for (n, request) in self.requests.into_iter().enumerate() {
            let answer = request.join().unwrap();
            let begun = requests.iter().find(|note| note["n"] == n).unwrap();
            if is_lost(begun) {
                assert_eq!(answer.expect_error(502)["code"], "worker_lost");
            } else {
                assert_eq!(answer.expect(200).json()["pid"], begun["pid"]);
            }
        }
        eventually("all errands are done", || {
            let done: BTreeSet<_> = of("done").iter().map(|note| note["n"].as_u64()).collect();
            done.len() == NEIGHBOURS
        });
        let errands = of("errands");
        assert_eq!(errands.len(), NEIGHBOURS + suspects, "each suspect ran again, once: {errands:?}");
        assert!(errands.iter().all(|note| note["attempt"] == 1), "a neighbour paid an attempt: {errands:?}");
        assert!(errands.iter().skip(NEIGHBOURS).all(|note| !is_lost(note)), "{errands:?}");
        assert_eq!(of("done").len(), NEIGHBOURS, "{:?}", of("done"));
        http::get(&format!("{}/ping", self.project.url("calm"))).expect(200);
    }
}

fn a_handler_runs_concurrently_with_itself(scene: &Scene) {
    thread::scope(|threads| {
        for (me, other) in [("one", "two"), ("two", "one")] {
            let url = format!("{}/meet/{me}?other={other}", scene.url("handlers"));
            threads.spawn(move || http::get(&url).expect(200));
        }
    });
}

fn a_handler_that_throws_costs_others_nothing(scene: &Scene) {
    let stage = scene.stage();
    let town = Town::found(&stage);
    assert_eq!(town.strike("throws").0.expect_error(502)["code"], "handler_failed");
    town.close(None);
}

fn a_handler_that_never_returns_costs_others_nothing(scene: &Scene) {
    let stage = scene.stage();
    let town = Town::found(&stage);
    town.strike("never_returns").0.expect_error(504);
    town.close(None);
}

fn a_handler_that_blocks_its_process_costs_others_only_this_process(scene: &Scene) {
    let stage = scene.stage();
    stage.project().write("less.config", "apis: { bad: { timeout: 8s } }\n");
    let town = Town::found(&stage);
    let bad = format!("{}/blocks", town.project.url("bad"));
    let blocking = thread::spawn(move || http::get(&bad));
    let blocked = stage.notes("struck", 1)[0]["pid"].clone();
    // While it blocks, another process answers; what went to the blocked one is withdrawn.
    let ping = format!("{}/ping", town.project.url("calm"));
    let answered = eventually_some("an answer from another process", || {
        let pid = http::get(&ping).expect(200).json()["pid"].clone();
        (pid != blocked).then_some(pid)
    });
    assert!(!blocking.is_finished(), "it was answered by {answered}, but nothing blocked any more");
    blocking.join().unwrap().expect_error(504);
    town.close(Some(&blocked));
}

fn a_handler_that_ends_its_process_costs_others_only_this_process(scene: &Scene) {
    let stage = scene.stage();
    let town = Town::found(&stage);
    let (answer, pid) = town.strike("exits");
    assert_eq!(answer.expect_error(502)["code"], "worker_lost");
    town.close(Some(&pid));
}

fn a_handler_that_crashes_its_process_costs_others_only_this_process(scene: &Scene) {
    let stage = scene.stage();
    let town = Town::found(&stage);
    let (answer, pid) = town.strike("crashes");
    assert_eq!(answer.expect_error(502)["code"], "worker_lost");
    town.close(Some(&pid));
}

fn a_poison_message_finds_its_end_alone(scene: &Scene) {
    let stage = scene.stage();
    let town = Town::found(&stage);
    stage.publish("poison", &json!("exits"));
    let drinker = "topics/poison/drinker";
    town.project.logged(drinker, "it is a dead letter now");
    let drunk = stage.home.notes("drunk");
    // Lost beside others it used no attempt; alone, each loss is one.
    let attempts: Vec<_> = drunk.iter().map(|note| note["attempt"].as_u64().unwrap()).collect();
    assert_eq!(attempts, [1, 1, 2]);
    let pids: BTreeSet<_> = drunk.iter().map(|note| note["pid"].as_u64()).collect();
    assert_eq!(pids.len(), 3, "each in a process of its own: {drunk:?}");
    eventually("it is given up", || town.project.waiting_for(drinker) == 0);
    town.close(Some(&drunk[0]["pid"]));
}

fn a_subscriber_runs_64_deliveries_at_once(scene: &Scene) {
    let stage = scene.stage();
    stage.project().deploy();
    (0..80).for_each(|n| drop(stage.publish("errands", &json!(n))));
    stage.notes("errands", 64);
    // Nobody ends, so nobody more may begin.
    for_a_while(Duration::from_millis(500));
    assert_eq!(stage.home.notes("errands").len(), 64);
    stage.home.give_note("release");
    stage.notes("done", 80);
}

fn a_worker_that_takes_too_much_memory_is_stopped(scene: &Scene) {
    let stage = scene.stage();
    stage.project().write("less.config", "apis: { bad: { timeout: 60s } }\n");
    let project = stage.project();
    let deployed = project.deploy();
    let answer = http::get(&format!("{}/eats", deployed.url("bad")));
    assert_eq!(answer.expect_error(502)["code"], "worker_lost");
    project.logged("worker", "more than its 512 MiB");
    http::get(&format!("{}/ping", deployed.url("calm"))).expect(200);
}

fn no_worker_outlives_its_server(scene: &Scene) {
    let stage = scene.stage();
    stage.project().write("less.config", "apis: { bad: { timeout: 60s } }\n");
    let bad = format!("{}/blocks", stage.project().deploy().url("bad"));
    // One that is idle, and one in an endless loop.
    thread::spawn(move || less_tests::harness::Request::new("GET", &bad).try_send().ok());
    stage.notes("blocking", 1);
    let blocked = stage.notes("struck", 1)[0]["pid"].as_u64().and_then(|pid| u32::try_from(pid).ok()).unwrap();
    let workers = stage.home.workers();
    assert!(workers.iter().any(|worker| worker.pid == blocked), "{blocked} in {workers:?}");
    stage.home.kill_server();
    eventually("all workers are gone", || !workers.iter().any(|worker| processes::lives(worker.pid)));
    stage.home.assert_no_process_left();
}
