//! Section 4: what becomes of a delivery that fails, and of one that waits over a deploy.

use std::time::Duration;

use less_tests::harness::{Home, eventually, eventually_some, for_a_while, http};
use serde_json::{Value, json};

use crate::case::{Case, case};
use crate::scene::{Scene, Stage};

pub(crate) const CASES: &[Case] = &[
    case!(a_failed_delivery_waits_1_2_and_4_seconds, ["4.08", "4.11", "14.03"],
        "crates/less-project/src/config/mod.rs":
            "factor: 2.0, longest"
            => "factor: 1.0, longest"),
    case!(the_longest_wait_is_5_minutes, ["4.12"],
        "crates/less-project/src/config/mod.rs":
            "longest: Duration::from_secs(5 * 60)"
            => "longest: Duration::from_secs(50 * 60)"),
    case!(what_takes_too_long_has_failed, ["4.09", "13.04"],
        "crates/less-server/src/dispatch/retry.rs":
            "Outcome::TimedOut { limit } => failed("
            => "Outcome::TimedOut { limit } if limit.is_zero() => Verdict::Done, Outcome::TimedOut { .. } => Verdict::Release, Outcome::TimedOut { limit } => failed("),
    case!(when_its_time_is_over_a_delivery_is_a_dead_letter, ["4.13", "13.03"],
        "crates/less-server/src/dispatch/retry.rs":
            "if due < expires {"
            => "if due < i64::MAX {"),
    case!(a_failing_subscriber_delays_neither_others_nor_its_own_later_messages, ["4.15", "4.16"],
        "crates/less-server/src/dispatch/mod.rs":
            "this.attempt(delivery).await;\n                    drop(slot);"
            => "this.attempt(delivery).await;\n                    std::mem::forget(slot);"),
    case!(a_refused_message_is_a_dead_letter_at_once, ["4.21"],
        "crates/less-server/src/dispatch/retry.rs":
            "Verdict::Bury { reason: Reason::Refused, error: summary(thrown) }"
            => "failed(summary(thrown))"),
    case!(a_deploy_without_a_subscriber_parks_its_deliveries_until_it_returns, ["4.32", "4.34"],
        "crates/less-server/src/projects/describe.rs":
            "and {waiting} deliveries wait for it"
            => "and what waits for it waits"),
    case!(parked_deliveries_expire_as_usual, ["4.33"],
        "crates/less-store/src/embedded/refill.rs":
            "self.carried.push(Settlement { delivery, fate, at: self.now() });"
            => "drop((delivery, fate));"),
    case!(a_new_subscriber_gets_what_is_published_after_the_switch, ["4.35"],
        "crates/less-store/src/embedded/jobs.rs":
            "self.catalog = Catalog::load(self.conn, &self.shared.lanes, false)?;"
            => "if self.catalog.subscribers().is_empty() { self.catalog = Catalog::load(self.conn, &self.shared.lanes, false)?; }"),
    case!(a_deploy_hurries_what_waits_and_keeps_the_attempts, ["4.36"],
        "crates/less-server/src/projects/deploy.rs":
            "topics.hurry(&name).await"
            => "topics.hurry(\"nobody\").await"),
    case!(running_invocations_finish_on_the_old_version_and_the_rest_starts_on_the_new, ["4.37", "4.38"],
        "crates/less-server/src/projects/deploy.rs":
            "old.retire(limits::RETIRE).await;"
            => "old.retire(std::time::Duration::ZERO).await;"),
    case!(after_a_failed_deploy_the_old_version_stays, ["4.39"],
        "crates/less-server/src/workers/growth.rs":
            "Ok(Ok(loaded)) if loaded.problems.is_empty() => {"
            => "Ok(Ok(loaded)) => {"),
];

const PICKY: &str = "topics/meals/picky";

fn config(stage: &Stage, subscriber: &str) {
    let text = format!("topics: {{ meals: {{ subscribers: {{ picky: {{ {subscriber} }} }} }} }}\n");
    stage.project().write("less.config", &text);
}

/// A project whose picky subscriber waits an hour after a failure.
fn patient(scene: &Scene) -> Stage {
    let stage = scene.stage();
    config(&stage, "retry: { first: 1h, longest: 1h }");
    stage.project().deploy();
    stage
}

fn poison(n: u64) -> Value {
    json!({ "n": n, "poison": true })
}

/// Of picky's attempts on message `n`, in order.
fn attempts(home: &Home, n: u64) -> Vec<u64> {
    let notes = home.notes("picky").into_iter().filter(|note| note["n"] == n);
    notes.map(|note| note["attempt"].as_u64().unwrap()).collect()
}

