//! `doctor`, `completions`, `man`, and JSON on every command that prints data (contract, section 14).

use std::fs;
use std::net::TcpListener;
use std::os::unix::fs::symlink;
use std::process::Command;

use less_tests::harness::{Home, Project, Ran};
use serde_json::Value;

const SAME: &str =
    "exports.process = async ({ a }) => { console.log('called'); if (!a) throw new Error('no a'); return a; };";
const ROUTE: &str = "exports.process = async () => ({ body: 'here' });";

/// `doctor --json` in the project's folder, with only `programs` in PATH.
fn doctor(home: &Home, project: &Project<'_>, programs: &[&str]) -> Ran {
    let bin = home.root().join("bin");
    fs::create_dir_all(&bin).unwrap();
    for program in programs {
        let path = Command::new("sh").args(["-c", &format!("command -v {program}")]).output().unwrap().stdout;
        let path = String::from_utf8(path).unwrap();
        symlink(path.trim(), bin.join(program)).ok();
    }
    let output = home.command(&project.folder, &["doctor", "--json"]).env("PATH", &bin).output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    Ran { code: output.status.code(), stdout: text(output.stdout), stderr: text(output.stderr) }
}

fn check<'v>(told: &'v Value, name: &str) -> &'v Value {
    let checks = told["checks"].as_array().unwrap();
    checks.iter().find(|check| check["name"] == name).unwrap_or_else(|| panic!("no {name} in {told}"))
}

#[test]
fn doctor_says_what_is_there_and_what_each_is_for() {
    let home = Home::new();
    let ran = home.run(&["doctor"]);
    for line in ["node: ", "npm: ", "python3: ", "home: ", "disk: ", "open files: ", "clock: ", "port of run: 3333 "] {
        assert!(ran.stdout.contains(line), "{line} is not in\n{}", ran.stdout);
    }
    assert!(
        ran.stdout.lines().filter(|line| !line.contains("hint:")).all(|line| line.contains("(for ")),
        "{}",
        ran.stdout
    );
    assert!(!home.less_home().exists(), "it changes nothing");
}

#[test]
fn what_the_project_here_needs_and_lacks_is_a_problem_and_else_a_warning() {
    let home = Home::new();
    let none = home.project("none", &[]);
    let ran = doctor(&home, &none, &[]);
    assert_eq!(check(&ran.json(), "node")["status"], "warning", "{}", ran.stdout);
    assert_eq!(check(&ran.json(), "python3")["status"], "warning");

    let javascript = home.project("javascript", &[("less/apis/shop/get.js", ROUTE)]);
    let told = doctor(&home, &javascript, &[]).failed_with(1).json();
    let node = check(&told, "node");
    assert!(node["status"] == "problem" && node["hint"].as_str().unwrap().contains("20.19"), "{node}");
    assert_eq!((&check(&told, "python3")["status"], &told["status"]), (&"warning".into(), &"problem".into()));

    let package = "{ \"dependencies\": { \"uuid\": \"*\" } }";
    javascript.write("package.json", package);
    let told = doctor(&home, &javascript, &["node"]).failed_with(1).json();
    assert_eq!((&check(&told, "node")["status"], &check(&told, "npm")["status"]), (&"ok".into(), &"problem".into()));
    javascript.write("yarn.lock", "# yarn lockfile v1\n");
    let told = doctor(&home, &javascript, &["node"]).failed_with(1).json();
    assert_eq!(check(&told, "yarn")["status"], "problem");

    let python = home.project("python", &[("less/functions/one/__init__.py", "def process(payload):\n    return 1\n")]);
    let other = Home::new();
    let told = doctor(&other, &python, &["node"]).failed_with(1).json();
    assert_eq!(
        (&check(&told, "python3")["status"], &check(&told, "node")["status"]),
        (&"problem".into(), &"ok".into())
    );
}

