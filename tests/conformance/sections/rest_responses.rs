//! Section 3: what a client is given, and middlewares.

use less_tests::harness::{Answer, http};
use serde_json::json;

use crate::case::{Case, case};
use crate::scene::Scene;

pub(crate) const CASES: &[Case] = &[
    case!(a_response_is_200_and_empty_unless_said, ["3.10"],
        "sdk/node/invocations.cjs":
            "{ statusCode: 200, headers: {}, body: '' }"
            => "{ statusCode: 204, headers: {}, body: '' }"),
    case!(both_spellings_of_the_status_count, ["3.12"],
        "sdk/node/http.cjs":
            "value.status_code ?? value.statusCode ?? 200"
            => "value.statusCode ?? 200"),
    case!(strings_and_numbers_are_sent_as_text, ["3.13"],
        "sdk/node/http.cjs":
            "return { content: String(body), type: TEXT };"
            => "return { content: `#${body}`, type: TEXT };"),
    case!(objects_and_arrays_are_sent_as_json, ["3.14"],
        "sdk/node/http.cjs":
            "const JSON_TYPE = 'application/json';"
            => "const JSON_TYPE = 'text/json';"),
    case!(bytes_are_sent_as_they_are, ["3.15"],
        "sdk/node/http.cjs":
            "if (body instanceof Uint8Array) return { content: body,"
            => "if (body instanceof Uint8Array) return { content: String(body),"),
    case!(a_header_may_have_several_values, ["3.16"],
        "sdk/node/http.cjs":
            "for (const value of values) list.push(name, value);"
            => "list.push(name, values.join());"),
    case!(returning_nothing_means_the_response_as_it_stands, ["3.17"],
        "sdk/node/invocations.cjs":
            "result ?? response, undefined"
            => "result ?? (response && { body: '' }), undefined"),
    case!(middlewares_run_in_order_and_share_both_objects, ["3.11", "3.18"],
        "sdk/node/http.cjs":
            "return runFrom(0);"
            => "return runFrom(1);"),
    case!(a_middleware_that_does_not_call_next_ends_the_request, ["3.19", "3.21"],
        "sdk/node/http.cjs":
            "if (!rest) return result ?? response;"
            => "if (!rest) return next();"),
    case!(the_request_waits_for_a_next_that_nobody_awaited, ["3.20"],
        "sdk/node/http.cjs":
            "if (!rest) return result ?? response;"
            => "return result ?? response;"),
    case!(requests_and_responses_are_dicts_with_attributes, ["3.22"], only [Python] "the sentence is about Python",
        "sdk/python/less/_worker/http.py":
            "return request, Response("
            => "return dict(request), Response("),
];

fn answer(scene: &Scene, path: &str) -> Answer {
    http::get(&format!("{}/{path}", scene.url("rest")))
}

fn a_response_is_200_and_empty_unless_said(scene: &Scene) {
    let untouched = answer(scene, "answers/untouched").expect(200);
    assert!(untouched.body.is_empty());
}

fn both_spellings_of_the_status_count(scene: &Scene) {
    for (kind, status) in [("camel", 201), ("snake", 202)] {
        assert_eq!(answer(scene, &format!("answers/{kind}")).status, status, "{kind}");
    }
}

fn strings_and_numbers_are_sent_as_text(scene: &Scene) {
    assert_eq!(answer(scene, "answers/string").expect(200).text(), "hé");
    assert_eq!(answer(scene, "answers/number").expect(200).text(), "12.5");
}

fn objects_and_arrays_are_sent_as_json(scene: &Scene) {
    for (kind, value) in [("object", json!({ "a": [1, null] })), ("array", json!([1, 2]))] {
        let answer = answer(scene, &format!("answers/{kind}")).expect(200);
        assert_eq!((answer.header("content-type"), answer.json()), (Some("application/json"), value));
    }
}

fn bytes_are_sent_as_they_are(scene: &Scene) {
    assert_eq!(answer(scene, "answers/bytes").expect(200).body, [0, 255, 10]);
}

fn a_header_may_have_several_values(scene: &Scene) {
    let answer = answer(scene, "answers/cookies").expect(200);
    assert_eq!(answer.all_headers("set-cookie"), ["a=1; Path=/", "b=2, c"]);
}

fn returning_nothing_means_the_response_as_it_stands(scene: &Scene) {
    assert_eq!(answer(scene, "answers/nothing").expect(203).text(), "as it stands");
}

fn middlewares_run_in_order_and_share_both_objects(scene: &Scene) {
    let answer = answer(scene, "middlewares/shared").expect(200);
    assert_eq!(answer.json(), json!(["one", "two"]));
    assert_eq!((answer.header("x-one"), answer.header("x-two")), (Some("yes"), Some("yes")));
}

fn a_middleware_that_does_not_call_next_ends_the_request(scene: &Scene) {
    assert_eq!(answer(scene, "middlewares/guarded").expect(401).text(), "who?");
    assert_eq!(answer(scene, "middlewares/guarded?key=x").expect(200).text(), "inside");
    assert_eq!(answer(scene, "middlewares/guarded?key=x&silent").expect(203).text(), "as it stands");
}

fn the_request_waits_for_a_next_that_nobody_awaited(scene: &Scene) {
    assert_eq!(answer(scene, "middlewares/forgetful").expect(201).text(), "late");
}

fn requests_and_responses_are_dicts_with_attributes(scene: &Scene) {
    // `echo/get` reads keys and sets a key, `echo/post` reads keys and sets attributes, the middlewares mix both.
    let (read, written) = (scene.get("rest", "echo"), scene.post("rest", "echo", &json!(1)));
    assert_eq!((&read["method"], &written["method"]), (&json!("GET"), &json!("POST")));
    assert_eq!(answer(scene, "middlewares/shared").expect(200).json(), json!(["one", "two"]));
}
