//! What a static site answers (contract, section 12).

use std::time::Duration;

use less_tests::harness::{Connection, Home, Request, eventually_within, http, processes};

use crate::site_scene::{decoded, get_with, page, statics};

const IMMUTABLE: &str = "public, max-age=31536000, immutable";

#[test]
fn files_have_a_type_a_tag_and_nothing_is_guessed() {
    let home = Home::new();
    let files = [
        ("web/index.html", page("home")),
        ("web/docs/index.html", page("docs")),
        ("web/docs/guide.html", page("guide")),
        ("web/app.js", "let a = 1".into()),
        ("web/style.css", "b{}".into()),
        ("web/data.json", "{}".into()),
        ("web/logo.svg", "<svg/>".into()),
        ("web/a b/caf\u{e9}.txt", "hot".into()),
        ("web/LICENSE", "free".into()),
        ("web/empty.txt", String::new()),
        ("web/.well-known/security.txt", "contact".into()),
    ];
    let files: Vec<_> = files.iter().map(|(path, text)| (*path, text.as_str())).collect();
    let url = statics(&home, &files).deploy().url("web").to_owned();
    for (path, kind, text) in [
        ("/", "text/html; charset=utf-8", page("home")),
        ("/index.html", "text/html; charset=utf-8", page("home")),
        ("/docs/", "text/html; charset=utf-8", page("docs")),
        ("/docs/guide.html?x=1", "text/html; charset=utf-8", page("guide")),
        ("/app.js", "text/javascript; charset=utf-8", "let a = 1".into()),
        ("/style.css", "text/css; charset=utf-8", "b{}".into()),
        ("/data.json", "application/json", "{}".into()),
        ("/logo.svg", "image/svg+xml; charset=utf-8", "<svg/>".into()),
        ("/a%20b/caf%C3%A9.txt", "text/plain; charset=utf-8", "hot".into()),
        ("/LICENSE", "application/octet-stream", "free".into()),
        ("/empty.txt", "text/plain; charset=utf-8", String::new()),
        ("/.well-known/security.txt", "text/plain; charset=utf-8", "contact".into()),
    ] {
        let answer = http::get(&format!("{url}{path}")).expect(200);
        assert_eq!(answer.text(), text, "{path}");
        assert_eq!(answer.header("content-type"), Some(kind), "{path}");
        assert_eq!(answer.header("content-length"), Some(text.len().to_string().as_str()), "{path}");
        assert_eq!(answer.header("x-content-type-options"), Some("nosniff"), "{path}");
        assert_eq!(answer.header("cache-control"), Some("no-cache"), "{path}");
        let head = Request::new("HEAD", &format!("{url}{path}")).send().expect(200);
        assert_eq!(
            (head.header("content-length"), head.header("etag")),
            (answer.header("content-length"), answer.header("etag"))
        );
        let again = get_with(&format!("{url}{path}"), &[("if-none-match", answer.header("etag").unwrap())]).expect(304);
        assert_eq!(again.header("etag"), answer.header("etag"));
        let since = answer.header("last-modified").unwrap();
        get_with(&format!("{url}{path}"), &[("if-modified-since", since)]).expect(304);
        get_with(&format!("{url}{path}"), &[("if-none-match", "\"another\"")]).expect(200);
    }
    let moved = http::get(&format!("{url}/docs?x=1")).expect(301);
    assert_eq!(moved.header("location"), Some("/docs/?x=1"));
}

#[test]
fn a_missing_file_is_a_404_page_an_app_or_an_error() {
    let home = Home::new();
    let project = statics(
        &home,
        &[
            ("app/index.html", &page("app")),
            ("app/assets/a.js", "1"),
            ("pages/index.html", &page("pages")),
            ("pages/404.html", &page("lost")),
            ("files/a.txt", "a"),
        ],
    );
    let deployed = project.deploy();
    for path in ["/users/7", "/users/7/", "/assets", "/assets/"] {
        assert_eq!(http::get(&format!("{}{path}", deployed.url("app"))).expect(200).text(), page("app"), "{path}");
    }
    for path in ["/missing.js", "/assets/b.js", "/favicon.ico"] {
        let body = http::get(&format!("{}{path}", deployed.url("app"))).expect_error(404);
        assert_eq!(body["code"], "not_found", "{path}");
    }
    for path in ["/users/7", "/missing.js", "/missing/"] {
        let answer = http::get(&format!("{}{path}", deployed.url("pages"))).expect(404);
        assert_eq!(answer.text(), page("lost"), "{path}");
        assert_eq!(answer.header("content-type"), Some("text/html; charset=utf-8"));
        assert_eq!(answer.header("cache-control"), Some("no-cache"));
        assert_eq!(answer.header("etag"), None, "an answer to whatever was asked is nothing to keep");
    }
    for path in ["/", "/missing"] {
        http::get(&format!("{}{path}", deployed.url("files"))).expect_error(404);
    }
}

