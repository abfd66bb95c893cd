//! `publish` and `invoke`: what handlers do, from the terminal (contract, section 14).

use std::fs;
use std::io::Write;
use std::process::Stdio;

use serde_json::{Value, json};

use less_tests::harness::{Home, Project, Ran, eventually};

const HEARS: &str = "
const { note } = require('notes');
exports.process = async (message) => note('heard', message);
";

fn shop(home: &Home) -> Project<'_> {
    let project =
        home.project("shop", &[("less/topics/order_placed/one/index.js", HEARS), ("less/topics/order_paid/", "")]);
    project.deploy();
    project
}

fn heard(home: &Home, count: usize) -> Vec<Value> {
    eventually("the messages are heard", || home.notes("heard").len() >= count);
    home.notes("heard")
}

/// Runs a command with something on its stdin.
fn fed(home: &Home, args: &[&str], input: &str) -> Ran {
    let mut command = home.command(home.root(), args);
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    Ran { code: output.status.code(), stdout: text(output.stdout), stderr: text(output.stderr) }
}

fn is_id(text: &str) -> bool {
    text.len() == 36 && text.chars().all(|c| c.is_ascii_hexdigit() || c == '-')
}

#[test]
fn a_message_is_published_from_the_terminal_and_its_id_printed() {
    let home = Home::new();
    shop(&home);
    let message = "{\"id\": 12345678901234567890, \"note\": \"it's `$(here)`\"}";
    let ran = home.run(&["publish", "shop", "order_placed", message]).succeeded();
    assert!(ran.stdout.ends_with('\n') && is_id(ran.stdout.trim_end()), "{ran:?}");
    assert_eq!(heard(&home, 1)[0]["note"], json!("it's `$(here)`"));
    let ran = home.run(&["publish", "shop", "order_placed", "-5", "--json"]).succeeded();
    let printed = ran.json();
    assert!(printed.as_object().unwrap().len() == 1 && is_id(printed["id"].as_str().unwrap()), "{printed}");
    assert_eq!(heard(&home, 2)[1], json!(-5));
}

#[test]
fn a_message_may_come_from_stdin_or_a_file() {
    let home = Home::new();
    shop(&home);
    let file = home.root().join("message.json");
    fs::write(&file, "{\n  \"from\": \"file\"\n}\n").unwrap();
    fed(&home, &["publish", "shop", "order_placed"], "{\"from\": \"pipe\"}\n").succeeded();
    fed(&home, &["publish", "shop", "order_placed", "-"], "{\"from\": \"dash\"}").succeeded();
    home.run(&["publish", "shop", "order_placed", &format!("@{}", file.display())]).succeeded();
    let mut heard: Vec<_> = heard(&home, 3).iter().map(|message| message["from"].to_string()).collect();
    heard.sort();
    assert_eq!(heard, ["\"dash\"", "\"file\"", "\"pipe\""]);
}

#[test]
fn a_topic_without_subscribers_takes_messages_and_may_be_named_by_its_folder() {
    let home = Home::new();
    let project = shop(&home);
    for topic in ["order_paid", "topics/order_paid", "less/topics/order_paid/"] {
        assert!(is_id(project.run(&["publish", "shop", topic, "null"]).succeeded().stdout.trim_end()), "{topic}");
    }
}

#[test]
fn what_is_no_json_is_refused_with_the_way_to_write_it() {
    let home = Home::new();
    shop(&home);
    let refused = |message: &str| home.run(&["publish", "shop", "order_placed", message]).failed_with(1).stderr;
    let word = refused("hello");
    assert!(word.contains("not JSON") && word.contains("'\"hello\"'"), "{word}");
    let object = refused("{id:1}");
    assert!(object.contains("not JSON") && object.contains("single quotes"), "{object}");
    let piped = fed(&home, &["publish", "shop", "order_placed", "-"], "").failed_with(1).stderr;
    assert!(piped.contains("empty"), "{piped}");
    let missing = refused("@/nowhere/message.json");
    assert!(missing.contains("/nowhere/message.json"), "{missing}");
}

#[test]
fn without_a_message_or_a_topic_nothing_is_guessed() {
    let home = Home::new();
    let project = shop(&home);
    let none = fed(&home, &["publish", "shop", "order_placed"], "").failed_with(2).stderr;
    assert!(none.contains("no message"), "{none}");
    for arguments in [&["publish", "order_placed"][..], &["publish"], &["invoke", "total"]] {
        project.run(arguments).failed_with(2);
    }
    let shifted = project.run(&["publish", "order_placed", "{\"id\": 1}"]).failed_with(1).stderr;
    assert!(shifted.contains("<project> <topic>"), "{shifted}");
    assert!(home.notes("heard").is_empty());
}

#[test]
fn a_wrong_name_is_answered_with_those_that_exist() {
    let home = Home::new();
    shop(&home);
    let refused = |args: &[&str]| home.run(args).failed_with(1).stderr;
    let topic = refused(&["publish", "shop", "order_placd", "1"]);
    assert!(topic.contains("order_paid, order_placed") && topic.contains("did you mean order_placed?"), "{topic}");
    for command in [
        &["publish", "shpo", "order_placed", "1"][..],
        &["invoke", "shpo", "total"],
        &["log", "--project", "shpo"],
        &["list", "resources", "shpo"],
    ] {
        let project = refused(command);
        let names_it = project.contains("deployed are: shop") && project.contains("did you mean shop?");
        assert!(project.contains("\"shpo\"") && names_it, "{project}");
    }
    let function = refused(&["invoke", "shop", "total", "1"]);
    assert!(function.contains("total") && function.contains("has no functions"), "{function}");
}

