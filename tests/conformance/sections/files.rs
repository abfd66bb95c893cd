//! Section 10: files, and where they are (15).

use less_tests::harness::{Answer, Request, eventually, http};
use serde_json::{Value, json};

use crate::case::{Case, case};
use crate::scene::Scene;

pub(crate) const CASES: &[Case] = &[
    case!(what_is_put_at_an_upload_url_is_got_at_another, ["10.01", "10.02"],
        "crates/less-server/src/triggers/http/files/receive.rs":
            "StatusCode::OK, &entry"
            => "StatusCode::CREATED, &entry"),
    case!(a_url_lives_an_hour_or_as_long_as_is_said, ["10.03"],
        "crates/less-server/src/limits.rs":
            "URL_TIME_UNLESS_GIVEN: Duration = Duration::from_secs(3600)"
            => "URL_TIME_UNLESS_GIVEN: Duration = Duration::from_secs(7200)"),
    case!(a_changed_url_gets_403, ["10.04"],
        "crates/less-server/src/signing.rs":
            ".verify_slice(&signature).map_err(|_| Denied::Wrong)?;"
            => ".verify_slice(&signature).ok();"),
    case!(an_expired_url_gets_403, ["10.05"],
        "crates/less-server/src/signing.rs":
            "if now < expires.saturating_mul(1000)"
            => "if now < expires.saturating_mul(2000)"),
    case!(what_is_public_is_read_without_signature, ["10.06"],
        "crates/less-store/src/files/path.rs":
            "self.0.starts_with(Self::PUBLIC)"
            => "self.0.starts_with(\"published/\")"),
    case!(what_is_larger_than_any_body_goes_up_and_down, ["10.07"],
        "crates/less-server/src/triggers/http/files/send.rs":
            "let (mut at, end) = (range.first, range.first + range.length);"
            => "let (mut at, end) = (range.first, range.first + range.length / 2);"),
    case!(a_range_is_got_alone, ["10.08"],
        "crates/less-server/src/triggers/http/files/range.rs":
            "size.min(last.saturating_add(1))"
            => "size.min(last)"),
    case!(a_file_has_the_type_that_it_came_with, ["10.09"],
        "crates/less-server/src/triggers/http/files/send.rs":
            "(header::CONTENT_TYPE, entry.content_type.as_str()),"
            => "(header::CONTENT_TYPE, \"text/plain\"),"),
    case!(no_path_leads_anywhere_else, ["10.10"],
        "crates/less-store/src/files/path.rs":
            "\".\" | \"..\" => return Err(BadPath::Dots),"
            => "\".\" => return Err(BadPath::Dots),"),
    case!(a_file_is_served_as_what_it_is_and_in_a_sandbox, ["10.11"],
        "crates/less-server/src/triggers/http/files/send.rs":
            "(header::CONTENT_SECURITY_POLICY, \"sandbox\"),"
            => ""),
    case!(a_file_has_at_most_5_gib, ["10.12"],
        "crates/less-server/src/limits.rs":
            "FILE_BYTES: usize = 5 << 30"
            => "FILE_BYTES: usize = 6 << 30"),
    case!(files_are_listed_by_their_prefix, ["10.13"],
        "crates/less-store/src/embedded/files/mod.rs":
            "if !entry.path.as_str().starts_with(prefix) {"
            => "if entry.path.as_str().is_empty() {"),
    case!(a_deleted_file_is_gone, ["10.14"],
        "crates/less-store/src/embedded/files/write.rs":
            "delete(self.conn, project, path)?;"
            => ""),
    case!(an_upload_is_told, ["10.15"],
        "crates/less-store/src/files.rs":
            "\"files_uploaded\""
            => "\"files_upload\""),
    case!(files_are_at_the_gateways_path_of_their_project, ["15.14"],
        "crates/less-server/src/triggers/http/door.rs":
            "Some(\"files\") => files::answer("
            => "Some(\"file\") => files::answer("),
];

#[track_caller]
fn url(scene: &Scene, operation: &str, path: &str) -> String {
    scene.post("drive", operation, &json!({ "path": path }))["result"].as_str().unwrap().to_owned()
}