#[test]
fn files_are_read_and_nothing_else() {
    let home = Home::new();
    let url = statics(&home, &[("web/index.html", &page("home"))]).deploy().url("web").to_owned();
    for method in ["POST", "PUT", "PATCH", "DELETE", "OPTIONS"] {
        let answer = Request::new(method, &url).body("x").send();
        assert_eq!(answer.header("allow"), Some("GET, HEAD"), "{method}");
        answer.expect_error(405);
    }
    get_with(&url, &[("host", "evil.example")]).expect_error(421);
}

#[test]
fn a_form_that_the_client_takes_is_sent_and_every_form_has_a_tag_of_its_own() {
    let home = Home::new();
    let script = "export const answer = 42;\n".repeat(2_000);
    let project = statics(
        &home,
        &[
            ("web/app.js", &script),
            ("web/small.js", "1"),
            ("web/given.js", "let x = 1; // as it is"),
            ("web/given.js.gz", "given"),
        ],
    );
    let url = project.deploy().url("web").to_owned();
    let app = format!("{url}/app.js");
    let plain = http::get(&app).expect(200);
    assert_eq!(
        (plain.text(), plain.header("content-encoding"), plain.header("vary")),
        (script.clone(), None, Some("accept-encoding"))
    );
    let mut tags = vec![plain.header("etag").unwrap().to_owned()];
    for (accepted, coding) in [("gzip, deflate, br, zstd", "br"), ("gzip", "gzip"), ("br;q=0.1, gzip", "gzip")] {
        for _ in 0..2 {
            let answer = get_with(&app, &[("accept-encoding", accepted)]).expect(200);
            assert_eq!(answer.header("content-encoding"), Some(coding), "{accepted}");
            assert_eq!(answer.header("content-type"), Some("text/javascript; charset=utf-8"));
            assert_eq!(answer.header("vary"), Some("accept-encoding"));
            assert!(answer.body.len() < script.len() / 10, "{}", answer.body.len());
            assert_eq!(decoded(&answer), script.as_bytes(), "{accepted}");
            let tag = answer.header("etag").unwrap().to_owned();
            get_with(&app, &[("accept-encoding", accepted), ("if-none-match", &tag)]).expect(304);
            tags.push(tag);
        }
    }
    tags.sort();
    tags.dedup();
    assert_eq!(tags.len(), 3, "{tags:?}");
    get_with(&app, &[("accept-encoding", "br"), ("if-none-match", plain.header("etag").unwrap())]).expect(200);
    let refused = get_with(&app, &[("accept-encoding", "br;q=0, gzip;q=0")]).expect(200);
    assert_eq!(refused.text(), script);

    let small = get_with(&format!("{url}/small.js"), &[("accept-encoding", "br, gzip")]).expect(200);
    assert_eq!((small.header("content-encoding"), small.header("vary")), (None, None));
    let given = get_with(&format!("{url}/given.js"), &[("accept-encoding", "gzip")]).expect(200);
    assert_eq!((given.header("content-encoding"), given.text().as_str()), (Some("gzip"), "given"));
    assert_eq!(http::get(&format!("{url}/given.js")).expect(200).text(), "let x = 1; // as it is");
}

#[test]
fn what_names_its_content_is_kept_for_ever() {
    let home = Home::new();
    let names = ["assets/index-Bx3f9a2c.js", "static/css/main.8d2f1c0a.css", "assets/index-Bx3f9a2c.html", "sw.js"];
    let files: Vec<_> = names.iter().map(|name| (format!("web/{name}"), "x")).collect();
    let files: Vec<_> = files.iter().map(|(path, text)| (path.as_str(), *text)).collect();
    let url = statics(&home, &files).deploy().url("web").to_owned();
    let caching = |name| http::get(&format!("{url}/{name}")).expect(200).header("cache-control").map(str::to_owned);
    assert_eq!(names.map(caching).map(Option::unwrap), [IMMUTABLE, IMMUTABLE, "no-cache", "no-cache"]);
}

