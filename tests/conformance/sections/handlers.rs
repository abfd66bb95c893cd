//! Section 2: how a handler is written, and what it is given.

use less_tests::harness::{http, repository};
use serde_json::{Value, json};

use crate::case::{Case, case};
use crate::scene::Scene;

pub(crate) const CASES: &[Case] = &[
    case!(exports_process_is_a_handler, ["2.01"], only [JavaScript] "the sentence is about CommonJS",
        "sdk/node/load.cjs":
            "const process = module.process ?? module.default?.process;"
            => "const process = module.handler;"),
    case!(module_exports_has_process_and_middlewares, ["2.02"], only [JavaScript] "the sentence is about CommonJS",
        "sdk/node/load.cjs":
            "module.middlewares ?? module.default?.middlewares ?? []"
            => "[]"),
    case!(export_const_process_is_a_handler, ["2.03"], only [JavaScript, TypeScript] "the sentence is about ES modules",
        "sdk/node/load.cjs":
            "module.default?.process === process ? module.default : module"
            => "module.default"),
    case!(typescript_needs_no_setup, ["2.04"], only [TypeScript] "the sentence is about TypeScript",
        "crates/less-server/src/build/typescript/mod.rs":
            "fs::write(path, script)"
            => "fs::write(path, \"\")"),
    case!(def_and_async_def_are_handlers, ["2.05"], only [Python] "the sentence is about Python",
        "sdk/python/less/_worker/load.py":
            "if hasattr(type(result), \"__await__\"):"
            => "if False:"),
    case!(the_sdk_is_there_without_installing_anything, ["2.07", "2.08"],
        "sdk/node/index.cjs":
            "sockets: sockets.object,"
            => ""),
    case!(a_misspelt_name_fails_at_once_and_names_the_existing_ones, ["2.09"],
        "sdk/node/words.cjs":
            "${those}: ${listed}`;"
            => "${those}`;"),
    case!(python_calls_block_in_def_and_are_awaited_in_async_def, ["2.10"], only [Python] "the sentence is about Python",
        "sdk/python/less/_services.py":
            "return _call(*self._publish("
            => "return _start(*self._publish("),
    case!(context_tells_a_route_who_it_is, ["2.23", "2.48"],
        "crates/less-project/src/config/mod.rs":
            "ROUTE_TIMEOUT: Duration = Duration::from_secs(30)"
            => "ROUTE_TIMEOUT: Duration = Duration::from_secs(300)"),
    case!(context_tells_a_subscriber_of_its_delivery, ["2.49"],
        "crates/less-project/src/config/mod.rs":
            "pub(crate) const TIMEOUT: Duration = Duration::from_secs(15 * 60);"
            => "pub(crate) const TIMEOUT: Duration = Duration::from_secs(30);"),
    case!(who_does_not_declare_context_is_called_without_it, ["2.24"],
        "sdk/node/load.cjs":
            "this.process.length > KINDS[kind].args;"
            => "true;"),
    case!(python_gives_context_to_a_required_parameter_or_one_of_that_name, ["2.25"], only [Python] "the sentence is about Python",
        "sdk/python/less/_worker/load.py":
            "named = parameters.get(\"context\")"
            => "named = None"),
];

fn styled(scene: &Scene, path: &str) -> String {
    http::get(&format!("{}/{path}", scene.url("styles"))).expect(200).text()
}

fn exports_process_is_a_handler(scene: &Scene) {
    assert_eq!(styled(scene, "exports"), "exports.process");
}

fn module_exports_has_process_and_middlewares(scene: &Scene) {
    assert_eq!(styled(scene, "module_exports"), "module.exports");
}

fn export_const_process_is_a_handler(scene: &Scene) {
    assert_eq!(styled(scene, "export_const"), "export const");
}

fn typescript_needs_no_setup(scene: &Scene) {
    // What its author wrote has neither a package.json nor settings of a compiler.
    let source = repository("tests/conformance/projects/handlers/ts");
    for file in ["package.json", "tsconfig.json", "node_modules"] {
        assert!(!source.join(file).exists(), "{file} is part of the project");
    }
    assert_eq!(styled(scene, "export_const"), "export const");
    assert_eq!(styled(scene, "export_function"), "export function");
}

