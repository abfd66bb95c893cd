//! Files as they are sent and served (contract, section 10), with `curl` as users have it.

use serde_json::{Value, json};

use less_tests::harness::{Home, Request, eventually};

use crate::drive::{PROJECT, ask, curl, objects, source, url};

#[test]
fn what_was_put_is_got_whole_or_in_part_with_its_type() {
    let home = Home::new();
    let project = home.project("drive", &PROJECT);
    project.deploy();
    let sent = source(&home, "sent", b"0123456789");
    for language in ["js", "py"] {
        let path = format!("notes/{language} \u{e9}?#%2e.txt");
        let answer = ask(&project, language, &json!(["create_upload_url", path, { "expires_in": 60 }]));
        let put = answer["result"].as_str().unwrap();
        let seen = curl(&home, &["-T", &sent, "-H", "content-type: text/plain; charset=utf-8", put]).expect(200);
        let told: Value = serde_json::from_slice(&seen.bytes()).unwrap();
        assert_eq!((&told["path"], &told["size"]), (&json!(path), &json!(10)));
        let got = ask(&project, language, &json!(["get_url", path]))["result"].as_str().unwrap().to_owned();
        let seen = curl(&home, &[&got]).expect(200);
        assert_eq!(seen.bytes(), b"0123456789");
        for (name, value) in [
            ("content-type", "text/plain; charset=utf-8"),
            ("content-length", "10"),
            ("accept-ranges", "bytes"),
            ("x-content-type-options", "nosniff"),
            ("content-security-policy", "sandbox"),
            ("access-control-allow-origin", "*"),
        ] {
            assert_eq!(seen.header(name), Some(value), "{}", seen.head);
        }
        let etag = seen.header("etag").unwrap().to_owned();
        assert_eq!(etag, format!("\"{}\"", told["etag"].as_str().unwrap()));
        let modified = seen.header("last-modified").unwrap().to_owned();
        for (range, expected, bytes) in [
            ("2-4", "bytes 2-4/10", &b"234"[..]),
            ("7-", "bytes 7-9/10", b"789"),
            ("-2", "bytes 8-9/10", b"89"),
            ("8-99", "bytes 8-9/10", b"89"),
        ] {
            let seen = curl(&home, &["-r", range, &got]).expect(206);
            assert_eq!((seen.header("content-range"), &seen.bytes()[..]), (Some(expected), bytes), "{range}");
        }
        let beyond = curl(&home, &["-r", "10-", &got]).expect(416);
        assert_eq!((beyond.header("content-range"), &beyond.code()[..]), (Some("bytes */10"), "out_of_range"));
        curl(&home, &["-r", "0-1,3-4", &got]).expect(200);
        curl(&home, &["-r", "0-1", "-H", "if-range: \"another\"", &got]).expect(200);
        curl(&home, &["-r", "0-1", "-H", &format!("if-range: {etag}"), &got]).expect(206);
        let same = curl(&home, &["-H", &format!("if-none-match: {etag}"), &got]).expect(304);
        assert_eq!((same.header("etag"), same.bytes().len()), (Some(&etag[..]), 0));
        curl(&home, &["-H", "if-none-match: \"another\"", &got]).expect(200);
        curl(&home, &["-H", &format!("if-modified-since: {modified}"), &got]).expect(304);
        let head = curl(&home, &["-I", &got]).expect(200);
        assert_eq!((head.header("content-length"), head.header("etag")), (Some("10"), Some(&etag[..])));
        assert!(ask(&project, language, &json!(["list", "notes/"]))["result"].as_array().unwrap().contains(&told));
        eventually("the upload is told", || home.notes("uploaded").contains(&told));
        assert_eq!(ask(&project, language, &json!(["delete", path])), json!({ "result": true }));
        assert_eq!(curl(&home, &[&got]).expect(404).code(), "not_found");
        assert_eq!(ask(&project, language, &json!(["delete", path])), json!({ "result": false }));
    }
    eventually("what was deleted takes no space", || objects(&home, "drive") == 0);
}

