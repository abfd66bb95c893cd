//! Handlers' log lines (contract, sections 2, 14 and 16).

use std::collections::BTreeMap;

use rustix::process::Signal;

use less_tests::harness::{Home, LogLine, Project, eventually, http};

const PATH: &str = "topics/heard/one";

/// Deploys a subscriber and publishes each message to it.
fn heard<'h>(home: &'h Home, subscriber: &str, messages: &[&str]) -> Project<'h> {
    let project = home.project("shop", &[("less/topics/heard/one/index.js", subscriber)]);
    let topic = format!("{}/heard", project.deploy().url("topics"));
    for message in messages {
        http::post(&topic, *message).expect(202);
    }
    project
}

/// The lines of the one handler, once there are `count`.
fn lines(project: &Project, count: usize) -> Vec<LogLine> {
    let mut lines = Vec::new();
    eventually("the lines are stored", || {
        lines = project.log_lines();
        lines.len() >= count
    });
    lines
}

#[test]
fn a_line_is_a_utc_time_and_its_text() {
    let home = Home::new();
    let project = heard(&home, "exports.process = async (m) => console.log('heard', m, { deep: [1] });", &["7"]);
    let line = project.logged(PATH, "heard 7 { deep: [ 1 ] }");
    let (time, text) = line.split_at(24);
    assert_eq!(text, "heard 7 { deep: [ 1 ] }");
    let shape: String = time.chars().map(|c| if c.is_ascii_digit() { '0' } else { c }).collect();
    assert_eq!(shape, "0000-00-00 00:00:00.000 ");
}

#[test]
fn lines_of_several_processes_stand_in_the_order_in_which_they_were_printed() {
    let home = Home::new();
    // What Node.js is given just before a handler blocks it leaves the process afterwards.
    let blocks = "exports.process = async () => {
        console.log('first');
        const until = Date.now() + 1000;
        require('fs').writeFileSync(process.env.HOME + '/blocked', '');
        while (Date.now() < until);
    };";
    let prints = "import os, time\n\n\ndef process(message):\n    \
        while not os.path.exists(os.environ['HOME'] + '/blocked'):\n        time.sleep(0.01)\n    \
        time.sleep(0.1)\n    print('second')\n";
    let files = [("less/topics/heard/one/index.js", blocks), ("less/topics/heard/two/__init__.py", prints)];
    let project = home.project("shop", &files);
    http::post(&format!("{}/heard", project.deploy().url("topics")), "1").expect(202);
    let texts: Vec<_> = lines(&project, 2).into_iter().map(|line| line.text).collect();
    assert_eq!(texts, ["first", "second"]);
}

#[test]
fn a_handler_may_be_named_in_several_ways() {
    let home = Home::new();
    let project = heard(&home, "exports.process = async (m) => console.log('heard', m);", &["1"]);
    project.logged(PATH, "heard 1");
    let plain = project.log(PATH);
    for path in ["/topics/heard/one", "less/topics/heard/one/index.js", "less/topics/heard/one", "topics/heard/one/"] {
        assert_eq!(project.log(path), plain, "{path}");
    }
    let ran = project.run(&["log", "--project", "shop", "--function", PATH]).succeeded();
    assert_eq!(ran.stdout, plain);
}

#[test]
fn an_unknown_handler_is_an_error_that_names_the_known_ones() {
    let home = Home::new();
    let project = heard(&home, "exports.process = async () => {};", &[]);
    let ran = project.run(&["log", "--project", "shop", "--path", "topics/heard/oen"]).failed_with(1);
    assert!(ran.stderr.contains("topics/heard/oen") && ran.stderr.contains(PATH), "{}", ran.stderr);
}

