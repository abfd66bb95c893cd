//! The promises of [`Values`], as far as one process can see them.

mod project;

use std::time::Duration;

use crate::{CREATED, Change, Changed, DELETED, Error, Hands, Operation, Topics, UPDATED, Value, Values};
use project::{Project, Told, done, set, set_if, text};

const SECOND: Duration = Duration::from_secs(1);

/// Panics with the promise that is not kept. `topics` and `values` are views over one back end, `hands`
/// turn its clock. At its end the back end is closed.
pub async fn check_values(topics: &dyn Topics, values: &dyn Values, hands: &Hands) {
    let silent = || Project::silent(topics, values, hands);
    let telling = || Project::telling(topics, values, hands);
    every_value_comes_back_as_it_was(&silent()).await;
    any_key_is_nothing_but_a_key(&silent()).await;
    keys_are_listed_in_order(&silent()).await;
    keys_belong_to_one_project(&silent(), &silent()).await;
    a_version_is_never_given_twice(&silent()).await;
    a_set_on_another_version_changes_nothing(&telling().await).await;
    sums_add_up(&telling().await).await;
    concurrent_increments_all_count(&telling().await).await;
    changes_are_told(&telling().await).await;
    changes_without_their_topics_are_told_to_nobody(&silent()).await;
    an_expired_value_is_gone(&telling().await).await;
    an_expired_value_is_changed_as_if_it_were_gone(&telling().await).await;
    a_purged_project_has_no_values(&telling().await).await;
    a_closed_store_says_so(&telling().await).await;
}

async fn every_value_comes_back_as_it_was(project: &Project<'_>) {
    assert_eq!(project.get("none").await, None);
    let long = format!("\"{}\"", "x".repeat(400 * 1024 - 2));
    for json in ["0", "false", "null", "\"\"", "1.50", "-0", " [1, \t2\n]", "{\"a\":1,\"a\":2}", "\"\\u00e9é\"", &long]
    {
        let put = project.set("key", json).await;
        assert_eq!(text(&put.json), json);
        assert_eq!(project.get("key").await.as_ref(), Some(&put));
    }
    assert!(project.delete("key").await);
    assert!(!project.delete("key").await);
    assert_eq!(project.get("key").await, None);
}

/// Every one beside all the others, so that none is taken for another.
const KEYS: [&str; 16] = [
    "a",
    "A",
    "a ",
    "_",
    "%",
    "a%",
    "a_",
    "it's",
    "'; DROP TABLE value; --",
    "\\",
    "a\0b",
    "a\0",
    "\u{10FFFF}",
    "\u{FFFF}",
    "é",
    "e\u{301}",
];

async fn any_key_is_nothing_but_a_key(project: &Project<'_>) {
    for (number, key) in KEYS.iter().enumerate() {
        project.set(key, &number.to_string()).await;
    }
    for (number, key) in KEYS.iter().enumerate() {
        assert_eq!(project.json(key).await, Some(number.to_string()), "{key:?}");
        let begin_so = KEYS.iter().filter(|other| other.starts_with(key)).count();
        assert_eq!(project.list(key, None, 100).await.len(), begin_so, "that begin with {key:?}");
    }
    for key in KEYS {
        assert!(project.delete(key).await, "{key:?}");
    }
    assert_eq!(project.list("", None, 100).await, Vec::<String>::new());
}

async fn keys_are_listed_in_order(project: &Project<'_>) {
    for key in KEYS {
        project.set(key, "1").await;
    }
    let mut sorted = KEYS.map(str::to_owned);
    sorted.sort_unstable();
    assert_eq!(project.list("", None, 100).await, sorted);
    assert_eq!(project.list("", None, 3).await, sorted[..3]);
    assert_eq!(project.list("", None, 0).await, Vec::<String>::new());
    for (at, key) in sorted.iter().enumerate() {
        assert_eq!(project.list("", Some(key), 2).await, sorted[at + 1..].iter().take(2).cloned().collect::<Vec<_>>());
    }
    project.set_for("b", "1", SECOND).await;
    assert_eq!(project.list("b", Some("a"), 9).await, ["b"], "after one that begins otherwise");
    assert_eq!(project.list("a", Some("b"), 9).await, Vec::<String>::new());
    assert_eq!(project.list("nothing begins so", None, 9).await, Vec::<String>::new());
    project.hands.forward(SECOND);
    assert_eq!(project.list("b", None, 9).await, Vec::<String>::new(), "promise 3");
}

async fn keys_belong_to_one_project(one: &Project<'_>, other: &Project<'_>) {
    one.set("key", "1").await;
    assert_eq!(other.get("key").await, None);
    assert!(!other.delete("key").await);
    other.set("key", "2").await;
    assert_eq!(other.list("", None, 9).await, ["key"]);
    assert_eq!(one.json("key").await.as_deref(), Some("1"));
}

