//! Section 3: what a handler is told, and which one.

use less_tests::harness::{Connection, Request, http};
use serde_json::{Value, json};

use crate::case::{Case, case};
use crate::scene::Scene;

pub(crate) const CASES: &[Case] = &[
    case!(headers_have_canonical_names_each_once, ["3.01", "3.02"],
        "crates/less-server/src/triggers/http/headers.rs":
            "start = c == '-';"
            => "start = false;"),
    case!(a_header_is_found_in_any_case, ["3.03"],
        "sdk/node/http.cjs":
            "const wanted = name.toLowerCase();"
            => "const wanted = name;"),
    case!(a_body_is_a_string_and_base64_when_it_is_not_utf8, ["3.04", "3.05"],
        "crates/less-server/src/triggers/http/api.rs":
            "std::str::from_utf8(body).is_err()"
            => "false"),
    case!(a_query_is_decoded_and_repeated_names_are_kept_apart, ["3.06", "3.07"],
        "crates/less-server/src/triggers/http/api.rs":
            "less_project::parse_query(head.uri.query().unwrap_or_default())"
            => "Vec::new()"),
    case!(parameters_are_decoded_and_an_encoded_slash_stays_inside, ["1.19", "3.08", "3.37"],
        "crates/less-server/src/triggers/http/api.rs":
            "target.path, route.params)"
            => "target.path, Vec::new())"),
    case!(a_plus_is_a_space_in_queries_only, ["3.38"],
        "crates/less-project/src/routes/decode.rs":
            "b'+'"
            => "b'*'"),
    case!(method_and_path_are_those_of_the_request, ["3.09"],
        "crates/less-server/src/triggers/http/api.rs":
            "path: path.to_owned(),"
            => "path: head.uri.path().to_owned(),"),
    case!(handlers_in_the_folder_of_the_api_serve_its_root, ["3.39"],
        "crates/less-server/src/triggers/http/door.rs":
            "None => (rest, \"/\"),"
            => "None => (rest, \"/index\"),"),
    case!(the_leftmost_fixed_segment_wins_with_backtracking, ["3.34", "3.35"],
        "crates/less-project/src/routes/mod.rs":
            "return node.verbs[self.verb? as usize];"
            => "return node.verbs.into_iter().flatten().next();"),
    case!(one_trailing_slash_is_ignored, ["3.36"],
        "crates/less-project/src/routes/mod.rs":
            "path.strip_suffix('/').unwrap_or(path)"
            => "path"),
    case!(head_is_served_by_get, ["3.40"],
        "crates/less-project/src/routes/mod.rs":
            "if method == \"HEAD\" { \"GET\" } else { method }"
            => "method"),
    case!(an_unknown_route_is_404_and_another_verb_405_with_allow, ["3.32", "3.33"],
        "crates/less-server/src/triggers/http/failure.rs":
            "Self::WrongVerb { .. } => (StatusCode::METHOD_NOT_ALLOWED"
            => "Self::WrongVerb { .. } => (StatusCode::NOT_FOUND"),
    case!(cors_is_open_by_default, ["3.41"],
        "crates/less-server/src/triggers/http/cors.rs":
            "or_insert(HeaderValue::from_static(\"*\"));"
            => "or_insert(HeaderValue::from_static(\"null\"));"),
    case!(cors_can_be_narrowed, ["3.42", "13.09"],
        "crates/less-server/src/triggers/http/cors.rs":
            "let Some(listed) = &self.0 else {"
            => "let Some(listed) = self.0.as_ref().filter(|_| false) else {"),
];

fn headers_have_canonical_names_each_once(scene: &Scene) {
    let request = Request::new("GET", &format!("{}/echo", scene.url("rest")));
    let request = request.header("x-request-id", "7").header("accept", "a").header("ACCEPT", "b");
    let headers = request.send().expect(200).json()["headers"].clone();
    assert_eq!((&headers["X-Request-Id"], &headers["Accept"]), (&json!("7"), &json!("a, b")));
    let accepts = headers.as_object().unwrap().keys().filter(|name| name.eq_ignore_ascii_case("accept"));
    assert_eq!(accepts.count(), 1, "{headers}");
}

fn a_header_is_found_in_any_case(scene: &Scene) {
    let request = Request::new("GET", &format!("{}/accepts", scene.url("rest"))).header("accept", "text/x");
    assert_eq!(request.send().expect(200).json(), json!(["text/x", "text/x", "text/x", "text/x", null]));
}

fn a_body_is_a_string_and_base64_when_it_is_not_utf8(scene: &Scene) {
    let echo = format!("{}/echo", scene.url("rest"));
    let told = |body: &[u8]| {
        let told = http::post(&echo, body).expect(200).json();
        (told["body"].clone(), told["is_base64"].clone())
    };
    assert_eq!(told("h\u{e9}\u{1F355}\u{0}\r\n".as_bytes()), (json!("h\u{e9}\u{1F355}\u{0}\r\n"), json!(false)));
    assert_eq!(told(b""), (json!(""), json!(false)));
    assert_eq!(told(&[0xff, 0xfe, 0, 1]), (json!("//4AAQ=="), json!(true)));
    assert_eq!(scene.get("rest", "echo")["body"], "");
}

