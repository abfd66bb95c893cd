//! Functions (contract, section 8): called from any language, and from outside.

use serde_json::{Value, json};

use less_tests::harness::{Home, eventually, http};

/// A route that calls what the body names, and tells what came of it.
const CALL: &str = "
const { functions } = require('@chuva.io/less');
exports.process = async (request) => {
  const { name, argument } = JSON.parse(request.body);
  try {
    return { body: { result: await functions[name](argument) } };
  } catch (error) {
    return { body: { message: error.message, name: error.name, code: error.code ?? null } };
  }
};
";
const CALL_PY: &str = "
import json
from less import functions

def process(request, response):
    call = json.loads(request.body)
    try:
        response.body = {'result': functions[call['name']](call.get('argument'))}
    except Exception as error:
        response.body = {'message': str(error), 'name': getattr(error, 'name', None), 'code': getattr(error, 'code', None)}
    return response
";
const ADD_JS: &str = "exports.process = async ({ a, b }) => ({ sum: a + b, by: 'js' });";
const ADD_TS: &str = "
interface Pair { a: number; b: number }
export const process = async ({ a, b }: Pair) => ({ sum: a + b, by: 'ts' });
";
const ADD_PY: &str = "
def process(pair):
    return {'sum': pair['a'] + pair['b'], 'by': 'py'}
";

fn ask(api: &str, route: &str, name: &str, argument: &Value) -> Value {
    http::post(&format!("{api}/{route}"), json!({ "name": name, "argument": argument }).to_string()).expect(200).json()
}

