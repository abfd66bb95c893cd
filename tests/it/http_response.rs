//! What a client is given (contract, section 3): bodies, headers, middlewares, failures.

use serde_json::json;

use less_tests::harness::{Home, http};

/// Deploys `less/apis/shop/<name>/get.js` for each pair and returns the API's URL.
fn deployed(home: &Home, routes: &[(&str, &str)]) -> String {
    deployed_with(home, routes, "")
}

fn deployed_with(home: &Home, routes: &[(&str, &str)], config: &str) -> String {
    let paths: Vec<_> = routes.iter().map(|(name, _)| format!("less/apis/shop/{name}/get.js")).collect();
    let mut files: Vec<_> = paths.iter().zip(routes).map(|(path, (_, text))| (path.as_str(), *text)).collect();
    if !config.is_empty() {
        files.push(("less.config", config));
    }
    home.project("shop", &files).deploy().url("shop").to_owned()
}

fn returning(value: &str) -> String {
    format!("exports.process = async (request, response) => ({value});")
}

#[test]
fn strings_numbers_objects_and_bytes_are_sent_each_in_their_way() {
    let home = Home::new();
    let routes = [
        ("string", returning("{ ...response, body: 'h\\u00e9' }")),
        ("number", returning("{ ...response, body: 12.5 }")),
        ("object", returning("{ ...response, body: { a: [1, null] } }")),
        ("array", returning("{ ...response, body: [1, 2] }")),
        ("buffer", returning("{ ...response, body: Buffer.from([0, 255, 10]) }")),
        ("bytes", returning("{ ...response, body: new Uint8Array([255, 0]) }")),
        ("nothing", "exports.process = async (request, response) => { response.body = 'as it stands'; };".to_owned()),
        ("own", returning("{ headers: { 'Content-Type': 'application/problem+json' }, body: { a: 1 } }")),
    ];
    let borrowed: Vec<_> = routes.iter().map(|(name, text)| (*name, text.as_str())).collect();
    let api = deployed(&home, &borrowed);
    let answer = |name: &str| http::get(&format!("{api}/{name}")).expect(200);
    assert_eq!(answer("string").text(), "hé");
    assert_eq!(answer("number").text(), "12.5");
    for (name, value) in [("object", json!({ "a": [1, null] })), ("array", json!([1, 2]))] {
        assert_eq!((answer(name).header("content-type"), answer(name).json()), (Some("application/json"), value));
    }
    assert_eq!(answer("buffer").body, [0, 255, 10]);
    assert_eq!(answer("bytes").body, [255, 0]);
    assert_eq!(answer("nothing").text(), "as it stands");
    assert_eq!(answer("own").all_headers("content-type"), ["application/problem+json"]);
}

#[test]
fn the_status_is_200_unless_said_and_both_spellings_count() {
    let home = Home::new();
    let api = deployed(
        &home,
        &[
            ("silent", "exports.process = async (request, response) => response;"),
            (
                "camel",
                "exports.process = async (request, response) => { response.statusCode = 201; return response; };",
            ),
            (
                "snake",
                "exports.process = async (request, response) => { response.status_code = 202; return response; };",
            ),
            ("fresh", "exports.process = async () => ({ status_code: 404, body: 'none' });"),
            ("empty", "exports.process = async () => ({ statusCode: 204 });"),
        ],
    );
    for (name, status) in [("silent", 200), ("camel", 201), ("snake", 202), ("fresh", 404), ("empty", 204)] {
        assert_eq!(http::get(&format!("{api}/{name}")).status, status, "{name}");
    }
}

#[test]
fn a_header_may_have_several_values() {
    let home = Home::new();
    let text = "
exports.process = async (request, response) => {
  response.headers['Set-Cookie'] = ['a=1; Path=/', 'b=2, c'];
  response.headers['X-Number'] = 7;
  return response;
};
";
    let answer = http::get(&format!("{}/cookies", deployed(&home, &[("cookies", text)]))).expect(200);
    assert_eq!(answer.all_headers("set-cookie"), ["a=1; Path=/", "b=2, c"]);
    assert_eq!(answer.header("x-number"), Some("7"));
}

#[test]
fn middlewares_run_in_order_and_share_request_and_response() {
    let home = Home::new();
    let text = "
const step = (name) => async (request, response, next) => {
  request.seen = [...(request.seen ?? []), name];
  response.headers[`x-${name}`] = 'yes';
  await next();
};
exports.middlewares = [step('one'), step('two')];
exports.process = async (request, response) => { response.body = request.seen; return response; };
";
    let answer = http::get(&format!("{}/steps", deployed(&home, &[("steps", text)]))).expect(200);
    assert_eq!(answer.json(), json!(["one", "two"]));
    assert_eq!((answer.header("x-one"), answer.header("x-two")), (Some("yes"), Some("yes")));
}

