//! Section 13: `less.config`, and the variables that handlers see.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use less_tests::harness::http;
use serde_json::{Value, json};

use crate::case::{Case, case};
use crate::scene::{Scene, Stage};

pub(crate) const CASES: &[Case] = &[
    case!(less_config_is_yaml_at_the_root_and_optional, ["13.01"],
        "crates/less-project/src/discover/mod.rs":
            "text(\"less.config\"), text(\"package.json\")"
            => "text(\"less.yaml\"), text(\"package.json\")"),
    case!(all_missing_variables_are_named_at_once, ["13.02"],
        "crates/less-project/src/env.rs":
            "    if !missing.is_empty() {"
            => "    missing.truncate(1);\n    if !missing.is_empty() {"),
    case!(a_subscriber_runs_no_more_than_its_concurrency_at_once, ["13.05"],
        "crates/less-project/src/config/mod.rs":
            "set.concurrency.unwrap_or(subscriber.concurrency)"
            => "subscriber.concurrency"),
    case!(a_retry_policy_says_when_and_how_often, ["13.06"],
        "crates/less-server/src/dispatch/retry.rs":
            "policy.attempts.is_some_and(|most| attempt >= most)"
            => "policy.attempts.is_some_and(|most| attempt > most)"),
    case!(a_subscriber_without_concurrency_is_paused, ["13.19"],
        "crates/less-project/src/config/mod.rs":
            "set.concurrency.unwrap_or(subscriber.concurrency)"
            => "set.concurrency.unwrap_or(subscriber.concurrency).max(1)"),
    case!(unknown_keys_are_errors_with_a_suggestion, ["13.10"],
        "crates/less-project/src/config/read.rs":
            "self.problem(format!(\"there is no setting `{key}`\"), suggestion(key, known.iter().copied()));"
            => "self.problem(format!(\"there is no setting `{key}`\"), \"remove it\");"),
    case!(variables_of_the_cloud_are_refused_but_its_region, ["13.11", "13.12"],
        "crates/less-project/src/config/read.rs":
            "\"AWS_REGION\""
            => "\"AWS_REGIONS\""),
    case!(handlers_see_listed_variables_and_the_usual_ones, ["13.13", "13.14"],
        "crates/less-server/src/build/program.rs":
            "(\"PATH\", \"/usr/local/bin:/usr/bin:/bin\"), (\"NODE_ENV\", \"production\")];"
            => "(\"PATH\", \"/usr/local/bin:/usr/bin:/bin\"), (\"NODE_ENV\", \"development\")];"),
    case!(the_callers_environment_wins_over_the_file_and_the_servers_does_not_count, ["13.15", "13.18"],
        "crates/less-project/src/env.rs":
            "caller.get(name).or_else(|| file.get(name))"
            => "file.get(name).or_else(|| caller.get(name))"),
    case!(values_are_kept_for_their_owner_alone_and_never_shown, ["13.16", "13.17"],
        "crates/less-server/src/home.rs":
            "fs::rename(&fresh, path)"
            => "fs::rename(&fresh, path)?; fs::set_permissions(path, Permissions::from_mode(0o644))"),
];

fn less_config_is_yaml_at_the_root_and_optional(scene: &Scene) {
    // The section's project has anchors, comments and both ways to write maps.
    scene.project();
    let stage = scene.small_stage("plain");
    stage.build();
    stage.project().write("less.config", "apis: { plain: { timeout: 10s\n");
    stage.build_fails(&["less.config"]);
    stage.project().write("less.config", "apis: { plain: { timeout: 10s } }\n");
    stage.build();
}

fn all_missing_variables_are_named_at_once(scene: &Scene) {
    let stage = scene.small_stage("lacking");
    stage.project().write("less.config", "env_vars: [FIRST_ONE, SECOND_ONE, THIRD_ONE]\n");
    stage.project().write(".env", "SECOND_ONE=here\n");
    let said = stage.build_fails(&["FIRST_ONE", "THIRD_ONE"]);
    assert!(!said.contains("SECOND_ONE is"), "{said}");
    let deployed = stage.project().run(&["deploy", "lacking"]).failed_with(1).stderr;
    assert!(deployed.contains("FIRST_ONE") && deployed.contains("THIRD_ONE"), "{deployed}");
}

