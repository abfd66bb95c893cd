//! Section 4: options of a publish, and publishes that are retried.

use std::collections::{BTreeMap, BTreeSet};
use std::thread;
use std::time::Duration;

use less_tests::harness::{Request, eventually, for_a_while, http};
use serde_json::{Value, json};

use crate::case::{Case, case};
use crate::scene::{Scene, Stage};

pub(crate) const CASES: &[Case] = &[
    case!(a_delayed_message_comes_after_its_delay, ["4.18"],
        "crates/less-server/src/services/publish.rs":
            "options.delay.filter(|delay| *delay > 0.0)"
            => "options.delay.filter(|delay| *delay > 1e9)"),
    case!(a_repeated_idempotency_key_is_dropped_with_the_first_ones_id, ["4.19"],
        "crates/less-server/src/services/publish.rs":
            "idempotency_key: options.idempotency_key.clone(), origin"
            => "idempotency_key: None, origin"),
    case!(concurrent_repeats_make_one_message, ["4.31"],
        "crates/less-store/src/embedded/once.rs":
            "if let (None, Some(key)) = (earlier, idempotency_key) {"
            => "if let (Some(_), Some(key)) = (earlier, idempotency_key) {"),
    case!(an_idempotency_key_is_of_one_topic_of_one_project, ["4.30"],
        "crates/less-store/src/embedded/once.rs":
            "self.rows.made_by(topic, key, self.now())?"
            => "self.rows.made_by(1, key, self.now())?"),
    case!(one_ordering_key_is_delivered_in_order_and_one_at_a_time, ["4.20"],
        "crates/less-store/src/embedded/ordered.rs":
            "if self.rows.first_ordered(member.id, key)?.is_some() {"
            => "if self.rows.first_ordered(member.id, key)?.is_some() && key.is_empty() {"),
    case!(a_retried_delivery_does_not_publish_twice, ["4.22", "4.23", "4.28"],
        "crates/less-server/src/services/publish.rs":
            ".map(|(origin, hash)| origin.next(hash));"
            => ".map(|(origin, hash)| origin.next(hash)).filter(|_| false);"),
    case!(a_publish_before_a_crash_is_recognised_after_it, ["4.24"],
        "crates/less-store/src/embedded/once.rs":
            "if !self.rows.add_origin(origin, id)? {"
            => "if !self.rows.add_origin(origin, id)? && origin.seq >= self.first_seq {"),
    case!(a_late_publish_of_a_timed_out_attempt_counts_as_its_own, ["4.25"],
        "crates/less-server/src/services/publish.rs":
            ".map(|(origin, hash)| origin.next(hash));"
            => ".map(|(origin, hash)| origin.next(hash)).filter(|_| false);"),
    case!(a_publish_after_settlement_is_refused, ["4.26"],
        "crates/less-store/src/embedded/once.rs":
            "&& !self.is_unsettled(batch, origin.subscriber, origin.seq)?"
            => "&& !self.is_unsettled(batch, origin.subscriber, origin.seq)? && origin.nth > 0"),
    case!(publishes_of_called_functions_count_under_the_delivery, ["4.27"],
        "crates/less-server/src/live/functions.rs":
            "origin: caller.and_then(|caller| caller.origin.clone()),"
            => "origin: None,"),
    case!(what_a_route_publishes_twice_is_published_twice, ["4.29"],
        "crates/less-server/src/services/publish.rs":
            "let publish = Publish { message, idempotency_key: options.idempotency_key.clone(), origin };"
            => "let publish = Publish { idempotency_key: Some(format!(\"{:?}\", message.payload)), message, origin };"),
];

/// Through the handler; the message's id.
fn publish(scene: &Scene, to: &str, message: &Value) -> Value {
    scene.post("shop", &format!("publish/{to}"), message)["id"].clone()
}

/// What was noted of effects of `order`, by what they are, once `settled` says that no more will come.
fn effects(stage_notes: &[Value], order: &str) -> BTreeMap<String, usize> {
    let mut counts = BTreeMap::new();
    for note in stage_notes.iter().filter(|note| note["order"] == order) {
        *counts.entry(note["what"].as_str().unwrap().to_owned()).or_default() += 1;
    }
    counts
}

fn counts<const N: usize>(of: [(&str, usize); N]) -> BTreeMap<String, usize> {
    of.map(|(what, count)| (what.to_owned(), count)).into()
}

