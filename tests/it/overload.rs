//! More requests than a project takes at once (contract, sections 3 and 16): refused, never piled up.

use std::process::{Child, Command, Stdio};
use std::time::Duration;

use less_tests::harness::{Connection, Home, Request, Socket, eventually, for_a_while, http};

use crate::load::raise_file_limit;

/// What a project takes at once.
const AT_ONCE: usize = 1_024;
const MORE: usize = 20;

/// Handlers that wait for the same note; all of a process look for it together.
const WAITS: &str = "
const { tick, until_noted } = require('notes');
let end;
exports.process = async () => {
  tick('begun');
  await (end ??= until_noted('end'));
  return { body: 'served' };
};
";

fn flood(url: &str, requests: usize) -> Vec<Connection> {
    let (host, path) = url.strip_prefix("http://").unwrap().split_once('/').unwrap();
    let head = format!("GET /{path} HTTP/1.1\r\nhost: {host}\r\n\r\n");
    let open = |_| {
        let mut connection = Connection::open(url);
        connection.try_write(head.as_bytes()).unwrap();
        connection
    };
    (0..requests).map(open).collect()
}

#[test]
fn requests_beyond_what_fits_get_503_at_once_and_all_others_are_served() {
    raise_file_limit();
    let home = Home::new();
    let project = home.project("shop", &[("less/apis/slow/get.js", WAITS)]);
    let url = project.deploy().url("slow").to_owned();
    let mut connections = flood(&url, AT_ONCE + MORE);
    let answered = || connections.iter().filter(|connection| connection.has_something_to_read()).count();
    eventually("all that fits has begun", || home.ticks("begun") == AT_ONCE as u64);
    eventually("the others are answered", || answered() == MORE);
    home.give_note("end");
    let (mut served, mut refused) = (0, 0);
    for connection in &mut connections {
        let answer = connection.read_answer(false).unwrap();
        match answer.status {
            200 => served += 1,
            503 => {
                assert!(answer.header("retry-after").is_some(), "a client is told when to come again");
                refused += 1;
            }
            other => panic!("{other}"),
        }
    }
    assert_eq!((served, refused), (AT_ONCE, MORE));
}

#[test]
fn clients_that_hang_up_do_not_make_room_for_more_than_fits() {
    raise_file_limit();
    let home = Home::new();
    let project = home.project("shop", &[("less/apis/slow/get.js", WAITS)]);
    let url = project.deploy().url("slow").to_owned();
    let request = Request::new("GET", &url);
    let connections = flood(&url, AT_ONCE + MORE);
    // What has not begun when its client leaves never does.
    eventually("all that fits has begun", || home.ticks("begun") == AT_ONCE as u64);
    drop(connections);
    assert_eq!(request.send().status, 503, "their handlers still run");
    home.give_note("end");
    eventually("there is room once the handlers have ended", || request.send().status == 200);
}

#[test]
fn a_server_that_may_open_few_files_serves_on_when_clients_hold_more_connections() {
    let home = Home::new();
    let project =
        home.project("shop", &[("less/apis/shop/get.js", "exports.process = async () => ({ body: 'here' });")]);
    let mut server = with_few_files(&home);
    let url = project.deploy().url("shop").to_owned();
    let mut first = Connection::open(&url);
    assert_eq!(first.send(&Request::new("GET", &url)).expect(200).text(), "here");
    let idle = flood_of_nothing(&url);
    assert_eq!(first.send(&Request::new("GET", &url)).expect(200).text(), "here");
    // It can still start what a new version needs.
    project.deploy();
    drop(idle);
    eventually("others come in again", || http::get(&url).status == 200);
    home.stop_server();
    server.wait().unwrap();
}

#[test]
fn clients_that_stay_with_a_socket_leave_places_to_requests() {
    let home = Home::new();
    let mut server = with_few_files(&home);
    let api = ("less/apis/shop/get.js", "exports.process = async () => ({ body: 'here' });");
    let project = home.project("shop", &[api, ("less/sockets/chat/say/index.js", "exports.process = async () => {};")]);
    let deployed = project.deploy();
    let (socket, url) = (deployed.url("chat"), deployed.url("shop"));
    let mut clients: Vec<Socket> = (0..32).map(|_| Socket::connect(socket)).collect();
    assert!(Socket::try_connect(socket, &[]).err().unwrap().contains("503"));
    assert_eq!(http::get(url).expect(200).text(), "here");
    clients.pop().unwrap().leave();
    eventually("another comes in", || Socket::try_connect(socket, &[]).is_ok());
    home.stop_server();
    server.wait().unwrap();
}

/// A server that may open so few files that it has 64 connections.
fn with_few_files(home: &Home) -> Child {
    let server = home.command(home.root(), &["server", "serve", "--port", "0", "--control-port", "0"]);
    let mut limited = Command::new("sh");
    limited.args(["-c", "ulimit -n 400; exec \"$0\" \"$@\""]).arg(server.get_program()).args(server.get_args());
    home.adopt(&mut limited);
    let server = limited.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    home.await_server();
    server
}

/// Connections that say nothing.
fn flood_of_nothing(url: &str) -> Vec<Connection> {
    (0..600).map(|_| Connection::open(url)).collect()
}

/// Handlers that have a process each wait for one of few; those that share one do not.
#[test]
fn only_those_who_would_wait_are_refused() {
    raise_file_limit();
    let home = Home::new();
    let slow = "import time\ndef process(request, response):\n    time.sleep(2)\n    return {'body': 'slow'}\n";
    let quick = "async def process(request, response):\n    return {'body': 'quick'}\n";
    let files = [("less/apis/slow/get.py", slow), ("less/apis/quick/get.py", quick)];
    let deployed = home.project("shop", &files).deploy();
    let (slow, quick) = (deployed.url("slow").to_owned(), deployed.url("quick").to_owned());
    let waiting = flood(&slow, 400);
    // How long one would wait shows only when the first have waited.
    for_a_while(Duration::from_secs(2));
    assert_eq!(http::get(&slow).status, 503);
    assert_eq!(http::get(&quick).expect(200).text(), "quick");
    drop(waiting);
}
