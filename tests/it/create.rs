//! `create`: what it writes builds as it is, in every language, and does what it says (contract, section 14).

use std::fs;
use std::process::Command;

use less_tests::harness::terminal::{CTRL_C, DOWN, ENTER, Terminal};
use less_tests::harness::{Home, Project, Ran, eventually, http};
use serde_json::{Value, json};

use crate::strace;

/// Name, the options of `create`, and the folders and verbs that must be there afterwards.
#[rustfmt::skip]
const CASES: [(&str, &[&str], &[&str]); 15] = [
    ("route get", &["route", "-n", "shop", "-p", "/things/{thing_id}", "-v", "get"], &["less/apis/shop/things/{thing_id}/get"]),
    ("route post", &["route", "--name", "shop", "--path", "/things", "--verb", "post"], &["less/apis/shop/things/post"]),
    ("route put", &["route", "-n", "shop", "-p", "/things/{thing_id}", "-v", "put"], &["less/apis/shop/things/{thing_id}/put"]),
    ("route patch", &["route", "-n", "shop", "-p", "/things/{thing_id}", "-v", "patch"], &["less/apis/shop/things/{thing_id}/patch"]),
    ("route delete", &["route", "-n", "shop", "-p", "/things/{thing_id}", "-v", "delete"], &["less/apis/shop/things/{thing_id}/delete"]),
    ("socket", &["socket", "-n", "plain"], &["less/sockets/plain/connect", "less/sockets/plain/disconnect"]),
    ("socket with channels", &["socket", "--name", "chat", "--channels", "public", "private-room"], &["less/sockets/chat/connect", "less/sockets/chat/disconnect", "less/sockets/chat/public", "less/sockets/chat/private-room"]),
    ("topic", &["topic", "-n", "quiet"], &["less/topics/quiet/"]),
    ("topic with subscribers", &["topic", "-n", "heard", "-s", "one", "two"], &["less/topics/heard/one", "less/topics/heard/two"]),
    ("external topic", &["topic", "-n", "paid", "-ex", "till", "-s", "one"], &["less/external_topics/till/paid/one"]),
    ("subscribers", &["subscribers", "-n", "three", "four", "-t", "heard"], &["less/topics/heard/three", "less/topics/heard/four"]),
    ("external subscribers", &["subscribers", "--names", "one", "--topic", "sold", "--external-topic", "TheTill"], &["less/external_topics/TheTill/sold/one"]),
    ("cron", &["cron", "-n", "nightly-report"], &["less/crons/nightly-report"]),
    ("shared module", &["shared-module", "-n", "greetings"], &["less/shared/greetings"]),
    ("cloud function", &["cloud-function", "-n", "add_numbers"], &["less/functions/add_numbers"]),
];

#[test]
fn a_full_disk_takes_nothing_of_what_was_there() {
    if !strace::is_here() {
        return;
    }
    let home = Home::new();
    let project = empty(&home);
    project.write(".env", "SECRET=\"x\"\n");
    let create = home.command(&project.folder, &["create", "cron", "-n", "clean", "-l", "js"]);
    let mut command = Command::new("strace");
    let full = ["-e", "trace=write", "-e", "inject=write:error=ENOSPC", "-o", "/dev/null", "-P"];
    command.arg("-f").args(full).arg(project.folder.join(".env"));
    command.arg(create.get_program()).args(create.get_args()).current_dir(&project.folder);
    home.adopt(&mut command);
    let ran = command.output().unwrap();
    assert_eq!(ran.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&ran.stderr).contains("cannot write .env: No space left"), "{ran:?}");
    assert_eq!(fs::read_to_string(project.folder.join(".env")).unwrap(), "SECRET=\"x\"\n");
    assert!(!project.folder.join("less.config").exists(), "nothing else is left");
}

fn empty(home: &Home) -> Project<'_> {
    home.project("made", &[])
}

fn create(project: &Project<'_>, language: &str, options: &[&str]) -> Ran {
    project.run(&[&["create"], options, &["-l", language]].concat())
}

/// `less/topics/a/b` → `less/topics/a/b/index.js`
fn file(handler: &str, language: &str) -> String {
    let is_verb = ["/get", "/post", "/put", "/patch", "/delete"].iter().any(|verb| handler.ends_with(verb));
    match (is_verb, language) {
        _ if handler.ends_with('/') => handler.to_owned(),
        (true, _) => format!("{handler}.{language}"),
        (false, "py") => format!("{handler}/__init__.py"),
        (false, _) => format!("{handler}/index.{language}"),
    }
}

