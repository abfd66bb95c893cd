//! What a route's handler is given (contract, section 3).

use serde_json::{Value, json};

use less_tests::harness::{Home, Request, http};

/// Answers with the request as the handler sees it.
const ECHO: &str = "
exports.process = async (request, response) => {
  const { method, path, params, query, query_all, body, is_base64 } = request;
  response.body = { method, path, params, query, query_all, body, is_base64: is_base64 ?? false };
  return response;
};
";

/// Deploys one route at `path` and returns its API's URL.
fn deployed(home: &Home, handler: &str, text: &str) -> String {
    home.project("shop", &[(&format!("less/apis/shop/{handler}.js"), text)]).deploy().url("shop").to_owned()
}

fn echoed(request: &Request) -> Value {
    request.send().expect(200).json()
}

#[test]
fn params_are_decoded_and_an_encoded_slash_stays_inside_its_parameter() {
    let home = Home::new();
    let api = deployed(&home, "users/{id}/posts/{post}/get", ECHO);
    let seen = echoed(&Request::new("GET", &format!("{api}/users/a%2Fb/posts/h%C3%A9%20+1")));
    assert_eq!(seen["params"], json!({ "id": "a/b", "post": "hé +1" }));
}

#[test]
fn the_query_is_decoded_and_a_repeated_name_gives_its_last_value_and_all_of_them() {
    let home = Home::new();
    let api = deployed(&home, "get", ECHO);
    let seen = echoed(&Request::new("GET", &format!("{api}?a=1&b=x+y%2Bz&a=2&empty=&bare&%C3%A9=%C3%A8")));
    assert_eq!(seen["query"], json!({ "a": "2", "b": "x y+z", "empty": "", "bare": "", "é": "è" }));
    assert_eq!(seen["query_all"]["a"], json!(["1", "2"]));
    assert_eq!(seen["query_all"]["b"], json!(["x y+z"]));
}

#[test]
fn a_request_without_query_or_body_has_empty_ones() {
    let home = Home::new();
    let api = deployed(&home, "get", ECHO);
    let seen = echoed(&Request::new("GET", &api));
    assert_eq!((&seen["query"], &seen["params"], &seen["body"]), (&json!({}), &json!({}), &json!("")));
    assert_eq!(seen["method"], "GET");
}

#[test]
fn the_path_is_the_one_below_the_api() {
    let home = Home::new();
    let api = deployed(&home, "users/{id}/get", ECHO);
    let path = echoed(&Request::new("GET", &format!("{api}/users/7?x=1")))["path"].clone();
    assert!(path.as_str().unwrap().ends_with("/users/7") && !path.as_str().unwrap().contains("shop/apis"), "{path}");
}

#[test]
fn a_body_that_is_not_json_is_just_a_string() {
    let home = Home::new();
    let api = deployed(&home, "post", ECHO);
    let request = Request::new("POST", &api).header("content-type", "application/json").body("{not json, é");
    let seen = echoed(&request);
    assert_eq!((&seen["body"], &seen["is_base64"]), (&json!("{not json, é"), &json!(false)));
}

#[test]
fn a_body_that_is_not_utf8_comes_in_base64() {
    let home = Home::new();
    let api = deployed(&home, "put", ECHO);
    let seen = echoed(&Request::new("PUT", &api).body([0xff, 0x00, 0xfe, 0x01]));
    assert_eq!((&seen["body"], &seen["is_base64"]), (&json!("/wD+AQ=="), &json!(true)));
}

#[test]
fn a_chunked_body_arrives_whole() {
    let home = Home::new();
    let api = deployed(&home, "post", ECHO);
    let mut connection = less_tests::harness::Connection::open(&api);
    let (host, path) = api.strip_prefix("http://").unwrap().split_once('/').unwrap();
    let head = format!("POST /{path} HTTP/1.1\r\nhost: {host}\r\ntransfer-encoding: chunked\r\n\r\n");
    connection.try_write(format!("{head}3\r\nabc\r\n4\r\ndefg\r\n0\r\n\r\n").as_bytes()).unwrap();
    assert_eq!(connection.read_answer(false).unwrap().expect(200).json()["body"], "abcdefg");
}

#[test]
fn every_verb_has_its_handler() {
    let home = Home::new();
    let verbs = ["get", "post", "put", "patch", "delete"];
    let paths = verbs.map(|verb| format!("less/apis/shop/{verb}.js"));
    let files: Vec<_> = paths.iter().map(|path| (path.as_str(), ECHO)).collect();
    let api = home.project("shop", &files).deploy().url("shop").to_owned();
    for verb in verbs.map(str::to_uppercase) {
        assert_eq!(echoed(&Request::new(&verb, &api))["method"], verb);
    }
}

#[test]
fn header_names_are_canonical_once_each_and_found_in_any_case() {
    let home = Home::new();
    let text = "
exports.process = async ({ headers }, response) => {
  response.body = {
    names: Object.keys(headers),
    accept: [headers.Accept, headers.accept, headers['ACCEPT']],
    custom: headers['x-request-id'],
    list: headers['X-List'],
    missing: headers['x-missing'] ?? null,
  };
  return response;
};
";
    let api = deployed(&home, "get", text);
    let request = Request::new("GET", &api)
        .header("aCCepT", "text/x-mine")
        .header("x-request-id", "abc")
        .header("x-list", "one")
        .header("X-List", "two");
    let seen = echoed(&request);
    assert_eq!(seen["accept"], json!(["text/x-mine", "text/x-mine", "text/x-mine"]));
    assert_eq!((&seen["custom"], &seen["list"]), (&json!("abc"), &json!("one, two")));
    assert_eq!(seen["missing"], Value::Null);
    let names = seen["names"].as_array().unwrap();
    for name in ["Accept", "X-Request-Id", "X-List", "Host"] {
        assert_eq!(names.iter().filter(|each| *each == name).count(), 1, "{names:?}");
    }
}

#[test]
fn a_handler_that_declares_a_third_parameter_gets_the_context() {
    let home = Home::new();
    let text = "
exports.process = async (request, response, context) => {
  response.body = { context, ahead: context.deadline - Date.now() };
  return response;
};
";
    let api = deployed(&home, "things/{id}/get", text);
    let seen = echoed(&Request::new("GET", &format!("{api}/things/1")));
    let context = &seen["context"];
    assert_eq!((&context["project"], &context["handler"]), (&json!("shop"), &json!("apis/shop/things/{id}/get")));
    assert!(context["invocation_id"].is_string() && context["trace_id"].is_string(), "{context}");
    let ahead = seen["ahead"].as_i64().expect("deadline is a number of milliseconds");
    assert!((1..=30_000).contains(&ahead), "routes have 30 s: {ahead}");
}

#[test]
fn a_handler_that_declares_two_parameters_gets_no_third() {
    let home = Home::new();
    let text = "
exports.process = async function (request, response) {
  response.body = { given: arguments.length };
  return response;
};
";
    let api = deployed(&home, "get", text);
    assert_eq!(echoed(&Request::new("GET", &api)), json!({ "given": 2 }));
}

#[test]
fn answers_carry_a_request_id_only_they_have() {
    let home = Home::new();
    let api = deployed(&home, "get", "exports.process = async () => { throw new Error('no'); };");
    let id = || http::get(&api).expect_error(502)["request_id"].clone();
    assert_ne!(id(), id());
}
