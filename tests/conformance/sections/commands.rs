//! Section 14, as far as the other sections need it: `log` and `publish`. With the project `topics`.

use std::time::Duration;

use less_tests::harness::{eventually, for_a_while};
use rustix::process::Signal;
use serde_json::{Value, json};

use crate::case::{Case, case};
use crate::scene::Scene;

pub(crate) const CASES: &[Case] = &[
    case!(log_prints_a_utc_time_and_the_line_oldest_first, ["14.01"],
        "crates/less-cli/src/time.rs":
            "let days = ms.div_euclid(DAY_MS) + 719_468;"
            => "let ms = ms + 3_600_000 + DAY_MS / 2;\n    let days = ms.div_euclid(DAY_MS) + 719_468;"),
    case!(a_handler_can_be_named_in_every_way, ["14.02"],
        "crates/less-project/src/name.rs":
            "let path = path.strip_prefix(\"less/\").unwrap_or(path);"
            => ""),
    case!(log_can_leave_out_what_is_old, ["14.04"],
        "crates/less-cli/src/commands/log.rs":
            "args.since.map(|since| since.at(now))"
            => "args.since.map(|since| since.at(now)).filter(|_| false)"),
    case!(log_can_follow, ["14.05"],
        "crates/less-server/src/logs/follow.rs":
            "self.stored.changed().await.is_ok()"
            => "std::future::pending().await"),
    case!(log_is_told_to_programs_as_json, ["14.06"],
        "crates/less-cli/src/commands/log.rs":
            "let look = if args.json {"
            => "let look = if !args.json {"),
    case!(publish_publishes_with_its_options, ["14.07"],
        "crates/less-cli/src/commands/publish.rs":
            "delay: args.delay,"
            => "delay: None,"),
];

const PATH: &str = "topics/meals/picky";

/// What `log` prints of [`PATH`], with further options.
fn log(scene: &Scene, options: &[&str]) -> String {
    let args = [&["log", "--project", "topics", "--path", PATH][..], options].concat();
    scene.project().run(&args).succeeded().stdout
}

/// A line in the log of [`PATH`], of its own.
fn fail(scene: &Scene, n: u64) -> String {
    scene.publish("meals", &json!({ "n": n, "poison": true }));
    let text = format!("cannot stomach {n}");
    scene.project().logged(PATH, &text);
    text
}

fn log_prints_a_utc_time_and_the_line_oldest_first(scene: &Scene) {
    let first = fail(scene, 1401);
    let second = fail(scene, 1402);
    let lines = log(scene, &[]);
    assert!(lines.find(&first) < lines.find(&second), "{lines}");
    let line = lines.lines().find(|line| line.contains(&first)).unwrap();
    let shape: String = line.chars().take(24).map(|c| if c.is_ascii_digit() { '0' } else { c }).collect();
    assert_eq!(shape, "0000-00-00 00:00:00.000 ", "{line}");
    let today = std::process::Command::new("date").args(["-u", "+%Y-%m-%d %H"]).output().unwrap().stdout;
    let today = String::from_utf8(today).unwrap();
    let times: Vec<_> = lines.lines().filter(|line| line.starts_with("20")).map(|line| &line[..23]).collect();
    assert!(times.is_sorted(), "{times:?}");
    // Another zone than UTC would show, except in the last seconds of an hour.
    assert!(line.starts_with(today.trim()) || line[14..16] == *"59", "{line}, and it is {today}");
}

fn a_handler_can_be_named_in_every_way(scene: &Scene) {
    let text = fail(scene, 1403);
    let file = scene.language.file("less/topics/meals/picky");
    for path in ["/topics/meals/picky", "less/topics/meals/picky", "topics/meals/picky/", &file] {
        for option in ["--path", "--function"] {
            let ran = scene.project().run(&["log", "--project", "topics", option, path]).succeeded();
            assert!(ran.stdout.contains(&text), "{option} {path}: {}", ran.stdout);
        }
    }
    let unknown = scene.project().run(&["log", "--project", "topics", "--path", "topics/meals/piky"]).failed_with(1);
    assert!(unknown.stderr.contains(PATH), "it names the existing ones: {}", unknown.stderr);
}

fn log_can_leave_out_what_is_old(scene: &Scene) {
    let text = fail(scene, 1404);
    for_a_while(Duration::from_millis(1_500));
    assert!(log(scene, &["--since", "10m"]).contains(&text));
    let recent = log(scene, &["--since", "1s"]);
    assert!(!recent.contains(&format!("attempt 1 failed: Error: {text}")), "{recent}");
    assert!(recent.len() < log(scene, &[]).len());
}

fn log_can_follow(scene: &Scene) {
    let old = fail(scene, 1405);
    let args = ["log", "--project", "topics", "--path", PATH, "--follow"];
    let follower = scene.home.start("follower", &scene.project().folder, &args);
    eventually("the old line is printed", || follower.stdout().contains(&old));
    let new = fail(scene, 1406);
    eventually("the new line is printed", || follower.stdout().contains(&new));
    // Not INT: whoever starts the suite in the background has it ignored.
    follower.signal(Signal::TERM);
    follower.ended();
}

fn log_is_told_to_programs_as_json(scene: &Scene) {
    let text = fail(scene, 1407);
    let lines: Vec<Value> = log(scene, &["--json"]).lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let line = lines.iter().find(|line| line["text"].as_str().unwrap().contains(&text)).unwrap();
    assert_eq!(line["path"], PATH);
    assert!(["time", "stream", "invocation"].iter().all(|name| !line[name].is_null()), "{line}");
}

fn publish_publishes_with_its_options(scene: &Scene) {
    let publish = |message: &str, options: &[&str]| {
        let args = [&["publish", "topics", "heard", message, "--json"][..], options].concat();
        scene.project().run(&args).succeeded().json()["id"].clone()
    };
    let id = publish("{\"from\": \"the command line\"}", &[]);
    let heard = |id: &Value| scene.home.notes("heard").iter().any(|note| note["id"] == *id);
    eventually("it is heard", || heard(&id));
    let key = ["--idempotency-key", "typed"];
    assert_eq!(publish("1", &key), publish("2", &key));
    let delayed = publish("3", &["--delay", "600", "--ordering-key", "typed"]);
    let at_once = publish("4", &[]);
    eventually("the next one is heard", || heard(&at_once));
    assert!(!heard(&delayed));
    let wrong = scene.project().run(&["publish", "topics", "heard", "{"]);
    assert!(wrong.code != Some(0) && !wrong.stderr.is_empty(), "{wrong:?}");
    let unknown = scene.project().run(&["publish", "topics", "herd", "1"]).failed_with(1);
    assert!(unknown.stderr.contains("heard"), "it names the existing ones: {}", unknown.stderr);
}
