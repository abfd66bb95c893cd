//! Handlers that print what is to look like something else: a log's line is told by nobody but who wrote it.

use less_tests::harness::{Foreground, Home, Project, eventually, http};

use crate::terminal::on_a_terminal;

/// Lines that try to begin others, to move the cursor, to speak for the system.
const HANDLER: &str = r"
exports.process = async (request) => {
  console.log('first\n2024-01-01 00:00:00.000 forged by a line end');
  console.log('second\r2024-01-01 00:00:00.000 forged by a return');
  console.log('\x1b[2J\x1b[1;1H\x1b]0;title\x07\x9b31m', '\x00', '\x08\x08', '\u202e', '\u2028');
  console.log('[less-local] App stopped; [less-cli] ERROR: no');
  console.log('attempt 1 failed: not by the system');
  console.log(request.path, request.query, request.headers['X-Name']);
  process.stdout.write('no end \x1b[31m');
  require('child_process').spawnSync('printf', ['bytes \\377\\376 \\033[2J\\n'], { stdio: 'inherit' });
};
";
const THROWS: &str = r"
exports.process = async () => {
  throw new Error('no\n2024-01-01 00:00:00.000 attempt 9 failed: forged\r\x1b[2Jback');
};
";
const LAST: &str = "attempt 1 failed: ";

fn printed(home: &Home) -> Project<'_> {
    let files = [
        ("less/apis/shop/{id}/get.js", HANDLER),
        ("less/topics/sold/one/index.js", THROWS),
        ("less.config", "topics: { sold: { subscribers: { one: { retry: { attempts: 1 } } } } }\n"),
    ];
    let project = home.project("shop", &files);
    let deployed = project.deploy();
    let request = http::Request::new("GET", &format!("{}/%0d%0a%1b[2J?a%0ab=%1b", deployed.url("shop")));
    request.header("x-name", "\u{9b}31m").send().expect(200);
    http::post(&format!("{}/sold", deployed.url("topics")), "1").expect(202);
    project
}

fn begins_with_a_time(line: &str) -> bool {
    let shape: String = line.chars().take(24).map(|c| if c.is_ascii_digit() { '0' } else { c }).collect();
    shape == "0000-00-00 00:00:00.000 " && !line.starts_with("2024-01-01")
}

/// `14:47:35.123 …`, as `run` shows requests and deliveries.
fn is_row(line: &str) -> bool {
    let shape: String = line.chars().take(13).map(|c| if c.is_ascii_digit() { '0' } else { c }).collect();
    shape == "00:00:00.000 "
}

/// What a terminal would obey, or show as something else than it is.
fn assert_harmless(shown: &str) {
    let turns = |c: char| matches!(c, '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    let lines = shown.replace("\r\n", "\n");
    let bad: Vec<char> = lines.chars().filter(|&c| c != '\n' && (c.is_control() || turns(c))).collect();
    assert!(bad.is_empty(), "{bad:?} in {lines:?}");
}

#[test]
fn no_line_of_a_log_is_forged() {
    let home = Home::new();
    let project = printed(&home);
    let dead = "it is a dead letter now";
    project.logged("topics/sold/one", dead);
    let mut lines = Vec::new();
    eventually("all is stored", || {
        lines = project.log_lines();
        lines.iter().any(|line| line.path == "worker") && lines.iter().any(|line| line.text.starts_with("no end"))
    });
    let of_system: Vec<_> = lines.iter().filter(|line| line.stream == "less").collect();
    assert_eq!(of_system.len(), 1, "{of_system:?}");
    assert!(of_system[0].text.starts_with(LAST) && of_system[0].text.ends_with(dead), "{of_system:?}");
    let worker: Vec<_> = lines.iter().filter(|line| line.path == "worker").collect();
    assert!(worker.iter().any(|line| line.text == "bytes \u{fffd}\u{fffd} \u{1b}[2J"), "{worker:?}");
    for args in [&["log", "--project", "shop"][..], &["log", "--project", "shop", "--path", "topics/sold/one"]] {
        let said = project.run(args).succeeded().stdout;
        assert!(said.lines().all(begins_with_a_time), "{said}");
        assert!(!said.contains('\r'), "{said:?}");
    }
    let log = project.run(&["log", "--project", "shop"]).succeeded().stdout;
    assert!(log.contains("\u{1b}[2J"), "what goes to a file or a pipe is as it was printed");
    assert_eq!(log.lines().count(), lines.len());

    for args in [&["log", "--project", "shop"][..], &["log", "--project", "shop", "--json"]] {
        let output = on_a_terminal(&home, &project, args).0.output().unwrap();
        let shown = String::from_utf8(output.stdout).unwrap();
        assert_harmless(&shown);
        assert_eq!(shown.lines().count(), lines.len(), "{shown}");
        assert!(shown.contains("\\u001b[2J"), "{shown}");
        if args.len() == 3 {
            assert!(shown.lines().all(begins_with_a_time), "{shown}");
        }
    }
    let servers = std::fs::read_to_string(home.less_home().join("server/server.log")).unwrap();
    assert_harmless(&servers);
    assert!(!servers.contains("forged"), "what handlers print is not in the server's own log: {servers}");
}

#[test]
fn a_terminal_obeys_nothing_that_a_running_project_prints() {
    let home = Home::new();
    let project = home.project("shop", &[("less/apis/shop/{id}/get.js", HANDLER)]);
    let port = http::free_port();
    let (run, _) = on_a_terminal(&home, &project, &["run", "shop", "--port", &port]);
    let mut run = Foreground::start(run, home.root().join("run").to_str().unwrap());
    http::get(&format!("{}/%1b", run.url("shop"))).expect(200);
    eventually("all is printed", || run.stdout().contains("no end"));
    let shown = run.stdout();
    assert_harmless(&shown);
    // What the handler printed stands in, below a row that it did not write.
    for line in shown.lines() {
        let is_row = is_row(line) && (line[13..].starts_with("shop GET /%1b") || line[13..].starts_with("worker"));
        assert!(is_row || line.starts_with("    ") || line.starts_with("[less-local] "), "{line:?}");
    }
    let said =
        |what: &str| shown.lines().filter(|line| line.starts_with("[less-local] ") && line.contains(what)).count();
    assert_eq!((said("is running"), said("App stopped")), (1, 0), "{shown}");
}
