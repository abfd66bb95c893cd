//! No answer leaves before its message is on the disk: seen in the server's own system calls.
//!
//! To see this test fail, set `PRAGMA synchronous` of the embedded store to OFF: the trace then has no `fdatasync`.

use std::fs;
use std::process::Command;

use rustix::process::Signal;

use crate::strace::{self, Call};
use less_tests::harness::{Foreground, Home, http};

const CALLS: &str = "trace=fdatasync,fsync,write,writev,pwrite64,pwritev,sendto,sendmsg";

/// Publishes its body, and answers 201 with the message's id. Nobody subscribes, so that nothing but publishes is
/// committed while the test looks.
const POST: &str = "
const { topics } = require('@chuva.io/less');
exports.process = async (request, response) => {
  response.statusCode = 201;
  response.body = await topics.placed.publish({ marker: request.body });
  return response;
};
";

/// A published message: a text that only its payload contains, and the id that its publisher was given.
struct Published {
    marker: String,
    id: String,
}

#[test]
fn no_answer_leaves_before_a_sync_that_began_after_its_commit_was_written() {
    if !strace::is_here() {
        return;
    }
    let home = Home::new();
    let trace = home.root().join("trace");
    let mut command = Command::new("strace");
    command.args(["-f", "-yy", "--seccomp-bpf", "-s", "20000", "-e", CALLS, "-o"]).arg(&trace);
    let serve = home.command(home.root(), &["server", "serve", "--port", "0", "--control-port", "0"]);
    command.arg(serve.get_program()).args(serve.get_args()).current_dir(home.root());
    home.adopt(&mut command);
    let server = Foreground::start(command, home.root().join("server").to_str().unwrap());
    home.await_server();

    let project = home.project("shop", &[("less/apis/shop/post.js", POST), ("less/topics/placed/", "")]);
    let deployed = project.deploy();
    let (route, topic) = (deployed.url("shop").to_owned(), format!("{}/placed", deployed.url("topics")));
    let mut published = Vec::new();
    for n in 0..25 {
        published.push(publish(&format!("routed-{n:03}-m"), &route, 201, |marker| marker.to_owned()));
        published
            .push(publish(&format!("direct-{n:03}-m"), &topic, 202, |marker| format!("{{\"marker\":\"{marker}\"}}")));
    }
    less_tests::harness::processes::signal(home.server_pid(), Signal::TERM);
    server.ended();

    let calls = strace::parse(&String::from_utf8_lossy(&fs::read(&trace).unwrap()));
    assert!(calls.iter().any(Call::is_sync), "no sync at all in {} calls", calls.len());
    for message in published {
        assert_durable_first(&calls, &message);
    }
}

fn publish(marker: &str, url: &str, status: u16, body: impl Fn(&str) -> String) -> Published {
    let answer = http::post(url, body(marker)).expect(status).json();
    Published { marker: marker.to_owned(), id: answer["id"].as_str().unwrap().to_owned() }
}

/// One thread writes to the log: the first sync that begins after the message was written is that of its commit. What is
/// written after it, before the id leaves even, is another's: that of taking away a message that nobody hears.
fn assert_durable_first(calls: &[Call], message: &Published) {
    let leaves = |call: &&Call| call.is_on_socket() && call.text.contains(&message.id);
    let id_leaves = calls.iter().find(leaves).map(|call| call.begun);
    let id_leaves = id_leaves.unwrap_or_else(|| panic!("the id of {} in no write to a socket", message.marker));
    let mut log = calls.iter().filter(|call| call.is_on_write_ahead_log());
    let written = log.find(|call| !call.is_sync() && call.text.contains(&message.marker)).map(|call| call.ended);
    let written = written.filter(|written| *written < id_leaves);
    let written = written.unwrap_or_else(|| panic!("{} was answered before it was written", message.marker));
    let synced = log.find(|call| call.is_sync() && call.begun > written).map(|call| call.ended);
    assert!(synced.is_some_and(|synced| synced < id_leaves), "{} was answered before it was synced", message.marker);
}

#[test]
#[should_panic(expected = "answered before it was synced")]
fn a_sync_that_began_before_the_write_ended_does_not_count() {
    let trace = "\
7 pwrite64(3</h/less.db-wal>, \"routed-000-m\", 12, 0 <unfinished ...>
8 fdatasync(3</h/less.db-wal> <unfinished ...>
7 <... pwrite64 resumed>) = 12
8 <... fdatasync resumed>) = 0
9 sendto(5<TCP:[127.0.0.1:1->127.0.0.1:2]>, \"{\\\"id\\\":\\\"abc\\\"}\", 12, 0, NULL, 0) = 12
";
    let message = Published { marker: "routed-000-m".to_owned(), id: "abc".to_owned() };
    assert_durable_first(&strace::parse(trace), &message);
}
