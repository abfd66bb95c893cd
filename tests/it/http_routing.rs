//! Which handler answers (contract, section 3), and what is said when none does.

use less_tests::harness::{Answer, Home, Request, http};

/// Deploys handlers that answer with their own path, and returns the API's URL.
fn deployed(home: &Home, handlers: &[&str]) -> String {
    let files: Vec<_> = handlers
        .iter()
        .map(|path| {
            let text = format!("exports.process = async (request, response) => ({{ ...response, body: '{path}' }});");
            (format!("less/apis/shop/{path}.js"), text)
        })
        .collect();
    let borrowed: Vec<_> = files.iter().map(|(path, text)| (path.as_str(), text.as_str())).collect();
    home.project("shop", &borrowed).deploy().url("shop").to_owned()
}

fn options(url: &str, method: &str) -> Answer {
    let request = Request::new("OPTIONS", url).header("origin", "https://elsewhere.example");
    request.header("access-control-request-method", method).header("access-control-request-headers", "x-a").send()
}

#[test]
fn the_leftmost_fixed_segment_wins_with_backtracking() {
    let home = Home::new();
    let api = deployed(
        &home,
        &["users/get", "users/me/get", "users/{id}/get", "users/{id}/posts/get", "users/me/likes/get", "{any}/x/get"],
    );
    for (path, handler) in [
        ("users", "users/get"),
        ("users/me", "users/me/get"),
        ("users/7", "users/{id}/get"),
        ("users/me/posts", "users/{id}/posts/get"),
        ("users/me/likes", "users/me/likes/get"),
        ("users/x", "users/{id}/get"),
        ("other/x", "{any}/x/get"),
    ] {
        assert_eq!(http::get(&format!("{api}/{path}")).expect(200).text(), handler, "{path}");
    }
}

#[test]
fn a_route_must_match_the_verb_too() {
    let home = Home::new();
    let api = deployed(&home, &["users/me/get", "users/{id}/delete"]);
    let answer = Request::new("DELETE", &format!("{api}/users/me")).send().expect(200);
    assert_eq!(answer.text(), "users/{id}/delete");
}

#[test]
fn one_trailing_slash_is_ignored_and_two_are_not() {
    let home = Home::new();
    let api = deployed(&home, &["users/get", "get"]);
    for (path, handler) in [("/users/", "users/get"), ("/", "get"), ("", "get")] {
        assert_eq!(http::get(&format!("{api}{path}")).expect(200).text(), handler);
    }
    http::get(&format!("{api}/users//")).expect_error(404);
}

#[test]
fn what_is_unknown_is_answered_with_404_in_json() {
    let home = Home::new();
    let api = deployed(&home, &["users/get"]);
    let gateway = api.strip_suffix("/shop/apis/shop").expect("the gateway's paths mirror the folder");
    for url in [format!("{api}/nothing"), format!("{gateway}/nobody/apis/x"), format!("{gateway}/shop/apis/nothing/x")]
    {
        http::get(&url).expect_error(404);
    }
}

#[test]
fn another_verb_is_answered_with_405_and_the_allowed_ones() {
    let home = Home::new();
    let api = deployed(&home, &["users/get", "users/post"]);
    let answer = Request::new("DELETE", &format!("{api}/users")).send();
    let allow = answer.header("allow").expect("allow").to_owned();
    answer.expect_error(405);
    let mut verbs: Vec<_> = allow.split(',').map(str::trim).filter(|verb| *verb != "OPTIONS").collect();
    verbs.sort_unstable();
    assert_eq!(verbs, ["GET", "HEAD", "POST"]);
}

#[test]
fn head_is_served_by_get_without_the_body() {
    let home = Home::new();
    let api = deployed(&home, &["users/get", "things/post"]);
    let answer = Request::new("HEAD", &format!("{api}/users")).send().expect(200);
    assert_eq!((answer.header("content-length"), answer.body.len()), (Some("9"), 0));
    Request::new("HEAD", &format!("{api}/things")).send().expect(405);
}

#[test]
fn cors_is_open_by_default() {
    let home = Home::new();
    let api = deployed(&home, &["users/get", "users/put"]);
    let users = format!("{api}/users");
    let answer = Request::new("GET", &users).header("origin", "https://elsewhere.example").send().expect(200);
    assert_eq!(answer.header("access-control-allow-origin"), Some("*"));

    let preflight = options(&users, "PUT");
    assert!(matches!(preflight.status, 200 | 204), "{preflight:?}");
    assert_eq!(preflight.header("access-control-allow-origin"), Some("*"));
    assert!(preflight.header("access-control-allow-methods").unwrap().contains("PUT"));
    let headers = preflight.header("access-control-allow-headers").unwrap();
    assert!(headers == "*" || headers.to_lowercase().contains("x-a"), "{headers}");
}

#[test]
fn a_failure_can_be_read_across_origins_too() {
    let home = Home::new();
    let broken = ("less/apis/shop/get.js", "exports.process = async () => { throw new Error('no'); };");
    let api = home.project("shop", &[broken]).deploy().url("shop").to_owned();
    let answer = Request::new("GET", &api).header("origin", "https://elsewhere.example").send().expect(502);
    assert_eq!(answer.header("access-control-allow-origin"), Some("*"));
}

#[test]
fn an_unknown_host_is_refused_on_loopback() {
    let home = Home::new();
    let api = deployed(&home, &["get"]);
    let port = api.rsplit_once(':').unwrap().1.split('/').next().unwrap();
    for host in ["rebound.example", "rebound.example:80", "localhost.rebound.example"] {
        Request::new("GET", &api).header("host", host).send().expect(421);
    }
    for host in [format!("localhost:{port}"), format!("127.0.0.1:{port}"), format!("[::1]:{port}")] {
        Request::new("GET", &api).header("host", &host).send().expect(200);
    }
}

#[test]
fn paths_out_of_the_folder_lead_nowhere() {
    let home = Home::new();
    let api = deployed(&home, &["users/{id}/get"]);
    for path in ["users/..%2F..%2Fx/y", "../../../etc/passwd", "users/%ff%00/z", "%"] {
        let status = http::get(&format!("{api}/{path}")).status;
        assert!(matches!(status, 400 | 404), "{path}: {status}");
    }
}
