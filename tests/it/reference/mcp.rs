//! The reference's public MCP server, which runs `npx @chuva.io/less-cli …` in the project's folder: there the package of
//! this name is a local one whose program is ours. Each of its tools gives an answer that helps.

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::Command;

use rustix::process::Signal;
use serde_json::{Value, json};

use super::reference;
use super::tools::Tools;
use less_tests::harness::processes::{self, Process};
use less_tests::harness::{Home, Project, Request, eventually, eventually_some, http, less_cli};

const NAME: &str = "town";
const ALL: [&str; 14] = [
    "list-projects",
    "list-project-resources",
    "deploy-project",
    "delete-project",
    "build-project",
    "run-project",
    "view-logs",
    "create-route",
    "create-socket",
    "create-topic",
    "create-subscribers",
    "create-cron",
    "create-shared-module",
    "create-cloud-function",
];
/// Nobody else answers this.
const ANSWER: &str = "the bells of the town";

#[test]
fn the_mcp_servers_tools_for_projects_answer() {
    let Some(mcp) = reference("less-mcp") else { return };
    let home = Home::new();
    let project = town(&home);
    let mut tools = Tools::start(&home, &installed(&home, &mcp), &project);
    let listed = tools.request("tools/list", &json!({}));
    let names = listed["tools"].as_array().unwrap().iter().map(|tool| tool["name"].as_str().unwrap());
    assert_eq!(names.collect::<BTreeSet<_>>(), BTreeSet::from(ALL), "each is called here or below");

    let deployed = tools.call("deploy-project", &json!({ "project_name": NAME }));
    assert!(deployed.contains("Deployment complete ✅") && deployed.contains("- bells: http://"), "{deployed}");
    let again = tools.call("deploy-project", &json!({ "project_name": NAME, "organization": "the-council" }));
    assert!(again.contains("Deployment complete ✅"), "{again}");
    let listed = tools.call("list-projects", &json!({}));
    let id = listed.lines().find_map(|line| line.strip_prefix("ID: ")).unwrap_or_else(|| panic!("{listed}"));
    let resources = tools.call("list-project-resources", &json!({ "project_id": id }));
    assert!(resources.contains(&format!("- bells: {}", project.url("bells"))), "{resources}");

    http::get(&project.url("bells")).expect(200);
    let wanted = json!({ "project_name": NAME, "function_name": "apis/bells/get" });
    eventually("the log has what the handler printed", || tools.call("view-logs", &wanted).contains("ding dong"));
    let built = tools.call("build-project", &json!({ "project_name": NAME }));
    assert!(built.contains("Resources built with success ✅"), "{built}");

    let deleted = tools.call("delete-project", &json!({ "project_name": NAME }));
    assert!(deleted.contains("has been deleted"), "{deleted}");
    assert!(
        deleted.contains("data is kept") && deleted.contains(&format!("less-cli delete {NAME} --yes")),
        "{deleted}"
    );
    let unknown = tools.refused("delete-project", &json!({ "project_name": NAME }));
    assert!(unknown.contains("[less-cli] ERROR:") && unknown.contains(NAME), "{unknown}");
}

#[test]
fn the_mcp_servers_tool_that_runs_a_project_answers_when_the_run_ends() {
    let Some(mcp) = reference("less-mcp") else { return };
    let home = Home::new();
    let project = town(&home);
    let mut tools = Tools::start(&home, &installed(&home, &mcp), &project);
    let call = tools.begin("run-project", &json!({ "project_name": NAME }));
    // Its answer comes at its end, so where it listens has to be found.
    let url = eventually_some("the app answers", || {
        let urls = (3333..3433).map(|port| format!("http://localhost:{port}/"));
        urls.into_iter().find(|url| answers(url))
    });
    http::get(&url).expect(200);
    let ours = less_cli().canonicalize().unwrap();
    let is_ours = |process: &Process| fs::read_link(format!("/proc/{}/exe", process.pid)).is_ok_and(|exe| exe == ours);
    let mut running = home.processes().into_iter().filter(|process| process.command.contains(" run "));
    let run = running.find(is_ours).expect("the run is a process");
    processes::signal(run.pid, Signal::INT);
    let said = tools.end(call).unwrap();
    assert!(said.contains(&format!("App \"{NAME}\" is running ✅")), "{said}");
    assert!(said.contains("List of APIs:") && said.contains("- bells: http://localhost:"), "{said}");
    assert!(said.contains("ding dong"), "{said}");
}

