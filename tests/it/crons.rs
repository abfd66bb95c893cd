//! Crons (contract, section 7): when a schedule is due is told by the tables of `less-project`; here it fires.

use serde_json::Value;

use less_tests::harness::{Home, Project, eventually, eventually_within};

/// A due minute comes within a minute; the machine may be busy.
const OVER_A_MINUTE: std::time::Duration = std::time::Duration::from_secs(100);

const NOTE: &str = "
const { note } = require('notes');
exports.process = async (...given) => note('ran', { given: given.length, at: Date.now() });
";

fn with_crons<'h>(home: &'h Home, crons: &[(&str, &str, &str)]) -> Project<'h> {
    let files: Vec<(String, &str)> =
        crons.iter().map(|(name, handler, _)| (format!("less/crons/{name}/index.js"), *handler)).collect();
    let borrowed: Vec<(&str, &str)> = files.iter().map(|(path, text)| (path.as_str(), *text)).collect();
    let project = home.project("clock", &borrowed);
    let variable = |name: &str| format!("CRON_{}", name.to_uppercase());
    let listed: Vec<String> = crons.iter().map(|(name, ..)| variable(name)).collect();
    project.write("less.config", &format!("env_vars: [{}]\n", listed.join(", ")));
    let values: Vec<String> = crons.iter().map(|(name, _, value)| format!("{}={value}\n", variable(name))).collect();
    project.write(".env", &values.concat());
    project
}

#[test]
fn a_cron_fires_once_when_it_is_due_also_across_a_kill() {
    let home = Home::new();
    let project = with_crons(&home, &[("tick", NOTE, "* * * * *")]);
    project.deploy();
    eventually_within(OVER_A_MINUTE, "it fires", || home.notes("ran").len() == 1);
    let ran = home.notes("ran")[0].clone();
    assert_eq!(ran["given"], 0, "process() takes nothing unless it declares it");
    let after_the_minute = ran["at"].as_u64().unwrap() % 60_000;
    assert!(after_the_minute < 30_000, "{after_the_minute} ms after the full minute");
    eventually("the run is settled", || project.waiting() == 0);
    home.kill_server();
    home.assert_no_process_left();
    home.start_server();
    eventually("the project is back", || !project.resources()["apis"].as_array().unwrap().is_empty());
    project.deploy();
    let minute = |ran: &Value| ran["at"].as_u64().unwrap() / 60_000;
    let minutes: Vec<u64> = home.notes("ran").iter().map(minute).collect();
    let mut distinct = minutes.clone();
    distinct.dedup();
    assert_eq!(minutes, distinct, "no minute fires twice");
}

#[test]
fn a_failed_run_is_tried_again_and_told() {
    let home = Home::new();
    let fails = "
const { note } = require('notes');
exports.process = async (context) => {
  note('ran', context);
  if (context.attempt < 2) throw new Error('not the first time');
};
";
    let project = with_crons(&home, &[("tick", fails, "rate(1 minute)")]);
    project.deploy();
    eventually_within(OVER_A_MINUTE, "it runs twice", || home.notes("ran").len() == 2);
    project.logged("crons/tick", "attempt 1 failed: Error: not the first time");
    let ran = home.notes("ran");
    assert_eq!((&ran[0]["handler"], &ran[0]["attempt"]), (&"crons/tick".into(), &1.into()));
    assert_eq!((&ran[1]["message_id"], &ran[1]["attempt"]), (&ran[0]["message_id"], &2.into()));
}

#[test]
fn a_bad_schedule_is_a_problem_that_names_the_field_and_a_missing_one_its_variable() {
    let home = Home::new();
    for (schedule, field) in [
        ("61 * * * *", "minute"),
        ("0 12 * * * *", "day"),
        ("0 12 ? * MON-FRY *", "day-of-week"),
        ("0 24 * * ? *", "hour"),
        ("rate(5 parsecs)", "rate"),
    ] {
        let project = with_crons(&home, &[("tick", NOTE, schedule)]);
        for command in ["build", "deploy"] {
            let said = project.run(&[command, "clock"]).failed_with(1).stderr;
            assert!(said.contains("less/crons/tick") && said.contains(field), "{schedule}: {said}");
            assert!(said.contains("CRON_TICK") && said.contains("hint:"), "{schedule}: {said}");
        }
    }
    let project = with_crons(&home, &[("tick", NOTE, "* * * * *")]);
    project.remove(".env");
    let said = project.run(&["build", "clock"]).failed_with(1).stderr;
    assert!(said.contains("CRON_TICK"), "{said}");
    project.remove("less.config");
    let said = project.run(&["build", "clock"]).failed_with(1).stderr;
    assert!(said.contains("CRON_TICK") && said.contains("less.config"), "{said}");
}