#[test]
fn parts_are_sent_of_what_the_client_began_to_read() {
    let home = Home::new();
    let text = "0123456789".repeat(20_000);
    let url = format!("{}/film.txt", statics(&home, &[("web/film.txt", &text)]).deploy().url("web"));
    let whole = http::get(&url).expect(200);
    assert_eq!((whole.text(), whole.header("accept-ranges")), (text.clone(), Some("bytes")));
    for (range, from, length) in
        [("bytes=0-0", 0, 1), ("bytes=199990-", 199_990, 10), ("bytes=-7", 199_993, 7), ("bytes=5-150004", 5, 150_000)]
    {
        let part = get_with(&url, &[("range", range), ("accept-encoding", "br")]).expect(206);
        assert_eq!(part.text(), text[from..from + length], "{range}");
        let told = format!("bytes {from}-{}/200000", from + length - 1);
        assert_eq!(part.header("content-range"), Some(told.as_str()));
        assert_eq!(part.header("etag"), whole.header("etag"));
    }
    let beyond = get_with(&url, &[("range", "bytes=200000-")]).expect(416);
    assert_eq!(beyond.header("content-range"), Some("bytes */200000"));
    let tag = whole.header("etag").unwrap();
    get_with(&url, &[("range", "bytes=0-0"), ("if-range", tag)]).expect(206);
    assert_eq!(get_with(&url, &[("range", "bytes=0-0"), ("if-range", "\"old\"")]).expect(200).text(), text);
    assert_eq!(get_with(&url, &[("range", "bytes=0-0,5-5")]).expect(200).text(), text);
}

/// Sends a path that no client would.
fn raw(url: &str, path: &[u8]) -> u16 {
    let mut connection = Connection::open(url);
    let bytes = [b"GET ", path, b" HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n"].concat();
    connection.try_write(&bytes).unwrap();
    connection.read_head().unwrap().0
}

#[test]
fn no_path_leads_out_of_a_site_or_to_hidden_files() {
    let home = Home::new();
    let project = statics(
        &home,
        &[
            ("web/index.html", &page("app")),
            ("web/.env", "SECRET=1"),
            ("web/.git/config", "x"),
            ("other/secret.txt", "x"),
        ],
    );
    let paths: [&[u8]; 18] = [
        b"/../other/secret.txt",
        b"/..%2fother/secret.txt",
        b"/%2e%2e/other/secret.txt",
        b"/%2e%2e%2fother%2fsecret.txt",
        b"/a/../../other/secret.txt",
        b"/../../../../../../etc/passwd",
        b"//etc/passwd",
        b"/%2fetc%2fpasswd",
        b"/.env",
        b"/%2eenv",
        b"/.git/config",
        b"/.git",
        b"/./index.html",
        b"/index.html%00",
        b"/%00",
        b"/%ff",
        b"/.less-build.json",
        b"/..",
    ];
    let url = project.deploy().url("web").to_owned();
    for path in paths {
        assert_eq!(raw(&url, path), 404, "{}", String::from_utf8_lossy(path));
    }
    for path in [&b"/a\0b"[..], b"/a\x01b"] {
        assert_eq!(raw(&url, path), 400, "{path:?}");
    }
    assert_eq!(raw(&url, b"/"), 200);
    let run = home.start("run", &project.folder, &["run", "shop", "--port", "0"]);
    let url = { run }.url("web");
    for path in paths {
        assert_eq!(raw(&url, path), 404, "run: {}", String::from_utf8_lossy(path));
    }
    assert_eq!(raw(&url, b"/"), 200);
}

#[test]
fn a_large_file_takes_little_memory_however_many_read_it() {
    let home = Home::new();
    let project = statics(&home, &[("web/index.html", &page("home"))]);
    let film = project.folder.join("less/statics/web/film.mp4");
    std::fs::File::create(&film).unwrap().set_len(96 << 20).unwrap();
    let url = format!("{}/film.mp4", project.deploy().url("web"));
    let server = home.server_pid();
    let before = processes::peak_resident_mib(server);
    let mut slow: Vec<Connection> = Vec::new();
    for _ in 0..8 {
        let mut connection = Connection::open(&url);
        connection.try_write(b"GET /film.mp4 HTTP/1.1\r\nhost: localhost\r\n\r\n").unwrap();
        assert_eq!(connection.read_head().unwrap().0, 200);
        slow.push(connection);
    }
    assert_eq!(http::get(&url).expect(200).body.len(), 96 << 20);
    let grown = processes::peak_resident_mib(server) - before;
    assert!(grown < 48, "{grown} MiB more");
}

#[test]
fn whoever_pauses_while_reading_does_not_keep_the_server_from_stopping() {
    let home = Home::new();
    let project = statics(&home, &[("web/index.html", &page("home"))]);
    std::fs::File::create(project.folder.join("less/statics/web/film.mp4")).unwrap().set_len(64 << 20).unwrap();
    let url = project.deploy().url("web").to_owned();
    let mut paused = Connection::open(&url);
    paused.try_write(b"GET /film.mp4 HTTP/1.1\r\nhost: localhost\r\n\r\n").unwrap();
    assert_eq!(paused.read_head().unwrap().0, 200);
    let server = home.server_pid();
    processes::signal(server, rustix::process::Signal::TERM);
    eventually_within(Duration::from_secs(20), "the server has stopped", || !processes::lives(server));
    home.assert_no_process_left();
}