#[track_caller]
fn put(scene: &Scene, path: &str, bytes: &[u8]) -> Answer {
    let request = Request::new("PUT", &url(scene, "create_upload_url", path)).header("content-type", "text/x-test");
    request.body(bytes).send().expect(200)
}

fn got(scene: &Scene, path: &str) -> Answer {
    http::get(&url(scene, "get_url", path))
}

fn what_is_put_at_an_upload_url_is_got_at_another(scene: &Scene) {
    for path in ["plain.txt", "a/b/c", "it's é?#%2e&=+.txt", "\u{1F355}"] {
        put(scene, path, path.as_bytes());
        assert_eq!(got(scene, path).expect(200).text(), path);
    }
    put(scene, "plain.txt", b"another");
    assert_eq!(got(scene, "plain.txt").expect(200).text(), "another");
    Request::new("PUT", &url(scene, "get_url", "plain.txt")).body("no").send().expect_error(403);
    http::get(&url(scene, "create_upload_url", "plain.txt")).expect_error(403);
}

fn a_url_lives_an_hour_or_as_long_as_is_said(scene: &Scene) {
    let expires = |operation: &str, options: Value| -> u64 {
        let answer = scene.post("drive", operation, &json!({ "path": "a", "options": options }));
        let query = answer["result"].as_str().unwrap().split_once("expires=").unwrap().1;
        query.split('&').next().unwrap().parse().unwrap()
    };
    for operation in ["create_upload_url", "get_url"] {
        let soon = expires(operation, json!({ "expires_in": 1 }));
        for (options, seconds) in [(json!({}), 3600), (json!({ "expires_in": 7200 }), 7200)] {
            let lives = expires(operation, options) - soon;
            assert!((seconds - 1..seconds + 60).contains(&lives), "{operation} lives {lives} s");
        }
        let asked = json!({ "path": "a", "options": { "expires_in": 8 * 24 * 3600 } }).to_string();
        let refused = http::post(&format!("{}/{operation}", scene.url("drive")), asked).expect(400).json();
        assert_eq!(refused["code"], "bad_option");
    }
}

fn a_changed_url_gets_403(scene: &Scene) {
    put(scene, "signed", b"1");
    let url = url(scene, "get_url", "signed");
    http::get(&url).expect(200);
    let (place, query) = url.split_once('?').unwrap();
    assert_eq!(http::get(place).expect_error(403)["code"], "signature_required");
    let last = if url.ends_with('a') { 'b' } else { 'a' };
    for changed in [
        format!("{}{last}", &url[..url.len() - 1]),
        url.replace("expires=", "expires=1"),
        format!("{}?{query}", place.replace("signed", "other")),
    ] {
        assert_eq!(http::get(&changed).expect_error(403)["code"], "bad_signature");
    }
}

fn an_expired_url_gets_403(scene: &Scene) {
    put(scene, "brief", b"1");
    let asked = json!({ "path": "brief", "options": { "expires_in": 1 } });
    let url = scene.post("drive", "get_url", &asked)["result"].as_str().unwrap().to_owned();
    eventually("the URL expires", || http::get(&url).status == 403);
    assert_eq!(http::get(&url).expect_error(403)["code"], "url_expired");
}

fn what_is_public_is_read_without_signature(scene: &Scene) {
    put(scene, "public/logo.svg", b"<svg/>");
    let url = url(scene, "get_url", "public/logo.svg");
    let place = url.split('?').next().unwrap();
    assert_eq!(http::get(place).expect(200).text(), "<svg/>");
    Request::new("PUT", place).body("no").send().expect_error(403);
    http::get(&place.replace("logo", "none")).expect_error(404);
    put(scene, "publicity/a", b"1");
    http::get(&place.replace("public/logo.svg", "publicity/a")).expect_error(403);
}

fn what_is_larger_than_any_body_goes_up_and_down(scene: &Scene) {
    let bytes: Vec<u8> = (0..16_u32 << 20).map(|n| (n / 1000) as u8).collect();
    put(scene, "long", &bytes);
    assert!(got(scene, "long").expect(200).body == bytes, "it came back otherwise");
}

