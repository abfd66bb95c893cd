//! The key-value store (contract, section 9).

use std::collections::BTreeMap;

use serde_json::{Value, json};

use less_tests::harness::{Home, Request, eventually, http};

/// Runs `kvs[operation](...arguments)` of the body and tells what came of it.
const KVS_JS: &str = "
const { kvs } = require('@chuva.io/less');
exports.process = async (request) => {
  const [operation, ...given] = JSON.parse(request.body);
  try {
    return { body: { result: (await kvs[operation](...given)) ?? null } };
  } catch (error) {
    return { body: { code: error.code ?? null, message: error.message } };
  }
};
";
const KVS_PY: &str = "
import json
from less import kvs

def process(request, response):
    operation, *given = json.loads(request.body)
    try:
        response.body = {'result': getattr(kvs, operation)(*given)}
    except Exception as error:
        response.body = {'code': getattr(error, 'code', None), 'message': str(error)}
    return response
";
const NOTE: &str = "
const { note } = require('notes');
exports.process = async (event, { handler }) => note('events', [handler.split('/')[1], event]);
";
const TOPICS: [(&str, &str); 3] = [
    ("less/topics/kvs_created/tell/index.js", NOTE),
    ("less/topics/kvs_updated/tell/index.js", NOTE),
    ("less/topics/kvs_deleted/tell/index.js", NOTE),
];

fn ask(api: &str, language: &str, call: &Value) -> Value {
    http::post(&format!("{api}/{language}"), call.to_string()).expect(200).json()
}

#[test]
fn every_json_value_is_kept_under_any_key_in_both_runtimes() {
    let home = Home::new();
    let files = [("less/apis/kv/js/post.js", KVS_JS), ("less/apis/kv/py/post.py", KVS_PY)];
    let project = home.project("keys", &files);
    let api = project.deploy().url("kv").to_owned();
    let values = [json!(0), json!(false), json!(""), Value::Null, json!([1, { "é": "\u{1F355}" }]), json!(-0.5)];
    for (writer, reader) in [("js", "py"), ("py", "js")] {
        for (n, value) in values.iter().enumerate() {
            for key in ["it's", "a%_\"`$(x);\n", "\u{1F355}/é"] {
                let key = format!("{key}{n}");
                let set = ask(&api, writer, &json!(["set", key, value]));
                assert!(set["result"]["version"].as_u64().is_some_and(|version| version > 0), "{set}");
                assert_eq!(ask(&api, reader, &json!(["get", key])), json!({ "result": value }), "{writer} {key}");
            }
        }
        assert_eq!(ask(&api, writer, &json!(["get", "never"])), json!({ "result": null }));
        let with_version = ask(&api, reader, &json!(["get_with_version", "it's0"]))["result"].clone();
        assert_eq!(with_version["value"], json!(0));
        let stale = with_version["version"].as_u64().unwrap() + 1;
        let refused = ask(&api, "js", &json!(["set", "it's0", 1, { "if_version": stale }]));
        assert_eq!(refused["code"], "version_conflict", "{refused}");
    }
    let listed = ask(&api, "js", &json!(["list", "it's"]))["result"].clone();
    assert_eq!(listed, json!(["it's0", "it's1", "it's2", "it's3", "it's4", "it's5"]));
    assert_eq!(ask(&api, "py", &json!(["delete", "it's0"])), json!({ "result": true }));
    assert_eq!(ask(&api, "py", &json!(["delete", "it's0"])), json!({ "result": false }));
    for (call, code) in [
        (json!(["set", "", 1]), "bad_key"),
        (json!(["get", "k".repeat(2049)]), "bad_key"),
        (json!(["set", "k", "x".repeat(400 * 1024)]), "value_too_large"),
        (json!(["set", "k", 1, -1]), "bad_option"),
        (json!(["increment", "it's2"]), "not_a_number"),
    ] {
        for language in ["js", "py"] {
            let answer = ask(&api, language, &call);
            assert_eq!(answer["code"], code, "{language}: {answer}");
        }
    }
    home.kill_server();
    home.start_server();
    let api = project.url("kv");
    assert_eq!(ask(&api, "js", &json!(["get", "it's1"])), json!({ "result": false }), "it survives kill -9");
}

