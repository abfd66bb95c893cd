//! `log --follow`, `--since` and `--json` (contract, section 14).

use std::fs;
use std::io::{BufRead, BufReader};
use std::process::{Child, Stdio};

use rustix::process::Signal;
use serde_json::Value;

use less_tests::harness::{Connection, Foreground, Home, Project, Request, eventually, http};

const PATH: &str = "topics/heard/one";
const FOLLOW: [&str; 4] = ["log", "--project", "shop", "--follow"];
/// As many as may follow one project's log.
const FOLLOWERS: usize = 64;

fn shop<'h>(home: &'h Home, subscriber: &str) -> Project<'h> {
    let project = home.project("shop", &[("less/topics/heard/one/index.js", subscriber)]);
    project.deploy();
    project
}

fn echo(home: &Home) -> Project<'_> {
    shop(home, "exports.process = async (m) => console.log('heard', m);")
}

fn publish(project: &Project, message: &str) {
    http::post(&format!("{}/heard", project.url("topics")), message).expect(202);
}

fn follow(home: &Home, more: &[&str]) -> Foreground {
    home.start("follower", home.root(), &[&FOLLOW[..], more].concat())
}

/// The texts of all lines that were printed whole.
fn texts(follower: &Foreground) -> Vec<String> {
    let printed = follower.stdout();
    let whole = printed.rfind('\n').map_or("", |end| &printed[..end]);
    whole.lines().map(|line| line[24..].to_owned()).collect()
}

fn numbered(range: std::ops::Range<usize>) -> Vec<String> {
    range.map(|number| format!("line {number}")).collect()
}

#[test]
fn each_line_is_printed_once_and_in_order_across_the_seam_between_kept_and_new() {
    let home = Home::new();
    // It prints for some time, with pauses of all lengths.
    let subscriber = "
const { noted } = require('notes');
exports.process = async () => {
  for (let n = 0; n < 4000; n += 1) {
    console.log('line', n);
    if (n % 7 === 0) await new Promise((resolve) => setImmediate(resolve));
    if (n % 100 === 0) await new Promise((resolve) => setTimeout(resolve, 5));
    while (n === 2000 && !noted('followed')) await new Promise((resolve) => setTimeout(resolve, 5));
  }
};
";
    let project = shop(&home, subscriber);
    publish(&project, "1");
    project.logged(PATH, "line 0");
    let followers: Vec<_> =
        (0..3).map(|n| home.start(&format!("f{n}"), home.root(), &[&FOLLOW[..], &["--path", PATH]].concat())).collect();
    eventually("they print what is kept", || followers.iter().all(|follower| texts(follower).len() > 500));
    home.give_note("followed");
    for follower in followers {
        eventually("all is printed", || texts(&follower).len() >= 4_000);
        assert_eq!(texts(&follower), numbered(0..4_000));
        follower.signal(Signal::INT);
        follower.ended();
    }
}

#[test]
fn a_follower_begins_where_since_says() {
    let home = Home::new();
    let project = echo(&home);
    publish(&project, "1");
    project.logged(PATH, "heard 1");
    publish(&project, "2");
    project.logged(PATH, "heard 2");
    let second = home.run(&["log", "--project", "shop", "--json"]).succeeded().json_lines().remove(1);
    let time = second["time"].as_str().unwrap();

    let follower = follow(&home, &["--path", PATH, "--since", time]);
    eventually("the second line is printed", || texts(&follower).contains(&"heard 2".to_owned()));
    publish(&project, "3");
    eventually("the third line is printed", || texts(&follower).contains(&"heard 3".to_owned()));
    // Both may have come in one millisecond.
    let all = texts(&follower);
    assert!(all.ends_with(&["heard 2".to_owned(), "heard 3".to_owned()]) && all.len() <= 3, "{all:?}");
    let kept = |since: &str| project.run(&["log", "--project", "shop", "--path", PATH, "--since", since]).succeeded();
    assert!(kept("1d").stdout.contains("heard 1"));
    assert!(kept("2100-01-01T00:00:00+02:00").stdout.is_empty());
    follower.signal(Signal::INT);
    follower.ended();
}

#[test]
fn a_since_that_is_no_time_is_a_usage_error_that_shows_how_to_write_one() {
    let home = Home::new();
    for wrong in ["yesterday", "10", "2023-02-30T00:00:00Z"] {
        let ran = home.run(&["log", "--project", "shop", "--since", wrong]).failed_with(2);
        assert!(ran.stderr.contains("10m") && ran.stderr.contains(wrong), "{}", ran.stderr);
    }
}

#[test]
fn a_program_gets_one_object_a_line() {
    let home = Home::new();
    let project = echo(&home);
    let follower = follow(&home, &["--json"]);
    publish(&project, "\"a b\"");
    eventually("the line is printed", || follower.stdout().contains("heard a b"));
    let line: Value = serde_json::from_str(follower.stdout().lines().next().unwrap()).unwrap();
    let mut fields: Vec<_> = line.as_object().unwrap().keys().map(String::as_str).collect();
    fields.sort_unstable();
    assert_eq!(fields, ["invocation", "path", "stream", "text", "time"]);
    assert_eq!((&line["path"], &line["stream"], &line["text"]), (&PATH.into(), &"out".into(), &"heard a b".into()));
    let time = line["time"].as_str().unwrap();
    let shape: String = time.chars().map(|c| if c.is_ascii_digit() { '0' } else { c }).collect();
    assert_eq!(shape, "0000-00-00T00:00:00.000Z");
    assert_eq!(line["invocation"].as_str().unwrap().len(), 36);
    follower.signal(Signal::INT);
    follower.ended();
}

