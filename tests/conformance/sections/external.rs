//! Section 5: topics of other projects.

use less_tests::harness::{Project, eventually, http};
use rustix::process::Signal;
use serde_json::{Value, json};

use crate::case::{Case, case};
use crate::scene::{Scene, Stage};

pub(crate) const CASES: &[Case] = &[
    case!(events_of_another_project_arrive_under_the_name_that_the_variable_says, ["5.01", "5.02", "5.03", "5.07"],
        "crates/less-project/src/model.rs":
            "env.get(&self.variable()).unwrap_or(&self.placeholder).clone()"
            => "self.placeholder.clone()"),
    case!(without_the_variable_the_placeholder_is_the_name, ["5.04"],
        "crates/less-project/src/model.rs":
            "env.get(&self.variable()).unwrap_or(&self.placeholder).clone()"
            => "env.get(&self.variable()).cloned().unwrap_or_default()"),
    case!(the_publisher_may_come_later_and_deploy_says_so, ["5.05", "5.06"],
        "crates/less-server/src/projects/deploy.rs":
            "None => Some(describe::waits_for_project(external, &publisher)),"
            => "None => None,"),
    case!(run_says_that_it_stands_alone, ["5.08"],
        "crates/less-server/src/projects/describe.rs":
            "run stands alone: no events"
            => "no events"),
    case!(external_deliveries_keep_the_promises_of_topics, ["5.09"],
        "crates/less-server/src/live/subscribers.rs":
            "subscriber(&publisher, &topic.topic, heard, RETENTION)"
            => "subscriber(&publisher, &topic.topic, heard, Duration::ZERO)"),
];

/// A project that only has the topic.
fn publisher<'s>(stage: &'s Stage, name: &str) -> Project<'s> {
    let project = stage.home.project(name, &[]);
    project.write("less/topics/message_sent/", "");
    project
}

fn send(publisher: &Project, message: &Value) {
    http::post(&format!("{}/message_sent", publisher.url("topics")), message.to_string()).expect(202);
}

/// What the archive noted, once it has `count` notes.
fn archived(stage: &Stage, count: usize) -> Vec<Value> {
    stage.notes("archived", count).iter().map(|note| note["message"].clone()).collect()
}

fn events_of_another_project_arrive_under_the_name_that_the_variable_says(scene: &Scene) {
    let stage = scene.stage();
    let (backend, other) = (publisher(&stage, "chat-backend"), publisher(&stage, "chat-api"));
    backend.deploy();
    other.deploy();
    stage.project().deploy();
    send(&other, &json!("not meant"));
    send(&backend, &json!("meant"));
    assert_eq!(archived(&stage, 1), [json!("meant")]);
    eventually("nothing waits", || stage.project().waiting() == 0);
    assert_eq!(archived(&stage, 1), [json!("meant")]);
}

fn without_the_variable_the_placeholder_is_the_name(scene: &Scene) {
    let stage = scene.stage();
    stage.project().remove("less.config");
    stage.project().remove(".env");
    let publisher = publisher(&stage, "chat-api");
    publisher.deploy();
    stage.project().deploy();
    send(&publisher, &json!("by placeholder"));
    assert_eq!(archived(&stage, 1), [json!("by placeholder")]);
}

fn the_publisher_may_come_later_and_deploy_says_so(scene: &Scene) {
    let stage = scene.stage();
    let said = stage.project().deploy().ran.stderr;
    assert!(said.contains("chat-backend"), "deploy says for whom it waits:\n{said}");
    let publisher = publisher(&stage, "chat-backend");
    publisher.deploy();
    send(&publisher, &json!(1));
    // Nor does it matter who is deployed again.
    publisher.deploy();
    send(&publisher, &json!(2));
    let said = stage.project().deploy().ran.stderr;
    assert!(!said.contains("chat-backend"), "now it is there:\n{said}");
    send(&publisher, &json!(3));
    let mut heard = archived(&stage, 3);
    heard.sort_by_key(Value::as_i64);
    assert_eq!(heard, [1, 2, 3]);
}

fn run_says_that_it_stands_alone(scene: &Scene) {
    let stage = scene.stage();
    let route = scene.language.file("less/apis/external/get");
    stage.project().write(&route, &scene.language.answering("'fine'"));
    let mut running =
        stage.home.start("running", &stage.project().folder, &["run", "external", "--port", &http::free_port()]);
    running.url("external");
    eventually("it says so", || running.stderr().contains("chat-backend") && running.stderr().contains("alone"));
    running.signal(Signal::INT);
    running.ended();
}

fn external_deliveries_keep_the_promises_of_topics(scene: &Scene) {
    let stage = scene.stage();
    let publisher = publisher(&stage, "chat-backend");
    publisher.deploy();
    stage.project().deploy();
    stage.home.give_note("archive_is_full");
    send(&publisher, &json!("kept"));
    let notes = stage.notes("archived", 1);
    assert_eq!(notes[0]["attempt"], 1);
    // Failed once, it is tried again, whatever becomes of server and publisher.
    stage.home.kill_server();
    stage.home.start_server();
    publisher.run(&["delete", "chat-backend"]).succeeded();
    eventually("it is delivered", || {
        stage.home.notes("archived").iter().any(|note| note["attempt"] == 2) && stage.project().waiting() == 0
    });
    assert!(stage.home.notes("archived").iter().all(|note| note["message"] == "kept"));
}
