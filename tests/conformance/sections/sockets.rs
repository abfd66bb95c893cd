//! Section 6: sockets. With the project `sockets`.

use less_tests::harness::{Home, Project, Said, Socket, eventually, eventually_some, http};
use rustix::process::Signal;
use serde_json::{Value, json};

use crate::case::{Case, case};
use crate::scene::Scene;

pub(crate) const CASES: &[Case] = &[
    case!(who_connects_is_told_to_connect_and_what_is_sent_to_its_channel, ["1.12", "6.01", "6.08"],
        "crates/less-server/src/triggers/http/sockets/words.rs":
            "json!({ \"connection_id\": id, \"headers\": headers, \"query\": query })"
            => "json!({ \"connection_id\": id, \"headers\": headers, \"query\": {} })"),
    case!(a_socket_may_have_channels_only, ["1.30"],
        "crates/less-server/src/triggers/http/sockets/session.rs":
            "None => self.is_in = true,"
            => "None => {}"),
    case!(connect_may_refuse, ["6.02"],
        "crates/less-server/src/triggers/http/sockets/words.rs":
            "returned.status >= 400.0"
            => "returned.status >= 600.0"),
    case!(disconnect_hears_of_every_end_once, ["6.03"],
        "crates/less-server/src/triggers/http/sockets/session.rs":
            "Some(recorded) if was_in => recorded.end("
            => "Some(recorded) if !was_in => recorded.end("),
    case!(disconnect_hears_of_those_who_were_connected_to_a_killed_server, ["6.04"],
        "crates/less-server/src/projects/restore.rs":
            "self.end_in_background(left);"
            => "drop(left);"),
    case!(frames_wait_for_connect, ["6.06"],
        "crates/less-server/src/triggers/http/sockets/session.rs":
            "Some(handler) => self.begin(None, &handler, told),"
            => "Some(_) => self.is_in = true,"),
    case!(messages_wait_for_connect, ["6.07"],
        "crates/less-server/src/triggers/http/sockets/session.rs":
            "sends: self.is_in || closing"
            => "sends: true"),
    case!(what_is_no_frame_is_answered_and_the_connection_kept, ["6.09"],
        "crates/less-server/src/triggers/http/sockets/words.rs":
            "told[\"channel\"] = json!(channel);"
            => "drop(channel);"),
    case!(publish_reaches_those_it_names_and_tells_who_is_gone, ["6.10", "6.11"],
        "crates/less-server/src/triggers/http/sockets/rooms.rs":
            "Some(_) | None => sent.gone.push(given),"
            => "Some(_) | None => {}"),
    case!(a_message_has_32_kib_at_most, ["6.12", "16.08"],
        "crates/less-server/src/limits.rs":
            "SOCKET_MESSAGE_BYTES: usize = 32 << 10"
            => "SOCKET_MESSAGE_BYTES: usize = 64 << 10"),
    case!(broadcast_reaches_everybody, ["6.13"],
        "crates/less-server/src/services/sockets.rs":
            "None => room.broadcast(&message),"
            => "None => room.send(&message, Vec::new()),"),
    case!(a_slow_reader_is_cut_off_alone, ["6.14"],
        "crates/less-server/src/limits.rs":
            "SOCKET_OUTBOX_BYTES: usize = 1 << 20"
            => "SOCKET_OUTBOX_BYTES: usize = 1 << 40"),
    case!(run_gives_sockets_ports_from_a_base_on, ["15.12"],
        "crates/less-cli/src/commands/run/mod.rs":
            "args.socket_port.unwrap_or(SOCKET_PORT)"
            => "SOCKET_PORT"),
    case!(the_gateway_has_sockets, ["15.13"],
        "crates/less-server/src/triggers/http/door.rs":
            "Some(\"sockets\") => sockets::answer("
            => "Some(\"socket\") => sockets::answer("),
];

pub(crate) const WAITING: &[Case] = &[case!(a_disconnect_that_fails_is_retried_three_times, ["6.05"],
    "crates/less-server/src/limits.rs":
        "DISCONNECT_ATTEMPTS: u32 = 4"
        => "DISCONNECT_ATTEMPTS: u32 = 3")];

/// A client of `chat`, and its id. Others may connect meanwhile: it is found by its name, which more of a query may follow.
fn client(scene: &Scene, name: &str) -> (Socket, String) {
    enter(&scene.home, &scene.url("chat"), name)
}

fn enter(home: &Home, url: &str, name: &str) -> (Socket, String) {
    let socket = Socket::connect_with(&format!("{url}?name={name}"), &[("x-token", "t")]);
    (socket, eventually_some("connect is told", || id_of(home, name.split('&').next().unwrap())))
}

fn id_of(home: &Home, name: &str) -> Option<String> {
    let told = home.notes("connect");
    let found = told.iter().find(|client| client["query"]["name"] == name)?;
    found["connection_id"].as_str().map(str::to_owned)
}

fn publish(url: &str, message: &Value, to: &Value) -> Value {
    let body = json!({ "message": message, "to": to }).to_string();
    http::post(&format!("{url}/publish"), body).expect(200).json()
}

