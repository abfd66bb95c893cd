//! Section 9: the key-value store.

use std::thread;
use std::time::Duration;

use less_tests::harness::{eventually, for_a_while, http};
use serde_json::{Value, json};

use crate::case::{Case, case};
use crate::scene::Scene;

pub(crate) const CASES: &[Case] = &[
    case!(what_was_set_is_got_until_it_is_deleted, ["9.01", "9.02", "9.03"],
        "crates/less-server/src/services/kvs.rs":
            "\"delete\" => Operation::Delete,"
            => "\"delete\" => Operation::Increment { by: 0.0 },"),
    case!(any_json_value_can_be_kept, ["9.04"],
        "crates/less-server/src/services/kvs.rs":
            "|value| with_version(&value))"
            => "|value| if value.json.len() < 3 { Bytes::from_static(b\"null\") } else { with_version(&value) })"),
    case!(a_key_is_a_string_of_1_to_2048_bytes, ["9.05"],
        "crates/less-server/src/limits.rs":
            "const KEY_BYTES: usize = 2 << 10"
            => "const KEY_BYTES: usize = 3 << 10"),
    case!(a_value_has_at_most_400_kib, ["9.06"],
        "crates/less-server/src/limits.rs":
            "VALUE_BYTES: usize = 400 << 10"
            => "VALUE_BYTES: usize = 401 << 10"),
    case!(set_replaces_value_and_ttl, ["9.07"],
        "crates/less-store/src/embedded/values/write.rs":
            "Effect::Put { json, expires_at } => {"
            => "Effect::Put { json, expires_at } => {\n                let expires_at = live.as_ref().and_then(|kept| kept.expires_at).or(expires_at);"),
    case!(an_expired_item_is_not_returned, ["9.08"],
        "crates/less-server/src/services/kvs.rs":
            "later(clock::now_ms(), ttl)"
            => "later(clock::now_ms(), ttl * 10.0)"),
    case!(what_was_set_survives_the_death_of_the_server_with_its_event, ["9.09", "9.13"],
        "crates/less-store/src/embedded/batch.rs":
            "self.rows.commit.execute([])?;\n        Ok(())"
            => "self.rows.rollback()?;\n        Ok(())"),
    case!(changes_are_told_with_old_and_new_value, ["9.10", "9.11", "9.12"],
        "crates/less-store/src/values.rs":
            "\"kvs_updated\""
            => "\"kvs_created\""),
    case!(changes_of_one_key_are_told_in_order, ["9.14"],
        "crates/less-store/src/values/effect.rs":
            "ordering_key: Some(self.key.into()),"
            => "ordering_key: None,"),
    case!(changes_may_be_larger_than_a_message, ["9.15"],
        "crates/less-store/src/values/effect.rs":
            "payload.extend_from_slice(value);"
            => "payload.extend_from_slice(if value.len() > 256 << 10 { b\"null\" } else { value });"),
    case!(an_expiry_is_told_as_a_deletion_once, ["9.16"],
        "crates/less-store/src/embedded/values/write.rs":
            "self.tell_of(batch, project, event, Behalf::expiry(), now)"
            => "if event.key.is_empty() { self.tell_of(batch, project, event, Behalf::expiry(), now) } else { Ok(()) }"),
    case!(a_set_of_an_expired_key_is_told_as_deletion_and_creation, ["9.17"],
        "crates/less-store/src/embedded/values/write.rs":
            "self.tell_of(batch, project, event, Behalf::expiry(), now)"
            => "if event.key.is_empty() { self.tell_of(batch, project, event, Behalf::expiry(), now) } else { Ok(()) }"),
    case!(keys_are_listed_by_their_prefix, ["9.18"],
        "crates/less-store/src/embedded/values.rs":
            "if !key.starts_with(prefix) {"
            => "if key.is_empty() {"),
    case!(concurrent_increments_lose_nothing, ["9.19"],
        "crates/less-server/src/services/kvs.rs":
            "options.by.unwrap_or(1.0)"
            => "options.by.unwrap_or(1.0).abs()"),
    case!(a_set_with_a_version_is_refused_when_it_is_another, ["9.20", "9.21"],
        "crates/less-server/src/services/kvs.rs":
            "if_version: options.if_version })"
            => "if_version: None })"),
];

#[track_caller]
fn ask(scene: &Scene, operation: &str, asked: &Value) -> Value {
    scene.post("store", operation, asked)["result"].clone()
}

#[track_caller]
fn refused(scene: &Scene, operation: &str, asked: &Value) -> Value {
    http::post(&format!("{}/{operation}", scene.url("store")), asked.to_string()).expect(400).json()
}

#[track_caller]
fn set(scene: &Scene, key: &str, value: &Value) {
    ask(scene, "set", &json!({ "key": key, "value": value }));
}

fn get(scene: &Scene, key: &str) -> Value {
    ask(scene, "get", &json!({ "key": key }))
}

/// What was told of `key`, once `count` changes were.
fn changes(scene: &Scene, key: &str, count: usize) -> Vec<Value> {
    let of_key = || -> Vec<_> {
        let of = |change: &Value| change.as_object().unwrap().values().any(|told| told["key"] == key);
        scene.home.notes("changes").into_iter().filter(of).collect()
    };
    eventually(&format!("{count} changes of {key}"), || of_key().len() >= count);
    of_key()
}

