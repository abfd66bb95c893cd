//! The processes of Python handlers (contract, section 2): what a bad handler costs the others, who runs beside whom.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use less_tests::harness::{Home, Project, eventually, http};

const STRIKES: &str = "
import asyncio, os, signal, sys, time
from less import topics

def process(kind, context):
    from notes import note
    note('struck', {'kind': kind, 'attempt': context.attempt, 'pid': os.getpid()})
    if kind == 'raises':
        raise ValueError('on purpose')
    if kind == 'exits':
        sys.exit(3)
    if kind == 'crashes':
        os.kill(os.getpid(), signal.SIGSEGV)
        time.sleep(60)
    if kind == 'leaves':
        os._exit(0)
    if kind == 'hangs':
        while True:
            pass
    if kind == 'sleeps':
        time.sleep(1000)
    if kind == 'eats':
        kept = []
        while True:
            kept.append(bytearray(b'1' * (16 << 20)))
";

/// A bad handler of every kind: it finds its end, and others do not wait.
#[test]
fn a_bad_handler_of_any_kind_costs_the_others_nothing() {
    let home = Home::new();
    let ping = "
def process(request, response):
    return {'body': 'pong'}
";
    let errand = "
from notes import note

async def process(n, context):
    note('errands', [n, context.attempt])
";
    let project = home.project(
        "bad",
        &[
            ("less/topics/strikes/culprit/__init__.py", STRIKES),
            ("less/topics/errands/runs/__init__.py", errand),
            ("less/apis/calm/get.py", ping),
        ],
    );
    let culprit =
        "topics: { strikes: { subscribers: { culprit: { timeout: 2s, retry: { first: 1s, attempts: 2 } } } } }\n";
    project.write("less.config", culprit);
    let deployed = project.deploy();
    let (topics, calm) = (deployed.url("topics"), deployed.url("calm"));
    let kinds = ["raises", "exits", "crashes", "leaves", "hangs", "sleeps", "eats"];
    for kind in kinds {
        http::post(&format!("{topics}/strikes"), json!(kind).to_string()).expect(202);
    }
    let mut errands = 0;
    eventually("every bad delivery comes to its end", || {
        let asked = Instant::now();
        assert_eq!(http::get(calm).expect(200).text(), "pong");
        assert!(asked.elapsed() < Duration::from_secs(10), "others wait: {:?}", asked.elapsed());
        http::post(&format!("{topics}/errands"), errands.to_string()).expect(202);
        errands += 1;
        project.waiting_for("topics/strikes/culprit") == 0
    });
    eventually("every errand is run", || project.waiting() == 0);
    for kind in kinds {
        let struck: Vec<u64> = home
            .notes("struck")
            .iter()
            .filter(|struck| struck["kind"] == kind)
            .map(|struck| struck["attempt"].as_u64().unwrap())
            .collect();
        assert_eq!(struck.last(), Some(&2), "{kind}: {struck:?}");
    }
    let log = project.log("topics/strikes/culprit");
    assert!(log.contains("ValueError: on purpose") && log.contains("its attempts are used up"), "{log}");
    assert!(log.contains("did not finish within its 2 s"), "{log}");
    home.stop_server();
    home.assert_no_process_left();
}

fn heard(home: &Home) -> Vec<Value> {
    home.notes("heard")
}

#[test]
fn async_handlers_share_a_process_and_a_forgotten_await_loses_nothing() {
    let home = Home::new();
    let gathers = "
import asyncio, os
from less import topics
from notes import note

async def process(n):
    note('pids', os.getpid())
    await asyncio.gather(*(topics.heard.publish_async([n, i]) for i in range(5)))
    asyncio.ensure_future(topics.heard.publish_async([n, 'unawaited']))
    topics.heard.publish([n, 'plain'])
";
    let hears = "
from notes import note

def process(message):
    note('heard', message)
";
    let project = home.project(
        "async",
        &[("less/topics/starts/gathers/__init__.py", gathers), ("less/topics/heard/hears/__init__.py", hears)],
    );
    let topics = project.deploy().url("topics").to_owned();
    for n in 0..20 {
        http::post(&format!("{topics}/starts"), n.to_string()).expect(202);
    }
    eventually("all is heard", || heard(&home).len() == 140 && project.waiting() == 0);
    assert_eq!(heard(&home).iter().filter(|heard| heard[1] == "unawaited").count(), 20);
}

