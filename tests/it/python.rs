//! Python handlers (contract, section 2): what they get, print and import.

use serde_json::json;

use less_tests::harness::{Home, Request, eventually, http};

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