#[test]
fn a_message_that_is_too_large_is_refused_in_the_servers_words() {
    let home = Home::new();
    shop(&home);
    for (length, word) in [(300 << 10, "262144"), (7 << 20, "6 MiB")] {
        let file = home.root().join("large.json");
        fs::write(&file, format!("\"{}\"", "x".repeat(length))).unwrap();
        let ran = home.run(&["publish", "shop", "order_placed", &format!("@{}", file.display())]).failed_with(1);
        assert!(ran.stderr.contains(word), "{}", ran.stderr);
    }
}

#[test]
fn without_a_server_the_way_to_start_one_is_told() {
    let home = Home::new();
    for arguments in [&["publish", "shop", "order_placed", "1"][..], &["invoke", "shop", "total", "1"]] {
        let ran = home.run(arguments).failed_with(1);
        assert!(ran.stderr.contains("less-cli server start"), "{ran:?}");
    }
}

#[test]
fn a_delayed_message_comes_later_than_those_after_it() {
    let home = Home::new();
    shop(&home);
    home.run(&["publish", "shop", "order_placed", "\"later\"", "--delay", "1h"]).succeeded();
    home.run(&["publish", "shop", "order_placed", "\"soon\"", "--delay", "0.2"]).succeeded();
    assert_eq!(heard(&home, 1), [json!("soon")]);
}

#[test]
fn an_idempotency_key_publishes_once_and_gives_the_first_id_again() {
    let home = Home::new();
    shop(&home);
    let publish = |message: &str, key: &str| {
        let ran = home.run(&["publish", "shop", "order_placed", message, "--idempotency-key", key, "--json"]);
        ran.succeeded().json()["id"].clone()
    };
    let (first, again, other) = (publish("1", "a & b=c"), publish("2", "a & b=c"), publish("3", "other"));
    assert_eq!(first, again);
    assert_ne!(first, other);
    let mut heard: Vec<_> = heard(&home, 2).iter().map(Value::to_string).collect();
    heard.sort();
    assert_eq!(heard, ["1", "3"]);
    let refused = home.run(&["publish", "shop", "order_placed", "1", "--idempotency-key", ""]).failed_with(1);
    assert!(refused.stderr.contains("idempotency_key"), "{}", refused.stderr);
}

#[test]
fn messages_of_one_ordering_key_are_heard_in_their_order() {
    let home = Home::new();
    shop(&home);
    for number in 0..5 {
        home.run(&["publish", "shop", "order_placed", &number.to_string(), "--ordering-key", "k"]).succeeded();
    }
    assert_eq!(heard(&home, 5), (0..5).map(|number| json!(number)).collect::<Vec<_>>());
}

fn functions(home: &Home) -> Project<'_> {
    let project = home.project(
        "shop",
        &[
            ("less/functions/total/index.js", "exports.process = async ({ a, b }) => ({ total: a + b, of: [a, b] });"),
            ("less/functions/same/index.js", "exports.process = async (given) => given;"),
            ("less/functions/fails/index.js", "exports.process = async () => { throw new TypeError('no card'); };"),
        ],
    );
    project.deploy();
    project
}

#[test]
fn a_result_is_laid_out_for_people_and_on_one_line_for_programs() {
    let home = Home::new();
    functions(&home);
    let total = ["invoke", "shop", "total", "{\"a\": 1, \"b\": 2}"];
    let people = home.run(&total).succeeded().stdout;
    assert_eq!(people, "{\n  \"total\": 3,\n  \"of\": [\n    1,\n    2\n  ]\n}\n");
    let program = home.run(&[&total[..], &["--json"]].concat()).succeeded().stdout;
    assert_eq!(program, "{\"total\":3,\"of\":[1,2]}\n");
}

#[test]
fn an_argument_may_be_typed_piped_in_a_file_or_left_out() {
    let home = Home::new();
    let project = functions(&home);
    project.write("argument.json", "[\"file\"]\n");
    for (arguments, input, result) in [
        (&["-1.5"][..], "", "-1.5\n"),
        (&["-"], "\"dash\"", "\"dash\"\n"),
        (&[], "\"pipe\"\n", "\"pipe\"\n"),
        (&[], "", "null\n"),
    ] {
        let ran = fed(&home, &[&["invoke", "shop", "same", "--json"], arguments].concat(), input).succeeded();
        assert_eq!(ran.stdout, result, "{arguments:?} {input:?}");
    }
    let ran = project.run(&["invoke", "shop", "functions/same", "@argument.json", "--json"]).succeeded();
    assert_eq!(ran.stdout, "[\"file\"]\n");
}

#[test]
fn what_a_function_throws_is_told_on_stderr_with_the_way_to_its_log() {
    let home = Home::new();
    functions(&home);
    let ran = home.run(&["invoke", "shop", "fails"]).failed_with(1);
    assert!(ran.stdout.is_empty(), "{ran:?}");
    assert!(ran.stderr.contains("ERROR: TypeError: no card\n"), "{ran:?}");
    assert!(ran.stderr.contains("less-cli log --project shop --path functions/fails"), "{ran:?}");
    let misspelt = home.run(&["invoke", "shop", "totl"]).failed_with(1).stderr;
    assert!(misspelt.contains("fails, same, total") && misspelt.contains("did you mean total?"), "{misspelt}");
}