fn a_failed_delivery_waits_1_2_and_4_seconds(scene: &Scene) {
    scene.publish("meals", &poison(124));
    eventually("four attempts", || attempts(&scene.home, 124).len() >= 4);
    assert_eq!(attempts(&scene.home, 124)[..4], [1, 2, 3, 4]);
    let notes = scene.home.notes("picky").into_iter().filter(|note| note["n"] == 124);
    let at: Vec<_> = notes.map(|note| note["at"].as_i64().unwrap()).collect();
    // Doubling, ±20 %; there is no upper bound, for a busy machine may be late.
    for (pair, least) in at.windows(2).zip([800, 1_600, 3_200]) {
        assert!(pair[1] - pair[0] >= least, "waits of {at:?}");
    }
    for attempt in 1..=3 {
        // Other cases make it fail, too.
        let is_ours = |line: &&str| line.contains(&format!("attempt {attempt} failed: ")) && line.contains(" 124;");
        let line = eventually_some("the line of the attempt", || {
            scene.project().log(PICKY).lines().find(is_ours).map(str::to_owned)
        });
        assert!(line.contains("cannot stomach 124") && line.contains("next try"), "{line}");
        let (least, most) = [(0.8, 1.2), (1.6, 2.4), (3.2, 4.8)][attempt - 1];
        assert!((least..=most).contains(&wait_in(&line)), "{line}");
    }
}

/// `… next try (attempt 2) in 1.1 s` → 1.1
fn wait_in(line: &str) -> f64 {
    let (_, rest) = line.rsplit_once(" in ").unwrap_or_else(|| panic!("no wait in {line:?}"));
    rest.trim_end_matches(" s").parse().unwrap()
}

fn the_longest_wait_is_5_minutes(scene: &Scene) {
    let stage = scene.stage();
    config(&stage, "retry: { first: 4s, factor: 100 }");
    stage.project().deploy();
    stage.publish("meals", &poison(5));
    let line = stage.project().logged(PICKY, "attempt 2 failed");
    assert!((240.0..=360.0).contains(&wait_in(&line)), "{line}");
}

fn what_takes_too_long_has_failed(scene: &Scene) {
    scene.publish("stuck", &json!(1));
    let project = scene.project();
    project.logged("topics/stuck/one", "attempt 1 failed: it did not finish within its 1 s");
    project.logged("topics/stuck/one", "it is a dead letter now");
    assert_eq!(scene.home.notes("stuck"), [json!(1), json!(2)]);
}

fn when_its_time_is_over_a_delivery_is_a_dead_letter(scene: &Scene) {
    let stage = scene.stage();
    stage.project().write("less.config", "topics: { meals: { retention: 2s } }\n");
    stage.project().deploy();
    stage.publish("meals", &poison(1));
    let line = stage.project().logged(PICKY, "it is a dead letter now");
    assert!(line.contains("its time is over"), "{line}");
    eventually("nothing waits", || stage.project().waiting() == 0);
}

fn a_failing_subscriber_delays_neither_others_nor_its_own_later_messages(scene: &Scene) {
    let stage = patient(scene);
    // More than run at once.
    let poisoned = 80;
    for n in 0..poisoned {
        stage.publish("meals", &poison(n));
    }
    stage.publish("meals", &json!({ "n": poisoned }));
    eventually("the later message is delivered", || attempts(&stage.home, poisoned) == [1]);
    let steady = stage.notes("steady", usize::try_from(poisoned).unwrap() + 1);
    assert!(steady.iter().all(|note| note["attempt"] == 1), "{steady:?}");
    assert_eq!(stage.project().waiting(), poisoned);
}

fn a_refused_message_is_a_dead_letter_at_once(scene: &Scene) {
    scene.publish("refused", &json!(1));
    let line = scene.project().logged("topics/refused/one", "it is a dead letter now");
    assert!(line.contains("never again"), "{line}");
    eventually("nothing waits", || scene.project().waiting_for("topics/refused/one") == 0);
    assert_eq!(scene.home.notes("refused"), [json!(1)]);
}

/// Three messages have failed once, and wait.
fn three_wait(stage: &Stage) {
    (1..=3).for_each(|n| drop(stage.publish("meals", &poison(n))));
    eventually("each has failed once", || stage.project().log(PICKY).matches("attempt 1 failed").count() == 3);
}

fn a_deploy_without_a_subscriber_parks_its_deliveries_until_it_returns(scene: &Scene) {
    let stage = patient(scene);
    three_wait(&stage);
    let file = scene.language.file("less/topics/meals/picky");
    let text = std::fs::read_to_string(stage.project().folder.join(&file)).unwrap();
    stage.project().remove("less/topics/meals/picky");
    stage.project().write("less.config", "topics: {}\n");
    let said = stage.project().deploy().ran.stderr;
    assert!(said.contains(PICKY) && said.contains("3 deliveries"), "deploy says how many it parked:\n{said}");
    stage.publish("meals", &json!({ "n": 4 }));
    assert_eq!(stage.project().waiting_for(PICKY), 3);

    stage.home.give_note("antidote");
    stage.project().write(&file, &text);
    stage.project().deploy();
    eventually("they resume", || stage.project().waiting() == 0);
    assert_eq!(attempts(&stage.home, 3), [1, 2]);
    assert!(attempts(&stage.home, 4).is_empty(), "published while the subscriber was gone");
}

