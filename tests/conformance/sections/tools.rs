//! Section 14: `create`, `init`, `doctor`, `completions`, and what all commands have in common. In homes of their own.

use std::fs;
use std::process::Command;

use less_tests::harness::terminal::{DOWN, ENTER, Terminal};
use less_tests::harness::{Ran, http};
use rustix::process::Signal;
use serde_json::Value;

use crate::case::{Case, case};
use crate::scene::{Scene, Stage};

pub(crate) const CASES: &[Case] = &[
    case!(create_writes_what_builds_with_the_options_of_the_reference, ["14.09", "14.10"],
        "crates/less-cli/src/create/mod.rs":
            "less/functions/{name}"
            => "less/function/{name}"),
    case!(what_is_missing_is_asked_for_at_a_terminal, ["14.11"],
        "crates/less-cli/src/ask.rs":
            "stdin().is_terminal() && stderr().is_terminal()"
            => "stdin().is_terminal() && !stderr().is_terminal()"),
    case!(nothing_that_is_there_is_written_over, ["14.12"],
        "crates/less-cli/src/create/write.rs":
            "if !taken.is_empty() {"
            => "if taken.len() > 1 {"),
    case!(a_new_project_is_ready_to_run, ["14.14"],
        "crates/less-cli/src/create/start.rs":
            "{topic}/prepare_delivery"
            => "{topic}/prepare_delivery/it"),
    case!(doctor_tells_what_the_project_here_lacks, ["14.15"],
        "crates/less-cli/src/doctor/mod.rs":
            "let status = if needed { Status::Problem }"
            => "let status = if needed { Status::Warning }"),
    case!(doctor_checks_nodes_version, ["2.14"], only [JavaScript, TypeScript] "Node.js is for JavaScript and TypeScript",
        "crates/less-cli/src/doctor/programs.rs":
            "Err(problem) => Judged::missing(needed, &problem.message, &problem.hint),\n    }\n}\n\nfn judge_python"
            => "Err(_) => Judged::ok(\"some\"),\n    }\n}\n\nfn judge_python"),
    case!(a_shell_completes_the_command_line, ["14.16"],
        "crates/less-cli/src/commands/manual.rs":
            "generate(shell, &mut command, \"less-cli\""
            => "generate(shell, &mut command, \"less\""),
    case!(data_and_failures_are_told_to_programs_as_json, ["14.17"],
        "crates/less-cli/src/printer.rs":
            "if self.for_programs {"
            => "if !self.for_programs {"),
    case!(an_exit_code_tells_whose_fault_it_is, ["14.18"],
        "crates/less-cli/src/failure.rs":
            "const USAGE: u8 = 2;"
            => "const USAGE: u8 = 1;"),
    case!(a_command_of_later_says_so, ["14.19"],
        "crates/less-cli/src/commands/later.rs":
            "(\"aws-access\", ACCOUNTS)"
            => "(\"aws_access\", ACCOUNTS)"),
    case!(build_says_that_it_has_built, ["14.20"],
        "crates/less-cli/src/commands/build.rs":
            "Resources built with success ✅"
            => "Resources were built ✅"),
    case!(run_says_what_runs_and_where, ["14.21"],
        "crates/less-cli/src/render.rs":
            "(\"List of APIs\", &resources.apis)"
            => "(\"APIs\", &resources.apis)"),
    case!(deploy_tells_its_steps_and_the_addresses_on_stdout, ["14.22"],
        "crates/less-cli/src/commands/deploy.rs":
            "report.say(\"Building... ⚙️\")?;"
            => "report.out.remark(\"Building... ⚙️\");"),
    case!(list_shows_projects_and_the_addresses_of_one, ["14.23"],
        "crates/less-cli/src/render.rs":
            "format!(\"ID: {}\", info.name)"
            => "format!(\"Id: {}\", info.name)"),
    case!(delete_keeps_the_data_unless_it_is_told_to_remove_it, ["14.24"],
        "crates/less-cli/src/commands/delete.rs":
            "} else {\n        Some(Data::Keep)\n    };"
            => "} else {\n        Some(Data::Purge)\n    };"),
];

fn create(stage: &Stage, options: &[&str]) -> Ran {
    stage.project().run(&[&["create"], options, &["-l", stage.language.short()]].concat())
}

fn create_writes_what_builds_with_the_options_of_the_reference(scene: &Scene) {
    let stage = scene.empty_stage("made");
    for (options, handlers) in [
        (
            &["route", "-n", "shop", "-p", "/orders/{order_id}", "-v", "get"][..],
            &["apis/shop/orders/{order_id}/get"][..],
        ),
        (&["topic", "--name", "heard", "--subscribers", "one", "two"], &["topics/heard/one", "topics/heard/two"]),
        (&["topic", "-n", "paid", "-s", "one", "-ex", "till"], &["external_topics/till/paid/one"]),
        (&["subscribers", "-n", "three", "-t", "heard"], &["topics/heard/three"]),
        (&["cron", "-n", "report"], &["crons/report"]),
        (&["shared-module", "-n", "models"], &["shared/models"]),
        (&["cloud-function", "-n", "add"], &["functions/add"]),
    ] {
        let said = create(&stage, options).succeeded().stdout;
        for handler in handlers {
            let file = scene.language.file(&format!("less/{handler}"));
            assert!(said.contains(&file) && stage.project().folder.join(&file).is_file(), "{file}: {said}");
        }
    }
    stage.build();
}

