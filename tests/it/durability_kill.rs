//! `kill -9` of server and workers under a load of concurrent orders: what was answered 201 is done whole.
//!
//! Counted by what the handlers did (the notes `ran`), not by what was logged.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, SystemTime};

use rustix::process::Signal;
use serde_json::Value;

use crate::flow::{self, Doing};
use less_tests::harness::{
    Connection, Home, Project, Request, eventually, eventually_some, eventually_within, processes,
};

const ROUNDS: usize = 24;
const CLIENTS: usize = 8;
const ORDERS_EACH: usize = 5;

/// When a kill happened: the milliseconds since 1970 between which it took effect.
struct Kill {
    from: u64,
    until: u64,
}

#[test]
fn every_order_that_was_answered_completes_its_path_whatever_is_killed() {
    let home = Home::new();
    let project = flow::project(&home, "food", "^9", Doing::Noting);
    project.deploy();

    let calm = place_orders(&project, || {});
    assert_eq!(calm.len(), CLIENTS * ORDERS_EACH);
    await_whole_paths(&home, &calm);
    eventually("nothing waits", || project.waiting() == 0);
    assert_eq!(home.notes("ran").len(), calm.len() * flow::path_of(false).len(), "a run too many without any kill");

    let mut accepted = calm;
    let mut kills = Vec::new();
    for round in 0..ROUNDS {
        let victim = if round % 2 == 0 { Victim::Server } else { Victim::Worker };
        accepted.extend(place_orders(&project, || kills.push(kill(&home, victim))));
        if victim == Victim::Server {
            home.assert_no_process_left();
            home.start_server();
        }
    }
    await_whole_paths(&home, &accepted);
    home.stop_server();
    home.assert_no_process_left();
    let repeated = assert_repeats_only_at_kills(&home.notes("ran"), &kills);
    eprintln!("{} orders answered, {} kills, {repeated} runs repeated", accepted.len(), kills.len());
}

/// Orders from concurrent clients; `strike` runs once a part of them is answered. Returns the ids answered 201.
fn place_orders(project: &Project, strike: impl FnOnce()) -> Vec<String> {
    let url = format!("{}/orders", project.url("orders"));
    let answered = Arc::new(AtomicUsize::new(0));
    let clients: Vec<_> = (0..CLIENTS)
        .map(|_| {
            let (url, answered) = (url.clone(), Arc::clone(&answered));
            thread::spawn(move || place_in_a_row(&url, &answered))
        })
        .collect();
    eventually("some orders are answered", || answered.load(Ordering::Relaxed) >= CLIENTS);
    strike();
    clients.into_iter().flat_map(|client| client.join().unwrap()).collect()
}

fn place_in_a_row(url: &str, answered: &AtomicUsize) -> Vec<String> {
    let mut ids = Vec::new();
    // A client that comes after the kill has had no order accepted.
    let Ok(mut connection) = Connection::try_open(url) else { return ids };
    let order = Request::new("POST", url).body(r#"{"item":"pizza"}"#);
    for _ in 0..ORDERS_EACH {
        // Once the server is killed the rest of this client's orders is refused: they were never accepted.
        if let Ok(answer) = connection.try_send(&order)
            && answer.status == 201
        {
            ids.push(answer.json()["id"].as_str().unwrap().to_owned());
            answered.fetch_add(1, Ordering::Relaxed);
        }
    }
    ids
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Victim {
    Server,
    Worker,
}

fn kill(home: &Home, victim: Victim) -> Kill {
    let from = now();
    match victim {
        Victim::Server => home.kill_server(),
        Victim::Worker => {
            let pid = eventually_some("a worker", || home.workers().pop()).pid;
            processes::signal(pid, Signal::KILL);
            eventually("the killed worker is gone", || !processes::lives(pid));
        }
    }
    Kill { from, until: now() }
}

fn await_whole_paths(home: &Home, orders: &[String]) {
    let path: BTreeSet<_> = flow::path_of(false).into_iter().collect();
    eventually_within(Duration::from_secs(180), "every accepted order completes its path", || {
        let mut done: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
        for note in home.notes("ran") {
            done.entry(text(&note, "order")).or_default().insert(text(&note, "handler"));
        }
        orders.iter().all(|order| done.get(order) == Some(&path))
    });
}

/// A delivery that ran twice did so in two processes, with a kill in between. Returns how many did.
fn assert_repeats_only_at_kills(notes: &[Value], kills: &[Kill]) -> usize {
    let mut runs: BTreeMap<_, Vec<_>> = BTreeMap::new();
    for note in notes {
        runs.entry((text(note, "handler"), text(note, "message"))).or_default().push(note);
    }
    let pairs = runs.values().flat_map(|runs| runs.windows(2));
    let mut repeated = 0;
    for pair in pairs {
        let at = |note: &Value| note["at"].as_u64().unwrap();
        let hit = kills.iter().any(|kill| at(pair[0]) <= kill.until && at(pair[1]) >= kill.from);
        assert!(hit && pair[0]["pid"] != pair[1]["pid"], "repeated without a kill: {pair:?}");
        repeated += 1;
    }
    repeated
}

fn text(note: &Value, field: &str) -> String {
    note[field].as_str().unwrap_or_else(|| panic!("no {field} in {note}")).to_owned()
}

/// Milliseconds since 1970, to compare with what handlers note.
fn now() -> u64 {
    let since = SystemTime::UNIX_EPOCH.elapsed().unwrap();
    u64::try_from(since.as_millis()).unwrap()
}
