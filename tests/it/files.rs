//! Files (contract, section 10), with `curl` as users have it.
//!
//! `LESS_FILE_MIB` sets the size of the big file; 1024 is what is promised.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Instant;

use serde_json::{Value, json};

use less_tests::harness::{Connection, Home, Project, Request, eventually, http, processes};

/// Runs `files[operation](...arguments)` of the body and tells what came of it.
const FILES_JS: &str = "
const { files } = require('@chuva.io/less');
exports.process = async (request) => {
  const [operation, ...given] = JSON.parse(request.body);
  try {
    return { body: { result: (await files[operation](...given)) ?? null } };
  } catch (error) {
    return { body: { code: error.code ?? null, message: error.message } };
  }
};
";
const FILES_PY: &str = "
import json
from less import files

def process(request, response):
    operation, *given = json.loads(request.body)
    try:
        response.body = {'result': getattr(files, operation)(*given)}
    except Exception as error:
        response.body = {'code': getattr(error, 'code', None), 'message': str(error)}
    return response
";
const NOTE: &str = "
const { note } = require('notes');
exports.process = async (event) => note('uploaded', event);
";
const PROJECT: [(&str, &str); 3] = [
    ("less/apis/drive/js/post.js", FILES_JS),
    ("less/apis/drive/py/post.py", FILES_PY),
    ("less/topics/files_uploaded/tell/index.js", NOTE),
];

/// Of the server that holds files of any size.
const MEMORY_MIB: u64 = 64;

fn big_mib() -> u64 {
    let given = std::env::var("LESS_FILE_MIB").ok();
    given.map_or(96, |text| text.parse().expect("LESS_FILE_MIB is a number"))
}

#[track_caller]
fn ask(project: &Project, language: &str, call: &Value) -> Value {
    http::post(&format!("{}/{language}", project.url("drive")), call.to_string()).expect(200).json()
}

#[track_caller]
fn url(project: &Project, operation: &str, path: &str) -> String {
    let answer = ask(project, "js", &json!([operation, path]));
    answer["result"].as_str().unwrap_or_else(|| panic!("{answer}")).to_owned()
}

/// What `curl` saw: the status, the last head, the body.
struct Seen {
    status: u16,
    head: String,
    body: PathBuf,
}

impl Seen {
    fn header(&self, name: &str) -> Option<&str> {
        let of = |line: &&str| line.split_once(':').is_some_and(|(each, _)| each.eq_ignore_ascii_case(name));
        self.head.lines().find(of).and_then(|line| line.split_once(':')).map(|(_, value)| value.trim())
    }

    fn bytes(&self) -> Vec<u8> {
        fs::read(&self.body).unwrap_or_default()
    }

    #[track_caller]
    fn expect(self, status: u16) -> Self {
        let body = self.bytes();
        let text = String::from_utf8_lossy(&body[..body.len().min(500)]);
        assert_eq!(self.status, status, "{}{text}", self.head);
        self
    }

    #[track_caller]
    fn code(&self) -> String {
        let body: Value = serde_json::from_slice(&self.bytes()).unwrap();
        assert!(body["error"].is_string() && body["request_id"].is_string(), "{body}");
        body["code"].as_str().unwrap().to_owned()
    }
}

/// `curl <args>`, to its end.
#[track_caller]
fn curl(home: &Home, args: &[&str]) -> Seen {
    let (head, body) = (home.root().join("head"), home.root().join("body"));
    fs::remove_file(&body).ok();
    let mut curl = Command::new("curl");
    curl.args(["--silent", "--show-error", "--noproxy", "*", "--max-time", "600", "--write-out", "%{http_code}"]);
    let ran = curl.arg("--dump-header").arg(&head).arg("--output").arg(&body).args(args).output().unwrap();
    assert!(ran.status.success(), "curl {args:?}: {}", String::from_utf8_lossy(&ran.stderr));
    let heads = fs::read_to_string(&head).unwrap();
    let last = heads.trim_end().rsplit("\r\n\r\n").next().unwrap_or_default().to_owned();
    Seen { status: String::from_utf8(ran.stdout).unwrap().parse().unwrap(), head: last, body }
}

/// A file of the test's own to send.
fn source(home: &Home, name: &str, bytes: &[u8]) -> String {
    let path = home.root().join(name);
    fs::write(&path, bytes).unwrap();
    path.display().to_string()
}