fn what_was_set_is_got_until_it_is_deleted(scene: &Scene) {
    for key in ["plain", "it's", "a\u{0}b", "\u{1F355}", "x' OR '1'='1", "%_"] {
        assert_eq!(get(scene, key), Value::Null);
        set(scene, key, &json!({ "of": key }));
    }
    for key in ["plain", "it's", "a\u{0}b", "\u{1F355}", "x' OR '1'='1", "%_"] {
        assert_eq!(get(scene, key), json!({ "of": key }));
    }
    ask(scene, "delete", &json!({ "key": "it's" }));
    assert_eq!(get(scene, "it's"), Value::Null);
    assert_eq!(get(scene, "plain"), json!({ "of": "plain" }));
    ask(scene, "delete", &json!({ "key": "it's" }));
}

fn any_json_value_can_be_kept(scene: &Scene) {
    for value in [json!(0), json!(false), json!(""), Value::Null, json!([1.5, { "a": "\u{1F355}" }]), json!({})] {
        set(scene, "any", &value);
        assert_eq!(get(scene, "any"), value);
    }
    // `null` is a value: it is there.
    set(scene, "nothing", &Value::Null);
    let found = ask(scene, "get_with_version", &json!({ "key": "nothing" }));
    assert!(found["version"].is_u64(), "{found}");
}

fn a_key_is_a_string_of_1_to_2048_bytes(scene: &Scene) {
    let longest = "k".repeat(2048);
    set(scene, &longest, &json!(1));
    assert_eq!(get(scene, &longest), 1);
    for key in [json!(""), json!("k".repeat(2049)), json!("\u{e9}".repeat(1025)), json!(7), Value::Null] {
        for operation in ["get", "set", "delete", "increment"] {
            let failure = refused(scene, operation, &json!({ "key": key, "value": 1 }));
            assert!(failure["message"].as_str().unwrap().contains("key"), "{operation}: {failure}");
        }
    }
}

fn a_value_has_at_most_400_kib(scene: &Scene) {
    ask(scene, "sized", &json!({ "key": "largest", "bytes": 400 << 10 }));
    assert_eq!(get(scene, "largest").as_str().map(str::len), Some((400 << 10) - 2));
    let failure = refused(scene, "sized", &json!({ "key": "larger", "bytes": (400 << 10) + 1 }));
    assert!(failure["message"].as_str().unwrap().contains("409,600 bytes"), "{failure}");
    assert_eq!(get(scene, "larger"), Value::Null);
}

fn set_replaces_value_and_ttl(scene: &Scene) {
    ask(scene, "set", &json!({ "key": "brief", "value": 1, "ttl": 1 }));
    set(scene, "brief", &json!(2));
    set(scene, "lasting", &json!(1));
    ask(scene, "set", &json!({ "key": "lasting", "value": 2, "ttl": 1 }));
    eventually("the new time to live counts", || get(scene, "lasting") == Value::Null);
    assert_eq!(get(scene, "brief"), 2);
}

fn an_expired_item_is_not_returned(scene: &Scene) {
    ask(scene, "set", &json!({ "key": "soon/gone", "value": 1, "ttl": 2 }));
    assert_eq!(get(scene, "soon/gone"), 1);
    for_a_while(Duration::from_millis(2_000));
    assert_eq!(get(scene, "soon/gone"), Value::Null);
    assert_eq!(ask(scene, "list", &json!({ "prefix": "soon/" })), json!([]));
}

fn what_was_set_survives_the_death_of_the_server_with_its_event(scene: &Scene) {
    let stage = scene.stage();
    let url = stage.project().deploy().url("store").to_owned();
    for n in 0..10 {
        let asked = json!({ "key": format!("kept/{n}"), "value": n });
        http::post(&format!("{url}/set"), asked.to_string()).expect(200);
    }
    stage.home.kill_server();
    stage.home.start_server();
    let url = stage.project().url("store");
    for n in 0..10 {
        let asked = json!({ "key": format!("kept/{n}") }).to_string();
        assert_eq!(http::post(&format!("{url}/get"), asked).expect(200).json()["result"], n);
    }
    eventually("every change is told", || {
        let told = stage.home.notes("changes");
        (0..10)
            .all(|n| told.iter().any(|note| note["created"] == json!({ "key": format!("kept/{n}"), "new_value": n })))
    });
}

fn changes_are_told_with_old_and_new_value(scene: &Scene) {
    set(scene, "told", &json!(1));
    set(scene, "told", &json!({ "a": 2 }));
    ask(scene, "delete", &json!({ "key": "told" }));
    ask(scene, "delete", &json!({ "key": "told" }));
    let expected = [
        json!({ "created": { "key": "told", "new_value": 1 } }),
        json!({ "updated": { "key": "told", "old_value": 1, "new_value": { "a": 2 } } }),
        json!({ "deleted": { "key": "told", "old_value": { "a": 2 } } }),
    ];
    let mut told = changes(scene, "told", 3);
    let kind = |change: &Value| change.as_object().unwrap().keys().next().cloned();
    told.sort_by_key(|change| {
        ["created", "updated", "deleted"].iter().position(|each| kind(change).as_deref() == Some(each))
    });
    assert_eq!(told, expected);
}