#[test]
fn a_file_comes_in_chunks_without_a_type_empty_and_over_an_older_one() {
    let home = Home::new();
    let project = home.project("drive", &PROJECT);
    project.deploy();
    let (put, got) = (url(&project, "create_upload_url", "a"), url(&project, "get_url", "a"));
    let many = vec![b'x'; 3 << 20];
    for (name, bytes) in [("many", &many[..]), ("empty", b""), ("few", b"few")] {
        let sent = source(&home, name, bytes);
        for header in ["transfer-encoding: chunked", "expect: 100-continue"] {
            if bytes.is_empty() && header.ends_with("chunked") {
                continue; // curl does not send its end
            }
            curl(&home, &["-T", &sent, "-H", header, &put]).expect(200);
            let seen = curl(&home, &[&got]).expect(200);
            assert!(seen.bytes() == bytes, "{name} came back otherwise");
            assert_eq!(seen.header("content-type"), Some("application/octet-stream"));
        }
    }
    eventually("what was replaced takes no space", || objects(&home, "drive") == 1);
}

#[test]
fn only_a_url_as_it_was_made_opens_a_file() {
    let home = Home::new();
    let project = home.project("drive", &PROJECT);
    project.deploy();
    let other = home.project("other", &PROJECT);
    other.deploy();
    let sent = source(&home, "sent", b"secret");
    let put = url(&project, "create_upload_url", "a/b.txt");
    curl(&home, &["-T", &sent, &put]).expect(200);
    let got = url(&project, "get_url", "a/b.txt");
    curl(&home, &[&got]).expect(200);
    let (place, query) = got.split_once('?').unwrap();
    let code = |url: &str| curl(&home, &[url]).expect(403).code();
    assert_eq!(code(place), "signature_required");
    assert_eq!(code(&place.replace("b.txt", "none")), "signature_required", "it is not told what is there");
    let last = if got.ends_with('0') { "1" } else { "0" };
    assert_eq!(code(&format!("{}{last}", &got[..got.len() - 1])), "bad_signature");
    assert_eq!(code(&got.replace("expires=", "expires=1")), "bad_signature");
    assert_eq!(code(&got.replace("b.txt", "c.txt")), "bad_signature");
    assert_eq!(code(&got.replace("/drive/", "/other/")), "bad_signature", "another project's signature");
    let of_other = url(&other, "get_url", "a/b.txt");
    assert_eq!(code(&of_other.replace("/other/", "/drive/")), "bad_signature");
    assert_eq!(code(&put), "bad_signature", "an upload URL reads nothing");
    assert_eq!(curl(&home, &["-T", &sent, &got]).expect(403).code(), "bad_signature", "and the other writes nothing");
    assert_eq!(curl(&home, &[&url(&project, "get_url", "none")]).expect(404).code(), "not_found");
    let wrong = curl(&home, &["-X", "DELETE", &got]).expect(405);
    assert_eq!(wrong.header("allow"), Some("GET, HEAD, PUT"));
    let brief = ask(&project, "js", &json!(["get_url", "a/b.txt", { "expires_in": 0.1 }]));
    let brief = brief["result"].as_str().unwrap();
    eventually("the URL expires", || curl(&home, &[brief]).status == 403);
    assert_eq!(code(brief), "url_expired");
    curl(&home, &[&format!("{place}?{query}")]).expect(200);
    assert_eq!(objects(&home, "drive"), 1);
}