/// Until nothing waits for any of these subscribers.
fn settled(scene: &Scene, subscribers: &[&str]) {
    eventually("all is settled", || {
        subscribers.iter().all(|subscriber| scene.project().waiting_for(&format!("topics/{subscriber}")) == 0)
    });
}

fn a_delayed_message_comes_after_its_delay(scene: &Scene) {
    let begun = std::time::SystemTime::UNIX_EPOCH.elapsed().unwrap().as_millis();
    let delayed = publish(scene, "parcels?delay=2", &json!("delayed"));
    publish(scene, "parcels", &json!("at once"));
    let of = |parcel: &str| scene.home.notes("parcels").into_iter().find(|note| note["parcel"] == parcel);
    eventually("both arrive", || of("delayed").is_some() && of("at once").is_some());
    let (delayed_note, at_once) = (of("delayed").unwrap(), of("at once").unwrap());
    assert_eq!(delayed_note["id"], delayed);
    assert!(u128::from(delayed_note["at"].as_u64().unwrap()) >= begun + 2_000, "{begun}: {delayed_note}");
    assert!(at_once["at"].as_u64() <= delayed_note["at"].as_u64(), "{at_once} {delayed_note}");
}

fn a_repeated_idempotency_key_is_dropped_with_the_first_ones_id(scene: &Scene) {
    let first = publish(scene, "parcels?idempotency_key=once", &json!("first of once"));
    let second = publish(scene, "parcels?idempotency_key=once", &json!("second of once"));
    assert_eq!(first, second);
    assert_ne!(publish(scene, "parcels?idempotency_key=other", &json!("of other")), first);
    settled(scene, &["parcels/one"]);
    let parcels: Vec<_> = scene.home.notes("parcels").into_iter().map(|note| note["parcel"].clone()).collect();
    assert!(parcels.contains(&json!("first of once")) && parcels.contains(&json!("of other")), "{parcels:?}");
    assert!(!parcels.contains(&json!("second of once")), "{parcels:?}");
}

fn concurrent_repeats_make_one_message(scene: &Scene) {
    let ids: BTreeSet<_> = thread::scope(|threads| {
        let publish =
            |n: u32| publish(scene, "parcels?idempotency_key=together", &json!({ "together": n })).to_string();
        let publishes: Vec<_> = (0..20).map(|n| threads.spawn(move || publish(n))).collect();
        publishes.into_iter().map(|publish| publish.join().unwrap()).collect()
    });
    assert_eq!(ids.len(), 1, "{ids:?}");
    settled(scene, &["parcels/one"]);
    let parcels = scene.home.notes("parcels");
    let made: Vec<_> = parcels.iter().filter(|note| note["parcel"].get("together").is_some()).collect();
    assert_eq!(made.len(), 1, "{made:?}");
}

fn an_idempotency_key_is_of_one_topic_of_one_project(scene: &Scene) {
    let stage = scene.small_stage("first");
    let other = stage.home.project("second", &[]);
    other.write(&scene.language.file("less/apis/second/get"), &scene.language.answering("'fine'"));
    let mut ids = BTreeSet::new();
    for project in [stage.project(), other] {
        project.write("less/topics/one/", "");
        project.write("less/topics/two/", "");
        let topics = project.deploy().url("topics").to_owned();
        for topic in ["one", "two", "one"] {
            let request = Request::new("POST", &format!("{topics}/{topic}")).body("1");
            ids.insert(request.header("idempotency-key", "same").send().expect(202).json()["id"].to_string());
        }
    }
    assert_eq!(ids.len(), 4, "{ids:?}");
}

fn one_ordering_key_is_delivered_in_order_and_one_at_a_time(scene: &Scene) {
    for n in 0..8 {
        for key in ["a", "b", "c"] {
            let letter = json!({ "key": key, "n": n, "fails": key == "a" && n == 3 });
            publish(scene, &format!("letters?ordering_key={key}"), &letter);
        }
    }
    settled(scene, &["letters/postman"]);
    let notes = scene.home.notes("letters");
    for key in ["a", "b", "c"] {
        let seen: Vec<_> = notes.iter().filter(|note| note["key"] == key).collect();
        let expected: Vec<_> = (0..8)
            .flat_map(|n| {
                let step = |what: &str, attempt: u32| json!({ "key": key, "n": n, "what": what, "attempt": attempt });
                if key == "a" && n == 3 {
                    vec![step("begun", 1), step("begun", 2), step("ended", 2)]
                } else {
                    vec![step("begun", 1), step("ended", 1)]
                }
            })
            .collect();
        assert_eq!(seen, expected.iter().collect::<Vec<_>>());
    }
    // While one key waits for its retry, the others go on.
    let place = |what: Value| notes.iter().position(|note| *note == what).unwrap();
    let retried = place(json!({ "key": "a", "n": 3, "what": "begun", "attempt": 2 }));
    let last = place(json!({ "key": "b", "n": 7, "what": "ended", "attempt": 1 }));
    assert!(last < retried, "{notes:?}");
}