async fn a_version_is_never_given_twice(project: &Project<'_>) {
    let mut last = 0;
    for round in 0..3 {
        for operation in [set("1"), set("1"), Operation::Increment { by: 0.0 }] {
            let version = done(project.change("key", operation).await).version;
            assert!(version > last, "{version} after {last} in round {round}");
            last = version;
        }
        assert!(project.delete("key").await);
    }
}

async fn a_set_on_another_version_changes_nothing(project: &Project<'_>) {
    let first = done(project.change("key", set_if("1", 0)).await);
    project.payload(CREATED).await;
    for wrong in [0, first.version + 1] {
        let conflict = project.change("key", set_if("2", wrong)).await;
        assert_eq!(conflict, Changed::Conflict { version: first.version });
    }
    assert_eq!(project.get("key").await.as_ref(), Some(&first));
    let second = done(project.change("key", set_if("2", first.version)).await);
    assert_eq!(project.payload(UPDATED).await, r#"{"key":"key","old_value":1,"new_value":2}"#);
    assert!(project.delete("key").await);
    project.payload(DELETED).await;
    let conflict = project.change("key", set_if("3", second.version)).await;
    assert_eq!(conflict, Changed::Conflict { version: 0 });
    assert_eq!(project.get("key").await, None);
    project.nothing_more_is_told().await;
}

async fn sums_add_up(project: &Project<'_>) {
    let add = |by| project.change("n", Operation::Increment { by });
    assert_eq!(text(&done(add(2.5).await).json), "2.5");
    assert_eq!(text(&done(add(0.5).await).json), "3");
    assert_eq!(text(&done(add(-10.0).await).json), "-7");
    assert_eq!(project.json("n").await.as_deref(), Some("-7"));
    assert_eq!(project.payload(CREATED).await, r#"{"key":"n","new_value":2.5}"#);
    assert_eq!(project.payload(UPDATED).await, r#"{"key":"n","old_value":2.5,"new_value":3}"#);
    assert_eq!(project.payload(UPDATED).await, r#"{"key":"n","old_value":3,"new_value":-7}"#);
    assert_eq!(add(f64::INFINITY).await, Changed::NotANumber);
    let there = project.set("text", "\"1\"").await;
    project.payload(CREATED).await;
    assert_eq!(project.change("text", Operation::Increment { by: 1.0 }).await, Changed::NotANumber);
    assert_eq!(project.get("text").await, Some(there));
    project.nothing_more_is_told().await;
    project.set_for("short", "1", SECOND).await;
    project.change("short", Operation::Increment { by: 1.0 }).await;
    project.hands.forward(SECOND);
    assert_eq!(project.get("short").await, None, "a sum lives no longer than what it was added to");
}

async fn concurrent_increments_all_count(project: &Project<'_>) {
    const COUNT: usize = 1000;
    let one = || project.values.change(project.change_of("n", Operation::Increment { by: 1.0 }));
    let mut changed: Vec<_> = all((0..COUNT).map(|_| one()).collect()).await;
    changed.sort_by_key(|value| value.version);
    for (before, value) in changed.iter().enumerate() {
        assert_eq!(text(&value.json), (before + 1).to_string(), "one is lost, or out of order");
    }
    assert_eq!(project.get("n").await.as_ref(), changed.last());
    assert_eq!(project.payload(CREATED).await, r#"{"key":"n","new_value":1}"#);
    for old in 1..COUNT {
        let told = format!(r#"{{"key":"n","old_value":{old},"new_value":{}}}"#, old + 1);
        assert_eq!(project.payload(UPDATED).await, told);
    }
    project.nothing_more_is_told().await;
}

/// All at once.
async fn all<F: Future<Output = crate::Result<Changed>>>(changes: Vec<F>) -> Vec<Value> {
    let mut changes: Vec<_> = changes.into_iter().map(Box::pin).collect();
    let mut values = Vec::new();
    std::future::poll_fn(|context| {
        changes.retain_mut(|change| match change.as_mut().poll(context) {
            std::task::Poll::Ready(changed) => {
                values.push(done(changed.expect("a value is changed")));
                false
            }
            std::task::Poll::Pending => true,
        });
        if changes.is_empty() { std::task::Poll::Ready(()) } else { std::task::Poll::Pending }
    })
    .await;
    values
}

async fn changes_are_told(project: &Project<'_>) {
    let key = "it's \"\u{1F600}\"\n";
    let told_of = |change: &Change, payload: &str| Told {
        payload: format!("{{\"key\":\"it's \\\"\u{1F600}\\\"\\n\",{payload}}}"),
        key: Some(key.to_owned()),
        trace: change.trace,
        cause: change.cause,
    };
    let long = format!("\"{}\"", "x".repeat(400 * 1024 - 2));
    for (operation, topic, payload) in [
        (set(" [1.50]"), CREATED, "\"new_value\": [1.50]".to_owned()),
        (set(&long), UPDATED, format!("\"old_value\": [1.50],\"new_value\":{long}")),
        (set(&long), UPDATED, format!("\"old_value\":{long},\"new_value\":{long}")),
        (Operation::Delete, DELETED, format!("\"old_value\":{long}")),
        (Operation::Increment { by: 3.0 }, CREATED, "\"new_value\":3".to_owned()),
    ] {
        let change = project.change_of(key, operation);
        project.values.change(change.clone()).await.expect("a value is changed");
        let told = project.next(topic).await;
        assert!(told == told_of(&change, &payload), "{topic} told {:.200}", told.payload);
    }
    assert!(!project.delete("nothing").await);
    project.nothing_more_is_told().await;
}

async fn changes_without_their_topics_are_told_to_nobody(project: &Project<'_>) {
    project.set("key", "1").await;
    project.set("key", "2").await;
    assert!(project.delete("key").await);
    assert_eq!(project.topics.waiting(&project.name).await.expect("what waits is counted"), []);
}

async fn an_expired_value_is_gone(project: &Project<'_>) {
    project.set_for("short", "1", SECOND).await;
    project.set_for("long", "2", 2 * SECOND).await;
    project.set_for("replaced", "3", SECOND).await;
    project.set("replaced", "4").await;
    for _ in 0..3 {
        project.next(CREATED).await;
    }
    project.next(UPDATED).await;
    project.hands.forward(SECOND - Duration::from_millis(1));
    assert_eq!(project.json("short").await.as_deref(), Some("1"));
    project.nothing_more_is_told().await;
    project.hands.forward(Duration::from_millis(1));
    assert_eq!(project.get("short").await, None);
    assert_eq!(project.list("", None, 9).await, ["long", "replaced"]);
    let told = project.expiry().await;
    assert_eq!(told.payload, r#"{"key":"short","old_value":1}"#);
    assert_eq!((told.key.as_deref(), told.cause), (Some("short"), None));
    assert!(!told.trace.is_nil());
    project.nothing_more_is_told().await;
    project.hands.forward(SECOND);
    assert_eq!(project.expiry().await.payload, r#"{"key":"long","old_value":2}"#);
    assert_eq!(project.json("replaced").await.as_deref(), Some("4"), "a set replaces the expiry");
    project.nothing_more_is_told().await;
}

async fn an_expired_value_is_changed_as_if_it_were_gone(project: &Project<'_>) {
    let add = Operation::Increment { by: 5.0 };
    for (key, operation, created) in
        [("set", set("9"), Some("9")), ("add", add, Some("5")), ("del", Operation::Delete, None)]
    {
        let old = project.set_for(key, "1", SECOND).await;
        project.next(CREATED).await;
        project.hands.forward(SECOND);
        let conflict = project.change(key, set_if("2", old.version)).await;
        assert_eq!(conflict, Changed::Conflict { version: 0 });
        let change = project.change_of(key, operation);
        let changed = project.values.change(change.clone()).await.expect("a value is changed");
        let told = project.next(DELETED).await;
        assert_eq!((told.payload, told.cause), (format!(r#"{{"key":"{key}","old_value":1}}"#), None));
        assert_ne!(told.trace, change.trace);
        match created {
            None => assert_eq!(changed, Changed::Deleted { existed: false }),
            Some(json) => {
                assert_eq!(text(&done(changed).json), json);
                let told = project.next(CREATED).await;
                assert_eq!(told.payload, format!(r#"{{"key":"{key}","new_value":{json}}}"#));
                assert_eq!((told.trace, told.cause), (change.trace, change.cause));
            }
        }
        project.hands.forward(3600 * SECOND);
        assert_eq!(project.json(key).await.as_deref(), created, "its expiry went with it");
        project.nothing_more_is_told().await;
    }
}

async fn a_purged_project_has_no_values(project: &Project<'_>) {
    for number in 0..300 {
        project.set(&format!("key {number}"), "1").await;
    }
    project.topics.remove(&project.name, false).await.expect("it is removed");
    assert_eq!(project.list("", None, 999).await.len(), 300);
    project.topics.remove(&project.name, true).await.expect("it is purged");
    assert_eq!(project.list("", None, 999).await, Vec::<String>::new());
    assert_eq!(project.get("key 0").await, None);
}

async fn a_closed_store_says_so(project: &Project<'_>) {
    project.set("key", "1").await;
    project.topics.close().await;
    assert!(matches!(project.values.get(&project.name, "key").await, Err(Error::Closed)));
    assert!(matches!(project.values.list(&project.name, "", None, 9).await, Err(Error::Closed)));
    let refused = project.values.change(project.change_of("key", set("2"))).await;
    assert!(matches!(refused, Err(Error::Closed)), "{refused:?}");
}
