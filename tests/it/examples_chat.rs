//! `examples/chat`: what two people see of each other, and what is left when they go.

use std::process::Command;

use less_tests::harness::{Foreground, Home, Project, eventually, http, processes, repository};
use rustix::process::Signal;

/// Sends one of its arguments after each message that it gets, and prints what it gets.
const CLIENT: &str = "
const [url, ...frames] = process.argv.slice(1);
const socket = new WebSocket(url);
socket.onmessage = ({ data }) => {
  console.log(data);
  if (frames.length > 0) socket.send(frames.shift());
};
socket.onclose = ({ code }) => console.log('closed', code);
";

struct Chat<'h> {
    home: &'h Home,
    url: String,
}

impl Chat<'_> {
    /// Somebody who enters, and sends `frames`, one after each message.
    fn enter(&self, name: &str, frames: &[&str]) -> Foreground {
        let mut node = Command::new("node");
        node.args(["--experimental-websocket", "--no-warnings", "-e", CLIENT, &format!("{}?name={name}", self.url)]);
        node.args(frames);
        self.home.adopt(&mut node);
        Foreground::start(node, self.home.root().join(name).to_str().unwrap())
    }
}

fn deployed(home: &Home) -> (Project<'_>, Chat<'_>) {
    let project = Project::copy_of(home, "chat", &repository("examples/chat"));
    project.deploy();
    let resources = project.resources();
    let url = resources["sockets"][0]["url"].as_str().expect("the socket has an address").to_owned();
    (project, Chat { home, url })
}

#[track_caller]
fn hears(who: &Foreground, text: &str) {
    eventually(&format!("somebody hears {text}"), || who.stdout().lines().any(|line| line.contains(text)));
}

#[test]
fn what_one_says_all_hear_in_order_and_under_the_name_of_then() {
    let home = Home::new();
    let (project, chat) = deployed(&home);
    let bob = chat.enter("Bob", &[]);
    hears(&bob, r#"{"people":["Bob"]}"#);
    let frames = [
        r#"{"channel":"message","data":"hello to you"}"#,
        r#"{"channel":"rename","data":"Ada L."}"#,
        r#"{"channel":"message","data":"it is me"}"#,
    ];
    let ada = chat.enter("Ada", &frames);
    hears(&bob, r#"{"people":["Ada","Bob"]}"#);
    for who in [&ada, &bob] {
        hears(who, r#""name":"Ada","text":"hello to you"}"#);
        hears(who, r#"{"people":["Ada L.","Bob"]}"#);
        hears(who, r#""name":"Ada L.","text":"it is me"}"#);
    }
    let said = bob.stdout();
    assert!(said.find("hello to you") < said.find("it is me"), "{said}");
    project.logged("topics/message_sent/count_words", "Ada said 3 words");
    project.logged("topics/message_sent/count_words", "Ada L. said 3 words: 6 so far");
}

#[test]
fn who_is_killed_has_left() {
    let home = Home::new();
    let (_project, chat) = deployed(&home);
    let ada = chat.enter("Ada", &[]);
    let bob = chat.enter("Bob", &[]);
    hears(&bob, r#"{"people":["Ada","Bob"]}"#);
    processes::signal(ada.pid(), Signal::KILL);
    hears(&bob, r#"{"people":["Bob"]}"#);
}

#[test]
fn the_page_is_served_and_the_summary_is_due_within_the_hour() {
    let home = Home::new();
    let (project, _chat) = deployed(&home);
    let resources = project.resources();
    let page = resources["websites"][0]["url"].as_str().expect("the page has an address");
    assert!(http::get(page).expect(200).text().contains("chat.js"));
    let script = http::get(&format!("{page}/chat.js")).expect(200);
    assert!(script.header("content-type").is_some_and(|kind| kind.contains("javascript")), "{:?}", script.headers);
    let listed = home.run(&["list", "resources", "chat"]).succeeded().stdout;
    assert!(listed.contains("- hourly_summary: rate(1 hour) (next run "), "{listed}");
}