#[test]
fn a_request_waits_for_a_next_that_nobody_awaited() {
    let home = Home::new();
    let text = "
const forgetful = (request, response, next) => { next(); };
exports.process = async (request, response) => {
  await new Promise((resolve) => setTimeout(resolve, 100));
  response.statusCode = 201;
  response.body = 'late';
  return response;
};
exports.middlewares = [forgetful, forgetful];
";
    let answer = http::get(&format!("{}/late", deployed(&home, &[("late", text)]))).expect(201);
    assert_eq!(answer.text(), "late");
}

#[test]
fn a_middleware_that_does_not_call_next_ends_the_request() {
    let home = Home::new();
    let answering = "
exports.middlewares = [async (request, response) => ({ statusCode: 401, body: 'who are you?' })];
exports.process = async () => { throw new Error('never reached'); };
";
    let silent = "
exports.middlewares = [async (request, response) => { response.statusCode = 203; response.body = 'as it stands'; }];
exports.process = async () => { throw new Error('never reached'); };
";
    let api = deployed(&home, &[("answering", answering), ("silent", silent)]);
    assert_eq!(http::get(&format!("{api}/answering")).expect(401).text(), "who are you?");
    assert_eq!(http::get(&format!("{api}/silent")).expect(203).text(), "as it stands");
}

#[test]
fn a_middleware_may_answer_for_a_handler_that_threw() {
    let home = Home::new();
    let text = "
exports.middlewares = [async (request, response, next) => {
  try { return await next(); } catch (error) { return { statusCode: 409, body: error.message }; }
}];
exports.process = async () => { throw new Error('taken'); };
";
    let answer = http::get(&format!("{}/caught", deployed(&home, &[("caught", text)]))).expect(409);
    assert_eq!(answer.text(), "taken");
}

#[test]
fn what_a_handler_threw_goes_to_the_log_and_not_to_the_client() {
    let home = Home::new();
    let path = "less/apis/shop/broken/get.js";
    let project =
        home.project("shop", &[(path, "exports.process = async () => { throw new TypeError('a secret'); };")]);
    let api = project.deploy().url("shop").to_owned();
    let body = http::get(&format!("{api}/broken")).expect_error(502);
    assert_eq!(body["error"], "Internal Server Error");
    assert!(!body.to_string().contains("secret"));
    project.logged("apis/shop/broken/get", "TypeError: a secret");
    project.logged("apis/shop/broken/get", "get.js:1");
}

#[test]
fn a_throw_that_is_no_error_is_a_failure_too() {
    let home = Home::new();
    let api = deployed(
        &home,
        &[
            ("text", "exports.process = async () => { throw 'just text'; };"),
            ("nothing", "exports.process = async () => { throw undefined; };"),
            ("sync", "exports.process = () => { throw new Error('at once'); };"),
            (
                "middleware",
                "exports.middlewares = [() => { throw new Error('early'); }]; exports.process = async () => ({});",
            ),
        ],
    );
    for name in ["text", "nothing", "sync", "middleware"] {
        http::get(&format!("{api}/{name}")).expect_error(502);
    }
}

#[test]
fn a_response_that_cannot_be_sent_is_a_failure() {
    let home = Home::new();
    let api = deployed(
        &home,
        &[
            ("status", "exports.process = async () => ({ statusCode: 'many' });"),
            ("header", "exports.process = async () => ({ headers: { 'x-a': 'one\\r\\nx-b: two' } });"),
            ("circle", "exports.process = async () => { const body = {}; body.body = body; return { body }; };"),
        ],
    );
    for name in ["status", "header", "circle"] {
        http::get(&format!("{api}/{name}")).expect_error(502);
    }
}

#[test]
fn a_handler_that_takes_too_long_is_answered_with_504() {
    let home = Home::new();
    let config = "apis: { shop: { timeout: 1s } }\n";
    let api = deployed_with(&home, &[("never", "exports.process = () => new Promise(() => {});")], config);
    http::get(&format!("{api}/never")).expect_error(504);
}

#[test]
fn a_response_of_20_mb_is_refused_by_its_own_error_and_one_of_6_mib_is_sent() {
    let home = Home::new();
    let api = deployed(
        &home,
        &[
            ("large", "exports.process = async () => ({ body: 'x'.repeat(20e6) });"),
            ("largest", "exports.process = async () => ({ body: Buffer.alloc(6 << 20, 'x') });"),
        ],
    );
    assert_eq!(http::get(&format!("{api}/large")).expect_error(502)["code"], "response_too_large");
    assert_eq!(http::get(&format!("{api}/largest")).expect(200).body.len(), 6 << 20);
}