fn what_is_missing_is_asked_for_at_a_terminal(scene: &Scene) {
    let stage = scene.empty_stage("asked");
    let mut terminal = Terminal::start(&stage.home, &stage.project().folder, &["create", "cloud-function"]);
    terminal.expect("Name of the function");
    terminal.press("add\r");
    terminal.expect("Language");
    terminal.press(&DOWN.repeat(scene.language.pick(0, 1, 2)));
    terminal.press(ENTER);
    let (code, shown) = terminal.ended();
    assert_eq!(code, Some(0), "{shown}");
    assert!(stage.project().folder.join(scene.language.file("less/functions/add")).is_file(), "{shown}");
}

fn nothing_that_is_there_is_written_over(scene: &Scene) {
    let stage = scene.empty_stage("mine");
    stage.handler("less/topics/heard/one", "mine");
    let refused = create(&stage, &["subscribers", "-n", "two", "one", "-t", "heard"]).failed_with(1);
    assert!(refused.stderr.contains("is there already"), "{}", refused.stderr);
    let file = |handler| stage.project().folder.join(scene.language.file(handler));
    assert_eq!(fs::read_to_string(file("less/topics/heard/one")).unwrap(), "mine");
    assert!(!file("less/topics/heard/two").exists());
}

fn a_new_project_is_ready_to_run(scene: &Scene) {
    let stage = scene.empty_stage("shop");
    stage.project().run(&["init", "-l", scene.language.short()]).succeeded();
    let deployed = stage.project().deploy();
    http::post(&format!("{}/orders", deployed.url("shop")), "{\"item\": \"cup\"}").expect(202);
    stage.project().logged("topics/order_placed/confirm_order", "confirmed");
    stage.project().logged("topics/order_placed/prepare_delivery", "prepared");
}

/// `doctor --json` in the stage's project; `path` is where programs are looked for.
fn doctor(stage: &Stage, path: &str) -> (Option<i32>, Value) {
    let mut command = stage.home.command(&stage.project().folder, &["doctor", "--json"]);
    let output = command.env("PATH", path).output().unwrap();
    (output.status.code(), serde_json::from_slice(&output.stdout).unwrap())
}

fn check<'v>(told: &'v Value, name: &str) -> &'v Value {
    told["checks"].as_array().unwrap().iter().find(|check| check["name"] == name).unwrap()
}

fn doctor_tells_what_the_project_here_lacks(scene: &Scene) {
    let stage = scene.small_stage("lacking");
    let needed = scene.language.pick("node", "node", "python3");
    let (code, told) = doctor(&stage, "/nowhere");
    let lacking = check(&told, needed);
    assert!(code == Some(1) && lacking["status"] == "problem" && lacking["hint"] != "", "{told}");
    let path = std::env::var("PATH").unwrap();
    assert_eq!(check(&doctor(&stage, &path).1, needed)["status"], "ok");
}

fn doctor_checks_nodes_version(scene: &Scene) {
    let stage = scene.small_stage("old");
    stage.project().write("bin/node", "#!/bin/sh\necho v20.18.0\n");
    let bin = stage.project().folder.join("bin");
    Command::new("chmod").arg("+x").arg(bin.join("node")).status().unwrap();
    let (code, told) = doctor(&stage, &format!("{}:/usr/bin:/bin", bin.display()));
    let node = check(&told, "node");
    assert!(code == Some(1) && node["hint"].as_str().unwrap().contains("20.19"), "{node}");
}

fn a_shell_completes_the_command_line(scene: &Scene) {
    let stage = scene.empty_stage("shell");
    let file = stage.home.root().join("completions");
    fs::write(&file, stage.project().run(&["completions", "bash"]).succeeded().stdout).unwrap();
    let ask = r#"
        source "$0"
        function=$(complete -p less-cli | sed 's/.*-F \([^ ]*\).*/\1/')
        COMP_WORDS=(less-cli dep) COMP_CWORD=1; $function less-cli dep less-cli; echo "${COMPREPLY[@]}"
    "#;
    let output = Command::new("bash").args(["-c", ask]).arg(file).output().unwrap();
    let said = String::from_utf8(output.stdout).unwrap();
    assert!(said.lines().last() == Some("deploy"), "{said}{}", String::from_utf8_lossy(&output.stderr));
}