/// Every case in one project, which is then built.
fn all_cases_build(language: &str) {
    let home = Home::new();
    let project = empty(&home);
    for (case, options, handlers) in CASES {
        let ran = create(&project, language, options);
        assert_eq!(ran.code, Some(0), "{case} in {language}: {}", ran.stderr);
        for handler in handlers {
            let file = file(handler, language);
            assert!(ran.stdout.contains(&format!("created: {file}\n")), "{case} in {language}: {}", ran.stdout);
            assert!(project.folder.join(&file).exists(), "{case} in {language}: {file}");
        }
        let built = project.run(&["build", "made"]);
        assert_eq!(built.code, Some(0), "{case} in {language} does not build:\n{}", built.stderr);
    }
}

#[test]
fn what_is_created_in_javascript_builds_as_it_is() {
    all_cases_build("js");
}

#[test]
fn what_is_created_in_typescript_builds_as_it_is() {
    all_cases_build("ts");
}

#[test]
fn what_is_created_in_python_builds_as_it_is() {
    all_cases_build("py");
}

#[test]
fn what_is_created_does_what_it_says() {
    for language in ["js", "ts", "py"] {
        let home = Home::new();
        let project = empty(&home);
        for (_, options, _) in CASES.iter().filter(|(case, ..)| !case.contains("external")) {
            create(&project, language, options).succeeded();
        }
        let deployed = project.deploy();
        let things = format!("{}/things", deployed.url("shop"));
        let one = format!("{things}/7");
        assert_eq!(http::get(&one).expect(200).json()["params"], json!({ "thing_id": "7" }), "{language}");
        let thing = json!({ "name": "cup" });
        assert_eq!(http::post(&things, thing.to_string()).expect(201).json(), thing, "{language}");
        http::post(&things, "no JSON").expect(400);
        for (verb, status) in [("PUT", 200), ("PATCH", 200), ("DELETE", 204)] {
            http::Request::new(verb, &one).body(thing.to_string()).send().expect(status);
        }
        let sum = project.run(&["invoke", "made", "add_numbers", "{\"a\": 1, \"b\": 2}"]).succeeded();
        assert_eq!(sum.stdout.trim(), "3", "{language}");
        project.run(&["publish", "made", "heard", "{\"n\": 1}"]).succeeded();
        for subscriber in ["one", "two", "three", "four"] {
            project.logged(&format!("topics/heard/{subscriber}"), "heard");
        }
        assert!(project.resources()["crons"][0]["schedule"] == "rate(1 hour)", "{}", project.resources());
    }
}

#[test]
fn a_shared_module_can_be_loaded_as_its_comment_says() {
    let home = Home::new();
    let project = empty(&home);
    for (language, route) in [
        ("js", "const { greet } = require('greetings');\nexports.process = async () => ({ body: greet('you') });\n"),
        ("py", "from greetings import greet\n\n\ndef process(request, response):\n    return {'body': greet('you')}\n"),
    ] {
        create(&project, language, &["shared-module", "-n", "greetings"]).succeeded();
        project.write(&format!("less/apis/{language}/get.{language}"), route);
    }
    let deployed = project.deploy();
    for language in ["js", "py"] {
        assert_eq!(http::get(deployed.url(language)).expect(200).text(), "Hello, you.");
    }
}

#[test]
fn options_are_taken_as_people_type_them() {
    let home = Home::new();
    let project = empty(&home);
    project.run(&["create", "route", "-n", "shop", "-p", "/", "-v", "GET", "-l", "python"]).succeeded();
    project.run(&["create", "function", "-n", "price", "-l", "javascript"]).succeeded();
    assert!(
        ["less/apis/shop/get.py", "less/functions/price/index.js"]
            .iter()
            .all(|file| project.folder.join(file).exists())
    );
}

#[test]
fn a_subscriber_of_a_topic_that_is_almost_another_is_pointed_out() {
    let home = Home::new();
    let project = empty(&home);
    let subscribe =
        |topic: &str, name: &str| create(&project, "js", &["subscribers", "-t", topic, "-n", name]).succeeded().stderr;
    assert_eq!(subscribe("order_placed", "one"), "");
    assert_eq!(subscribe("order_placed", "two"), "");
    assert_eq!(subscribe("invoice_sent", "one"), "");
    let said = subscribe("order_placd", "one");
    assert!(said.contains("less/topics/order_placd: is a new topic") && said.contains("`order_placed`?"), "{said}");
}

