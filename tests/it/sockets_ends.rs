//! How connections end (contract, section 6): `disconnect` hears of each once, whoever closes it and whatever is killed.

use std::fs;
use std::process::{Command, Stdio};
use std::thread;

use rustix::process::Signal;
use serde_json::{Value, json};

use less_tests::harness::{Home, Project, Said, Socket, eventually, for_a_while, processes};

use crate::sockets::{chat, connected, project, publish};

/// Who has ended, in alphabetical order.
fn ended(home: &Home) -> Vec<String> {
    let mut ended: Vec<String> =
        home.notes("disconnect").iter().map(|end| end["connection_id"].as_str().unwrap().to_owned()).collect();
    ended.sort();
    ended
}

#[track_caller]
fn all_have_ended(home: &Home) {
    let mut all = connected(home);
    all.sort();
    eventually("disconnect hears of every connection", || ended(home).len() >= all.len());
    assert_eq!(ended(home), all, "of each once");
}

/// Nothing is left over that could be told again.
#[track_caller]
fn nothing_waits(project: &Project<'_>) {
    eventually("all that was told is settled", || project.waiting() == 0);
}

fn chat_in(home: &Home) -> Project<'_> {
    project(home, &chat("js"))
}

#[test]
fn a_client_that_is_killed_is_told_of_once() {
    let home = Home::new();
    let project = chat_in(&home);
    let url = project.deploy().url("chat").to_owned();
    let script = home.root().join("client.mjs");
    // The interface of browsers.
    let source = format!(
        "const socket = new WebSocket({url:?});
         socket.onopen = () => socket.send(JSON.stringify({{ channel: 'send', data: 'hi' }}));
         socket.onmessage = ({{ data }}) => console.log(data);
         setInterval(() => {{}}, 1000);"
    );
    fs::write(&script, source).unwrap();
    let out = home.root().join("client.out");
    let mut client = Command::new("node")
        .args(["--experimental-websocket", "--no-warnings"])
        .arg(&script)
        .stdin(Stdio::null())
        .stdout(fs::File::create(&out).unwrap())
        .spawn()
        .unwrap();
    eventually("it speaks and hears", || fs::read_to_string(&out).unwrap().contains(r#"{"you":"hi"}"#));
    processes::signal(client.id(), Signal::KILL);
    client.wait().unwrap();
    all_have_ended(&home);
    nothing_waits(&project);
    assert_eq!(publish(&project, &json!(1), Some(&json!(connected(&home))))["sent"], 0);
}

#[test]
fn a_client_that_stays_after_a_refused_frame_is_told_of_and_let_go() {
    let home = Home::new();
    let project = chat_in(&home);
    let mut client = Socket::connect(project.deploy().url("chat"));
    eventually("it is in", || connected(&home).len() == 1);
    client.frame(1, &vec![b'x'; 32 << 20]).unwrap();
    assert!(matches!(client.hear(), Said::Close(1009, _)));
    all_have_ended(&home);
    eventually("it is let go, though it goes on", || client.frame(1, b"more").is_err());
}

#[test]
fn ends_are_told_after_the_server_was_killed() {
    let home = Home::new();
    let project = chat_in(&home);
    let url = project.deploy().url("chat").to_owned();
    let mut clients: Vec<Socket> = (0..50).map(|_| Socket::connect(&url)).collect();
    eventually("all are in", || connected(&home).len() == 50);
    clients.drain(..10).for_each(Socket::leave);
    // A delivery that is not settled when the server is killed runs again.
    eventually("those who left are told of", || ended(&home).len() == 10);
    nothing_waits(&project);
    home.kill_server();
    clients.iter_mut().for_each(|client| assert_eq!(client.hear(), Said::Gone));
    home.start_server();
    all_have_ended(&home);
    nothing_waits(&project);
    // And once more: what was told is told.
    home.kill_server();
    home.start_server();
    let mut client = Socket::connect(&project.socket_url("chat"));
    client.say("send", &json!("again"));
    assert_eq!(client.json(), json!({ "you": "again" }));
    client.leave();
    all_have_ended(&home);
}

#[test]
fn a_deploy_closes_connections_for_their_clients_to_come_again() {
    let home = Home::new();
    let project = chat_in(&home);
    let url = project.deploy().url("chat").to_owned();
    let clients: Vec<Socket> = (0..20).map(|_| Socket::connect(&url)).collect();
    eventually("all are in", || connected(&home).len() == 20);
    project.write(
        "less/sockets/chat/send/index.js",
        "const { sockets } = require('@chuva.io/less');
         exports.process = async ({ connection_id }) => sockets.chat.publish('newer', connection_id);",
    );
    project.deploy();
    clients.into_iter().for_each(|client| assert_eq!(client.closed(), 1012));
    let mut again = Socket::connect(&url);
    again.say("send", &json!(1));
    assert_eq!(again.json(), json!("newer"));
    again.leave();
    all_have_ended(&home);
    nothing_waits(&project);
}

#[test]
fn a_deploy_without_the_socket_closes_it() {
    let home = Home::new();
    let project = chat_in(&home);
    let url = project.deploy().url("chat").to_owned();
    let client = Socket::connect(&url);
    eventually("it is in", || connected(&home).len() == 1);
    project.remove("less/sockets");
    project.write("less/apis/door/publish/post.js", "exports.process = () => {};");
    project.deploy();
    assert_eq!(client.closed(), 1012);
    assert!(Socket::try_connect(&url, &[]).err().unwrap().contains("unknown_socket"));
    // Its handler is gone, and nobody is to hear of it when it returns: what it kept may have gone with it.
    let connect = chat("js");
    connect.iter().for_each(|(path, text)| project.write(path, text));
    project.deploy();
    Socket::connect(&url).leave();
    eventually("the new one is told of", || !ended(&home).is_empty());
    assert_eq!(ended(&home), connected(&home)[1..]);
}

#[test]
fn what_runs_at_a_deploy_finishes_and_comes_before_the_end() {
    let home = Home::new();
    let mut files = chat("js");
    files[2].1 = "
const { kvs } = require('@chuva.io/less');
const { note, until_noted } = require('notes');
exports.process = async ({ data }) => {
  note('begun', data);
  await until_noted('go');
  await kvs.set('said', data);
  note('disconnect', { connection_id: 'finished ' + data });
};
"
    .into();
    let project = project(&home, &files);
    let url = project.deploy().url("chat").to_owned();
    let mut client = Socket::connect(&url);
    client.say("send", &json!("one"));
    client.say("send", &json!("two"));
    eventually("the first is at work", || home.notes("begun").len() == 1);
    project.deploy();
    assert_eq!(client.closed(), 1012);
    home.give_note("go");
    eventually("its end is told", || home.notes("disconnect").len() == 2);
    let notes: Vec<Value> = home.notes("disconnect").iter().map(|note| note["connection_id"].clone()).collect();
    assert_eq!(notes, [json!("finished one"), json!(connected(&home)[0])]);
    assert_eq!(home.notes("begun"), [json!("one")]);
}

#[test]
fn a_server_that_stops_says_good_bye_and_every_end_is_told() {
    let home = Home::new();
    let project = chat_in(&home);
    let url = project.deploy().url("chat").to_owned();
    let clients: Vec<Socket> = (0..20).map(|_| Socket::connect(&url)).collect();
    eventually("all are in", || connected(&home).len() == 20);
    thread::scope(|threads| {
        threads.spawn(|| home.stop_server());
        let goodbye = Said::Close(1001, "the server stops".into());
        clients.into_iter().for_each(|mut client| assert_eq!(client.hear(), goodbye));
    });
    home.start_server();
    all_have_ended(&home);
    nothing_waits(&project);
}

#[test]
fn a_project_that_is_deleted_says_good_bye() {
    let home = Home::new();
    let project = chat_in(&home);
    let url = project.deploy().url("chat").to_owned();
    let mut client = Socket::connect(&url);
    eventually("it is in", || connected(&home).len() == 1);
    thread::scope(|threads| {
        threads.spawn(|| home.run(&["delete", "live", "--yes"]).succeeded());
        assert_eq!(client.hear(), Said::Close(1001, "this socket is not served any more".into()));
    });
    assert!(Socket::try_connect(&url, &[]).err().unwrap().contains("unknown_project"));
}

#[test]
fn what_was_sent_before_the_end_is_handled_before_it_is_told() {
    let home = Home::new();
    let mut files = chat("js");
    files[2].1 = "
const { note } = require('notes');
exports.process = async ({ data }) => {
  await new Promise((resolve) => setTimeout(resolve, 5));
  note('disconnect', { connection_id: `said ${data}` });
};
"
    .into();
    let url = project(&home, &files).deploy().url("chat").to_owned();
    let mut client = Socket::connect(&url);
    (0..20).for_each(|number| client.say("send", &json!(number)));
    client.leave();
    eventually("its end is told", || home.notes("disconnect").len() == 21);
    let notes: Vec<Value> = home.notes("disconnect").iter().map(|note| note["connection_id"].clone()).collect();
    let mut expected: Vec<Value> = (0..20).map(|number| json!(format!("said {number}"))).collect();
    expected.push(json!(connected(&home)[0]));
    assert_eq!(notes, expected);
}

#[test]
fn a_disconnect_that_fails_is_tried_four_times_in_all() {
    let home = Home::new();
    let mut files = chat("js");
    files[1].1 = "
const { note } = require('notes');
exports.process = async ({ connection_id }, context) => {
  note('disconnect', { connection_id, attempt: context.attempt });
  throw new Error('no database');
};
"
    .into();
    let project = project(&home, &files);
    Socket::connect(project.deploy().url("chat")).leave();
    let last = project.logged("sockets/chat/disconnect", "it is a dead letter now");
    assert!(last.contains("attempt 4 failed: Error: no database"), "{last}");
    let attempts: Vec<_> = home.notes("disconnect").iter().map(|note| note["attempt"].clone()).collect();
    assert_eq!(attempts, [1, 2, 3, 4]);
    nothing_waits(&project);
}

#[test]
fn a_connection_whose_handler_took_its_process_along_goes_on() {
    let home = Home::new();
    let mut files = chat("js");
    files[2].1 = "
const { sockets } = require('@chuva.io/less');
exports.process = async ({ data, connection_id }) => {
  if (data === 'exit') process.exit(1);
  await sockets.chat.publish(data, connection_id);
};
"
    .into();
    let url = project(&home, &files).deploy().url("chat").to_owned();
    let mut client = Socket::connect(&url);
    client.say("send", &json!("exit"));
    client.say("send", &json!("after"));
    let lost = client.json();
    assert_eq!((lost["code"].as_str(), lost["channel"].as_str()), (Some("worker_lost"), Some("send")), "{lost}");
    assert_eq!(client.json(), json!("after"));
}

#[test]
fn run_gives_each_socket_a_port_and_closes_them_when_a_handler_changes() {
    let home = Home::new();
    let mut files = chat("js");
    files.push(("less/sockets/news/".into(), String::new()));
    let project = project(&home, &files);
    let mut app = home.start("run", &project.folder, &["run", "live", "--port", "0", "--socket-port", "0"]);
    let url = app.url("chat");
    assert!(app.stdout().contains("List of Sockets:"), "{}", app.stdout());
    assert_ne!(app.url("news"), url);
    let mut client = Socket::connect(&url);
    client.say("send", &json!("hi"));
    assert_eq!(client.json(), json!({ "you": "hi" }));
    for_a_while(std::time::Duration::from_millis(50)); // a change in the same instant looks like none to some file systems
    project.write(
        "less/sockets/chat/send/index.js",
        "const { sockets } = require('@chuva.io/less');
         exports.process = async ({ connection_id }) => sockets.chat.publish('newer', connection_id);",
    );
    assert_eq!(client.closed(), 1012);
    let mut again = Socket::connect(&url);
    again.say("send", &json!(1));
    assert_eq!(again.json(), json!("newer"));
    app.signal(Signal::TERM);
    assert_eq!(again.closed(), 1001);
    assert!(app.ended().success());
    // What there was no time to tell is told the next time.
    let next = home.start("next", &project.folder, &["run", "live", "--port", "0", "--socket-port", "0"]);
    all_have_ended(&home);
    next.signal(Signal::TERM);
    assert!(next.ended().success());
}