#[test]
fn every_language_calls_every_other() {
    let home = Home::new();
    let files = [
        ("less/apis/calls/js/post.js", CALL),
        ("less/apis/calls/py/post.py", CALL_PY),
        ("less/functions/add_js/index.js", ADD_JS),
        ("less/functions/add_ts/index.ts", ADD_TS),
        ("less/functions/add-py/__init__.py", ADD_PY),
    ];
    let deployed = home.project("sums", &files).deploy();
    let api = deployed.url("calls");
    for caller in ["js", "py"] {
        for (name, by) in [("add_js", "js"), ("add_ts", "ts"), ("add-py", "py"), ("add_py", "py")] {
            let answer = ask(api, caller, name, &json!({ "a": 2, "b": 0.5 }));
            assert_eq!(answer, json!({ "result": { "sum": 2.5, "by": by } }), "{caller} calls {name}");
        }
    }
    let functions = deployed.url("functions");
    let answer = http::post(&format!("{functions}/add-py"), r#"{"a":1,"b":2}"#).expect(200);
    assert_eq!(answer.json(), json!({ "sum": 3, "by": "py" }));
    assert_eq!(answer.header("content-type").unwrap(), "application/json");
}

#[test]
fn what_a_function_throws_is_raised_in_its_caller_and_hidden_from_clients() {
    let home = Home::new();
    let files = [
        ("less/apis/calls/js/post.js", CALL),
        ("less/apis/calls/py/post.py", CALL_PY),
        ("less/functions/fails_js/index.js", "exports.process = async () => { throw new TypeError('no “card” js'); };"),
        ("less/functions/fails_py/__init__.py", "def process(argument):\n    raise KeyError('no “card” py')\n"),
    ];
    let project = home.project("sums", &files);
    let deployed = project.deploy();
    for caller in ["js", "py"] {
        for (name, error, message) in
            [("fails_js", "TypeError", "no “card” js"), ("fails_py", "KeyError", "'no “card” py'")]
        {
            let answer = ask(deployed.url("calls"), caller, name, &Value::Null);
            assert_eq!(
                answer,
                json!({ "message": message, "name": error, "code": "function_failed" }),
                "{caller} {name}"
            );
        }
        let answer = ask(deployed.url("calls"), caller, "fails", &Value::Null);
        let message = answer["message"].as_str().unwrap();
        assert!(["fails_js", "fails_py"].iter().all(|name| message.contains(name)), "{caller}: {answer}");
    }
    let functions = deployed.url("functions");
    let answer = http::post(&format!("{functions}/fails_js"), "null").expect(502);
    assert_eq!(answer.json()["code"], "function_failed");
    assert!(!answer.text().contains("card"), "{}", answer.text());
    assert_eq!(http::post(&format!("{functions}/none"), "null").expect(404).json()["error"], "Function not found");
    http::post(&format!("{functions}/fails_js"), "{").expect(400);
    project.logged("functions/fails_js", "no “card” js");
}

/// Each waits for the other's language while it keeps its own process.
#[test]
fn functions_that_wait_for_one_another_find_processes_to_run_in() {
    let home = Home::new();
    let down = "
from less import functions

def process(depth):
    return 0 if depth == 0 else 1 + functions.down(depth - 1)
";
    let files = [("less/apis/calls/py/post.py", CALL_PY), ("less/functions/down/__init__.py", down)];
    let deployed = home.project("deep", &files).deploy();
    let api = deployed.url("calls").to_owned();
    assert_eq!(ask(&api, "py", "down", &json!(12)), json!({ "result": 12 }));
    let callers: Vec<_> = (0..16)
        .map(|_| {
            let api = api.clone();
            std::thread::spawn(move || ask(&api, "py", "down", &json!(1)))
        })
        .collect();
    for caller in callers {
        assert_eq!(caller.join().unwrap(), json!({ "result": 1 }));
    }
}

#[test]
fn functions_that_call_one_another_without_end_end_and_others_go_on() {
    let home = Home::new();
    let files = [
        ("less/apis/calls/js/post.js", CALL),
        ("less/apis/calls/ping/get.js", "exports.process = async () => ({ body: 'pong' });"),
        (
            "less/functions/a/index.js",
            "const { functions } = require('@chuva.io/less');\nexports.process = () => functions.b(1);",
        ),
        ("less/functions/b/__init__.py", "from less import functions\n\ndef process(n):\n    return functions.a(n)\n"),
        ("less/functions/waits/index.js", "exports.process = () => new Promise(() => {});"),
        (
            "less/functions/asks/index.js",
            "const { functions } = require('@chuva.io/less');\nexports.process = () => functions.waits(1);",
        ),
    ];
    let project = home.project("cycle", &files);
    project.write("less.config", "apis: { calls: { timeout: 3s } }\n");
    let deployed = project.deploy();
    let api = deployed.url("calls");
    let answer = ask(api, "js", "a", &Value::Null);
    assert!(answer["message"].as_str().unwrap().contains("too deep"), "{answer}");
    // What it calls has no more time than the route.
    http::post(&format!("{api}/js"), r#"{"name":"asks"}"#).expect(504);
    assert_eq!(http::get(&format!("{api}/ping")).expect(200).text(), "pong");
}

#[test]
fn publishes_of_a_function_count_under_the_delivery_that_called_it() {
    let home = Home::new();
    let subscriber = "
const { functions, topics } = require('@chuva.io/less');
const { note } = require('notes');
exports.process = async (message, { attempt }) => {
  note('attempts', attempt);
  await functions.tell('from the function');
  await topics.told.publish('from the subscriber');
  if (attempt < 3) throw new Error('again');
};
";
    let tell = "
const { topics } = require('@chuva.io/less');
exports.process = (text) => topics.told.publish(text);
";
    let told = "const { note } = require('notes');\nexports.process = async (text) => note('told', text);";
    let files = [
        ("less/topics/starts/one/index.js", subscriber),
        ("less/functions/tell/index.js", tell),
        ("less/topics/told/one/index.js", told),
    ];
    let project = home.project("once", &files);
    let deployed = project.deploy();
    http::post(&format!("{}/starts", deployed.url("topics")), "1").expect(202);
    eventually("the third attempt is done", || home.notes("attempts").len() == 3 && project.waiting() == 0);
    let mut told: Vec<String> = home.notes("told").iter().map(|text| text.as_str().unwrap().to_owned()).collect();
    told.sort();
    assert_eq!(told, ["from the function", "from the subscriber"]);
}

/// The callee runs in the process that waits for it: neither's bytes may keep the other's from being read.
#[test]
fn large_arguments_at_once_do_not_block_the_process_that_is_to_answer() {
    let home = Home::new();
    let sends = "
const { functions } = require('@chuva.io/less');
exports.process = async () => ({ body: String((await functions.echo('x'.repeat(5.5e6))).length) });
";
    let files = [
        ("less/apis/calls/large/post.js", sends),
        ("less/apis/calls/ping/get.js", "exports.process = async () => ({ body: 'pong' });"),
        ("less/functions/echo/index.js", "exports.process = async (text) => text;"),
    ];
    let api = home.project("large", &files).deploy().url("calls").to_owned();
    let clients: Vec<_> = (0..6)
        .map(|_| {
            let url = format!("{api}/large");
            std::thread::spawn(move || http::post(&url, "").expect(200).text())
        })
        .collect();
    assert_eq!(http::get(&format!("{api}/ping")).expect(200).text(), "pong");
    for client in clients {
        assert_eq!(client.join().unwrap(), "5500000");
    }
}

#[test]
fn many_callers_that_have_a_process_each_leave_processes_to_what_they_call() {
    let home = Home::new();
    let calls = "
import time
from less import functions

def process(request, response):
    time.sleep(0.1)
    return {'body': functions.slow(1)}
";
    let slow = "
import time

def process(n):
    time.sleep(0.1)
    return n
";
    let files = [("less/apis/calls/post.py", calls), ("less/functions/slow/__init__.py", slow)];
    let url = home.project("crowd", &files).deploy().url("calls").to_owned();
    let clients: Vec<_> = (0..80)
        .map(|_| {
            let url = url.clone();
            std::thread::spawn(move || http::post(&url, "").expect(200).text())
        })
        .collect();
    for client in clients {
        assert_eq!(client.join().unwrap(), "1");
    }
}

/// A delivery calls a function that takes its process along: after the first time both run alone.
#[test]
fn poison_in_a_called_function_finds_its_end_and_innocents_do_not_pay_for_it() {
    let home = Home::new();
    let asks = "
const { functions } = require('@chuva.io/less');
const { note } = require('notes');
exports.process = async (message, { attempt }) => {
  note('attempts', attempt);
  await functions.dies(message);
};
";
    let waits = "
const { noted } = require('notes');
exports.process = async () => {
  while (!noted('go')) await new Promise((resolve) => setTimeout(resolve, 20));
  return { body: 'went' };
};
";
    let files = [
        ("less/topics/starts/asks/index.js", asks),
        ("less/functions/dies/index.js", "exports.process = () => process.exit(1);"),
        ("less/apis/calm/get.js", waits),
    ];
    let project = home.project("poison", &files);
    project
        .write("less.config", "topics: { starts: { subscribers: { asks: { retry: { first: 1s, attempts: 3 } } } } }\n");
    let deployed = project.deploy();
    http::post(&format!("{}/starts", deployed.url("topics")), "1").expect(202);
    eventually("it has struck the others' process once", || home.notes("attempts").len() >= 2);
    let calm = deployed.url("calm").to_owned();
    let innocent = std::thread::spawn(move || http::get(&calm).expect(200).text());
    eventually("it is given up", || project.waiting() == 0);
    home.give_note("go");
    assert_eq!(innocent.join().unwrap(), "went");
    let attempts: Vec<u64> = home.notes("attempts").iter().map(|attempt| attempt.as_u64().unwrap()).collect();
    assert_eq!(attempts, [1, 1, 2, 3], "the first loss accuses nobody");
}

#[test]
fn calls_that_wait_while_a_deploy_switches_versions_run_on_the_new_one() {
    let home = Home::new();
    let slow = "
import time
from notes import note, noted

def process(n):
    note('began', n)
    while not noted('go'):
        time.sleep(0.02)
    return n
";
    let project = home.project("switch", &[("less/functions/slow/__init__.py", slow)]);
    let functions = project.deploy().url("functions").to_owned();
    let clients: Vec<_> = (0..48)
        .map(|n| {
            let url = format!("{functions}/slow");
            std::thread::spawn(move || http::post(&url, n.to_string()).expect(200).text())
        })
        .collect();
    eventually("every process is at work", || home.notes("began").len() >= 32);
    project.deploy();
    eventually("the others began on the new version", || home.notes("began").len() == 48);
    home.give_note("go");
    for (n, client) in clients.into_iter().enumerate() {
        assert_eq!(client.join().unwrap(), n.to_string());
    }
}