fn data_and_failures_are_told_to_programs_as_json(scene: &Scene) {
    let stage = scene.small_stage("told");
    let run = |args: &[&str]| stage.project().run(&[args, &["--json"]].concat());
    assert_eq!(run(&["build", "told"]).succeeded().json()["project"], "told");
    assert_eq!(run(&["deploy", "told"]).succeeded().json()["project"]["name"], "told");
    assert_eq!(run(&["list"]).succeeded().json()[0]["name"], "told");
    let refused = run(&["list", "resources", "till"]).failed_with(1);
    assert_eq!((&refused.json()["error"]["code"], refused.stderr.as_str()), (&"unknown_project".into(), ""));
    stage.handler("less/topics/1st/one", "");
    let refused = run(&["build", "told"]).failed_with(1).json();
    assert_eq!(refused["error"]["problems"][0]["path"], "less/topics/1st");
}

fn an_exit_code_tells_whose_fault_it_is(scene: &Scene) {
    let stage = scene.small_stage("codes");
    let run = |args: &[&str]| stage.project().run(args);
    run(&["build", "codes"]).succeeded();
    run(&["build", "No Name"]).failed_with(1);
    run(&["build"]).failed_with(2);
    let missing = run(&["create", "route", "-n", "shop"]).failed_with(2).stderr;
    assert!(["--path", "--language", "--verb"].iter().all(|option| missing.contains(option)), "{missing}");
}

fn a_command_of_later_says_so(scene: &Scene) {
    let stage = scene.empty_stage("later");
    for command in ["domains", "register", "login", "forgot-password", "me", "list-organizations", "aws-access"] {
        let said = stage.project().run(&["-o", "7", command]).failed_with(1).stderr;
        assert!(said.contains("does not exist yet") && said.contains("hint:"), "{said}");
    }
}

/// What was said, without who says it.
fn said(stdout: &str) -> Vec<&str> {
    stdout.lines().map(|line| line.split_once("] ").map_or(line, |(_, said)| said)).collect()
}

fn build_says_that_it_has_built(scene: &Scene) {
    let stage = scene.small_stage("built");
    let ran = stage.project().run(&["build", "built"]).succeeded();
    assert_eq!(ran.stdout, "[less-local] Resources built with success ✅\n");
}

fn run_says_what_runs_and_where(scene: &Scene) {
    let stage = scene.small_stage("shown");
    let mut run = stage.home.start("run", &stage.project().folder, &["run", "--port", &http::free_port()]);
    let url = run.url("shown");
    http::get(&url).expect(200);
    let stdout = run.stdout();
    assert!(stdout.starts_with("[less-local] App \"shown\" is running ✅\n"), "{stdout}");
    let address = format!("    - shown: {url}");
    let expected = ["App \"shown\" is running ✅", "Resources:", "  List of APIs:", &address];
    assert_eq!(said(&stdout)[..4], expected, "{stdout}");
    run.signal(Signal::TERM);
    assert_eq!(run.ended().code(), Some(0));
}

fn deploy_tells_its_steps_and_the_addresses_on_stdout(scene: &Scene) {
    let stage = scene.small_stage("steps");
    let deployed = stage.project().deploy();
    let stdout = &deployed.ran.stdout;
    assert!(stdout.lines().all(|line| line.starts_with("[less-cli] ")), "{stdout}");
    let address = format!("    - steps: {}", deployed.url("steps"));
    let steps = ["Building... ⚙️", "Build complete ✅", "Deploying... 🚀", "Deployment complete ✅"];
    let expected = [&steps[..], &["Resources", "  - API URLs"]].concat();
    assert_eq!(said(stdout)[..6], expected, "{stdout}");
    assert!(said(stdout).contains(&address.as_str()) && stdout.contains("- topics: http"), "{stdout}");
}

fn list_shows_projects_and_the_addresses_of_one(scene: &Scene) {
    let stage = scene.small_stage("listed");
    let deployed = stage.project().deploy();
    let listed = stage.project().run(&["list", "--local"]).succeeded().stdout;
    for told in ["ID: listed\n", "\nCreated At: ", "\nUpdated At: "] {
        assert!(listed.contains(told), "{told:?}: {listed}");
    }
    let resources = stage.project().run(&["list", "resources", "listed"]).succeeded().stdout;
    assert!(resources.contains(&format!("- listed: {}\n", deployed.url("listed"))), "{resources}");
}

fn delete_keeps_the_data_unless_it_is_told_to_remove_it(scene: &Scene) {
    let stage = scene.small_stage("deleted");
    stage
        .project()
        .write("less/topics/waits/one/index.js", "exports.process = async () => { throw new Error('no'); };");
    stage.project().deploy();
    stage.publish("waits", &Value::from(1));
    stage.project().logged("topics/waits/one", "attempt 1");
    let kept = stage.project().run(&["delete", "deleted"]).succeeded();
    assert!(kept.stdout.contains("less-cli delete deleted --yes"), "{kept:?}");
    assert_eq!(stage.project().run(&["list", "--json"]).succeeded().json(), serde_json::json!([]));
    stage.project().deploy();
    assert_eq!(stage.project().waiting(), 1);
    stage.project().run(&["delete", "deleted", "--yes"]).succeeded();
    stage.project().deploy();
    assert_eq!(stage.project().waiting(), 0);
}
