//! Section 4: publishing, and what the generated API answers.

use std::collections::BTreeSet;

use less_tests::harness::{Request, eventually, eventually_some, http};
use serde_json::{Value, json};

use crate::case::{Case, case};
use crate::scene::Scene;

pub(crate) const CASES: &[Case] = &[
    case!(publish_resolves_with_the_id_that_subscribers_see, ["4.01", "4.06"],
        "crates/less-server/src/services/publish.rs":
            "Ok(id) => Ok(Bytes::from(format!(r#\"{{\"id\":\"{id}\"}}\"#))),"
            => "Ok(_) => Ok(Bytes::from(format!(r#\"{{\"id\":\"{}\"}}\"#, Uuid::now_v7()))),"),
    case!(what_was_published_survives_the_death_of_the_server, ["4.02"],
        "crates/less-store/src/embedded/batch.rs":
            "self.rows.commit.execute([])?;\n        Ok(())"
            => "self.rows.rollback()?;\n        Ok(())"),
    case!(any_json_value_arrives_as_it_was_published, ["4.04"],
        "sdk/node/codec.cjs":
            "return JSON.parse(buffer.utf8Slice(at, end));"
            => "return JSON.parse(buffer.latin1Slice(at, end));"),
    case!(a_message_of_256_kib_is_taken_and_a_byte_more_is_an_error_at_publish, ["4.05"],
        "crates/less-server/src/limits.rs":
            "MESSAGE_BYTES: usize = 256 << 10"
            => "MESSAGE_BYTES: usize = 257 << 10"),
    case!(a_delivery_that_was_interrupted_is_made_again, ["4.07"],
        "crates/less-store/src/embedded/mod.rs":
            "Catalog::load(&home.conn, &shared.lanes, true)"
            => "Catalog::load(&home.conn, &shared.lanes, false)"),
    case!(the_topics_api_answers_202_with_an_id_to_whoever_is_on_this_machine, ["4.40", "4.45"],
        "crates/less-server/src/triggers/http/publish.rs":
            "StatusCode::ACCEPTED"
            => "StatusCode::CREATED"),
    case!(the_topics_api_tells_what_is_wrong, ["4.41", "4.42", "4.43"],
        "crates/less-server/src/triggers/http/failure.rs":
            "#[error(\"Topic not found\")]"
            => "#[error(\"No such topic\")]"),
    case!(the_topics_api_takes_an_idempotency_key, ["4.44"],
        "crates/less-server/src/triggers/http/publish.rs":
            "\"idempotency-key\""
            => "\"idempotence-key\""),
];

/// Publishes through the handler; its answer.
fn publish(scene: &Scene, topic: &str, message: &Value) -> Value {
    scene.post("shop", &format!("publish/{topic}"), message)
}

/// What both subscribers of `heard` noted of the message with this id, once they have.
fn heard(scene: &Scene, id: &Value) -> Vec<Value> {
    eventually_some("both subscribers hear it", || {
        let notes: Vec<_> = scene.home.notes("heard").into_iter().filter(|note| note["id"] == *id).collect();
        (notes.len() >= 2).then_some(notes)
    })
}

fn publish_resolves_with_the_id_that_subscribers_see(scene: &Scene) {
    let id = publish(scene, "heard", &json!("to both"))["id"].clone();
    assert!(id.is_string(), "{id}");
    let by: BTreeSet<_> = heard(scene, &id).iter().map(|note| note["by"].to_string()).collect();
    assert_eq!(by.len(), 2, "each subscriber has its own copy: {by:?}");
}

fn what_was_published_survives_the_death_of_the_server(scene: &Scene) {
    let stage = scene.stage();
    // Nobody takes it before the crash.
    stage.project().write("less.config", "topics: { meals: { subscribers: { picky: { concurrency: 0 } } } }\n");
    let url = stage.project().deploy().url("shop").to_owned();
    for n in 0..20 {
        http::post(&format!("{url}/publish/meals"), json!({ "n": n }).to_string()).expect(200);
    }
    stage.home.kill_server();
    stage.home.start_server();
    eventually("the project is back", || stage.project().waiting_for("topics/meals/picky") == 20);
    stage.project().write("less.config", "topics: {}\n");
    stage.project().deploy();
    let seen: BTreeSet<_> = stage.notes("picky", 20).iter().filter_map(|note| note["n"].as_u64()).collect();
    assert_eq!(seen, (0..20).collect());
}

