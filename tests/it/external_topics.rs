//! Topics of other projects (contract, section 5): deployed in any order, nothing lost while both exist.

use serde_json::json;

use less_tests::harness::{Home, Project, eventually, http};

const NOTE: &str = "
const { note } = require('notes');
exports.process = async (message, { handler, attempt }) => note('heard', { message, handler, attempt });
";
const CONFIG: &str = "env_vars: [CHAT_API]\n";

fn publisher<'h>(home: &'h Home, name: &str) -> Project<'h> {
    home.project(name, &[("less/topics/sent/", ""), ("less/topics/other/", "")])
}

/// Hears `sent` of the project that `CHAT_API` names in its `.env`.
fn listener<'h>(home: &'h Home, name: &str, publisher: &str) -> Project<'h> {
    let project = home.project(
        name,
        &[
            ("less/external_topics/chat-api/sent/tell/index.js", NOTE),
            ("less/apis/own/get.js", "exports.process = () => ({});"),
        ],
    );
    project.write("less.config", CONFIG);
    project.write(".env", &format!("CHAT_API={publisher}\n"));
    project
}

fn send(publisher: &Project, message: &str) {
    http::post(&format!("{}/sent", publisher.url("topics")), json!(message).to_string()).expect(202);
}

fn heard(home: &Home) -> Vec<String> {
    home.notes("heard").iter().map(|heard| heard["message"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn the_publisher_may_come_after_its_listener_be_deployed_again_and_go() {
    let home = Home::new();
    let listener = listener(&home, "mailer", "chat-api2");
    let warned = listener.deploy().ran.stderr;
    assert!(warned.contains("there is no project \"chat-api2\"") && warned.contains("CHAT_API"), "{warned}");
    let chat = publisher(&home, "chat-api2");
    chat.deploy();
    send(&chat, "after");
    eventually("it is heard", || heard(&home) == ["after"]);
    let told = &home.notes("heard")[0];
    assert_eq!(told["handler"], "external_topics/chat-api/sent/tell");

    chat.deploy();
    listener.deploy();
    send(&chat, "redeployed");
    eventually("it is heard", || heard(&home).len() == 2);

    home.run(&["delete", "chat-api2", "--yes"]).succeeded();
    let warned = listener.deploy().ran.stderr;
    assert!(warned.contains("there is no project \"chat-api2\""), "{warned}");
    let chat = publisher(&home, "chat-api2");
    chat.deploy();
    send(&chat, "back");
    eventually("it is heard", || heard(&home) == ["after", "redeployed", "back"]);
}

#[test]
fn what_was_published_survives_restarts_and_the_publishers_end() {
    let home = Home::new();
    let chat = publisher(&home, "chat");
    chat.deploy();
    let listener = listener(&home, "mailer", "chat");
    let said = listener.deploy().ran.stderr;
    assert!(!said.contains("warning"), "{said}");
    // Fails until it is let on.
    listener.write(
        "less/external_topics/chat-api/sent/tell/index.js",
        "const { note, noted } = require('notes');\nexports.process = async (message) => {\n\
           note('tried', message);\n  if (!noted('go')) throw new Error('not yet');\n  note('heard', { message });\n};\n",
    );
    listener.deploy();
    for message in ["one", "two"] {
        send(&chat, message);
    }
    eventually("both were tried", || home.notes("tried").len() >= 2);
    home.run(&["delete", "chat", "--yes"]).succeeded();
    home.kill_server();
    home.assert_no_process_left();
    assert_eq!(heard(&home), [""; 0]);
    home.give_note("go");
    home.start_server();
    eventually("both are heard though their publisher is gone", || {
        let mut heard = heard(&home);
        heard.sort();
        heard == ["one", "two"]
    });
    eventually("nothing waits", || listener.waiting() == 0);
}

#[test]
fn a_topic_that_the_publisher_lacks_and_a_name_that_cannot_be_one_are_told() {
    let home = Home::new();
    publisher(&home, "chat").deploy();
    let listener = home.project("mailer", &[("less/external_topics/chat/snet/tell/index.js", NOTE)]);
    let warned = listener.deploy().ran.stderr;
    assert!(warned.contains("no topic snet") && warned.contains("other, sent"), "{warned}");
    listener.write("less.config", "env_vars: [CHAT]\n");
    listener.write(".env", "CHAT=Not A Project\n");
    let refused = listener.run(&["deploy", "mailer"]).failed_with(1).stderr;
    assert!(refused.contains("CHAT") && refused.contains("hint:"), "{refused}");
}

#[test]
fn a_failing_listener_delays_neither_the_publisher_nor_other_listeners() {
    let home = Home::new();
    let chat = home.project("chat", &[("less/topics/sent/own/index.js", NOTE)]);
    chat.deploy();
    let good = listener(&home, "good", "chat");
    good.deploy();
    let bad = listener(&home, "bad", "chat");
    bad.write(
        "less/external_topics/chat-api/sent/tell/index.js",
        "exports.process = () => { throw new Error('no'); };\n",
    );
    bad.deploy();
    send(&chat, "hello");
    eventually("own and good listeners hear it", || heard(&home).len() == 2);
    bad.logged("external_topics/chat-api/sent/tell", "attempt 1 failed: Error: no");
    assert_eq!((chat.waiting(), good.waiting(), bad.waiting()), (0, 0, 1));
}
