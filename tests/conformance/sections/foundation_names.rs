//! Section 1: names, what clashes, and how problems are told.

use less_tests::harness::http;

use crate::case::{Case, case};
use crate::scene::Scene;

pub(crate) const CASES: &[Case] = &[
    case!(names_are_of_letters_digits_and_two_signs, ["1.18"],
        "crates/less-project/src/name.rs":
            "const LONGEST: usize = 64;"
            => "const LONGEST: usize = 65;"),
    case!(names_of_projects_are_of_small_letters, ["1.20"],
        "crates/less-project/src/name.rs":
            "const LONGEST_PROJECT: usize = 63;"
            => "const LONGEST_PROJECT: usize = 64;"),
    case!(two_handlers_for_one_thing_are_a_problem, ["1.21", "1.22"],
        "crates/less-project/src/discover/names.rs":
            "if name::param(name).is_some() { \"{}\".into() }"
            => "if name::param(name).is_some() { name.into() }"),
    case!(names_that_could_be_taken_for_one_another_are_a_problem, ["1.23", "1.26", "1.27"],
        "crates/less-project/src/discover/names.rs":
            "name.to_lowercase().replace('-', \"_\") };"
            => "name.to_lowercase() };"),
    case!(names_that_mean_something_else_are_a_problem, ["1.24", "1.25"],
        "crates/less-project/src/name.rs":
            "const RESERVED: [&str; 3] = [\"then\", \"constructor\", \"__proto__\"];"
            => "const RESERVED: [&str; 2] = [\"constructor\", \"__proto__\"];"),
    case!(a_topic_without_subscribers_is_legal_and_takes_messages, ["1.29", "4.03"],
        "crates/less-project/src/discover/mod.rs":
            "this topic has no subscribers"
            => "this topic is quiet"),
    case!(all_problems_are_told_at_once_with_path_and_hint, ["1.31", "1.32", "1.33"],
        "crates/less-project/src/problem.rs":
            "\"\\n  hint: {}\""
            => "\"\\n  tip: {}\""),
];

fn names_are_of_letters_digits_and_two_signs(scene: &Scene) {
    let stage = scene.small_stage("names");
    let longest = "a".repeat(64);
    for name in ["a", "A9_-z", &longest] {
        stage.handler(&format!("less/topics/{name}/one"), scene.language.doing_nothing());
    }
    stage.build();
    let too_long = "b".repeat(65);
    let bad = ["1st", "_a", "-a", "sp ace", "dot.ted", "h\u{e9}", &too_long];
    for name in bad {
        stage.handler(&format!("less/topics/{name}/one"), scene.language.doing_nothing());
    }
    let said = stage.build_fails(&[]);
    for name in bad {
        assert!(said.contains(&format!("less/topics/{name}: ")), "{name} was taken:\n{said}");
    }
}

fn names_of_projects_are_of_small_letters(scene: &Scene) {
    let stage = scene.small_stage("own");
    let build = |name: &str| stage.project().run(&["build", name]);
    build(&format!("a9_-{}", "z".repeat(59))).succeeded();
    for name in ["Own", "1own", "_own", "o.wn", "../own", "o wn", "", &"a".repeat(64)] {
        let ran = build(name);
        assert!(matches!(ran.code, Some(1 | 2)) && !ran.stdout.contains("success"), "{name:?} was taken: {ran:?}");
    }
}

fn two_handlers_for_one_thing_are_a_problem(scene: &Scene) {
    let stage = scene.small_stage("twice");
    let route = scene.language.answering("'x'");
    stage.handler("less/apis/shop/users/{id}/get", &route);
    stage.handler("less/apis/shop/users/{name}/post", &route);
    stage.build_fails(&["less/apis/shop/users/{name}: answers the same paths"]);
    stage.project().remove("less/apis/shop/users/{name}");
    stage.build();

    // Another ending, or another language, for the same verb and the same subscriber.
    let (verb, index) = scene.language.pick(("get.mjs", "index.mjs"), ("get.js", "index.js"), ("get.js", "index.js"));
    stage.handler("less/topics/heard/one", scene.language.doing_nothing());
    stage.project().write(&format!("less/topics/heard/one/{index}"), "");
    stage.project().write(&format!("less/apis/twice/{verb}"), "");
    stage.build_fails(&["less/apis/twice/get.", "answers get already", "less/topics/heard/one/", "keep one"]);
}