#[test]
fn lines_belong_to_their_invocation_also_when_several_run_at_once() {
    let home = Home::new();
    let subscriber = "
exports.process = async (name) => {
  for (let step = 0; step < 5; step += 1) {
    console.log(name, step);
    await new Promise((resolve) => setTimeout(resolve, 5 + 10 * Math.random()));
  }
};
";
    let names = ["\"a\"", "\"b\"", "\"c\"", "\"d\""];
    let project = heard(&home, subscriber, &names);
    let mut invocations: BTreeMap<_, Vec<_>> = BTreeMap::new();
    for line in lines(&project, 20) {
        invocations.entry(line.invocation).or_default().push(line.text);
    }
    let mut seen: Vec<_> = invocations.into_values().collect();
    seen.sort();
    let expected =
        names.map(|name| (0..5).map(|step| format!("{} {step}", name.trim_matches('"'))).collect::<Vec<_>>());
    assert_eq!(seen, expected);
}

#[test]
fn both_streams_are_kept_in_order_and_told_apart() {
    let home = Home::new();
    let subscriber = "
exports.process = async () => {
  console.log('one');
  console.error('two');
  process.stdout.write('three\\n');
  process.stderr.write('fo');
  process.stderr.write('ur\\n');
  console.info('five\\nsix');
};
";
    let project = heard(&home, subscriber, &["1"]);
    let seen: Vec<_> = lines(&project, 6).into_iter().map(|line| (line.text, line.stream)).collect();
    let expected =
        [("one", "out"), ("two", "error"), ("three", "out"), ("four", "error"), ("five", "out"), ("six", "out")];
    assert_eq!(seen, expected.map(|(text, stream)| (text.to_owned(), stream.to_owned())));
}

#[test]
fn an_invocation_that_prints_too_much_is_cut_off_with_a_line_that_says_so() {
    let home = Home::new();
    let subscriber = "exports.process = async () => { for (let n = 0; n < 1e6; n += 1) console.log('line', n); };";
    let project = heard(&home, subscriber, &["1"]);
    eventually("the invocation has ended", || project.waiting() == 0);
    let lines = lines(&project, 10_001);
    assert_eq!(lines.len(), 10_001);
    assert_eq!((lines[0].text.as_str(), lines[9_999].text.as_str()), ("line 0", "line 9999"));
    assert!(lines[10_000].text.contains("990,000"), "it says how much was left out: {}", lines[10_000].text);
}

#[test]
fn a_long_line_is_cut_at_64_kib() {
    let home = Home::new();
    let project = heard(&home, "exports.process = async () => console.log('x'.repeat(200000));", &["1"]);
    let line = lines(&project, 1).remove(0).text;
    assert!(line.len() <= 65 * 1024 && line.starts_with(&"x".repeat(60_000)), "{} bytes", line.len());
}

#[test]
fn lines_outlive_the_server_and_new_ones_follow_the_old() {
    let home = Home::new();
    let project = heard(&home, "exports.process = async (m) => console.log('heard', m);", &["1"]);
    project.logged(PATH, "heard 1");
    home.stop_server();
    home.start_server();
    http::post(&format!("{}/heard", project.url("topics")), "2").expect(202);
    project.logged(PATH, "heard 2");
    let texts: Vec<_> = lines(&project, 2).into_iter().map(|line| line.text).collect();
    assert_eq!(texts, ["heard 1", "heard 2"]);
}

#[test]
fn following_prints_lines_as_they_come_until_ctrl_c() {
    let home = Home::new();
    let project = heard(&home, "exports.process = async (m) => console.log('heard', m);", &["1"]);
    let follow = ["log", "--project", "shop", "--path", PATH, "--follow"];
    let follower = home.start("follower", &project.folder, &follow);
    eventually("the old line is printed", || follower.stdout().contains("heard 1"));
    http::post(&format!("{}/heard", project.url("topics")), "2").expect(202);
    eventually("the new line is printed", || follower.stdout().contains("heard 2"));
    follower.signal(Signal::INT);
    follower.ended();
}

#[test]
fn old_lines_can_be_left_out() {
    let home = Home::new();
    let project = heard(&home, "exports.process = async (m) => console.log('heard', m);", &["1"]);
    project.logged(PATH, "heard 1");
    let since =
        |length: &str| project.run(&["log", "--project", "shop", "--path", PATH, "--since", length]).succeeded().stdout;
    assert!(since("10m").contains("heard 1"));
    eventually("the line is older than a second", || since("1s").is_empty());
}