fn a_range_is_got_alone(scene: &Scene) {
    put(scene, "digits", b"0123456789");
    let url = url(scene, "get_url", "digits");
    for (range, expected, content) in
        [("bytes=2-4", "234", "bytes 2-4/10"), ("bytes=7-", "789", "bytes 7-9/10"), ("bytes=-2", "89", "bytes 8-9/10")]
    {
        let answer = Request::new("GET", &url).header("range", range).send().expect(206);
        assert_eq!((&answer.text()[..], answer.header("content-range")), (expected, Some(content)));
    }
    Request::new("GET", &url).header("range", "bytes=10-").send().expect_error(416);
}

fn a_file_has_the_type_that_it_came_with(scene: &Scene) {
    put(scene, "typed", b"1");
    assert_eq!(got(scene, "typed").expect(200).header("content-type"), Some("text/x-test"));
}

fn no_path_leads_anywhere_else(scene: &Scene) {
    for path in ["..", "a/../../b", "../keys", "/etc/passwd", "a\u{0}b", "a\\b", "a//b", "./a", ""] {
        for operation in ["create_upload_url", "get_url", "delete"] {
            let asked = json!({ "path": path }).to_string();
            let refused = http::post(&format!("{}/{operation}", scene.url("drive")), asked).expect(400).json();
            assert_eq!(refused["code"], "bad_path", "{operation} {path:?}");
        }
    }
    for path in ["public/../a", "public/%2e%2e/a", "%2fetc%2fpasswd", "/etc/passwd", "public/a%00b", "public/..%5ca"] {
        let refused = http::get(&format!("{}/{path}", scene.url("files"))).expect_error(400);
        assert_eq!(refused["code"], "bad_path", "{path}");
    }
}

fn a_file_is_served_as_what_it_is_and_in_a_sandbox(scene: &Scene) {
    put(scene, "public/page.html", b"<script>alert(1)</script>");
    let answer = got(scene, "public/page.html").expect(200);
    assert_eq!(answer.header("x-content-type-options"), Some("nosniff"));
    assert_eq!(answer.header("content-security-policy"), Some("sandbox"));
}

fn a_file_has_at_most_5_gib(scene: &Scene) {
    let size = ((5_u64 << 30) + 1).to_string();
    let request = Request::new("PUT", &url(scene, "create_upload_url", "huge"));
    assert_eq!(request.header("content-length", &size).send().expect_error(413)["code"], "body_too_large");
}

fn files_are_listed_by_their_prefix(scene: &Scene) {
    for path in ["list/b", "list/a", "list/a/1", "lisu"] {
        put(scene, path, b"1");
    }
    let list = |prefix: &str| -> Vec<Value> {
        let listed = scene.post("drive", "list", &json!({ "prefix": prefix }))["result"].clone();
        listed.as_array().unwrap().iter().map(|entry| entry["path"].clone()).collect()
    };
    assert_eq!(list("list/"), ["list/a", "list/a/1", "list/b"]);
    assert_eq!(list("nobody"), Vec::<Value>::new());
    let one = scene.post("drive", "list", &json!({ "prefix": "lisu" }))["result"][0].clone();
    assert_eq!((&one["size"], &one["content_type"]), (&json!(1), &json!("text/x-test")));
}

fn a_deleted_file_is_gone(scene: &Scene) {
    put(scene, "brief life", b"1");
    let delete = || scene.post("drive", "delete", &json!({ "path": "brief life" }))["result"].clone();
    assert_eq!(delete(), json!(true));
    got(scene, "brief life").expect_error(404);
    assert_eq!(delete(), json!(false));
}

fn an_upload_is_told(scene: &Scene) {
    let told = put(scene, "told/it's", b"12345").json();
    assert_eq!((&told["path"], &told["size"]), (&json!("told/it's"), &json!(5)));
    eventually("the upload is told", || scene.home.notes("uploaded").contains(&told));
}

fn files_are_at_the_gateways_path_of_their_project(scene: &Scene) {
    put(scene, "public/a b", b"1");
    let base = scene.url("topics").replace("/topics", "/files");
    assert_eq!(url(scene, "get_url", "public/a b"), format!("{base}/public/a%20b"));
    assert_eq!(http::get(&format!("{base}/public/a%20b")).expect(200).text(), "1");
}
