//! Section 7: crons. What takes a minute stands in `WAITING`.

use std::collections::BTreeSet;
use std::time::{Duration, SystemTime};

use less_tests::harness::{Foreground, eventually, eventually_within, http};
use rustix::process::Signal;
use serde_json::Value;

use crate::case::{Case, case};
use crate::scene::{Scene, Stage};

pub(crate) const WAITING: &[Case] = &[
    case!(a_cron_runs_on_its_minute_and_again_when_it_failed, ["7.04", "7.12", "7.15", "7.18"],
        "crates/less-server/src/live/subscribers.rs":
            "retry: RetryPolicy::default(),"
            => "retry: RetryPolicy { attempts: Some(1), ..RetryPolicy::default() },"),
    case!(a_rate_counts_from_its_deploy, ["7.02", "7.05", "7.10"],
        "crates/less-server/src/triggers/crons.rs":
            "let CronState { since, mut mark } = self.state;"
            => "let (CronState { mut mark, .. }, since) = (self.state, 0);"),
    case!(what_was_missed_runs_once_on_a_server_and_not_in_run, ["7.13", "7.17", "7.19"],
        "crates/less-server/src/triggers/crons.rs":
            "if self.missed == MissedRuns::Forget {"
            => "if self.missed != MissedRuns::Forget {"),
];

pub(crate) const CASES: &[Case] = &[
    case!(a_schedule_is_in_the_variable_of_its_cron, ["7.01"],
        "crates/less-project/src/schedules.rs":
            "if after_small && c.is_ascii_uppercase() {"
            => "if false {"),
    case!(aws_fields_are_taken_and_what_is_wrong_is_named, ["7.03", "7.20"],
        "crates/less-project/src/cron/field.rs":
            "name: \"hour\""
            => "name: \"field 2\""),
    case!(weekdays_count_from_1_in_six_fields_and_from_0_in_five, ["7.07", "7.08"],
        "crates/less-project/src/cron/field.rs":
            "const WEEK_DAY: Field = Field { name: \"day-of-week\", least: 0"
            => "const WEEK_DAY: Field = Field { name: \"day-of-week\", least: 1"),
    case!(a_time_zone_is_that_of_the_cron_or_of_all, ["7.06", "13.07"],
        "crates/less-project/src/schedules.rs":
            "const ZONE_VARIABLE: &str = \"CRON_TZ\""
            => "const ZONE_VARIABLE: &str = \"CRONS_TZ\""),
];

/// More than a minute, for a machine that is busy.
const MINUTE: Duration = Duration::from_secs(110);

fn created_at(scene: &Scene) -> i64 {
    scene.project().resources()["project"]["created_at"].as_i64().unwrap()
}

fn at(note: &Value) -> i64 {
    note["at"].as_i64().unwrap()
}

fn a_cron_runs_on_its_minute_and_again_when_it_failed(scene: &Scene) {
    let created = created_at(scene);
    eventually_within(MINUTE, "it runs", || scene.home.notes("minute").len() >= 2);
    let notes = scene.home.notes("minute");
    let (first, second) = (&notes[0], &notes[1]);
    // Not for the minute that had begun before the deploy.
    assert!(at(first) / 60_000 > created / 60_000, "{created}: {first}");
    assert!(at(first) % 60_000 < 20_000, "on its minute: {first}");
    assert_eq!((&first["attempt"], &second["attempt"], &first["id"]), (&1.into(), &2.into(), &second["id"]));
    assert!(first["id"].is_string(), "{first}");
    scene.project().logged("crons/everyMinute", "attempt 1 failed");
}

fn a_rate_counts_from_its_deploy(scene: &Scene) {
    let created = created_at(scene);
    eventually_within(MINUTE, "it runs", || !scene.home.notes("rate").is_empty());
    let first = scene.home.notes("rate")[0].clone();
    assert!((59_900..90_000).contains(&(at(&first) - created)), "{created}: {first}");
    assert_eq!(first["given"], 0, "a cron takes nothing");
}

/// Minutes since 1970, and the second of this one.
fn clock() -> (u64, u64) {
    let seconds = SystemTime::UNIX_EPOCH.elapsed().unwrap().as_secs();
    (seconds / 60, seconds % 60)
}

/// The ids of the firings of a project.
fn firings(stage: &Stage, project: &str) -> BTreeSet<String> {
    let notes = stage.home.notes("minute").into_iter().filter(|note| note["project"] == project);
    notes.map(|note| note["id"].to_string()).collect()
}

fn running(stage: &Stage) -> Foreground {
    let args = ["run", "crons-run", "--port", &http::free_port()];
    let mut running = stage.home.start("running", &stage.project().folder, &args);
    running.url("crons");
    running
}