fn a_retried_delivery_does_not_publish_twice(scene: &Scene) {
    scene.publish("orders", &json!("retried"));
    settled(scene, &["orders/repeats", "effects/one"]);
    let ids = scene.notes("repeats", 3);
    assert_eq!((&ids[0], &ids[1]), (&ids[1], &ids[2]), "the same ids, attempt by attempt");
    assert_ne!(ids[0][0], ids[0][1], "two equal ones of one attempt are two");
    let seen = effects(&scene.home.notes("effects"), "retried");
    assert_eq!(seen, counts([("equal", 2), ("other", 1), ("new", 3)]));
}

fn a_publish_before_a_crash_is_recognised_after_it(scene: &Scene) {
    let stage = scene.stage();
    stage.project().deploy();
    stage.publish("broken_orders", &json!("crashed"));
    stage.notes("effects", 1);
    let waiting = |stage: &Stage, handler: &str| stage.project().waiting_for(handler);
    eventually("its effect is settled", || waiting(&stage, "topics/effects/one") == 0);
    // Settlements ride along with a later commit: this one makes them durable.
    stage.publish("effects", &json!({ "order": "another", "what": "another" }));
    stage.notes("effects", 2);
    stage.home.kill_server();
    stage.home.start_server();
    let interrupted = stage.notes("interrupted", 2);
    assert_eq!(interrupted[0], interrupted[1], "the same id and attempt");
    stage.home.give_note("go");
    eventually("all is settled", || stage.project().waiting() == 0);
    let seen = effects(&stage.home.notes("effects"), "crashed");
    assert_eq!(seen, counts([("before the crash", 1)]));
}

fn a_late_publish_of_a_timed_out_attempt_counts_as_its_own(scene: &Scene) {
    scene.publish("slow_orders", &json!("slow"));
    let notes = scene.notes("late", 2);
    assert_eq!((&notes[0]["attempt"], &notes[1]["attempt"]), (&json!(1), &json!(2)), "{notes:?}");
    assert!(notes[0]["id"].is_string() && notes[0]["id"] == notes[1]["id"], "{notes:?}");
    settled(scene, &["slow_orders/late", "effects/one"]);
    assert_eq!(effects(&scene.home.notes("effects"), "slow"), counts([("late", 1)]));
}

fn a_publish_after_settlement_is_refused(scene: &Scene) {
    scene.publish("slower_orders", &json!("slower"));
    scene.notes("later", 2);
    settled(scene, &["slower_orders/later"]);
    // The settlement that the server shows is committed a moment later.
    for_a_while(Duration::from_millis(100));
    scene.home.give_note("settled");
    assert_ne!(scene.notes("refused", 1)[0], "taken");
    settled(scene, &["effects/one"]);
    assert_eq!(effects(&scene.home.notes("effects"), "slower"), counts([]));
}

fn publishes_of_called_functions_count_under_the_delivery(scene: &Scene) {
    scene.publish("delegated_orders", &json!("delegated"));
    settled(scene, &["delegated_orders/caller", "effects/one"]);
    assert_eq!(effects(&scene.home.notes("effects"), "delegated"), counts([("announced", 1)]));
}

fn what_a_route_publishes_twice_is_published_twice(scene: &Scene) {
    let parcel = json!("twice from a route");
    let url = format!("{}/publish/parcels", scene.url("shop"));
    let ids: BTreeSet<_> =
        (0..2).map(|_| http::post(&url, parcel.to_string()).expect(200).json()["id"].to_string()).collect();
    assert_eq!(ids.len(), 2);
    settled(scene, &["parcels/one"]);
    assert_eq!(scene.home.notes("parcels").iter().filter(|note| note["parcel"] == parcel).count(), 2);
}