#[test]
fn a_socket_gets_more_channels_later() {
    let home = Home::new();
    let project = empty(&home);
    for language in ["js", "ts", "py"] {
        create(&project, language, &["socket", "-n", "plain"]).succeeded();
        let more = create(&project, language, &["socket", "-n", "plain", "-c", "added"]).succeeded();
        assert_eq!(more.stdout, format!("File created: {}\n", file("less/sockets/plain/added", language)));
        create(&project, language, &["socket", "-n", "plain"]).failed_with(1);
        project.remove("less/sockets");
    }
    let refused = create(&project, "js", &["socket", "-n", "chat", "-c", "connect"]).failed_with(1);
    assert!(refused.stderr.contains("cannot be a channel"), "{}", refused.stderr);
}

#[test]
fn nothing_that_is_there_is_written_over_and_then_nothing_is_created() {
    let home = Home::new();
    let project = home.project("made", &[("less/topics/heard/one/index.js", "mine")]);
    let ran = create(&project, "js", &["topic", "-n", "heard", "-s", "zero", "one"]).failed_with(1);
    assert!(
        ran.stderr.contains("[less-cli] ERROR: less/topics/heard/one/index.js: is there already"),
        "{}",
        ran.stderr
    );
    assert!(ran.stderr.contains("hint:") && ran.stdout.is_empty(), "{ran:?}");
    assert!(!project.folder.join("less/topics/heard/zero").exists());
    assert_eq!(fs::read_to_string(project.folder.join("less/topics/heard/one/index.js")).unwrap(), "mine");
}

#[test]
fn names_are_refused_in_the_words_that_build_has_for_them() {
    let home = Home::new();
    let project = empty(&home);
    for (options, word) in [
        (&["cron", "-n", "1st"][..], "`1st` is not a valid name"),
        (&["topic", "-n", "then", "-s", "a"], "`then` cannot be a name"),
        (&["route", "-n", "shop", "-p", "/orders/:id", "-v", "get"], "{id}"),
        (&["route", "-n", "topics", "-p", "/x", "-v", "get"], "cannot be the name of an API"),
        (&["topic", "-n", "a", "-s", "ok", "../x"], "`../x` is not a valid name"),
        (&["shared-module", "-n", "json"], "is a module of Python itself"),
        (&["shared-module", "-n", "my-models"], "call it my_models"),
        (&["cron", "-n", "often", "--schedule", "now and then"], "--schedule"),
    ] {
        let ran = create(&project, "py", options).failed_with(1);
        assert!(ran.stderr.contains(word) && ran.stderr.contains("hint:"), "{options:?}: {}", ran.stderr);
    }
    assert_eq!(fs::read_dir(&project.folder).unwrap().count(), 0, "nothing is left behind");
    let both = create(&project, "py", &["route", "-n", "1", "-p", "/ü", "-v", "get"]).failed_with(1);
    assert!(both.stderr.contains("--name") && both.stderr.contains("--path"), "all at once: {}", both.stderr);
}

#[test]
fn a_cron_keeps_what_is_in_less_config_and_in_env() {
    let home = Home::new();
    let config = "# what we need\nenv_vars: [KEY] # for the bank\napis: {}\n";
    let project = home.project("made", &[("less.config", config), (".env", "KEY=1 # secret")]);
    let ran = create(&project, "js", &["cron", "-n", "report", "--schedule", "0 9 ? * MON-FRI *"]).succeeded();
    assert!(ran.stdout.contains("File changed: less.config\nFile changed: .env\n"), "{}", ran.stdout);
    let read = |file| fs::read_to_string(project.folder.join(file)).unwrap();
    assert_eq!(read("less.config"), config.replace("[KEY]", "[KEY, CRON_REPORT]"));
    assert_eq!(read(".env"), "KEY=1 # secret\nCRON_REPORT=\"0 9 ? * MON-FRI *\"\n");
    project.run(&["build", "made"]).succeeded();
}

#[test]
fn without_a_terminal_every_missing_option_is_named() {
    let home = Home::new();
    let project = empty(&home);
    for (options, missing) in [
        (&["route", "-p", "/x"][..], &["--name", "--language", "--verb"][..]),
        (&["subscribers"], &["--names", "--topic", "--language"]),
        (&["topic", "-n", "a", "-ex", "till", "-l", "js"], &["--subscribers"]),
        (&["cron", "-n", "a"], &["--language"]),
    ] {
        let ran = project.run(&[&["create"], options].concat()).failed_with(2);
        assert!(missing.iter().all(|option| ran.stderr.contains(option)), "{options:?}: {}", ran.stderr);
        assert!(ran.stderr.contains("terminal"), "{}", ran.stderr);
    }
    assert_eq!(fs::read_dir(&project.folder).unwrap().count(), 0);
}

