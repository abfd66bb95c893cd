//! Files as they are kept (contract, section 10): big ones, across crashes, on a full disk, until they go.
//!
//! `LESS_FILE_MIB` sets the size of the big file; 1024 is what is promised.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use less_tests::harness::{Connection, Home, eventually, eventually_within, http, processes};

use crate::drive::{PROJECT, ask, curl, objects, source, url};

/// Of the server that holds files of any size.
const MEMORY_MIB: u64 = 64;

fn big_mib() -> u64 {
    let given = std::env::var("LESS_FILE_MIB").ok();
    given.map_or(96, |text| text.parse().expect("LESS_FILE_MIB is a number"))
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

/// A small file system in place of a folder; it goes with this.
struct Mounted(PathBuf);

impl Mounted {
    /// `None` where this user may not mount.
    fn new(folder: PathBuf) -> Option<Self> {
        fs::create_dir_all(&folder).unwrap();
        let mut mount = Command::new("mount");
        let mounted = mount.args(["-t", "tmpfs", "-o", "size=24m,mode=700", "less-it"]).arg(&folder).output();
        mounted.is_ok_and(|output| output.status.success()).then(|| Self(folder))
    }
}

impl Drop for Mounted {
    fn drop(&mut self) {
        // Also while a server still runs on it.
        Command::new("umount").arg("-l").arg(&self.0).status().ok();
    }
}

#[test]
fn a_full_disk_is_told_and_leaves_what_was_there() {
    let home = Home::new();
    let Some(_disk) = Mounted::new(home.less_home().join("server/files")) else {
        return eprintln!("not tried: this user may not mount a small file system");
    };
    let project = home.project("drive", &PROJECT);
    project.deploy();
    let (put, got) = (url(&project, "create_upload_url", "a"), url(&project, "get_url", "a"));
    let (old, new) = (vec![b'o'; 16 << 20], vec![b'n'; 16 << 20]);
    curl(&home, &["-T", &source(&home, "old", &old), &put]).expect(200);
    let sent = source(&home, "new", &new);
    assert_eq!(curl(&home, &["-T", &sent, &put]).expect(507).code(), "store_full");
    assert!(curl(&home, &[&got]).expect(200).bytes() == old, "the old one is there");
    eventually("the half is gone", || objects(&home, "drive") == 1);
    assert_eq!(ask(&project, "js", &json!(["delete", "a"])), json!({ "result": true }));
    eventually("there is room again", || curl(&home, &["-T", &sent, &put]).status == 200);
    assert!(curl(&home, &[&got]).expect(200).bytes() == new);
    eventually("each upload is told", || home.notes("uploaded").len() == 2);
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
fn whoever_pauses_while_reading_does_not_keep_the_server_from_stopping() {
    let home = Home::new();
    let project = home.project("drive", &PROJECT);
    project.deploy();
    let (put, got) = (url(&project, "create_upload_url", "film"), url(&project, "get_url", "film"));
    curl(&home, &["-T", &source(&home, "film", &vec![b'f'; 64 << 20]), &put]).expect(200);
    let mut paused = Connection::open(&got);
    let target = &got[got.find("/drive").unwrap()..];
    paused.try_write(format!("GET {target} HTTP/1.1\r\nhost: localhost\r\n\r\n").as_bytes()).unwrap();
    assert_eq!(paused.read_head().unwrap().0, 200);
    let server = home.server_pid();
    processes::signal(server, rustix::process::Signal::TERM);
    eventually_within(Duration::from_secs(20), "the server has stopped", || !processes::lives(server));
    home.assert_no_process_left();
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
fn a_project_that_is_purged_during_an_upload_keeps_nothing_of_it() {
    let home = Home::new();
    let project = home.project("drive", &PROJECT);
    project.deploy();
    let mut upload = half(&home, &url(&project, "create_upload_url", "a"));
    home.run(&["delete", "drive", "--yes"]).succeeded();
    upload.try_write(&vec![b'n'; 512 << 10]).unwrap();
    assert_eq!(upload.read_answer(false).unwrap().expect_error(404)["code"], "unknown_project");
    eventually("what was sent is gone", || objects(&home, "drive") == 0);
    project.deploy();
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
