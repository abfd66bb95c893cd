//! What the reference's generator writes in TypeScript: handlers that import types of a package which nobody installed.

use std::fs;

use serde_json::json;

use super::reference;
use less_tests::harness::{Home, Socket, http};

/// The generator's file, and where it would be in a project.
const FILES: [(&str, &str); 8] = [
    ("api/get/basic.ts", "less/apis/pets/greeting/get.ts"),
    ("api/get/with_logger_middleware.ts", "less/apis/pets/get.ts"),
    ("cloud_function/basic.ts", "less/functions/tell/index.ts"),
    ("cron/basic.ts", "less/crons/nightly/index.ts"),
    ("socket/connect/basic.ts", "less/sockets/chat/connect/index.ts"),
    ("socket/disconnect/basic.ts", "less/sockets/chat/disconnect/index.ts"),
    ("socket/channel/basic.ts", "less/sockets/chat/room/index.ts"),
    ("topic/subscriber/basic.ts", "less/topics/born/tell/index.ts"),
];

#[test]
fn handlers_of_the_references_generator_run_as_they_were_written() {
    let Some(generator) = reference("less-cli") else { return };
    let home = Home::new();
    let project = home.project("generated", &[("less.config", "env_vars: [CRON_NIGHTLY]\n")]);
    project.write(".env", "CRON_NIGHTLY=0 3 * * ? *\n");
    for (file, place) in FILES {
        project.write(place, &fs::read_to_string(generator.join("templates/ts").join(file)).unwrap());
    }
    project.deploy();
    let pets = http::get(&format!("{}?status=sold", project.url("pets"))).expect(200);
    assert_eq!(pets.header("x-custom-header"), Some("CustomValue"));
    assert_eq!(pets.json()[0]["status"], "sold");
    http::get(&format!("{}/greeting", project.url("pets"))).expect(200);
    http::post(&format!("{}/born", project.url("topics")), r#"{ "name": "Cat" }"#).expect(202);
    project.logged("topics/born/tell", "name: 'Cat'");
    http::post(&format!("{}/tell", project.url("functions")), r#"{ "name": "Dog" }"#).expect(200);
    project.logged("functions/tell", "name: 'Dog'");
    let mut client = Socket::connect(&project.socket_url("chat"));
    client.say("room", &json!({ "name": "Fish" }));
    project.logged("sockets/chat/room", "Payload: { name: 'Fish' }");
    client.leave();
    for handler in ["connect", "disconnect"] {
        project.logged(&format!("sockets/chat/{handler}"), "Socket: ");
    }
}