fn ends(home: &Home, id: &str) -> usize {
    home.notes("disconnect").iter().filter(|client| **client == json!({ "connection_id": id })).count()
}

fn nothing_waits(project: &Project<'_>) {
    eventually("all that was told is settled", || project.waiting() == 0);
}

fn who_connects_is_told_to_connect_and_what_is_sent_to_its_channel(scene: &Scene) {
    let (mut client, id) = client(scene, "told&a=1&a=2");
    let told = scene.home.notes("connect");
    let told = told.iter().find(|client| client["connection_id"] == json!(id)).unwrap();
    assert_eq!((&told["token"], &told["any_case"]), (&json!("t"), &json!("t")), "{told}");
    assert_eq!(told["query"], json!({ "name": "told", "a": "2" }));
    for data in [json!("\u{1F355}"), json!(0), Value::Null, json!([{ "a": 1.5 }])] {
        client.say("say", &data);
        assert_eq!(client.json(), json!({ "said": data, "by": id }));
    }
    client.leave();
}

fn a_socket_may_have_channels_only(scene: &Scene) {
    let mut client = Socket::connect(&scene.url("bare-one"));
    client.say("say", &json!("hi"));
    assert_eq!(client.json(), json!("hi"));
    client.leave();
}

fn connect_may_refuse(scene: &Scene) {
    let url = scene.url("chat");
    for refuse in ["throw", "400", "403", "599"] {
        let client = Socket::connect_with(&format!("{url}?name=refused&refuse={refuse}"), &[("x-token", "t")]);
        assert_eq!(client.closed(), 1008, "{refuse}");
    }
    let id = id_of(&scene.home, "refused").unwrap();
    let (mut client, _) = client(scene, "accepted&refuse=399");
    client.say("say", &json!(1));
    assert_eq!(client.json()["said"], 1);
    client.leave();
    assert_eq!(ends(&scene.home, &id), 0, "nobody hears of who was never let in");
}

fn disconnect_hears_of_every_end_once(scene: &Scene) {
    let stage = scene.stage();
    let project = stage.project();
    let url = project.deploy().url("chat").to_owned();
    let (left, left_id) = enter(&stage.home, &url, "left");
    let (vanished, vanished_id) = enter(&stage.home, &url, "vanished");
    left.leave();
    drop(vanished);
    let (kept, kept_id) = enter(&stage.home, &url, "kept");
    project.deploy();
    assert_eq!(kept.closed(), 1012);
    let all = [left_id, vanished_id, kept_id];
    eventually("disconnect hears of each", || all.iter().all(|id| ends(&stage.home, id) > 0));
    nothing_waits(&project);
    assert_eq!(stage.home.notes("disconnect").len(), 3);
}

fn disconnect_hears_of_those_who_were_connected_to_a_killed_server(scene: &Scene) {
    let stage = scene.stage();
    let project = stage.project();
    let url = project.deploy().url("chat").to_owned();
    let (mut client, id) = enter(&stage.home, &url, "cut");
    stage.home.kill_server();
    assert_eq!(client.hear(), Said::Gone);
    stage.home.start_server();
    eventually("disconnect hears of it", || ends(&stage.home, &id) > 0);
    nothing_waits(&project);
    assert_eq!(ends(&stage.home, &id), 1);
}

fn frames_wait_for_connect(scene: &Scene) {
    let stage = scene.stage();
    let url = stage.project().deploy().url("chat").to_owned();
    let (mut client, id) = enter(&stage.home, &url, "early&wait=1");
    client.say("say", &json!("early"));
    assert_eq!(client.heard_by_now(), [] as [Value; 0]);
    stage.home.give_note("open");
    assert_eq!(client.json(), json!({ "said": "early", "by": id }));
}

fn messages_wait_for_connect(scene: &Scene) {
    let stage = scene.stage();
    let deployed = stage.project().deploy();
    let (mut client, id) = enter(&stage.home, deployed.url("chat"), "early&wait=1");
    assert_eq!(publish(deployed.url("door"), &json!("hello"), &json!([id])), json!({ "sent": 1, "gone": [] }));
    assert_eq!(client.heard_by_now(), [] as [Value; 0]);
    stage.home.give_note("open");
    assert_eq!(client.json(), json!("hello"));
}

fn what_is_no_frame_is_answered_and_the_connection_kept(scene: &Scene) {
    let (mut client, id) = client(scene, "clumsy");
    for (frame, channel) in [
        ("hello", Value::Null),
        ("{\"data\":1}", Value::Null),
        ("{\"channel\":\"none\",\"data\":1}", json!("none")),
        ("{\"channel\":\"connect\",\"data\":1}", json!("connect")),
        ("{\"channel\":\"fail\",\"data\":1}", json!("fail")),
    ] {
        client.send(frame);
        let answer = client.json();
        assert!(answer["error"].is_string() && answer["code"].is_string(), "{frame}: {answer}");
        assert_eq!(answer.get("channel"), Some(&channel), "{frame}");
        assert!(!answer.to_string().contains("secret"), "{answer}");
    }
    scene.project().logged("sockets/chat/fail", "a secret");
    client.say("say", &json!(1));
    assert_eq!(client.json(), json!({ "said": 1, "by": id }));
    client.leave();
}