#[test]
fn the_mcp_servers_tools_that_create_answer_and_what_they_create_builds() {
    let Some(mcp) = reference("less-mcp") else { return };
    let home = Home::new();
    let project = town(&home);
    let mut tools = Tools::start(&home, &installed(&home, &mcp), &project);
    let creates: [(&str, Value, &[&str]); 9] = [
        (
            "create-route",
            json!({ "name": "store_api", "path": "/orders/{order_id}", "language": "ts", "verb": "post" }),
            &["less/apis/store_api/orders/{order_id}/post.ts"],
        ),
        (
            "create-socket",
            json!({ "name": "realtime_chat", "language": "js", "channels": ["public_room", "private_room"] }),
            &[
                "less/sockets/realtime_chat/connect/index.js",
                "less/sockets/realtime_chat/disconnect/index.js",
                "less/sockets/realtime_chat/public_room/index.js",
                "less/sockets/realtime_chat/private_room/index.js",
            ],
        ),
        (
            "create-socket",
            json!({ "name": "quiet", "language": "py" }),
            &["less/sockets/quiet/connect/__init__.py", "less/sockets/quiet/disconnect/__init__.py"],
        ),
        (
            "create-topic",
            json!({ "name": "user_created", "language": "py", "subscribers": ["send_mail", "tell_friends"] }),
            &["less/topics/user_created/send_mail/__init__.py", "less/topics/user_created/tell_friends/__init__.py"],
        ),
        (
            "create-topic",
            json!({
                "name": "measured", "language": "js", "subscribers": ["store"], "external_topic": "sensor_service"
            }),
            &["less/external_topics/sensor_service/measured/store/index.js"],
        ),
        (
            "create-subscribers",
            json!({
                "names": ["chart", "alarm"], "topic": "measured", "language": "ts", "external_topic": "sensor_service"
            }),
            &[
                "less/external_topics/sensor_service/measured/chart/index.ts",
                "less/external_topics/sensor_service/measured/alarm/index.ts",
            ],
        ),
        ("create-cron", json!({ "name": "report", "language": "py" }), &["less/crons/report/__init__.py"]),
        ("create-shared-module", json!({ "name": "models", "language": "js" }), &["less/shared/models/index.js"]),
        (
            "create-cloud-function",
            json!({ "name": "add_numbers", "language": "js" }),
            &["less/functions/add_numbers/index.js"],
        ),
    ];
    for (tool, arguments, files) in &creates {
        let said = tools.call(tool, arguments);
        for file in *files {
            assert!(project.folder.join(file).is_file(), "{tool} made no {file}; it said {said:?}");
            assert!(said.contains(file), "{tool} does not say that it made {file}: {said:?}");
        }
    }
    // Twice: it says so, and nothing is overwritten.
    let (tool, arguments, files) = &creates[0];
    project.write(files[0], "export const process = () => ({ body: 'mine' });\n");
    let refused = tools.refused(tool, arguments);
    assert!(refused.contains(files[0]), "{refused}");
    assert!(fs::read_to_string(project.folder.join(files[0])).unwrap().contains("mine"));
    let built = tools.call("build-project", &json!({ "project_name": NAME }));
    assert!(built.contains("Resources built with success ✅"), "{built}");
}

/// A project with our command line as its package of the reference's name, as a user would add it.
fn town(home: &Home) -> Project<'_> {
    let route =
        format!("exports.process = async () => {{ console.log('ding dong'); return {{ body: '{ANSWER}' }}; }};\n");
    let project = home.project(NAME, &[("less/apis/bells/get.js", route.as_str())]);
    let package = home.root().join("less-cli-package");
    fs::create_dir(&package).unwrap();
    let about = json!({ "name": "@chuva.io/less-cli", "version": "1.0.0", "bin": { "less-cli": "less-cli" } });
    fs::write(package.join("package.json"), about.to_string()).unwrap();
    symlink(less_cli(), package.join("less-cli")).unwrap();
    npm(home, &project.folder, &["install", "--no-audit", "--no-fund", package.to_str().unwrap()]);
    project
}

fn answers(url: &str) -> bool {
    Request::new("GET", url).try_send().is_ok_and(|answer| answer.text() == ANSWER)
}

/// The MCP server's program. Built in a copy, unless the folder has it built.
fn installed(home: &Home, source: &Path) -> PathBuf {
    let program = |folder: &Path| folder.join("build/index.js");
    if program(source).is_file() && source.join("node_modules").is_dir() {
        return program(source);
    }
    let copy = Project::copy_of(home, "less-mcp", source).folder;
    npm(home, &copy, &["ci", "--no-audit", "--no-fund"]);
    npm(home, &copy, &["exec", "tsc"]);
    program(&copy)
}

fn npm(home: &Home, folder: &Path, args: &[&str]) {
    let mut command = Command::new("npm");
    command.args(args).current_dir(folder);
    home.adopt(&mut command);
    let output = command.output().unwrap();
    assert!(output.status.success(), "npm {args:?}: {}", String::from_utf8_lossy(&output.stderr));
}
