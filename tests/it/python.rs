//! Python handlers (contract, section 2): what they get, print and import, and what a bad one costs the others.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use less_tests::harness::{Home, Project, Request, eventually, http};

#[test]
fn payloads_arrive_intact_from_either_runtime_to_either() {
    let home = Home::new();
    let publish_js = "
const { topics } = require('@chuva.io/less');
exports.process = async (request) => { await topics.heard.publish(JSON.parse(request.body)); };
";
    let publish_py = "
import json
from less import topics

def process(request, response):
    topics.heard.publish(json.loads(request.body))
";
    let note_js = "
const { note } = require('notes');
exports.process = async (message) => note('js', message);
";
    let note_py = "
from notes import note

async def process(message):
    note('py', message)
";
    let files = [
        ("less/apis/send/js/post.js", publish_js),
        ("less/apis/send/py/post.py", publish_py),
        ("less/topics/heard/js/index.js", note_js),
        ("less/topics/heard/py/__init__.py", note_py),
    ];
    let project = home.project("intact", &files);
    let api = project.deploy().url("send").to_owned();
    let planes: String = (0..=16).filter_map(|plane| char::from_u32(plane * 0x1_0000 + 0x41)).collect();
    let payloads = [
        json!(r#"quotes " ' ` $(touch pwned) ; rm -rf / \ %s {x}"#),
        json!("lines\nand\r\ttabs \u{0} \u{1f} \u{7f} \u{2028}"),
        json!(planes),
        json!("\u{1F355}é ".repeat(29_000)),
        json!({ "nested": [1, -0.5, 1e21, true, null, "", [], {}], "it's": { "deep": [[[[]]]] } }),
    ];
    for route in ["js", "py"] {
        for payload in &payloads {
            http::post(&format!("{api}/{route}"), payload.to_string()).expect(200);
        }
    }
    eventually("all are heard twice", || home.notes("js").len() == 10 && home.notes("py").len() == 10);
    for runtime in ["js", "py"] {
        for payload in &payloads {
            let count = home.notes(runtime).iter().filter(|heard| *heard == payload).count();
            assert_eq!(count, 2, "{runtime}: {}", &payload.to_string()[..40]);
        }
    }
    assert!(!home.root().join("pwned").exists());
}

#[test]
fn requests_and_responses_are_dicts_with_attributes_and_middlewares_share_them() {
    let home = Home::new();
    let route = "
async def first(request, response, next):
    response.headers['x-first'] = request.headers['x-gIVEN']
    await next()
    response.headers['x-last'] = str(response['status_code'])

def second(request, response, next):
    if request.query.get('stop'):
        return {'statusCode': 418, 'body': 'stopped'}
    next()

middlewares = [first, second]

def process(request, response, context):
    response.status_code = 201
    response.headers['set-cookie'] = ['a=1', 'b=2']
    response.body = {
        'id': request.params['id'], 'all': request.query_all, 'method': request.method, 'path': request['path'],
        'body': request.body, 'handler': context.handler, 'attempt': context['attempt'],
    }
    return response
";
    let bytes = "
def process(request, response):
    return {'status_code': 200, 'headers': {'content-type': 'image/png'}, 'body': bytes(range(256))}
";
    let files = [("less/apis/web/things/{id}/put.py", route), ("less/apis/web/bytes/get.py", bytes)];
    let api = home.project("web", &files).deploy().url("web").to_owned();
    let put = |query: &str| {
        let url = format!("{api}/things/a%2Fb{query}");
        Request::new("PUT", &url).header("X-Given", "given").body("é").send()
    };
    let answer = put("?q=1&q=%202").expect(201);
    assert_eq!(answer.header("x-first"), Some("given"));
    assert_eq!(answer.header("x-last"), Some("201"));
    assert_eq!(answer.all_headers("set-cookie"), ["a=1", "b=2"]);
    let expected = json!({
        "id": "a/b", "all": { "q": ["1", " 2"] }, "method": "PUT", "path": "/things/a%2Fb", "body": "é",
        "handler": "apis/web/things/{id}/put", "attempt": 1,
    });
    assert_eq!(answer.json(), expected);
    assert_eq!(put("?stop=1").expect(418).text(), "stopped");
    let bytes = http::get(&format!("{api}/bytes")).expect(200);
    assert_eq!(bytes.body, (0..=255).collect::<Vec<u8>>());
}

#[test]
fn lines_of_handlers_that_run_at_once_stay_apart() {
    let home = Home::new();
    let talks = "
import asyncio, logging, sys

async def process(n):
    for line in range(3):
        print(f'{n} says {line}')
        await asyncio.sleep(0.01)
        print(f'{n} complains {line}', file=sys.stderr)
        logging.getLogger('shop').warning('%s warns %s', n, line)
";
    let project = home.project("talk", &[("less/topics/said/talks/__init__.py", talks)]);
    let topics = project.deploy().url("topics").to_owned();
    for n in 0..10 {
        http::post(&format!("{topics}/said"), n.to_string()).expect(202);
    }
    eventually("all are done", || project.waiting() == 0);
    eventually("all lines are there", || project.log_lines().len() >= 90);
    let lines = project.log_lines();
    for n in 0..10 {
        let of_n: Vec<_> = lines.iter().filter(|line| line.text.contains(&format!("{n} "))).collect();
        assert_eq!(of_n.len(), 9, "{of_n:?}");
        assert!(of_n.iter().all(|line| line.invocation == of_n[0].invocation && !line.invocation.is_empty()));
        assert!(of_n.iter().all(|line| line.path == "topics/said/talks"));
        assert_eq!(of_n.iter().filter(|line| line.stream == "error").count(), 6);
    }
}

#[test]
fn packages_of_requirements_txt_shared_modules_and_files_beside_a_handler_are_found() {
    let home = Home::new();
    let handler = "
import idna
from models import Order
from .texts import greeting

def process(request, response):
    return {'body': f'{greeting} {Order(7).name} {idna.encode(\"bücher.example\").decode()}'}
";
    let files = [
        ("requirements.txt", "idna==3.10  # small, and needs nothing\n"),
        ("less/apis/web/get.py", handler),
        ("less/apis/web/texts.py", "greeting = 'hello'\n"),
        ("less/shared/models/__init__.py", "from .order import Order\n"),
        (
            "less/shared/models/order.py",
            "import names\n\nclass Order:\n    def __init__(self, n):\n        self.name = names.of(n)\n",
        ),
        ("less/shared/names/__init__.py", "def of(n):\n    return f'order {n}'\n"),
    ];
    let project = home.project("packages", &files);
    let first = project.deploy();
    assert!(first.ran.stderr.contains("Installing dependencies"), "{}", first.ran.stderr);
    let url = first.url("web").to_owned();
    assert_eq!(http::get(&url).expect(200).text(), "hello order 7 xn--bcher-kva.example");
    let second = project.deploy();
    assert!(!second.ran.stderr.contains("Installing dependencies"), "installed once: {}", second.ran.stderr);
    home.kill_server();
    home.start_server();
    assert_eq!(http::get(&project.url("web")).expect(200).status, 200);
    project.write("requirements.txt", "no-such-package-of-this-name==1.0\n");
    let refused = project.run(&["deploy", "packages"]).failed_with(1).stderr;
    assert!(refused.contains("no-such-package-of-this-name") && refused.contains("requirements.txt"), "{refused}");
    assert_eq!(http::get(&project.url("web")).expect(200).status, 200, "the old version goes on");
}

#[test]
fn what_is_wrong_in_python_files_is_told_with_file_and_line() {
    let home = Home::new();
    let files = [
        ("less/apis/web/syntax/get.py", "def process(request, response):\n    return {'body': \n"),
        ("less/apis/web/nothing/get.py", "def proces(request, response):\n    pass\n"),
        ("less/topics/t/missing/__init__.py", "import json\nimport no_such_module\n\ndef process(m):\n    pass\n"),
        ("less/functions/raises/__init__.py", "VALUE = {}\nVALUE['x']\n\ndef process(m):\n    pass\n"),
    ];
    let said = home.project("wrong", &files).run(&["deploy", "wrong"]).failed_with(1).stderr;
    for told in [
        "less/apis/web/syntax/get.py:2",
        "less/apis/web/nothing/get.py",
        "process",
        "less/topics/t/missing/__init__.py:2",
        "no_such_module",
        "less/functions/raises/__init__.py:2",
        "KeyError",
    ] {
        assert!(said.contains(told), "{told} is missing in\n{said}");
    }
}

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