fn names_that_could_be_taken_for_one_another_are_a_problem(scene: &Scene) {
    let stage = scene.small_stage("alike");
    for topic in ["paid", "Paid", "a-b", "a_b"] {
        stage.handler(&format!("less/topics/{topic}/one"), scene.language.doing_nothing());
    }
    for cron in ["dailyReport", "daily_report"] {
        stage.handler(&format!("less/crons/{cron}"), scene.language.taking_nothing());
    }
    stage.project().write("less.config", "env_vars: [CRON_DAILY_REPORT]\n");
    stage.project().write(".env", "CRON_DAILY_REPORT=0 3 * * *\n");
    stage.build_fails(&[
        "less/topics/paid: differs from `Paid` beside it in capital letters only",
        "less/topics/a_b: is taken for `a-b`",
        "less/crons/daily_report: its schedule is in CRON_DAILY_REPORT, and so is that of `dailyReport`",
    ]);
}

fn names_that_mean_something_else_are_a_problem(scene: &Scene) {
    let stage = scene.small_stage("reserved");
    let route = scene.language.answering("'x'");
    for api in ["topics", "functions", "then"] {
        stage.handler(&format!("less/apis/{api}/get"), &route);
    }
    for name in ["then", "constructor", "__proto__"] {
        stage.handler(&format!("less/topics/{name}/one"), scene.language.doing_nothing());
        stage.handler(&format!("less/topics/fine/{name}"), scene.language.doing_nothing());
    }
    stage.build_fails(&[
        "less/apis/topics:",
        "less/apis/functions:",
        "less/apis/then:",
        "less/topics/then:",
        "less/topics/constructor:",
        "less/topics/__proto__:",
        "less/topics/fine/then:",
        "less/topics/fine/constructor:",
        "less/topics/fine/__proto__:",
    ]);
}

fn a_topic_without_subscribers_is_legal_and_takes_messages(scene: &Scene) {
    let stage = scene.small_stage("quiet");
    stage.project().write("less/topics/heard/", "");
    let deployed = stage.project().deploy();
    assert!(
        deployed.ran.stderr.contains("less/topics/heard: this topic has no subscribers"),
        "{}",
        deployed.ran.stderr
    );
    let answer = http::post(&format!("{}/heard", deployed.url("topics")), "1").expect(202).json();
    assert!(answer["id"].is_string(), "{answer}");
}

fn all_problems_are_told_at_once_with_path_and_hint(scene: &Scene) {
    let stage = scene.small_stage("wrong");
    let shop = stage.project().deploy().url("wrong").to_owned();
    stage.handler("less/apis/wrong/get", &scene.language.answering("'changed'"));
    for path in ["less/widgets/one/file", "less/topics/1st/one/file", "less/notes.txt"] {
        stage.project().write(path, "");
    }
    stage.project().write("less.config", "topcs: {}\n");
    let ran = stage.project().run(&["deploy", "wrong"]).failed_with(1);
    let problems: Vec<_> = ran.stderr.lines().filter(|line| line.starts_with("[less-cli] ERROR: ")).collect();
    for path in ["less/widgets: ", "less/topics/1st: ", "less/notes.txt: ", "less.config:1: "] {
        assert!(problems.iter().any(|problem| problem.contains(path)), "{path} in\n{}", ran.stderr);
    }
    assert!(ran.stderr.matches("  hint: ").count() >= problems.len(), "{}", ran.stderr);
    // And nothing has changed.
    assert_eq!(http::get(&shop).expect(200).text(), "fine");
}