#[test]
fn a_language_of_later_is_refused_with_those_of_now() {
    let home = Home::new();
    for language in ["go", "rs"] {
        let ran = create(&empty(&home), language, &["cron", "-n", "a"]).failed_with(1);
        assert!(ran.stderr.contains("cannot run yet") && ran.stderr.contains("js, ts or py"), "{}", ran.stderr);
    }
}

#[test]
fn programs_get_the_paths_or_the_reason_as_json() {
    let home = Home::new();
    let project = empty(&home);
    let made = create(&project, "js", &["cron", "-n", "report", "--json"]).succeeded().json();
    assert_eq!(made, json!({ "created": ["less/crons/report/index.js", "less.config", ".env"], "changed": [] }));
    let error = create(&project, "js", &["cron", "-n", "report", "--json"]).failed_with(1);
    assert_eq!(error.json()["error"]["problems"][0]["path"], "less/crons/report/index.js");
    assert_eq!(error.stderr, "");
    let missing = project.run(&["create", "cron", "--json"]).failed_with(2).json();
    assert_eq!(missing["error"]["code"], "usage");
    assert!(missing["error"]["message"].as_str().unwrap().contains("--name"), "{missing}");
}

#[test]
fn within_a_project_no_other_is_begun() {
    let home = Home::new();
    let project = home.project("made", &[("less/topics/heard/", "")]);
    let inside = project.folder.join("less/topics");
    let ran = home.run_in(&inside, &["create", "topic", "-n", "a"]).failed_with(1);
    assert!(ran.stderr.contains(&format!("cd {}", project.folder.display())), "{}", ran.stderr);
}

#[test]
fn at_a_terminal_what_is_missing_is_asked_for() {
    let home = Home::new();
    let project = empty(&home);
    let mut terminal = Terminal::start(&home, &project.folder, &["create", "route"]);
    terminal.expect("Name of the API");
    terminal.press("1st\r");
    terminal.expect("is not a valid name");
    terminal.expect("Name of the API");
    terminal.press("shop\r");
    terminal.expect("Path of the route");
    terminal.press("/orders/{id}\r");
    terminal.expect("Language");
    terminal.press(DOWN);
    terminal.press(ENTER);
    terminal.expect("Verb");
    terminal.press(DOWN);
    terminal.press(DOWN);
    terminal.press(ENTER);
    let (code, shown) = terminal.ended();
    assert_eq!(code, Some(0), "{shown}");
    assert!(shown.contains("File created: less/apis/shop/orders/{id}/put.ts"), "{shown}");
    assert!(project.folder.join("less/apis/shop/orders/{id}/put.ts").is_file());
}

#[test]
fn at_a_terminal_only_what_is_missing_is_asked_for() {
    let home = Home::new();
    let project = empty(&home);
    let mut terminal = Terminal::start(&home, &project.folder, &["create", "subscribers", "-t", "heard", "-l", "py"]);
    terminal.expect("Names of the subscribers");
    terminal.press("one two\r");
    let (code, shown) = terminal.ended();
    assert_eq!(code, Some(0), "{shown}");
    for subscriber in ["one", "two"] {
        assert!(project.folder.join(format!("less/topics/heard/{subscriber}/__init__.py")).is_file(), "{shown}");
    }
}

#[test]
fn ctrl_c_at_a_question_creates_nothing_and_gives_the_cursor_back() {
    let home = Home::new();
    let project = empty(&home);
    for questions in [&["Name of the cron"][..], &["Name of the cron", "Language"]] {
        let mut terminal = Terminal::start(&home, &project.folder, &["create", "cron"]);
        for question in questions {
            terminal.expect(question);
            terminal.press(if question == questions.last().unwrap() { CTRL_C } else { ENTER });
        }
        let (code, shown) = terminal.ended();
        assert_eq!(code, Some(130), "{shown}");
        assert!(shown.contains("nothing was created"), "{shown}");
        assert!(shown.rfind("\u{1b}[?25h") >= shown.rfind("\u{1b}[?25l"), "{shown:?}");
    }
    assert_eq!(fs::read_dir(&project.folder).unwrap().count(), 0);
}

#[test]
fn what_is_created_while_a_project_runs_is_part_of_it_at_once() {
    let home = Home::new();
    let project =
        home.project("made", &[("less/apis/shop/get.js", "exports.process = async () => ({ body: 'here' });")]);
    let mut run = home.start("run", &project.folder, &["run", "--port", &http::free_port()]);
    let url = run.url("shop");
    create(&project, "js", &["route", "-n", "shop", "-p", "/new", "-v", "get"]).succeeded();
    eventually("the new route answers", || http::get(&format!("{url}/new")).status == 200);
    let answer: Value = http::get(&format!("{url}/new")).expect(200).json();
    assert_eq!(answer["message"], "Hello, world.");
}