fn a_query_is_decoded_and_repeated_names_are_kept_apart(scene: &Scene) {
    let told = scene.get("rest", "echo?a=1&a=h%C3%A9&b=%26&empty");
    assert_eq!(told["query"], json!({ "a": "hé", "b": "&", "empty": "" }));
    assert_eq!(told["query_all"], json!({ "a": ["1", "hé"], "b": ["&"], "empty": [""] }));
}

fn parameters_are_decoded_and_an_encoded_slash_stays_inside(scene: &Scene) {
    assert_eq!(scene.get("rest", "things/h%C3%A9%20%7Bid%7D"), json!({ "id": "hé {id}" }));
    assert_eq!(scene.get("rest", "things/a%2Fb"), json!({ "id": "a/b" }));
}

fn a_plus_is_a_space_in_queries_only(scene: &Scene) {
    assert_eq!(scene.get("rest", "echo?a=b+c")["query"]["a"], "b c");
    assert_eq!(scene.get("rest", "things/b+c"), json!({ "id": "b+c" }));
}

fn method_and_path_are_those_of_the_request(scene: &Scene) {
    let told = scene.get("rest", "echo?a=1");
    assert_eq!((&told["method"], &told["path"]), (&json!("GET"), &json!("/echo")));
    assert_eq!(scene.post("rest", "echo", &Value::Null)["method"], "POST");
}

fn handlers_in_the_folder_of_the_api_serve_its_root(scene: &Scene) {
    assert_eq!(http::get(&scene.url("rest")).expect(200).text(), "root");
}

fn the_leftmost_fixed_segment_wins_with_backtracking(scene: &Scene) {
    let at = |path: &str| http::get(&format!("{}/{path}", scene.url("rest"))).expect(200).text();
    assert_eq!(at("users/me"), "me");
    assert_eq!(at("users/7"), "user 7");
    assert_eq!(at("users/me/posts"), "posts of me");
    assert_eq!(at("users/latest"), "user latest");
    assert_eq!(at("photos/latest"), "latest of photos");
    // The path alone leads to `users/{id}`, which has no POST.
    let posted = http::post(&format!("{}/users/latest", scene.url("rest")), "").expect(200);
    assert_eq!(posted.text(), "posted to latest of users");
}

fn one_trailing_slash_is_ignored(scene: &Scene) {
    let at = |path: &str| http::get(&format!("{}/{path}", scene.url("rest"))).status;
    assert_eq!((at("users/me/"), at("users/me//")), (200, 404));
}

fn head_is_served_by_get(scene: &Scene) {
    let url = format!("{}/answers/string", scene.url("rest"));
    let mut connection = Connection::open(&url);
    let answer = connection.send(&Request::new("HEAD", &url)).expect(200);
    assert_eq!((answer.header("content-length"), answer.body.len()), (Some("3"), 0));
    // The connection goes on: nothing of a body was sent.
    assert_eq!(connection.send(&Request::new("GET", &url)).expect(200).text(), "hé");
}

fn an_unknown_route_is_404_and_another_verb_405_with_allow(scene: &Scene) {
    let rest = scene.url("rest");
    http::get(&format!("{rest}/no/such/place")).expect_error(404);
    let answer = Request::new("DELETE", &format!("{rest}/echo")).send();
    let mut allowed: Vec<_> = answer.header("allow").unwrap_or_default().split(", ").collect();
    allowed.sort_unstable();
    assert_eq!(allowed, ["GET", "HEAD", "POST"]);
    answer.expect_error(405);
}

fn cors_is_open_by_default(scene: &Scene) {
    let url = format!("{}/echo", scene.url("rest"));
    let asked = Request::new("GET", &url).header("origin", "https://shop.example").send().expect(200);
    assert_eq!(asked.header("access-control-allow-origin"), Some("*"));
    let preflight = Request::new("OPTIONS", &url)
        .header("origin", "https://shop.example")
        .header("access-control-request-method", "POST")
        .header("access-control-request-headers", "x-own")
        .send();
    assert!((200..300).contains(&preflight.status), "{}", preflight.status);
    assert!(preflight.header("access-control-allow-methods").is_some_and(|methods| methods.contains("POST")));
    assert_eq!(preflight.header("access-control-allow-headers"), Some("x-own"));
}

fn cors_can_be_narrowed(scene: &Scene) {
    let stage = scene.small_stage("narrow");
    stage.project().write("less.config", "apis: { narrow: { cors: { origins: [\"https://shop.example\"] } } }\n");
    let url = stage.project().deploy().url("narrow").to_owned();
    let allowed = |origin: &str| {
        let answer = Request::new("GET", &url).header("origin", origin).send().expect(200);
        answer.header("access-control-allow-origin").map(str::to_owned)
    };
    assert_eq!(allowed("https://shop.example").as_deref(), Some("https://shop.example"));
    assert_ne!(allowed("https://elsewhere.example").as_deref(), Some("https://elsewhere.example"));
    assert_ne!(allowed("https://elsewhere.example").as_deref(), Some("*"));
}