fn a_subscriber_runs_no_more_than_its_concurrency_at_once(scene: &Scene) {
    for n in 0..30 {
        scene.publish("limited", &json!(n));
    }
    let spans = scene.notes("span", 60);
    let running = spans.into_iter().scan(0, |running, step| {
        *running += step.as_i64().unwrap();
        Some(*running)
    });
    let most = running.max().unwrap();
    assert!((2..=3).contains(&most), "{most} ran at once");
}

fn a_retry_policy_says_when_and_how_often(scene: &Scene) {
    scene.publish("failing", &json!(1));
    let failing = "topics/failing/one";
    let line = scene.project().logged(failing, "it is a dead letter now");
    assert!(line.contains("attempt 3 failed") && line.contains("its attempts are used up"), "{line}");
    assert_eq!(scene.home.notes("failing"), [json!(1), json!(2), json!(3)]);
    for attempt in [1, 2] {
        let line = scene.project().logged(failing, &format!("attempt {attempt} failed"));
        let (_, wait) = line.rsplit_once(" in ").unwrap();
        let wait: f64 = wait.trim_end_matches(" s").parse().unwrap();
        assert!((0.8..=1.2).contains(&wait), "{line}");
    }
}

fn a_subscriber_without_concurrency_is_paused(scene: &Scene) {
    let stage = scene.stage();
    stage.project().deploy();
    stage.publish("paused", &json!("for later"));
    // What others get meanwhile is delivered.
    stage.publish("limited", &json!(1));
    stage.notes("span", 2);
    assert_eq!((stage.project().waiting_for("topics/paused/one"), stage.home.notes("unpaused").len()), (1, 0));
    let config = fs::read_to_string(stage.project().folder.join("less.config")).unwrap();
    stage.project().write("less.config", &config.replace("concurrency: 0", "concurrency: 1"));
    stage.project().deploy();
    assert_eq!(stage.notes("unpaused", 1), [json!("for later")]);
}

fn unknown_keys_are_errors_with_a_suggestion(scene: &Scene) {
    let stage = scene.small_stage("odd");
    stage.handler("less/topics/paid/one", scene.language.doing_nothing());
    for (config, wrong, right) in [
        ("topcs: {}", "topcs", "topics"),
        ("apis: { odd: { timout: 1s } }", "timout", "timeout"),
        ("topics: { paid: { retentoin: 1d } }", "retentoin", "retention"),
        ("topics: { paid: { subscribers: { one: { concurency: 1 } } } }", "concurency", "concurrency"),
        ("topics: { paid: { subscribers: { one: { retry: { atempts: 1 } } } } }", "atempts", "attempts"),
        ("topics: { payd: {} }", "payd", "paid"),
    ] {
        stage.project().write("less.config", &format!("{config}\n"));
        let said = stage.build_fails(&["less.config:1", wrong]);
        let hint = said.lines().find(|line| line.contains("hint:")).unwrap_or_default();
        assert!(hint.contains(right), "{right} is not suggested for {wrong}:\n{said}");
    }
}

fn variables_of_the_cloud_are_refused_but_its_region(scene: &Scene) {
    let stage = scene.small_stage("clouded");
    stage.project().write(".env", "AWS_REGION=eu-west-1\nAWS_SECRET=1\n");
    stage.project().write("less.config", "env_vars: [AWS_REGION]\n");
    stage.build();
    stage.project().write("less.config", "env_vars: [AWS_REGION, AWS_SECRET]\n");
    let said = stage.build_fails(&["AWS_SECRET"]);
    assert_eq!(said.matches("[less-cli] ERROR: ").count(), 1, "{said}");
}

/// What the route of the section's project sees.
fn seen(url: &str) -> Value {
    http::get(url).expect(200).json()
}