fn what_was_missed_runs_once_on_a_server_and_not_in_run(scene: &Scene) {
    let stage = scene.stage();
    // Enough of the minute must be left to deploy and to stop in.
    eventually_within(MINUTE, "a minute that is young", || clock().1 < 35);
    let (minute, _) = clock();
    stage.project().deploy();
    let run = running(&stage);
    run.signal(Signal::INT);
    run.ended();
    stage.home.stop_server();
    assert_eq!(clock().0, minute, "this machine is too slow for this case");
    eventually_within(MINUTE, "the minute is over", || clock().0 > minute);
    assert!(firings(&stage, "crons").is_empty());

    stage.home.start_server();
    let run = running(&stage);
    eventually("what was missed runs", || !firings(&stage, "crons").is_empty());
    // Whatever crashes now, the firing was that one.
    stage.home.kill_server();
    stage.home.start_server();
    eventually("its second attempt", || stage.home.notes("minute").iter().any(|note| note["attempt"] == 2));
    // Unless this minute, too, is over by now, in which it may run anew.
    if clock().0 == minute + 1 {
        assert_eq!(firings(&stage, "crons").len(), 1);
        assert!(firings(&stage, "crons-run").is_empty(), "run makes up nothing");
    }
    run.signal(Signal::INT);
    run.ended();
}

/// A project with these crons and variables.
fn scheduled(scene: &Scene, crons: &[(&str, &str)], env: &[(&str, &str)]) -> Stage {
    let stage = scene.small_stage("scheduled");
    for (cron, _) in crons {
        stage.handler(&format!("less/crons/{cron}"), scene.language.taking_nothing());
    }
    let schedules = crons.iter().map(|(cron, schedule)| (format!("CRON_{}", cron.to_uppercase()), *schedule));
    let env: Vec<_> = schedules.chain(env.iter().map(|(name, value)| ((*name).to_owned(), *value))).collect();
    let names: Vec<_> = env.iter().map(|(name, _)| name.as_str()).collect();
    stage.project().write("less.config", &format!("env_vars: [{}]\n", names.join(", ")));
    let lines: Vec<_> = env.iter().map(|(name, value)| format!("{name}={value}\n")).collect();
    stage.project().write(".env", &lines.concat());
    stage
}

fn a_schedule_is_in_the_variable_of_its_cron(scene: &Scene) {
    let stage = scheduled(scene, &[], &[("CRON_DAILY_REPORT", "0 3 * * *"), ("CRON_CLEAN_UP", "rate(1 day)")]);
    for cron in ["dailyReport", "clean-up"] {
        stage.handler(&format!("less/crons/{cron}"), scene.language.taking_nothing());
    }
    stage.build();
    stage.handler("less/crons/lateReport", scene.language.taking_nothing());
    stage.build_fails(&["less/crons/lateReport", "CRON_LATE_REPORT"]);
}

fn aws_fields_are_taken_and_what_is_wrong_is_named(scene: &Scene) {
    let good = [
        ("a", "0 12 * * ? *"),
        ("b", "0/15 8-17 ? * MON-FRI *"),
        ("c", "0 10 L * ? *"),
        ("d", "0 10 LW * ? *"),
        ("e", "0 10 15W * ? *"),
        ("f", "0 10 ? * 6#3 *"),
        ("g", "0 10 ? * 6L *"),
        ("h", "5,35 0 1 JAN,jul ? 2026-2030"),
        ("i", "rate(5 minutes)"),
    ];
    scheduled(scene, &good, &[]).build();
    let bad = [
        ("a", "61 12 * * ? *", "minute"),
        ("b", "0 24 * * ? *", "hour"),
        ("c", "0 12 32 * ? *", "day-of-month"),
        ("d", "0 12 ? 13 * *", "month"),
        ("e", "0 12 ? * 6#6 *", "day-of-week"),
        ("f", "0 12 * * ? 1969", "year"),
        ("g", "rate(0 minutes)", "rate"),
        ("h", "", "CRON_H"),
        ("i", "0 12 * * * *", "day"),
    ];
    let stage = scheduled(scene, &bad.map(|(cron, schedule, _)| (cron, schedule)), &[]);
    let said = stage.build_fails(&[]);
    for (cron, schedule, field) in bad {
        let place = format!("less/crons/{cron}: ");
        let told = said
            .lines()
            .find(|line| line.contains(&place))
            .unwrap_or_else(|| panic!("{schedule:?} was taken:\n{said}"));
        assert!(told.contains(field), "{field} is not named for {schedule:?}: {told}");
    }
}

fn weekdays_count_from_1_in_six_fields_and_from_0_in_five(scene: &Scene) {
    scheduled(scene, &[("a", "0 1 ? * 1 *"), ("b", "0 1 ? * 7 *"), ("c", "0 1 * * 0"), ("d", "0 1 * * 7")], &[])
        .build();
    let stage = scheduled(scene, &[("a", "0 1 ? * 0 *"), ("b", "0 1 ? * 8 *"), ("c", "0 1 * * 8")], &[]);
    stage.build_fails(&["less/crons/a:", "less/crons/b:", "less/crons/c:"]);
}

fn a_time_zone_is_that_of_the_cron_or_of_all(scene: &Scene) {
    let zone = |of_all: &str, of_one: &str| {
        let stage = scheduled(scene, &[("report", "0 3 * * *")], &[("CRON_TZ", of_all)]);
        let config = std::fs::read_to_string(stage.project().folder.join("less.config")).unwrap();
        let timezone = format!("crons: {{ report: {{ timezone: {of_one} }} }}\n");
        stage.project().write("less.config", &(config + &timezone));
        stage
    };
    zone("America/New_York", "Europe/Lisbon").build();
    zone("America/New_York", "Mars/Olympus").build_fails(&["Mars/Olympus"]);
    zone("Mars/Olympus", "Europe/Lisbon").build_fails(&["CRON_TZ"]);
}