/// Slow `def` handlers have a process each, so that the tenth does not wait for the first.
#[test]
fn slow_def_handlers_run_at_once_in_processes_of_their_own() {
    let home = Home::new();
    let waits = "
import os, time
from notes import note, noted

def process(request, response):
    note('waiting', os.getpid())
    while not noted('go'):
        time.sleep(0.02)
    return {'body': 'went'}
";
    let project: Project = home.project("slow", &[("less/apis/slow/get.py", waits)]);
    let url = project.deploy().url("slow").to_owned();
    let clients: Vec<_> = (0..10)
        .map(|_| {
            let url = url.clone();
            std::thread::spawn(move || http::get(&url).expect(200).text())
        })
        .collect();
    eventually("ten are at work", || home.notes("waiting").len() == 10);
    let mut pids: Vec<u64> = home.notes("waiting").iter().map(|pid| pid.as_u64().unwrap()).collect();
    pids.sort_unstable();
    pids.dedup();
    assert_eq!(pids.len(), 10);
    home.give_note("go");
    for client in clients {
        assert_eq!(client.join().unwrap(), "went");
    }
}

#[test]
fn a_subscriber_that_hangs_leaves_processes_to_requests() {
    let home = Home::new();
    let hangs = "
import time
from notes import note

def process(message):
    note('hanging', message)
    time.sleep(1000)
";
    let ping = "
def process(request, response):
    return {'body': 'pong'}
";
    let project =
        home.project("hangs", &[("less/topics/starts/hangs/__init__.py", hangs), ("less/apis/calm/get.py", ping)]);
    project.write("less.config", "topics: { starts: { subscribers: { hangs: { timeout: 1s } } } }\n");
    let deployed = project.deploy();
    for n in 0..100 {
        http::post(&format!("{}/starts", deployed.url("topics")), n.to_string()).expect(202);
    }
    let asked = Instant::now();
    for rounds in 1.. {
        assert_eq!(http::get(deployed.url("calm")).expect(200).text(), "pong");
        if home.notes("hanging").len() >= 40 {
            assert!(asked.elapsed() < Duration::from_secs(10) * rounds, "requests wait for what hangs");
            break;
        }
    }
}

/// More deliveries than there are processes for them: those that have not begun do not wait for those that hang.
#[test]
fn deliveries_that_wait_for_a_process_when_a_deploy_comes_run_on_the_new_version() {
    let home = Home::new();
    let hangs = "
import time
from notes import note, noted

def process(message):
    note('old', message)
    while not noted('go'):
        time.sleep(0.02)
";
    let mends = "
from notes import note

def process(message):
    note('new', message)
";
    let handlers = ["a", "b", "c", "d"].map(|name| format!("less/topics/starts/{name}/__init__.py"));
    let files: Vec<_> = handlers.iter().map(|path| (path.as_str(), hangs)).collect();
    let project = home.project("wait", &files);
    let topics = project.deploy().url("topics").to_owned();
    for n in 0..8 {
        http::post(&format!("{topics}/starts"), n.to_string()).expect(202);
    }
    eventually("every process for deliveries is taken", || home.notes("old").len() == 24);
    handlers.iter().for_each(|path| project.write(path, mends));
    project.deploy();
    eventually("the others run on the new version", || home.notes("new").len() == 8);
    home.give_note("go");
    eventually("nothing waits", || project.waiting() == 0);
    assert_eq!((home.notes("old").len(), home.notes("new").len()), (24, 8));
}

#[test]
fn a_def_handler_is_not_starved_by_many_async_ones() {
    let home = Home::new();
    let waits = "
import asyncio
from notes import noted, note

async def process(request, response):
    note('waiting', 1)
    while not noted('go'):
        await asyncio.sleep(0.05)
    return {'body': 'went'}
";
    let ping = "
def process(request, response):
    return {'body': 'pong'}
";
    let project = home.project("mixed", &[("less/apis/web/wait/get.py", waits), ("less/apis/web/ping/get.py", ping)]);
    let api = project.deploy().url("web").to_owned();
    let clients: Vec<_> = (0..60)
        .map(|_| {
            let url = format!("{api}/wait");
            std::thread::spawn(move || http::get(&url).expect(200).text())
        })
        .collect();
    eventually("sixty wait", || home.notes("waiting").len() == 60);
    for _ in 0..50 {
        assert_eq!(http::get(&format!("{api}/ping")).expect(200).text(), "pong");
    }
    home.give_note("go");
    for client in clients {
        assert_eq!(client.join().unwrap(), "went");
    }
}