#[test]
fn a_thousand_concurrent_increments_are_a_thousand() {
    let home = Home::new();
    let increment = "
const { kvs } = require('@chuva.io/less');
exports.process = async () => ({ body: await Promise.all(Array.from({ length: 125 }, () => kvs.increment('n'))) });
";
    let increment_py = "
from less import kvs

def process(request, response):
    response.body = [kvs.increment('n', 1) for _ in range(125)]
    return response
";
    let files = [
        ("less/apis/count/js/post.js", increment),
        ("less/apis/count/py/post.py", increment_py),
        ("less/apis/count/ask/post.js", KVS_JS),
    ];
    let deployed = home.project("count", &files).deploy();
    let api = deployed.url("count").to_owned();
    let clients: Vec<_> = (0..8)
        .map(|n| {
            let url = format!("{api}/{}", if n % 2 == 0 { "js" } else { "py" });
            std::thread::spawn(move || http::post(&url, "").expect(200).json())
        })
        .collect();
    let mut seen: Vec<u64> = Vec::new();
    for client in clients {
        seen.extend(client.join().unwrap().as_array().unwrap().iter().map(|n| n.as_u64().unwrap()));
    }
    seen.sort_unstable();
    assert_eq!(seen, (1..=1000).collect::<Vec<u64>>());
    assert_eq!(ask(&api, "ask", &json!(["get", "n"])), json!({ "result": 1000 }));
}

#[test]
fn every_change_is_told_once_and_expiry_is_a_deletion() {
    let home = Home::new();
    let mut files = vec![("less/apis/kv/js/post.js", KVS_JS)];
    files.extend(TOPICS);
    let api = home.project("told", &files).deploy().url("kv").to_owned();
    for call in
        [json!(["set", "k", 0]), json!(["set", "k", { "a": 1 }]), json!(["delete", "k"]), json!(["set", "k", "", 1])]
    {
        assert!(ask(&api, "js", &call).get("result").is_some());
    }
    eventually("it expires", || ask(&api, "js", &json!(["get", "k"])) == json!({ "result": null }));
    eventually("five changes are told", || home.notes("events").len() >= 5);
    let mut events: Vec<String> = home.notes("events").iter().map(ToString::to_string).collect();
    events.sort();
    let mut expected = [
        json!(["kvs_created", { "key": "k", "new_value": 0 }]),
        json!(["kvs_updated", { "key": "k", "old_value": 0, "new_value": { "a": 1 } }]),
        json!(["kvs_deleted", { "key": "k", "old_value": { "a": 1 } }]),
        json!(["kvs_created", { "key": "k", "new_value": "" }]),
        json!(["kvs_deleted", { "key": "k", "old_value": "" }]),
    ]
    .map(|event| event.to_string());
    expected.sort();
    assert_eq!(events, expected);
}

/// Changes without end, `kill -9` in between: at the end every version of every key was told, and nothing else.
#[test]
fn a_change_and_its_event_survive_kill_9_together() {
    let home = Home::new();
    let churn = "
const { kvs } = require('@chuva.io/less');
exports.process = async (request) => {
  const { client, round } = JSON.parse(request.body);
  for (let n = 0; n < 400; n += 1) await kvs.set(`${client}/${n % 7}`, `${round}/${n}`);
};
";
    let mut files = vec![("less/apis/kv/js/post.js", KVS_JS), ("less/apis/kv/churn/post.js", churn)];
    files.extend(TOPICS);
    let project = home.project("churn", &files);
    let mut api = project.deploy().url("kv").to_owned();
    for round in 0..6 {
        let clients: Vec<_> = (0..4)
            .map(|client| {
                let url = format!("{api}/churn");
                let body = json!({ "client": client, "round": round }).to_string();
                // Most are cut off by the kill.
                std::thread::spawn(move || Request::new("POST", &url).body(body).try_send())
            })
            .collect();
        let before = home.notes("events").len();
        eventually("changes are told", || home.notes("events").len() > before + 40);
        home.kill_server();
        clients.into_iter().for_each(|client| drop(client.join()));
        home.assert_no_process_left();
        home.start_server();
        api = project.url("kv");
    }
    eventually("nothing waits", || project.waiting() == 0);
    let mut last: BTreeMap<String, Value> = BTreeMap::new();
    let mut links: BTreeMap<String, Vec<(Value, Value)>> = BTreeMap::new();
    let mut seen = std::collections::BTreeSet::new();
    for event in home.notes("events").into_iter().filter(|event| seen.insert(event.to_string())) {
        let key = event[1]["key"].as_str().unwrap().to_owned();
        let old = event[1].get("old_value").cloned().unwrap_or(Value::Null);
        links.entry(key).or_default().push((old, event[1]["new_value"].clone()));
    }
    // Each change tells what was there before, so the events of a key are one chain without a gap.
    for (key, changes) in links {
        let mut now = Value::Null;
        for _ in 0..changes.len() {
            let next = changes.iter().find(|(old, _)| *old == now);
            now = next.unwrap_or_else(|| panic!("{key}: nothing follows {now} in {changes:?}")).1.clone();
        }
        last.insert(key, now);
    }
    assert!(last.len() > 20, "{last:?}");
    for (key, value) in last {
        assert_eq!(ask(&api, "js", &json!(["get", key])), json!({ "result": value }), "{key}");
    }
}
