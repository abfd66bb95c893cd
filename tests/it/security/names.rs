//! Names that languages give a meaning of their own: `__proto__`, `constructor`, `toString`, `__class__`.

use serde_json::{Value, json};

use less_tests::harness::{Home, Request, eventually, http};

/// Every object of JavaScript or Python has something of these names.
const TRICKS: [&str; 9] = [
    "__proto__",
    "constructor",
    "prototype",
    "toString",
    "hasOwnProperty",
    "__class__",
    "__init__",
    "__dict__",
    "_fill",
];
/// A body that would give every object a property, where it is merged carelessly; ours must not be that place.
const BODY: &str = r#"{"__proto__":{"polluted":1},"constructor":{"prototype":{"polluted":1}},"a":{"__proto__":[1]}}"#;

const JAVASCRIPT: &str = "
const { topics, functions, kvs } = require('@chuva.io/less');
const told = async (call) => { try { return [await call()]; } catch (error) { return error.code; } };
exports.process = async (request, response) => {
  const { name } = request.params;
  const answer = {
    topic: await told(() => topics[name].publish(1)),
    function: await told(() => functions[name](1)),
    before: await kvs.get(name),
    query: Object.entries(request.query),
    params: Object.keys(request.params),
    header: Object.entries(request.headers).filter(([key]) => key.toLowerCase() === name.toLowerCase()),
    own: Object.keys(JSON.parse(request.body)),
    polluted: ({}).polluted ?? null,
  };
  await kvs.set(name, name);
  answer.after = await kvs.get(name);
  answer.list = (await kvs.list(name)).items ?? await kvs.list(name);
  await kvs.delete(name);
  response.body = answer;
  return response;
};
";
const PYTHON: &str = "
import json
from less import topics, functions, kvs

def told(call):
    try:
        return [call()]
    except Exception as error:
        return getattr(error, 'code', type(error).__name__)

def process(request, response):
    name = request.params['name']
    answer = {
        'topic': told(lambda: topics[name].publish(1)),
        'function': told(lambda: functions[name](1)),
        'before': kvs.get(name),
        'query': [list(pair) for pair in request.query.items()],
        'params': list(request.params),
        'header': [[key, value] for key, value in request.headers.items() if key.lower() == name.lower()],
        'own': list(json.loads(request.body)),
        'polluted': getattr(object(), 'polluted', None),
    }
    kvs.set(name, name)
    answer['after'] = kvs.get(name)
    kvs.delete(name)
    response['body'] = answer
    return response
";
const SUBSCRIBER: &str = "
const { note } = require('notes');
exports.process = async (message) => note('heard', [Object.keys(message), message.polluted ?? null, ({}).polluted ?? null]);
";

#[test]
fn a_name_from_outside_reaches_only_what_the_project_has() {
    let home = Home::new();
    let files = [
        ("less/apis/shop/js/{name}/post.js", JAVASCRIPT),
        ("less/apis/shop/py/{name}/post.py", PYTHON),
        ("less/topics/sold/one/index.js", SUBSCRIBER),
        ("less/functions/same/index.js", "exports.process = async (payload) => payload;"),
    ];
    let deployed = home.project("shop", &files).deploy();
    for language in ["js", "py"] {
        for name in TRICKS {
            let url = format!("{}/{language}/{name}?{name}=x", deployed.url("shop"));
            let answer = Request::new("POST", &url).header(name, "y").body(BODY).send().expect(200).json();
            let told = format!("{language} {name}: {answer}");
            assert_eq!(
                (&answer["topic"], &answer["function"]),
                (&json!("unknown_topic"), &json!("unknown_function")),
                "{told}"
            );
            assert_eq!((&answer["before"], &answer["after"]), (&Value::Null, &json!(name)), "{told}");
            assert_eq!((&answer["query"], &answer["params"]), (&json!([[name, "x"]]), &json!(["name"])), "{told}");
            assert_eq!(answer["header"][0][1], "y", "{told}");
            assert_eq!(
                (&answer["own"], &answer["polluted"]),
                (&json!(["__proto__", "constructor", "a"]), &Value::Null),
                "{told}"
            );
        }
    }
    for name in TRICKS {
        for (api, code) in [("topics", "unknown_topic"), ("functions", "unknown_function")] {
            let answer = http::post(&format!("{}/{name}", deployed.url(api)), "1").expect_error(404);
            assert_eq!(answer["code"], code, "{name}");
        }
        let ran = home.run(&["publish", "shop", name, "1"]).failed_with(1);
        assert!(ran.stderr.contains(&format!("has no topic {name}")), "{}", ran.stderr);
        http::get(&format!("http://{}/{name}/apis/shop", super::authority(deployed.url("shop")))).expect_error(404);
    }
    http::post(&format!("{}/sold", deployed.url("topics")), BODY).expect(202);
    eventually("the message is heard", || !home.notes("heard").is_empty());
    assert_eq!(home.notes("heard"), [json!([["__proto__", "constructor", "a"], null, null])]);
    let same = http::post(&format!("{}/same", deployed.url("functions")), BODY).expect(200);
    assert_eq!(same.text(), BODY);
}

#[test]
fn what_can_be_a_name_is_one_everywhere() {
    let home = Home::new();
    let route = "
const { topics, functions } = require('@chuva.io/less');
exports.process = async (request) => {
  await topics.toString.publish('heard');
  return { body: [await functions.hasOwnProperty('called'), require('valueOf').name, request.params, process.env.isPrototypeOf] };
};
";
    let files = [
        ("less.config", "env_vars: [isPrototypeOf]\n"),
        (".env", "isPrototypeOf=set\n"),
        ("less/apis/prototype/{toString}/get.js", route),
        (
            "less/topics/toString/hasOwnProperty/index.js",
            "const { note } = require('notes'); exports.process = async (m) => note('heard', m);",
        ),
        ("less/functions/hasOwnProperty/index.js", "exports.process = async (payload) => payload;"),
        ("less/shared/valueOf/index.js", "exports.name = 'shared';"),
    ];
    let api = home.project("shop", &files).deploy().url("prototype").to_owned();
    let answer = http::get(&format!("{api}/7")).expect(200).json();
    assert_eq!(answer, json!(["called", "shared", { "toString": "7" }, "set"]));
    eventually("the message is heard", || home.notes("heard") == [json!("heard")]);
}

#[test]
fn names_that_no_handler_could_use_are_problems() {
    let home = Home::new();
    for name in ["__proto__", "constructor", "then"] {
        let folders = [
            format!("less/apis/{name}/get.js"),
            format!("less/apis/shop/{{{name}}}/get.js"),
            format!("less/topics/{name}/one/index.js"),
            format!("less/functions/{name}/index.js"),
            format!("less/shared/{name}/index.js"),
        ];
        let files: Vec<_> = folders.iter().map(|path| (path.as_str(), "exports.process = async () => {};")).collect();
        let project = home.project("shop", &files);
        let said = project.run(&["build", "shop"]).failed_with(1).stderr;
        for folder in &folders {
            let folder = folder.rsplit_once('/').unwrap().0.trim_end_matches("/one");
            assert!(said.contains(folder), "{folder} in {said}");
        }
        project.remove("less");
    }
}