/// The objects that the server keeps for a project.
fn objects(home: &Home, project: &str) -> usize {
    fs::read_dir(home.less_home().join("server/files").join(project)).map_or(0, Iterator::count)
}

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

/// A file that compresses to nothing, with another 16 bytes in every block.
fn big(home: &Home, mib: u64) -> String {
    use std::io::Write;
    let path = home.root().join("big");
    let mut file = fs::File::create(&path).unwrap();
    let mut block = vec![7_u8; 1 << 20];
    for number in 0..mib {
        block[..8].copy_from_slice(&number.to_le_bytes());
        file.write_all(&block).unwrap();
    }
    path.display().to_string()
}

fn same_bytes(one: &Path, other: &Path) -> bool {
    Command::new("cmp").arg("--silent").arg(one).arg(other).status().unwrap().success()
}

#[test]
fn a_big_file_goes_up_and_down_in_flat_memory() {
    let home = Home::new();
    let project = home.project("drive", &PROJECT);
    project.deploy();
    let mib = big_mib();
    let sent = big(&home, mib);
    let (put, got) = (url(&project, "create_upload_url", "big"), url(&project, "get_url", "big"));
    let server = home.server_pid();
    let before = processes::peak_resident_mib(server);
    let timed = |what: &str, args: &[&str]| {
        let begun = Instant::now();
        let seen = curl(&home, args).expect(200);
        let (took, memory) = (begun.elapsed(), processes::peak_resident_mib(server));
        let pace = mib as f64 / took.as_secs_f64();
        eprintln!("{what}: {mib} MiB in {took:.1?} ({pace:.0} MiB/s); {memory} MiB at most, {before} before");
        assert!(memory < MEMORY_MIB, "the server has held {memory} MiB");
        seen
    };
    timed("up", &["-T", &sent, &put]);
    let seen = timed("down", &[&got]);
    assert!(same_bytes(Path::new(&sent), &seen.body), "it came back otherwise");
    timed("up in chunks", &["-T", &sent, "-H", "transfer-encoding: chunked", &put]);
    let from = format!("{}-", (mib << 20) - 10);
    let tail = curl(&home, &["-r", &from, &got]).expect(206);
    assert_eq!(tail.bytes(), [7; 10]);
}

/// Announces a megabyte, sends half of it, and waits until the server has taken that.
fn half(home: &Home, put: &str) -> Connection {
    let before = objects(home, "drive");
    let mut connection = Connection::open(put);
    let target = &put[put.find("/drive").unwrap()..];
    let head = format!("PUT {target} HTTP/1.1\r\nhost: localhost\r\ncontent-length: {}\r\n\r\n", 1 << 20);
    connection.try_write(head.as_bytes()).unwrap();
    connection.try_write(&vec![b'n'; 512 << 10]).unwrap();
    eventually("the upload has begun", || objects(home, "drive") > before);
    connection
}

#[test]
fn an_upload_that_is_cut_off_changes_nothing_and_urls_outlive_the_server() {
    let home = Home::new();
    let project = home.project("drive", &PROJECT);
    project.deploy();
    let sent = source(&home, "sent", b"old");
    let (put, got) = (url(&project, "create_upload_url", "a"), url(&project, "get_url", "a"));
    curl(&home, &["-T", &sent, &put]).expect(200);
    drop(half(&home, &put));
    eventually("the client's half is gone", || objects(&home, "drive") == 1);
    assert_eq!(curl(&home, &[&got]).expect(200).bytes(), b"old");

    let under_way = half(&home, &put);
    let port = home.server_file()["gateway_port"].to_string();
    home.kill_server();
    drop(under_way);
    assert_eq!(objects(&home, "drive"), 2);
    home.run(&["server", "start", "--port", &port, "--control-port", "0"]).succeeded();
    assert_eq!(curl(&home, &[&got]).expect(200).bytes(), b"old");
    eventually("the server's half is gone", || objects(&home, "drive") == 1);
    assert_eq!(ask(&project, "js", &json!(["list"]))["result"].as_array().unwrap().len(), 1);
    curl(&home, &["-T", &source(&home, "new", b"new"), &put]).expect(200);
    assert_eq!(curl(&home, &[&got]).expect(200).bytes(), b"new");
    eventually("each upload is told once", || home.notes("uploaded").len() == 2);
}

