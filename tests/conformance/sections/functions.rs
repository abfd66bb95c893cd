//! Section 8: functions, from handlers and from outside.

use std::thread;

use less_tests::harness::http;
use serde_json::{Value, json};

use crate::case::{Case, Language, case};
use crate::scene::{Scene, folder};

pub(crate) const CASES: &[Case] = &[
    case!(a_function_of_any_language_is_called_from_any_other, ["8.01"],
        "crates/less-server/src/services/mod.rs":
            "self.call_function(&caller, &call.target, call.payload).await"
            => "self.call_function(&caller, \"double\", call.payload).await"),
    case!(what_is_given_and_returned_is_json, ["8.02"],
        "crates/less-server/src/live/functions.rs":
            "Outcome::Returned(result) => Ok(result),"
            => "Outcome::Returned(_) => Ok(Bytes::from_static(b\"null\")),"),
    case!(what_a_function_throws_is_raised_in_its_caller, ["8.03"],
        "crates/less-server/src/live/functions.rs":
            "return Self { code: \"function_failed\".into(), message, name: Some(name) };"
            => "return Self { code: \"function_failed\".into(), message: String::new(), name: Some(name) };"),
    case!(callers_that_wait_keep_no_function_from_running, ["8.04"],
        "crates/less-server/src/limits.rs":
            "WORKERS_WITH_WAITING: usize = 64"
            => "WORKERS_WITH_WAITING: usize = 2"),
    case!(calls_are_32_deep_at_most, ["8.05"],
        "crates/less-server/src/limits.rs":
            "CALL_DEPTH: u32 = 32"
            => "CALL_DEPTH: u32 = 3200"),
    case!(a_callee_has_no_more_time_than_its_caller, ["8.06"],
        "crates/less-server/src/live/functions.rs":
            "|left| left.min(self.timeout)"
            => "|left| left.max(self.timeout)"),
    case!(a_function_that_ends_its_process_fails_its_call, ["2.41"],
        "crates/less-server/src/triggers/http/failure.rs":
            "\"worker_lost\""
            => "\"lost\""),
    case!(the_functions_api_answers_with_the_result, ["8.09"],
        "crates/less-server/src/triggers/http/function.rs":
            "*response.status_mut() = StatusCode::OK;"
            => "*response.status_mut() = StatusCode::ACCEPTED;"),
    case!(the_functions_api_tells_what_is_wrong_and_not_what_was_thrown, ["8.07", "8.08"],
        "crates/less-server/src/triggers/http/failure.rs":
            "\"function_failed\""
            => "\"failed\""),
    case!(invoke_calls_a_function, ["14.08"],
        "crates/less-cli/src/commands/invoke.rs":
            "client.invoke(&project, function, &argument)"
            => "client.invoke(&project, function, \"1\")"),
];

/// Through the handler; what the function returned.
#[track_caller]
fn call(scene: &Scene, function: &str, payload: &Value) -> Value {
    scene.post("calls", function, payload)["result"].clone()
}

/// Through the handler; what was thrown there.
#[track_caller]
fn failed(scene: &Scene, function: &str, payload: &Value) -> Value {
    http::post(&format!("{}/{function}", scene.url("calls")), payload.to_string()).expect(400).json()
}

fn a_function_of_any_language_is_called_from_any_other(scene: &Scene) {
    let stage = scene.stage();
    for language in Language::ALL {
        let functions = folder("functions", language).join("less/functions/double");
        stage.project().copy(&functions, &format!("less/functions/double_{}", language.short()));
    }
    let url = stage.project().deploy().url("calls").to_owned();
    for language in Language::ALL {
        let answer = http::post(&format!("{url}/double_{}", language.short()), "21").expect(200).json();
        assert_eq!(answer["result"], json!({ "doubled": 42, "language": language.short() }));
    }
}