#[test]
fn doctor_sees_an_old_node_as_build_does() {
    let home = Home::new();
    let project = home.project("old", &[("less/apis/shop/get.js", ROUTE)]);
    project.write("bin/node", "#!/bin/sh\necho v18.20.4\n");
    let bin = project.folder.join("bin");
    Command::new("chmod").arg("+x").arg(bin.join("node")).status().unwrap();
    let path = format!("{}:/usr/bin:/bin", bin.display());
    let run = |args: &[&str]| home.command(&project.folder, args).env("PATH", &path).output().unwrap();
    let doctor = String::from_utf8(run(&["doctor"]).stdout).unwrap();
    let build = String::from_utf8(run(&["build", "old"]).stderr).unwrap();
    for said in [doctor, build] {
        assert!(said.contains("Node.js v18.20.4 cannot `require` ES modules") && said.contains("20.19"), "{said}");
    }
}

#[test]
fn a_port_that_the_server_must_have_and_another_has_is_a_problem() {
    let home = Home::new();
    home.start_server();
    let told = home.run(&["doctor", "--json"]).json();
    assert!(check(&told, "server")["found"].as_str().unwrap().starts_with("runs at http://"), "{told}");
    let port = u16::try_from(home.server_file()["gateway_port"].as_u64().unwrap()).unwrap();
    home.stop_server();
    let _other = TcpListener::bind(("127.0.0.1", port)).unwrap();
    let mut command = home.command(home.root(), &["doctor", "--json"]);
    let output = command.env_remove("LESS_PORT").output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    let told: Value = serde_json::from_slice(&output.stdout).unwrap();
    let found = check(&told, "port of server");
    assert!(found["status"] == "problem" && found["found"].as_str().unwrap().contains("is taken by"), "{found}");
}

#[test]
fn the_port_of_control_moves_when_another_program_has_it() {
    let home = Home::new();
    home.start_server();
    let port = |home: &Home| u16::try_from(home.server_file()["control_port"].as_u64().unwrap()).unwrap();
    let first = port(&home);
    home.stop_server();
    let _other = TcpListener::bind(("127.0.0.1", first)).unwrap();
    let told = home.run(&["doctor", "--json"]).json();
    assert_eq!(check(&told, "port of control")["status"], "ok", "{told}");
    home.run(&["server", "start"]).succeeded();
    assert_ne!(port(&home), first);
}

#[test]
fn completions_can_be_read_by_bash_and_know_the_commands() {
    let home = Home::new();
    let script = home.run(&["completions", "bash"]).succeeded().stdout;
    let file = home.root().join("completions");
    fs::write(&file, script).unwrap();
    // As bash itself does it: the function gets the command, the word before the cursor, and the one before that.
    let ask = r#"
        source "$0"
        function=$(complete -p less-cli | sed 's/.*-F \([^ ]*\).*/\1/')
        COMP_WORDS=(less-cli create s) COMP_CWORD=2; $function less-cli s create; echo "${COMPREPLY[@]}"
        COMP_WORDS=(less-cli create route -v p) COMP_CWORD=4; $function less-cli p -v; echo "${COMPREPLY[@]}"
        COMP_WORDS=(less-cli a) COMP_CWORD=1; $function less-cli a less-cli; echo "${COMPREPLY[@]}"
    "#;
    let output = Command::new("bash").args(["-c", ask]).arg(&file).output().unwrap();
    let words = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success() && output.stderr.is_empty(), "{}", String::from_utf8_lossy(&output.stderr));
    // The last: what does not exist yet is not offered.
    assert_eq!(words, "socket subscribers shared-module\npost put patch\n\n");
    for (shell, beginning) in [("zsh", "#compdef less-cli"), ("fish", "# Print an optspec")] {
        let script = home.run(&["completions", shell]).succeeded().stdout;
        assert!(script.starts_with(beginning), "{shell}: {}", &script[..200]);
    }
    home.run(&["completions", "tcsh"]).failed_with(2);
}

#[test]
fn every_command_has_a_manual_page() {
    let home = Home::new();
    let whole = home.run(&["man"]).succeeded().stdout;
    assert!(whole.contains(".TH less-cli 1") && whole.contains("less\\-cli\\-create(1)"), "{whole}");
    let route = home.run(&["man", "create", "route"]).succeeded().stdout;
    assert!(route.contains(".TH less-cli-create-route 1") && route.contains("\\-\\-verb"), "{route}");
    let unknown = home.run(&["man", "deplyo"]).failed_with(2);
    assert!(unknown.stderr.contains("did you mean `deploy`?"), "{}", unknown.stderr);
}