fn changes_of_one_key_are_told_in_order(scene: &Scene) {
    for n in 0..30 {
        set(scene, "ordered", &json!(n));
    }
    let told: Vec<_> =
        changes(scene, "ordered", 30).into_iter().skip(1).map(|change| change["updated"].clone()).collect();
    let expected: Vec<_> = (1..30).map(|n| json!({ "key": "ordered", "old_value": n - 1, "new_value": n })).collect();
    assert_eq!(told, expected);
}

fn changes_may_be_larger_than_a_message(scene: &Scene) {
    ask(scene, "sized", &json!({ "key": "bulky", "bytes": 399 << 10 }));
    set(scene, "bulky", &json!("y".repeat(399 << 10)));
    let told = changes(scene, "bulky", 2);
    let updated = told.iter().find_map(|change| change.get("updated")).expect("an update");
    let length = |name: &str| updated[name].as_str().map(str::len);
    assert_eq!((length("old_value"), length("new_value")), (Some((399 << 10) - 2), Some(399 << 10)));
}

fn an_expiry_is_told_as_a_deletion_once(scene: &Scene) {
    ask(scene, "set", &json!({ "key": "expires", "value": 7, "ttl": 1 }));
    let told = changes(scene, "expires", 2);
    assert!(told.contains(&json!({ "deleted": { "key": "expires", "old_value": 7 } })), "{told:?}");
    // Whoever looks or deletes after it makes no second one.
    assert_eq!(get(scene, "expires"), Value::Null);
    ask(scene, "delete", &json!({ "key": "expires" }));
    set(scene, "expires", &json!(8));
    let told = changes(scene, "expires", 3);
    assert_eq!(told.iter().filter(|change| change.get("deleted").is_some()).count(), 1, "{told:?}");
}

fn a_set_of_an_expired_key_is_told_as_deletion_and_creation(scene: &Scene) {
    ask(scene, "set", &json!({ "key": "reborn", "value": 1, "ttl": 1 }));
    for_a_while(Duration::from_millis(1_000));
    set(scene, "reborn", &json!(2));
    let told = changes(scene, "reborn", 3);
    for change in [
        json!({ "created": { "key": "reborn", "new_value": 1 } }),
        json!({ "deleted": { "key": "reborn", "old_value": 1 } }),
        json!({ "created": { "key": "reborn", "new_value": 2 } }),
    ] {
        assert!(told.contains(&change), "{change} in {told:?}");
    }
    assert_eq!(told.len(), 3, "{told:?}");
}

fn keys_are_listed_by_their_prefix(scene: &Scene) {
    for key in ["list/b", "list/a", "list/a/1", "lisu", "list%", "LIST/c"] {
        set(scene, key, &json!(1));
    }
    let list = |prefix: &str| ask(scene, "list", &json!({ "prefix": prefix }));
    assert_eq!(list("list/"), json!(["list/a", "list/a/1", "list/b"]));
    assert_eq!(list("list%"), json!(["list%"]));
    assert_eq!(list("nobody"), json!([]));
}

fn concurrent_increments_lose_nothing(scene: &Scene) {
    thread::scope(|threads| {
        for _ in 0..10 {
            threads.spawn(|| (0..10).for_each(|_| drop(ask(scene, "increment", &json!({ "key": "count", "by": 1 })))));
        }
    });
    assert_eq!(get(scene, "count"), 100);
    assert_eq!(ask(scene, "increment", &json!({ "key": "count", "by": -101.5 })), json!(-1.5));
    set(scene, "words", &json!("no number"));
    refused(scene, "increment", &json!({ "key": "words", "by": 1 }));
    assert_eq!(get(scene, "words"), "no number");
}

fn a_set_with_a_version_is_refused_when_it_is_another(scene: &Scene) {
    let versioned = || ask(scene, "get_with_version", &json!({ "key": "versioned" }));
    let set_with = |value: u32, options: Value| json!({ "key": "versioned", "value": value, "options": options });
    assert_eq!(versioned(), Value::Null);
    ask(scene, "set_with", &set_with(1, json!({ "if_version": 0 })));
    let first = versioned();
    assert_eq!(first["value"], 1);
    let failure = refused(scene, "set_with", &set_with(2, json!({ "if_version": 0 })));
    assert_eq!(failure["code"], "version_conflict");
    ask(scene, "set_with", &set_with(3, json!({ "if_version": first["version"] })));
    assert_eq!(
        refused(scene, "set_with", &set_with(4, json!({ "if_version": first["version"] })))["code"],
        "version_conflict"
    );
    let second = versioned();
    assert_eq!(second["value"], 3);
    assert_ne!(second["version"], first["version"]);
    ask(scene, "set_with", &set_with(5, json!({ "if_version": second["version"], "ttl": 1 })));
    eventually("the time to live counts, too", || versioned() == Value::Null);
}
