//! The starting template, and the chat's two projects, which an external topic joins.

use std::fs;

use serde_json::json;

use super::chat::{self, EVERY_MINUTE, OVER_A_MINUTE};
use super::registry::Registry;
use super::{Deployed, reference};
use less_tests::harness::{Home, Socket, eventually, eventually_within, http};

#[test]
fn the_basic_template_runs_whole() {
    let Some(template) = reference("less-basic-template") else { return };
    let home = Home::new();
    let (deployed, _) = Deployed::deploy(&home, &template, "template", &[("CRON_SAY_HELLO", EVERY_MINUTE)]);
    let project = &deployed.project;
    let hello = format!("{}/hello", project.url("demo"));
    assert_eq!(http::get(&format!("{hello}?name=Friend")).expect(200).text(), "Hello, Friend!");
    assert_eq!(http::get(&format!("{hello}/Friend")).expect(200).text(), "Hello, Friend!");
    let answer = http::post(&hello, r#"{ "name": "Friend" }"#).expect(201);
    assert_eq!(answer.text(), "Hello, Friend!");

    // `connect` publishes its id as JSON text, whose subscriber parses it and greets the client.
    let mut client = Socket::connect(&project.socket_url("demo"));
    let greeting = client.json();
    let id = greeting.as_str().and_then(|text| text.strip_prefix("Hello, ")?.strip_suffix('!')).unwrap().to_owned();
    client.leave();
    project.logged("sockets/demo/disconnect", &format!("{id} disconnected."));

    eventually_within(OVER_A_MINUTE, "the cron says hello", || project.log("crons/say_hello").contains("Hello, "));
    deployed.assert_unchanged();
}

#[test]
fn a_message_of_the_chats_api_reaches_the_clients_of_its_socket_service() {
    let (Some(api), Some(sockets)) = (reference("less-demo-chat-api"), reference("less-demo-chat-socket-service"))
    else {
        return;
    };
    let home = Home::new();
    Registry::open(&home).start_server(&home);
    let database = home.root().join("database");
    fs::create_dir(&database).unwrap();

    let variables = [("MONGO_DB_URI", database.to_str().unwrap()), ("MONGO_DB_NAME", "chat")];
    let (sockets, warned) = Deployed::deploy(&home, &sockets, "chat-socket-service", &variables);
    // The name of the folder is the other project's, for no variable says otherwise; it comes later.
    assert!(warned.stderr.contains("chat-api"), "{}", warned.stderr);
    let api = chat::deploy(&home, &api);

    let url = sockets.project.socket_url("chat");
    let mut clients = [Socket::connect(&url), Socket::connect(&url)];
    eventually("both clients are in the database", || documents(&home) == 2);
    let sent = json!({ "name": "Ana", "message": "hello" });
    http::post(&format!("{}/messages", api.project.url("chat")), sent.to_string()).expect(201);
    for client in &mut clients {
        assert_eq!(client.json(), sent);
    }
    clients.into_iter().for_each(Socket::leave);
    eventually("no client is in the database", || documents(&home) == 0);
    [api, sockets].iter().for_each(Deployed::assert_unchanged);
}

fn documents(home: &Home) -> usize {
    fs::read_dir(home.root().join("database/chat.connection_ids")).map_or(0, Iterator::count)
}
