//! The chat's API: a route, a shared model, a mail by a Python subscriber, and a cron with an error of its own.

use std::time::Duration;

use serde_json::json;

use super::registry::Registry;
use super::{Deployed, reference};
use less_tests::harness::{Home, eventually, eventually_within, http};

/// A due minute comes within a minute; the machine may be busy.
pub(super) const OVER_A_MINUTE: Duration = Duration::from_secs(100);
pub(super) const EVERY_MINUTE: &str = "*/1 * * * ? *";

/// The chat's API with its mail in the home's notes.
pub(super) fn deploy<'h>(home: &'h Home, source: &std::path::Path) -> Deployed<'h> {
    let mail = home.note_file("mail");
    let variables =
        [("CHAT_BOT_NAME", "Bot"), ("CRON_CHAT_BOT", EVERY_MINUTE), ("SENDGRID_API_KEY", mail.to_str().unwrap())];
    Deployed::deploy(home, source, "chat-api", &variables).0
}

#[test]
fn a_message_becomes_a_mail_and_the_bots_own_error_is_told_with_its_place() {
    let Some(source) = reference("less-demo-chat-api") else { return };
    let home = Home::new();
    Registry::open(&home).start_server(&home);
    let api = deploy(&home, &source);
    let messages = format!("{}/messages", api.project.url("chat"));
    let sent = json!({ "name": "Ana", "email": "ana@example.com", "message": "hello" });
    let answer = http::post(&messages, sent.to_string()).expect(201);
    assert_eq!(answer.json(), json!({ "message": sent }));
    eventually("a mail is sent", || home.notes("mail").len() == 1);
    let mail = &home.notes("mail")[0];
    assert_eq!(
        (&mail["to_emails"], &mail["subject"]),
        (&json!("ana@example.com"), &json!("Ana sent you a message from Less Chat API."),)
    );
    let refused = http::post(&messages, r#"{ "name": "Ana" }"#).expect(400);
    assert_eq!(refused.json(), json!({ "message": "Bad request" }));

    // The bot takes a thing from its library that is not there.
    eventually_within(OVER_A_MINUTE, "the bot's error is told", || {
        let log = api.project.log("crons/chat_bot");
        log.contains("attempt 1 failed: TypeError") && log.contains("less/crons/chat_bot/index.js:10")
    });
    api.assert_unchanged();
}