fn handlers_see_listed_variables_and_the_usual_ones(scene: &Scene) {
    let stage = scene.stage();
    let mut deploy = stage.home.command(&stage.project().folder, &["deploy", "configuration"]);
    let output = deploy.env("CALLERS_SECRET", "x").env("LC_TIME", "C").env("LANG", "C.UTF-8").output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let seen = seen(&stage.project().url("configuration"));
    assert_eq!((&seen["GREETING"], &seen["FROM_FILE"]), (&json!("from the file"), &json!("with spaces and a #")));
    assert_eq!(
        (&seen["NODE_ENV"], &seen["LC_TIME"], &seen["LANG"]),
        (&json!("production"), &json!("C"), &json!("C.UTF-8"))
    );
    assert!(seen["PATH"].is_string() && seen["TMPDIR"].is_string(), "{seen}");
    for name in ["NOT_LISTED", "CALLERS_SECRET", "LESS_HOME", "LESS_PORT", "NO_COLOR", "LESS_FD"] {
        assert!(seen.get(name).is_none(), "{name} reached a handler");
    }
}

fn the_callers_environment_wins_over_the_file_and_the_servers_does_not_count(scene: &Scene) {
    let stage = scene.stage();
    stage.project().write(".env", "FROM_FILE=from the file\n");
    // The server has a GREETING of its own, and knows no FROM_FILE.
    let mut start = stage.home.command(stage.home.root(), &["server", "start", "--port", "0", "--control-port", "0"]);
    assert!(start.env("GREETING", "from the server").status().unwrap().success());
    let missing = stage.project().run(&["deploy", "configuration"]).failed_with(1).stderr;
    assert!(missing.contains("GREETING"), "{missing}");

    stage.project().write(".env", "FROM_FILE=from the file\nGREETING=from the file\n");
    let mut deploy = stage.home.command(&stage.project().folder, &["deploy", "configuration"]);
    assert!(deploy.env("GREETING", "from the caller").output().unwrap().status.success());
    let seen = seen(&stage.project().url("configuration"));
    assert_eq!((&seen["GREETING"], &seen["FROM_FILE"]), (&json!("from the caller"), &json!("from the file")));
    // They stay with the version, whoever starts the server.
    stage.home.stop_server();
    stage.home.start_server();
    let seen = self::seen(&stage.project().url("configuration"));
    assert_eq!(seen["GREETING"], "from the caller");
}

/// The files below `folder` that hold `text`.
fn holding(folder: &Path, text: &str, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap().map(Result::unwrap) {
        let (path, kind) = (entry.path(), entry.file_type().unwrap());
        if kind.is_dir() {
            holding(&path, text, found);
        } else if kind.is_file() {
            let bytes = fs::read(&path).unwrap_or_default();
            if bytes.windows(text.len()).any(|window| window == text.as_bytes()) {
                found.push(path);
            }
        }
    }
}

fn values_are_kept_for_their_owner_alone_and_never_shown(scene: &Scene) {
    const SECRET: &str = "fR3nch-t0ast-7!";
    let stage = scene.stage();
    stage.project().write(".env", &format!("GREETING={SECRET}\nFROM_FILE=1\n"));
    let build = stage.project().run(&["build", "configuration"]).succeeded();
    let deployed = stage.project().deploy();
    assert_eq!(seen(deployed.url("configuration"))["GREETING"], SECRET);
    shown_nowhere(&stage, SECRET, &[build.stdout, build.stderr, deployed.ran.stdout, deployed.ran.stderr]);

    let mut files = Vec::new();
    holding(&stage.home.less_home(), SECRET, &mut files);
    assert!(!files.is_empty(), "the version keeps its values");
    for file in files {
        let mode = fs::metadata(&file).unwrap().permissions().mode() & 0o777;
        assert_eq!(mode, 0o600, "{}", file.display());
    }
}

fn shown_nowhere(stage: &Stage, secret: &str, said: &[String]) {
    let json = stage.project().resources().to_string();
    let log = stage.home.run(&["log", "--project", "configuration"]).succeeded().stdout;
    let server = fs::read_to_string(stage.home.less_home().join("server/server.log")).unwrap_or_default();
    for text in said.iter().chain([&json, &log, &server]) {
        assert!(!text.contains(secret), "{text}");
    }
}