fn parked_deliveries_expire_as_usual(scene: &Scene) {
    let stage = scene.stage();
    let file = scene.language.file("less/topics/meals/picky");
    let text = std::fs::read_to_string(stage.project().folder.join(&file)).unwrap();
    let retention = "topics: { meals: { retention: 3s } }\n";
    let paused = "topics: { meals: { retention: 3s, subscribers: { picky: { concurrency: 0 } } } }\n";
    stage.project().write("less.config", paused);
    stage.project().deploy();
    stage.publish("meals", &json!({ "n": 1 }));
    stage.project().remove("less/topics/meals/picky");
    stage.project().write("less.config", retention);
    stage.project().deploy();
    assert_eq!(stage.project().waiting_for(PICKY), 1);
    // When it returns, the time of what waits is over.
    for_a_while(Duration::from_secs(3));
    stage.project().write(&file, &text);
    stage.project().deploy();
    stage.publish("meals", &json!({ "n": 2 }));
    eventually("nothing waits", || stage.project().waiting_for(PICKY) == 0);
    assert_eq!((attempts(&stage.home, 1), attempts(&stage.home, 2)), (vec![], vec![1]));
}

fn a_new_subscriber_gets_what_is_published_after_the_switch(scene: &Scene) {
    let stage = scene.stage();
    let file = scene.language.file("less/topics/heard/two");
    let text = std::fs::read_to_string(stage.project().folder.join(&file)).unwrap();
    stage.project().remove("less/topics/heard/two");
    stage.project().deploy();
    stage.publish("heard", &json!("before"));
    stage.notes("heard", 1);
    stage.project().write(&file, &text);
    stage.project().deploy();
    stage.publish("heard", &json!("after"));
    let notes = stage.notes("heard", 3);
    let by_two: Vec<_> = notes.iter().filter(|note| note["by"] == "two").map(|note| note["message"].clone()).collect();
    assert_eq!(by_two, [json!("after")]);
}

fn a_deploy_hurries_what_waits_and_keeps_the_attempts(scene: &Scene) {
    let stage = patient(scene);
    three_wait(&stage);
    stage.home.give_note("antidote");
    stage.edit("less/topics/meals/picky", "VERSION = 1", "VERSION = 2");
    stage.project().deploy();
    // Without the deployment they would wait an hour.
    eventually("all are settled", || stage.project().waiting() == 0);
    assert!((1..=3).all(|n| attempts(&stage.home, n) == [1, 2]));
    let versions: Vec<_> = stage.home.notes("picky").iter().map(|note| note["version"].clone()).collect();
    assert_eq!(versions, [1, 1, 1, 2, 2, 2].map(|version| json!(version)));
}

fn running_invocations_finish_on_the_old_version_and_the_rest_starts_on_the_new(scene: &Scene) {
    let stage = scene.stage();
    let topic = format!("{}/waits", stage.project().deploy().url("topics"));
    http::post(&topic, "1").expect(202);
    stage.notes("begun", 1);
    stage.edit("less/topics/waits/one", "VERSION = 1", "VERSION = 2");
    // Publishing goes on through the switch.
    let published = std::thread::scope(|threads| {
        let deploy = threads.spawn(|| drop(stage.project().deploy()));
        let mut published = 1;
        while !deploy.is_finished() {
            for_a_while(Duration::from_millis(20));
            published += 1;
            http::post(&topic, published.to_string()).expect(202);
        }
        published
    });
    http::post(&topic, "0").expect(202);
    let last =
        eventually_some("the new version begins", || stage.home.notes("begun").into_iter().find(|note| note["n"] == 0));
    assert_eq!(last["version"], 2);
    stage.home.give_note("go");
    eventually("all are done", || stage.project().waiting() == 0);
    let ended = stage.home.notes("ended");
    let first: Vec<_> = ended.iter().filter(|note| note["n"] == 1).collect();
    assert_eq!(first, [&json!({ "n": 1, "attempt": 1, "version": 1 })], "it finishes where it began");
    assert!(ended.len() > published, "{published} were published, {} ended", ended.len());
}

fn after_a_failed_deploy_the_old_version_stays(scene: &Scene) {
    let stage = scene.stage();
    stage.project().deploy();
    stage.handler("less/topics/meals/picky", "this is no program (");
    stage.project().run(&["deploy", "topics"]).failed_with(1);
    stage.publish("meals", &json!({ "n": 1 }));
    assert_eq!(stage.notes("picky", 1)[0]["version"], 1);
}