fn any_json_value_arrives_as_it_was_published(scene: &Scene) {
    let every_plane: String = (0..=16).map(|plane| char::from_u32((plane << 16) + 0x41).unwrap()).collect();
    let deep = json!([[[[{ "a": { "b": [1.5, -0.25, 1e100] } }]]]]);
    let shell = json!("'; rm -rf \"$(x)\" `y` \\ \n\r\t\u{0} --");
    let values =
        [json!(0), json!(false), json!(""), Value::Null, json!([]), json!({}), deep, shell, json!(every_plane)];
    for value in values {
        let id = publish(scene, "heard", &value)["id"].clone();
        assert!(heard(scene, &id).iter().all(|note| note["message"] == value), "{value}");
    }
}

fn a_message_of_256_kib_is_taken_and_a_byte_more_is_an_error_at_publish(scene: &Scene) {
    let sized = |bytes: u32| http::post(&format!("{}/sized?bytes={bytes}", scene.url("shop")), "");
    let refused = sized(262_145).expect(400).json();
    assert_eq!(refused["code"], "message_too_large");
    assert!(refused["message"].as_str().unwrap().contains("262,144 bytes"), "{refused}");
    let id = sized(262_144).expect(200).json()["id"].clone();
    assert_eq!(heard(scene, &id)[0]["message"].as_str().map(str::len), Some(262_142));
}

fn a_delivery_that_was_interrupted_is_made_again(scene: &Scene) {
    let stage = scene.stage();
    stage.project().deploy();
    stage.publish("waits", &json!(1));
    stage.notes("begun", 1);
    stage.home.kill_server();
    stage.home.start_server();
    let begun = stage.notes("begun", 2);
    // The server went, not the handler's own process: it has used no attempt.
    assert_eq!((&begun[0]["attempt"], &begun[1]["attempt"]), (&json!(1), &json!(1)));
    stage.home.give_note("go");
    eventually("it is done", || stage.project().waiting() == 0);
}

fn the_topics_api_answers_202_with_an_id_to_whoever_is_on_this_machine(scene: &Scene) {
    let id = scene.publish("heard", &json!("from outside"));
    assert!(id.is_string(), "{id}");
    assert!(heard(scene, &id).iter().all(|note| note["message"] == "from outside"));
}

fn the_topics_api_tells_what_is_wrong(scene: &Scene) {
    let post = |topic: &str, body: Vec<u8>| http::post(&format!("{}/{topic}", scene.url("topics")), body);
    assert_eq!(post("nobody", b"1".into()).expect_error(404)["error"], "Topic not found");
    for body in ["", "{", "{\"a\":}", "\u{fffd}x"] {
        post("heard", body.into()).expect_error(400);
    }
    post("heard", vec![b'"', 0xff, b'"']).expect_error(400);
    post("heard", format!("\"{}\"", "x".repeat(262_143)).into_bytes()).expect_error(413);
}

fn the_topics_api_takes_an_idempotency_key(scene: &Scene) {
    let post = |message: &str| {
        let request = Request::new("POST", &format!("{}/heard", scene.url("topics"))).body(message);
        request.header("idempotency-key", "from the outside").send().expect(202).json()["id"].clone()
    };
    let (first, second) = (post("\"first\""), post("\"second\""));
    assert_eq!(first, second);
    assert!(heard(scene, &first).iter().all(|note| note["message"] == "first"));
    let later = scene.publish("heard", &json!("without a key"));
    heard(scene, &later);
    assert!(scene.home.notes("heard").iter().all(|note| note["message"] != "second"), "the repeat was delivered");
}