fn what_is_given_and_returned_is_json(scene: &Scene) {
    let values =
        [json!(0), json!(false), json!(""), Value::Null, json!([1.5, { "a": "\u{1F355}'\"`$()\n;" }]), json!({})];
    for value in values {
        assert_eq!(call(scene, "echo", &value), value);
    }
    let large = json!("x".repeat(1 << 20));
    assert_eq!(call(scene, "echo", &large), large);
    // No argument at all is null.
    let none = http::post(&format!("{}/echo", scene.url("calls")), "").expect(200).json();
    assert_eq!(none["result"], Value::Null);
}

fn what_a_function_throws_is_raised_in_its_caller(scene: &Scene) {
    let failure = failed(scene, "fails", &json!("not on a Monday"));
    assert_eq!(failure, json!({ "code": "function_failed", "message": "not on a Monday" }));
}

fn callers_that_wait_keep_no_function_from_running(scene: &Scene) {
    // Each keeps its process while it waits.
    assert_eq!(call(scene, "descend", &json!(30)), 30);
    thread::scope(|threads| {
        for n in 0..10 {
            threads.spawn(move || assert_eq!(call(scene, "relay", &json!(n)), 2 * n));
        }
    });
}

fn calls_are_32_deep_at_most(scene: &Scene) {
    assert_eq!(call(scene, "descend", &json!(20)), 20);
    let failure = failed(scene, "descend", &json!(40));
    assert!(failure["code"] == "busy" || failure["message"].as_str().unwrap().contains("deep"), "{failure}");
}

fn a_callee_has_no_more_time_than_its_caller(scene: &Scene) {
    let deadlines = scene.get("calls", "deadlines");
    // A function alone has 15 minutes.
    assert!(deadlines["callee"].as_i64() <= deadlines["caller"].as_i64(), "{deadlines}");
    assert!(deadlines["callee"].is_i64(), "{deadlines}");
}

fn a_function_that_ends_its_process_fails_its_call(scene: &Scene) {
    let stage = scene.stage();
    let url = stage.project().deploy().url("functions").to_owned();
    assert_eq!(http::post(&format!("{url}/exits"), "1").expect_error(502)["code"], "worker_lost");
    assert_eq!(http::post(&format!("{url}/double"), "1").expect(200).json()["doubled"], 2);
}

fn the_functions_api_answers_with_the_result(scene: &Scene) {
    let answer = http::post(&format!("{}/double", scene.url("functions")), "4").expect(200);
    assert_eq!(answer.header("content-type"), Some("application/json"));
    assert_eq!(answer.json(), json!({ "doubled": 8, "language": scene.language.short() }));
    let told = http::post(&format!("{}/told", scene.url("functions")), "{\"a\":1}").expect(200).json();
    assert_eq!((&told["handler"], &told["payload"]), (&json!("functions/told"), &json!({ "a": 1 })));
}

fn the_functions_api_tells_what_is_wrong_and_not_what_was_thrown(scene: &Scene) {
    let post = |function: &str, body: &str| http::post(&format!("{}/{function}", scene.url("functions")), body);
    post("nobody", "1").expect_error(404);
    post("echo", "{").expect_error(400);
    let thrown = post("fails", "\"a secret\"").expect_error(502);
    assert_eq!(thrown["code"], "function_failed");
    assert!(!thrown.to_string().contains("secret"), "{thrown}");
    scene.project().logged("functions/fails", "TypeError: a secret");
}

fn invoke_calls_a_function(scene: &Scene) {
    let invoke = |function: &str, payload: &str| scene.project().run(&["invoke", "functions", function, payload]);
    assert_eq!(invoke("double", "21").succeeded().json()["doubled"], 42);
    let failed = invoke("fails", "\"not today\"").failed_with(1);
    assert!(failed.stderr.contains("[less-cli] ERROR:"), "{failed:?}");
    let unknown = invoke("duoble", "1").failed_with(1);
    assert!(unknown.stderr.contains("double"), "it names the existing ones: {unknown:?}");
}