#[test]
fn a_log_of_all_handlers_names_the_handler_and_the_request_of_each_line() {
    let home = Home::new();
    let route = "exports.process = async (request) => { console.log('asked'); throw new Error('no'); };";
    let project = home.project("shop", &[("less/apis/till/get.js", route)]);
    let answer = http::get(project.deploy().url("till")).expect(502);
    let request = answer.json()["request_id"].as_str().unwrap().to_owned();
    let short = &request[request.len() - 8..];
    eventually("the line names both", || {
        let log = home.run(&["log", "--project", "shop"]).succeeded().stdout;
        log.lines().any(|line| line[24..] == format!("apis/till/get#{short} asked"))
    });
}

#[test]
fn a_follower_goes_on_after_a_restart_of_the_server() {
    let home = Home::new();
    let project = echo(&home);
    publish(&project, "1");
    let follower = follow(&home, &["--path", PATH]);
    eventually("the first line is printed", || texts(&follower) == ["heard 1"]);
    for (message, stop) in [("2", Home::stop_server as fn(&Home)), ("3", Home::kill_server)] {
        stop(&home);
        home.start_server();
        publish(&project, message);
        eventually("the new line is printed", || texts(&follower).contains(&format!("heard {message}")));
    }
    assert_eq!(texts(&follower), ["heard 1", "heard 2", "heard 3"]);
    follower.signal(Signal::INT);
    follower.ended();
}

#[test]
fn a_server_that_stops_does_not_wait_for_followers() {
    let home = Home::new();
    let project = echo(&home);
    publish(&project, "1");
    let follower = follow(&home, &[]);
    eventually("it follows", || follower.stdout().contains("heard 1"));
    let log = || fs::read_to_string(home.less_home().join("server/server.log")).unwrap();
    home.stop_server();
    eventually("the follower says so", || follower.stderr().contains("The server is gone"));
    assert!(!log().contains("still running"), "{}", log());
    follower.signal(Signal::INT);
    follower.ended();
}

#[test]
fn a_follower_of_a_project_that_is_deleted_ends_and_says_why() {
    let home = Home::new();
    let project = echo(&home);
    publish(&project, "1");
    let follower = follow(&home, &[]);
    eventually("the line is printed", || follower.stdout().contains("heard 1"));
    home.run(&["delete", "shop", "--yes"]).succeeded();
    eventually("it says why", || follower.stderr().contains("\"shop\" is not deployed"));
    assert_eq!(follower.ended().code(), Some(1));
}

/// A follower whose output nobody reads but this test.
fn piped(home: &Home) -> Child {
    let mut command = home.command(home.root(), &[&FOLLOW[..], &["--path", PATH]].concat());
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap()
}

#[test]
fn a_follower_that_does_not_read_holds_nobody_up_and_misses_nothing() {
    let home = Home::new();
    // Far more than pipes and sockets take.
    let subscriber = "
exports.process = async (first) => {
  for (let n = first; n < first + 900; n += 1) console.log('line', n, 'x'.repeat(1000));
};
";
    let project = shop(&home, subscriber);
    let mut follower = piped(&home);
    for round in 0..9 {
        publish(&project, &(round * 900).to_string());
        eventually("its lines are stored", || project.waiting() == 0);
    }
    project.logged(PATH, "line 8099 ");
    let lines = BufReader::new(follower.stdout.take().unwrap()).lines().take(8_100);
    let seen: Vec<String> = lines.map(|line| line.unwrap()[24..].trim_end_matches(['x', ' ']).to_owned()).collect();
    assert_eq!(seen, numbered(0..8_100));
    follower.kill().unwrap();
    follower.wait().unwrap();
}

#[test]
fn a_follower_ends_when_nobody_reads_its_output_any_more() {
    let home = Home::new();
    let project = echo(&home);
    publish(&project, "1");
    let mut follower = piped(&home);
    let mut output = BufReader::new(follower.stdout.take().unwrap());
    output.read_line(&mut String::new()).unwrap();
    drop(output);
    publish(&project, "2");
    eventually("it ends", || follower.try_wait().unwrap().is_some());
    assert!(follower.wait().unwrap().success());
}

#[test]
fn too_many_followers_are_refused_and_places_are_free_again_when_they_leave() {
    let home = Home::new();
    echo(&home);
    let port = home.server_file()["control_port"].clone();
    let url = format!("http://localhost:{port}/v1/projects/shop/log?follow=true");
    let token = fs::read_to_string(home.less_home().join("server/token")).unwrap();
    let head = format!(
        "GET /v1/projects/shop/log?follow=true HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer {}\r\n\r\n",
        token.trim()
    );
    let followers: Vec<_> = (0..FOLLOWERS)
        .map(|_| {
            let mut connection = Connection::open(&url);
            connection.try_write(head.as_bytes()).unwrap();
            eventually("it is followed", || connection.has_something_to_read());
            connection
        })
        .collect();
    let ran = home.run(&FOLLOW).failed_with(1);
    assert!(ran.stderr.contains("64 commands follow the log"), "{}", ran.stderr);
    let bearer = format!("Bearer {}", token.trim());
    let refused = Request::new("GET", &url).header("authorization", &bearer).send();
    assert_eq!((refused.status, &refused.json()["code"]), (503, &"too_many_followers".into()));

    drop(followers);
    let project_log = url.replace("?follow=true", "");
    Request::new("GET", &project_log).header("authorization", &bearer).send().expect(200);
    eventually("a place is free", || {
        let mut connection = Connection::open(&url);
        connection.try_write(head.as_bytes()).unwrap();
        // A refusal is whole at once; who follows gets a head, and then waits.
        eventually("it is answered", || connection.has_something_to_read());
        connection.read_head().unwrap().0 == 200
    });
}
