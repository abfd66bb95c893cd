//! What becomes of a delivery that fails (contract, section 4).

use serde_json::{Value, json};

use less_tests::harness::{Home, Project, eventually, http};

/// Notes every attempt, then throws when the message is poisoned.
const FLAKY: &str = "
const { note } = require('notes');
exports.process = async (message, { attempt }) => {
  note('flaky', { n: message.n, attempt, at: Date.now() });
  if (message.poison) throw new Error(`cannot stomach ${message.n}`);
};
";
const STEADY: &str = "
const { note } = require('notes');
exports.process = async (message, { attempt }) => note('steady', { n: message.n, attempt });
";
const PATH: &str = "topics/meals/flaky";

fn project<'h>(home: &'h Home, config: &str) -> Project<'h> {
    let files = [
        ("less/topics/meals/flaky/index.js", FLAKY),
        ("less/topics/meals/steady/index.js", STEADY),
        ("less.config", if config.is_empty() { "topics: {}\n" } else { config }),
    ];
    home.project("kitchen", &files)
}

/// `less.config` with a retry policy for the flaky subscriber.
fn retry(policy: &str) -> String {
    format!("topics: {{ meals: {{ subscribers: {{ flaky: {{ {policy} }} }} }} }}\n")
}

fn serve(project: &Project, message: &Value) {
    http::post(&format!("{}/meals", project.url("topics")), message.to_string()).expect(202);
}

/// What the flaky subscriber noted about message `n`, in order.
fn attempts(home: &Home, n: u64) -> Vec<Value> {
    home.notes("flaky").into_iter().filter(|note| note["n"] == n).collect()
}

fn numbers(attempts: &[Value]) -> Vec<u64> {
    attempts.iter().map(|note| note["attempt"].as_u64().unwrap()).collect()
}

#[test]
fn a_failing_delivery_waits_1_2_and_4_seconds_and_the_log_says_so() {
    let home = Home::new();
    let project = project(&home, "");
    project.deploy();
    serve(&project, &json!({ "n": 1, "poison": true }));
    eventually("four attempts", || attempts(&home, 1).len() == 4);
    let seen = attempts(&home, 1);
    assert_eq!(numbers(&seen), [1, 2, 3, 4]);
    let at: Vec<_> = seen.iter().map(|note| note["at"].as_i64().unwrap()).collect();
    // Doubling, ±20 %; there is no upper bound, for a busy machine may be late.
    for (pair, least) in at.windows(2).zip([800, 1_600, 3_200]) {
        assert!(pair[1] - pair[0] >= least, "waits of {at:?}");
    }
    for attempt in 1..=4 {
        let line = project.logged(PATH, &format!("attempt {attempt}"));
        assert!(line.contains("cannot stomach 1") && line.contains("next try"), "{line}");
    }
}

#[test]
fn a_failing_subscriber_delays_neither_the_others_nor_its_own_later_messages() {
    let home = Home::new();
    let project = project(&home, &retry("retry: { first: 1h, longest: 1h }"));
    project.deploy();
    let poisoned = 200;
    for n in 0..poisoned {
        serve(&project, &json!({ "n": n, "poison": true }));
    }
    serve(&project, &json!({ "n": poisoned }));
    eventually("the later message is delivered", || numbers(&attempts(&home, poisoned)) == [1]);
    eventually("the steady subscriber has all", || home.notes("steady").len() as u64 == poisoned + 1);
    assert!(home.notes("steady").iter().all(|note| note["attempt"] == 1));
    assert_eq!(project.waiting(), poisoned);
}

#[test]
fn attempts_go_on_counting_after_a_restart() {
    let home = Home::new();
    let project = project(&home, "");
    project.deploy();
    serve(&project, &json!({ "n": 1, "poison": true }));
    eventually("two attempts", || attempts(&home, 1).len() == 2);
    home.stop_server();
    home.start_server();
    eventually("two more", || attempts(&home, 1).len() == 4);
    assert_eq!(numbers(&attempts(&home, 1)), [1, 2, 3, 4]);
    assert_eq!(home.notes("steady").len(), 1);
}

#[test]
fn attempts_go_on_counting_after_a_crash() {
    let home = Home::new();
    let project = project(&home, "");
    project.deploy();
    serve(&project, &json!({ "n": 1, "poison": true }));
    eventually("two attempts are settled", || project.log(PATH).contains("attempt 2"));
    home.kill_server();
    home.start_server();
    eventually("a third and a fourth", || numbers(&attempts(&home, 1)).last() >= Some(&4));
    // The settlement of an attempt is durable with the next commit, so the crash may repeat one, and skips none.
    let mut seen = numbers(&attempts(&home, 1));
    assert!(seen.is_sorted(), "{seen:?}");
    seen.dedup();
    assert_eq!(seen[..4], [1, 2, 3, 4]);
}