#[test]
fn no_path_leads_anywhere_else() {
    let home = Home::new();
    let project = home.project("drive", &PROJECT);
    project.deploy();
    let sent = format!("@{}", source(&home, "sent", b"x"));
    let base = project.url("files");
    for path in [
        "..",
        "../../token",
        "public/../../../token",
        "%2e%2e/token",
        "public/%2e%2e/%2e%2e/keys/drive",
        "public/..%2f..%2fkeys%2fdrive",
        "/etc/passwd",
        "%2fetc%2fpasswd",
        "public//a",
        "public/a%00b",
        "public/a%0ab",
        "public/a%5c..%5cb",
        "public/%ff",
        "public/%zz",
        "public/",
    ] {
        for verb in [&["--path-as-is"][..], &["--path-as-is", "-X", "PUT", "--data-binary", &sent]] {
            let target = format!("{base}/{path}?expires=9999999999&signature=00");
            let seen = curl(&home, &[verb, &[&target]].concat()).expect(400);
            assert_eq!(seen.code(), "bad_path", "{path}");
        }
    }
    let escaped = curl(&home, &["--path-as-is", &format!("{base}/public/%252e%252e/a")]).expect(404);
    assert_eq!(escaped.code(), "not_found", "what was escaped twice is a name like another");
    for language in ["js", "py"] {
        for path in ["..", "a/../b", "/etc/passwd", "a\u{0}b", "a\\b", "./a", "a//b", "a/", ""] {
            for operation in ["create_upload_url", "get_url", "delete"] {
                let answer = ask(&project, language, &json!([operation, path]));
                assert_eq!(answer["code"], "bad_path", "{language} {operation} {path:?}: {answer}");
            }
        }
        let answer = ask(&project, language, &json!(["get_url", "a", { "expires_in": 8 * 24 * 3600 }]));
        assert_eq!(answer["code"], "bad_option", "{answer}");
    }
    assert_eq!(objects(&home, "drive"), 0);
}

#[test]
fn everybody_reads_what_is_public_and_pages_of_any_site_bring_files() {
    let home = Home::new();
    let project = home.project("drive", &PROJECT);
    project.deploy();
    let sent = source(&home, "sent", b"<script>alert(1)</script>");
    let (put, got) = (url(&project, "create_upload_url", "public/a.html"), url(&project, "get_url", "public/a.html"));
    assert!(!got.contains('?'), "{got}");
    let asked = ["-X", "OPTIONS", "-H", "origin: https://shop.example", "-H", "access-control-request-method: PUT"];
    let asked = [&asked[..], &["-H", "access-control-request-headers: content-type", &put]].concat();
    let allowed = curl(&home, &asked).expect(204);
    assert!(allowed.header("access-control-allow-methods").unwrap().contains("PUT"), "{}", allowed.head);
    assert_eq!(allowed.header("access-control-allow-headers"), Some("content-type"));
    assert_eq!(allowed.header("access-control-allow-origin"), Some("*"));
    curl(&home, &["-T", &sent, &got]).expect(403);
    let page = ["-T", &sent, "-H", "content-type: text/html", "-H", "origin: https://shop.example", &put];
    assert_eq!(curl(&home, &page).expect(200).header("access-control-allow-origin"), Some("*"));
    let seen = curl(&home, &[&got]).expect(200);
    assert_eq!(seen.header("content-security-policy"), Some("sandbox"), "it is no page of ours");
    assert_eq!(seen.header("x-content-type-options"), Some("nosniff"));
}

#[test]
fn a_file_that_is_too_large_is_refused_before_it_comes() {
    let home = Home::new();
    let project = home.project("drive", &PROJECT);
    project.deploy();
    let put = url(&project, "create_upload_url", "a");
    let size = ((5_u64 << 30) + 1).to_string();
    for expect in ["", "100-continue"] {
        let request = Request::new("PUT", &put).header("content-length", &size).header("expect", expect);
        assert_eq!(request.send().expect_error(413)["code"], "body_too_large");
    }
    let part = Request::new("PUT", &put).header("content-range", "bytes 0-0/5").body("x");
    part.send().expect_error(400);
    assert_eq!(objects(&home, "drive"), 0);
}