fn def_and_async_def_are_handlers(scene: &Scene) {
    assert_eq!(styled(scene, "plain"), "def");
    assert_eq!(styled(scene, "asynchronous"), "async def");
}

fn the_sdk_is_there_without_installing_anything(scene: &Scene) {
    assert_eq!(scene.get("handlers", "sdk"), json!(["object", "object", "object", "object", "object"]));
}

fn a_misspelt_name_fails_at_once_and_names_the_existing_ones(scene: &Scene) {
    let message = http::get(&format!("{}/misspelt", scene.url("handlers"))).expect(200).text();
    for name in ["order_placd", "order_placed", "forgotten", "errands"] {
        assert!(message.contains(name), "{name} in {message:?}");
    }
}

fn python_calls_block_in_def_and_are_awaited_in_async_def(scene: &Scene) {
    for (path, message) in [("synchronous", "from def"), ("asynchronous", "from async def")] {
        let id = http::get(&format!("{}/{path}", scene.url("handlers"))).expect(200).text();
        let observed = observed(scene, |note| note["message"] == message);
        assert_eq!(observed["context"]["message_id"], id);
    }
}

/// What the observer of `order_placed` noted of a message.
#[track_caller]
fn observed(scene: &Scene, which: impl Fn(&Value) -> bool) -> Value {
    less_tests::harness::eventually_some("an observed message", || {
        scene.home.notes("observed").into_iter().find(&which)
    })
}

fn context_tells_a_route_who_it_is(scene: &Scene) {
    let context = scene.get("handlers", "context");
    assert_eq!((&context["project"], &context["handler"]), (&json!("handlers"), &json!("apis/handlers/context/get")));
    assert!(context["invocation_id"].is_string() && context["trace_id"].is_string(), "{context}");
    assert_eq!((&context["attempt"], &context["message_id"]), (&json!(1), &Value::Null));
    let left = context["deadline"].as_i64().unwrap() - context["now"].as_i64().unwrap();
    assert!((1..=30_000).contains(&left), "routes have 30 s: {context}");
}

fn context_tells_a_subscriber_of_its_delivery(scene: &Scene) {
    let id = scene.publish("order_placed", &json!("for its context"));
    let note = observed(scene, |note| note["message"] == "for its context");
    let context = &note["context"];
    assert_eq!(
        (&context["project"], &context["handler"]),
        (&json!("handlers"), &json!("topics/order_placed/observer"))
    );
    assert_eq!((&context["message_id"], &context["attempt"]), (&id, &json!(1)));
    assert!(context["invocation_id"].is_string() && context["trace_id"].is_string(), "{context}");
    let time = |value: &Value| value.as_i64().unwrap_or_else(|| panic!("{value} is no time in {note}"));
    assert!(time(&context["published_at"]) <= time(&note["now"]), "{note}");
    let left = time(&context["deadline"]) - time(&note["now"]);
    assert!((14 * 60_000..=15 * 60_000).contains(&left), "subscribers have 15 minutes: {note}");
}

fn who_does_not_declare_context_is_called_without_it(scene: &Scene) {
    assert_eq!(answered(scene, "undeclared"), "2");
    assert_eq!(answered(scene, "optional"), "the default");
    scene.publish("order_placed", &json!("for whoever counts"));
    assert_eq!(scene.notes("undeclared", 1)[0], 1);
}

fn answered(scene: &Scene, path: &str) -> String {
    http::get(&format!("{}/{path}", scene.url("handlers"))).expect(200).text()
}

fn python_gives_context_to_a_required_parameter_or_one_of_that_name(scene: &Scene) {
    assert_eq!(scene.get("handlers", "context")["handler"], "apis/handlers/context/get");
    assert_eq!(answered(scene, "named"), "apis/handlers/named/get");
    assert_eq!(answered(scene, "optional"), "the default");
}