#[test]
fn who_reads_a_file_reads_it_to_the_end_whatever_becomes_of_it() {
    let home = Home::new();
    let project = home.project("drive", &PROJECT);
    project.deploy();
    let (put, got) = (url(&project, "create_upload_url", "a"), url(&project, "get_url", "a"));
    curl(&home, &["-T", &source(&home, "old", &vec![b'o'; 8 << 20]), &put]).expect(200);
    let mut reader = Connection::open(&got);
    let target = &got[got.find("/drive").unwrap()..];
    reader.try_write(format!("GET {target} HTTP/1.1\r\nhost: localhost\r\n\r\n").as_bytes()).unwrap();
    eventually("the answer has begun", || reader.has_something_to_read());
    curl(&home, &["-T", &source(&home, "new", b"new"), &put]).expect(200);
    assert_eq!(ask(&project, "js", &json!(["delete", "a"])), json!({ "result": true }));
    let answer = reader.read_answer(false).unwrap().expect(200);
    assert!(answer.body.len() == 8 << 20 && answer.body.iter().all(|byte| *byte == b'o'));
}

#[test]
fn the_key_and_the_bytes_are_their_owners_alone_and_the_key_is_told_nowhere() {
    let home = Home::new();
    let project = home.project("drive", &PROJECT);
    let deployed = project.deploy();
    let put = url(&project, "create_upload_url", "a");
    curl(&home, &["-T", &source(&home, "sent", b"x"), &put]).expect(200);
    let server = home.less_home().join("server");
    let key = fs::read_to_string(server.join("keys/drive")).unwrap();
    assert_eq!(key.len(), 64);
    let object = fs::read_dir(server.join("files/drive")).unwrap().next().unwrap().unwrap().path();
    for path in [server.join("keys"), server.join("keys/drive"), server.join("files/drive"), object] {
        let mode = fs::metadata(&path).unwrap().permissions().mode();
        assert_eq!(mode & 0o077, 0, "{} has mode {mode:o}", path.display());
    }
    let told = [deployed.ran.stdout, deployed.ran.stderr, fs::read_to_string(server.join("server.log")).unwrap(), put];
    assert!(told.iter().all(|text| !text.contains(&key)));
}

#[test]
fn a_purged_projects_files_and_urls_are_gone() {
    let home = Home::new();
    let project = home.project("drive", &PROJECT);
    project.deploy();
    let (put, got) = (url(&project, "create_upload_url", "a"), url(&project, "get_url", "a"));
    curl(&home, &["-T", &source(&home, "sent", b"old"), &put]).expect(200);
    home.run(&["delete", "drive"]).succeeded();
    project.deploy();
    assert_eq!(curl(&home, &[&got]).expect(200).bytes(), b"old", "what was kept is back");
    home.run(&["delete", "drive", "--yes"]).succeeded();
    assert_eq!(objects(&home, "drive"), 0);
    project.deploy();
    assert_eq!(curl(&home, &[&got]).expect(403).code(), "bad_signature");
    assert_eq!(ask(&project, "js", &json!(["list"])), json!({ "result": [] }));
}

#[test]
fn under_run_files_have_a_port_of_their_own() {
    let home = Home::new();
    let project = home.project("drive", &PROJECT);
    // The name is not taken: an API may have it.
    project.write("less/apis/files/get.js", "exports.process = async () => ({ body: 'mine' });");
    let mut run = home.start("run", &project.folder, &["run", "drive", "--port", "0"]);
    let drive = run.url("drive");
    let asked = |call: &Value| {
        let answer = http::post(&format!("{drive}/js"), call.to_string()).expect(200).json();
        answer["result"].as_str().unwrap_or_else(|| panic!("{answer}")).to_owned()
    };
    assert_eq!(http::get(&run.url("files")).expect(200).text(), "mine");
    let (put, got) = (asked(&json!(["create_upload_url", "a b"])), asked(&json!(["get_url", "a b"])));
    assert!(put.contains("/files/a%20b?"), "{put}");
    curl(&home, &["-T", &source(&home, "sent", b"alone"), &put]).expect(200);
    assert_eq!(curl(&home, &[&got]).expect(200).bytes(), b"alone");
    run.signal(rustix::process::Signal::INT);
    assert!(run.ended().success());
}
