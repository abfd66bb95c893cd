//! The files that a project's author writes: `less.config`, `package.json`, `requirements.txt`, `.env`.
//!
//! Input: their texts, in this order. The folder beside them is always the same.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;
use std::time::Duration;

use less_project::{
    Config, Problem, Project, RetryPolicy, discover, env, schedules, tsconfig, typescript_declarations,
};
use tempfile::TempDir;

use crate::input::texts;
use crate::scratch;

const HANDLERS: [&str; 9] = [
    "apis/orders/get.js",
    "apis/orders/{id}/post.py",
    "apis/users/get.ts",
    "topics/order_placed/payment/index.js",
    "topics/order_placed/stock/__init__.py",
    "topics/kvs_created/audit/index.js",
    "external_topics/chat-api/message_sent/archive/index.js",
    "crons/daily_report/index.js",
    "functions/total/index.js",
];
const MODULES: [&str; 2] = ["shared/models/index.js", "shared/date-tools/index.js"];

thread_local! {
    static ROOT: TempDir = project();
}

fn project() -> TempDir {
    let root = scratch::folder();
    for file in HANDLERS.iter().chain(&MODULES) {
        let file = root.path().join("less").join(file);
        fs::create_dir_all(file.parent().expect("a folder")).expect("a folder");
        fs::write(file, "").expect("a file");
    }
    root
}

pub(crate) fn run(data: &[u8]) {
    let [config, package, requirements, dotenv] = texts(data);
    ROOT.with(|root| {
        write(root.path(), "less.config", &config);
        write(root.path(), "package.json", &package);
        write(root.path(), "requirements.txt", &requirements);
        match discover(root.path(), "shop") {
            Ok(project) => check(&project, &dotenv),
            Err(problems) => {
                assert!(!problems.is_empty(), "refused without a reason");
                problems.iter().for_each(|problem| check_problem(problem, &config));
            }
        }
    });
}

/// A file that says nothing is not there.
fn write(root: &Path, name: &str, text: &str) {
    let file = root.join(name);
    if text.is_empty() {
        fs::remove_file(file).ok();
    } else {
        fs::write(file, text).expect("a file");
    }
}

/// It leads somewhere: a line that the file has.
fn check_problem(problem: &Problem, config: &str) {
    assert!(!problem.message.is_empty(), "{problem:?}");
    let Some(line) = problem.path.strip_prefix("less.config:") else { return };
    let line: usize = line.parse().expect("a line's number");
    // YAML has more line ends than one, and tells of the line after the last, too.
    let lines = config.chars().filter(|c| matches!(c, '\n' | '\r' | '\u{85}' | '\u{2028}' | '\u{2029}')).count();
    assert!((1..=lines + 2).contains(&line), "{problem:?}");
}

fn check(project: &Project, dotenv: &str) {
    check_config(&project.config);
    let variables = &project.config.env_vars;
    let found = env::resolve(variables, &BTreeMap::new(), Some(dotenv));
    // What the file says of a variable that nobody asked for is nobody's.
    if let Ok(env) = &found {
        assert_eq!(env.keys().collect::<BTreeSet<_>>(), variables.iter().collect());
    }
    schedules(project, &found.unwrap_or_default()).ok();
    let written = serde_json::from_str::<serde_json::Value>(&tsconfig(project));
    written.expect("a tsconfig.json is JSON");
    assert!(typescript_declarations(project).contains("\"order_placed\": Topic;"));
}

/// The limits of the user's guide.
fn check_config(config: &Config) {
    let day = Duration::from_secs(24 * 3600);
    let minutes = |duration: &Option<Duration>, most: u64| {
        assert!(duration.is_none_or(|time| !time.is_zero() && time <= Duration::from_secs(most * 60)), "{duration:?}");
    };
    for api in config.apis.values() {
        minutes(&api.timeout, 15);
    }
    for topic in config.topics.values() {
        assert!(topic.retention.is_none_or(|time| !time.is_zero() && time <= 14 * day), "{topic:?}");
        for subscriber in topic.subscribers.values() {
            minutes(&subscriber.timeout, 15);
            assert!(subscriber.concurrency.is_none_or(|count| count <= 1_000), "{subscriber:?}");
            subscriber.retry.iter().for_each(check_policy);
        }
    }
}

/// Waits never get shorter, and never longer than the longest.
fn check_policy(policy: &RetryPolicy) {
    assert!(policy.first <= policy.longest && (1.0..=100.0).contains(&policy.factor), "{policy:?}");
    let waits = [2, 3, 4, 50, 1_000, u32::MAX].map(|attempt| policy.wait_before(attempt));
    assert!(waits.is_sorted() && waits[5] <= policy.longest, "{policy:?}: {waits:?}");
}