#[test]
fn a_corrected_deployment_releases_what_waits_with_its_attempts_kept() {
    let home = Home::new();
    let project = project(&home, &retry("retry: { first: 1h, longest: 1h }"));
    project.deploy();
    for n in 1..=3 {
        serve(&project, &json!({ "n": n, "poison": true }));
    }
    eventually("each has failed once", || project.log(PATH).matches("attempt 1").count() == 3);
    project.write("less/topics/meals/flaky/index.js", &FLAKY.replace("if (message.poison)", "if (false)"));
    project.deploy();
    // Without the deployment they would wait an hour.
    eventually("all are settled", || project.waiting() == 0);
    for n in 1..=3 {
        assert_eq!(numbers(&attempts(&home, n)), [1, 2]);
    }
}

#[test]
fn a_deployment_without_the_subscriber_parks_its_deliveries_until_it_returns() {
    let home = Home::new();
    let project = project(&home, &retry("retry: { first: 1h, longest: 1h }"));
    project.deploy();
    for n in 1..=3 {
        serve(&project, &json!({ "n": n, "poison": true }));
    }
    eventually("each has failed once", || project.log(PATH).matches("attempt 1").count() == 3);
    project.remove("less/topics/meals/flaky");
    project.write("less.config", "topics: {}\n");
    let said = project.deploy().ran.stderr;
    assert!(said.contains(PATH) && said.contains('3'), "deploy says how many it parked:\n{said}");
    serve(&project, &json!({ "n": 4 }));
    let waiting = project.resources()["waiting"].clone();
    assert_eq!(waiting[0], json!({ "handler": PATH, "deliveries": 3, "parked": true, "paused": false }));

    project.write("less/topics/meals/flaky/index.js", &FLAKY.replace("if (message.poison)", "if (false)"));
    project.deploy();
    eventually("they resume", || project.waiting() == 0);
    assert_eq!(numbers(&attempts(&home, 3)), [1, 2]);
    assert!(attempts(&home, 4).is_empty(), "published while the subscriber was gone");
}

#[test]
fn a_delivery_without_attempts_left_is_given_up() {
    let home = Home::new();
    let project = project(&home, &retry("retry: { first: 1s, factor: 1, attempts: 2 }"));
    project.deploy();
    serve(&project, &json!({ "n": 1, "poison": true }));
    eventually("two attempts", || attempts(&home, 1).len() == 2);
    eventually("nothing waits any more", || project.waiting() == 0);
    project.logged(PATH, "dead letter");
    assert_eq!(numbers(&attempts(&home, 1)), [1, 2]);
}

#[test]
fn an_attempt_that_takes_too_long_has_failed() {
    let home = Home::new();
    let project = project(&home, &retry("timeout: 1s, retry: { attempts: 2 }"));
    project.write("less/topics/meals/flaky/index.js", &FLAKY.replace("throw", "await new Promise(() => {}); throw"));
    project.deploy();
    serve(&project, &json!({ "n": 1, "poison": true }));
    eventually("two attempts and the end", || attempts(&home, 1).len() == 2 && project.waiting() == 0);
    assert_eq!(numbers(&attempts(&home, 1)), [1, 2]);
    project.logged(PATH, "attempt 1");
    assert_eq!(home.notes("steady").len(), 1);
}

#[test]
fn a_paused_subscriber_gets_nothing_until_a_deployment_lets_it() {
    let home = Home::new();
    let project = project(&home, &retry("concurrency: 0"));
    project.deploy();
    serve(&project, &json!({ "n": 1 }));
    eventually("the other subscriber has it", || home.notes("steady").len() == 1);
    assert_eq!((project.waiting(), home.notes("flaky").len()), (1, 0));
    assert_eq!(project.resources()["waiting"][0]["paused"], true, "and `list resources` says why");
    project.write("less.config", "topics: {}\n");
    project.deploy();
    eventually("it is delivered", || numbers(&attempts(&home, 1)) == [1]);
}

#[test]
fn a_failed_deployment_leaves_the_old_version_with_its_messages() {
    let home = Home::new();
    let project = project(&home, "");
    project.deploy();
    project.write("less/topics/meals/flaky/index.js", "this is no JavaScript");
    project.run(&["deploy", "kitchen"]).failed_with(1);
    serve(&project, &json!({ "n": 1 }));
    eventually("the old version delivers", || numbers(&attempts(&home, 1)) == [1]);
}