fn publish_reaches_those_it_names_and_tells_who_is_gone(scene: &Scene) {
    let ((mut one, first), (mut other, second)) = (client(scene, "one"), client(scene, "other"));
    let url = scene.url("door");
    assert_eq!(publish(&url, &json!({ "a": 1 }), &json!([first, second])), json!({ "sent": 2, "gone": [] }));
    assert_eq!([one.json(), other.json()], [json!({ "a": 1 }), json!({ "a": 1 })]);
    assert_eq!(publish(&url, &json!("just one"), &json!(first))["sent"], 1);
    assert_eq!(one.json(), json!("just one"));
    assert_eq!(other.heard_by_now(), [] as [Value; 0]);
    other.leave();
    eventually("it has left", || ends(&scene.home, &second) == 1);
    let told = publish(&url, &json!("who is there?"), &json!([second, first, "nobody"]));
    assert_eq!(told, json!({ "sent": 1, "gone": [second, "nobody"] }));
    assert_eq!(one.json(), json!("who is there?"));
    one.leave();
}

fn a_message_has_32_kib_at_most(scene: &Scene) {
    let (mut client, id) = client(scene, "large");
    let text = |bytes: usize| json!("x".repeat(bytes - 2));
    let (most, more) = (text(32 << 10), text((32 << 10) + 1));
    assert_eq!(publish(&scene.url("door"), &most, &json!([id]))["sent"], 1);
    assert_eq!(client.json(), most);
    assert_eq!(publish(&scene.url("door"), &more, &json!([id])), json!({ "code": "message_too_large" }));
    client.say("say", &more);
    let answer = client.json();
    assert_eq!((&answer["code"], &answer["channel"]), (&json!("message_too_large"), &json!("say")), "{answer}");
    client.leave();
}

fn broadcast_reaches_everybody(scene: &Scene) {
    let stage = scene.stage();
    let deployed = stage.project().deploy();
    let names = ["a", "b", "c"];
    let mut clients = names.map(|name| enter(&stage.home, deployed.url("chat"), name).0);
    // Some may still be on their way in.
    assert_eq!(publish(deployed.url("door"), &json!([1]), &Value::Null), json!({ "sent": 3, "gone": [] }));
    clients.iter_mut().for_each(|client| assert_eq!(client.json(), json!([1])));
}

fn a_slow_reader_is_cut_off_alone(scene: &Scene) {
    let stage = scene.stage();
    let deployed = stage.project().deploy();
    let (slow, slow_id) = enter(&stage.home, deployed.url("chat"), "slow");
    let (mut quick, _) = enter(&stage.home, deployed.url("chat"), "quick");
    let message = json!("x".repeat(30 << 10));
    let mut sent = 0;
    eventually("the slow one is cut off", || {
        let told = publish(deployed.url("door"), &message, &Value::Null);
        assert_eq!(quick.json(), message);
        sent += 1;
        assert!(sent < 600, "it may keep {sent} messages");
        told["gone"] == json!([slow_id])
    });
    assert_eq!(slow.closed(), 1013);
}

fn a_disconnect_that_fails_is_retried_three_times(scene: &Scene) {
    let stage = scene.stage();
    let project = stage.project();
    let url = project.deploy().url("chat").to_owned();
    stage.home.give_note("failing");
    let (client, id) = enter(&stage.home, &url, "unlucky");
    client.leave();
    project.logged("sockets/chat/disconnect", "it is a dead letter now");
    assert_eq!(ends(&stage.home, &id), 4);
    let log = project.log("sockets/chat/disconnect");
    assert!(log.contains("no database at attempt 4"), "{log}");
}

fn run_gives_sockets_ports_from_a_base_on(scene: &Scene) {
    let stage = scene.stage();
    let base = http::free_port();
    let args = ["run", "sockets", "--port", "0", "--socket-port", &base];
    let mut run = stage.home.start("run", &stage.project().folder, &args);
    let urls = [run.url("bare-one"), run.url("chat")];
    let port = |url: &str| url.strip_prefix("ws://localhost:").unwrap().parse::<u16>().unwrap();
    let base: u16 = base.parse().unwrap();
    assert!(
        base <= port(&urls[0]) && port(&urls[0]) < port(&urls[1]) && port(&urls[1]) < base + 50,
        "{base}: {urls:?}"
    );
    let mut client = Socket::connect(&urls[0]);
    client.say("say", &json!("hi"));
    assert_eq!(client.json(), json!("hi"));
    run.signal(Signal::INT);
    assert_eq!(client.closed(), 1001);
    run.ended();
}

fn the_gateway_has_sockets(scene: &Scene) {
    let url = scene.url("chat");
    assert!(url.starts_with("ws://localhost:") && url.ends_with("/sockets/sockets/chat"), "{url}");
    client(scene, "gateway").0.leave();
    let said = &scene.deployed().stdout;
    assert!(said.contains("  - Web Socket URLs") && said.contains(&format!("    - chat: {url}")), "{said}");
}