/// Stdout is one JSON value, whatever happens.
#[track_caller]
fn tells_json(ran: &Ran) -> Value {
    serde_json::from_str(&ran.stdout).unwrap_or_else(|error| panic!("{error}: {ran:?}"))
}

#[test]
fn every_command_that_prints_data_prints_it_as_json() {
    let home = Home::new();
    let files = [("less/apis/shop/get.js", ROUTE), ("less/functions/same/index.js", SAME), ("less/topics/heard/", "")];
    let project = home.project("shop", &files);
    let json = |args: &[&str]| {
        let ran = project.run(&[args, &["--json"]].concat()).succeeded();
        tells_json(&ran)
    };
    assert_eq!(json(&["build", "shop"])["project"], "shop");
    assert_eq!(json(&["build", "shop"])["warnings"][0]["path"], "less/topics/heard");
    let started = json(&["server", "start", "--port", "0", "--control-port", "0"]);
    assert!(started["gateway_url"].as_str().unwrap().starts_with("http://"), "{started}");
    assert_eq!(json(&["deploy", "shop"])["apis"][2]["name"], "topics");
    assert_eq!(json(&["server", "status"])["projects"], 1);
    assert_eq!(json(&["list"])[0]["name"], "shop");
    assert_eq!(json(&["list", "resources", "shop"])["project"]["name"], "shop");
    assert!(json(&["publish", "shop", "heard", "1"])["id"].is_string());
    assert_eq!(json(&["invoke", "shop", "same", "{\"a\": [1]}"]), serde_json::json!([1]));
    project.logged("functions/same", "called");
    let line = project.run(&["log", "--project", "shop", "--path", "functions/same", "--json"]).succeeded();
    assert_eq!(line.json_lines()[0]["text"], "called");
    assert_eq!(json(&["delete", "shop", "--yes"])["purged"], true);
    assert_eq!(json(&["server", "stop"])["stopped"], true);
    assert_eq!(json(&["server", "stop"])["stopped"], false);
    assert!(json(&["doctor"])["checks"].is_array());
}

#[test]
fn a_failure_is_told_to_programs_as_json_on_stdout() {
    let home = Home::new();
    let project = home.project("shop", &[("less/apis/shop/posts.js", ROUTE), ("less/topics/1/a/index.js", ROUTE)]);
    let error = |args: &[&str], code: i32| {
        let ran = project.run(&[args, &["--json"]].concat()).failed_with(code);
        assert!(!ran.stderr.contains("ERROR"), "{ran:?}");
        tells_json(&ran)["error"].clone()
    };
    for command in ["build", "deploy", "run"] {
        let told = error(&[command, "shop"], 1);
        assert_eq!(
            (&told["code"], told["problems"].as_array().unwrap().len()),
            (&"invalid_project".into(), 2),
            "{told}"
        );
        assert!(told["problems"][0]["hint"].as_str().is_some_and(|hint| !hint.is_empty()), "{told}");
    }
    for args in [&["list"][..], &["log", "--project", "shop"], &["delete", "shop"], &["publish", "shop", "a", "1"]] {
        let told = error(args, 1);
        assert!(told["code"] == "failed" && told["hint"].as_str().unwrap().contains("server start"), "{told}");
    }
    assert_eq!(error(&["publish", "shop"], 2)["code"], "usage");
    home.start_server();
    assert_eq!(error(&["list", "resources", "till"], 1)["code"], "unknown_project");
    let shop = home.project("other", &[("less/functions/same/index.js", SAME)]);
    shop.deploy();
    let thrown = error(&["invoke", "other", "same", "{}"], 1);
    assert_eq!((&thrown["code"], &thrown["message"]), (&"function_failed".into(), &"Error: no a".into()));
    assert!(thrown["hint"].as_str().unwrap().contains("less-cli log"), "{thrown}");
    assert_eq!(error(&["invoke", "till", "a"], 1)["code"], "unknown_project");
}

#[test]
fn the_way_that_failures_are_told_is_in_the_help() {
    let home = Home::new();
    let help = home.run(&["--help"]).succeeded().stdout;
    assert!(help.contains("{\"error\": {\"code\", \"message\", \"hint\", \"problems\"}}"), "{help}");
    for command in ["init", "create", "doctor", "completions", "man"] {
        assert!(help.contains(&format!("\n  {command} ")), "{command}: {help}");
    }
}
