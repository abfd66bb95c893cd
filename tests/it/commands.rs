//! `list`, `delete`, and who may speak to the control API (contract, sections 14 and 15).

use std::fs;
use std::os::unix::fs::PermissionsExt;

use rustix::process::Signal;
use serde_json::json;

use less_tests::harness::{Home, Project, Request, eventually, http};

const FAILS: &str = "exports.process = async () => { throw new Error('no'); };";

fn shop(home: &Home) -> Project<'_> {
    let config = "topics: { heard: { subscribers: { one: { retry: { first: 1h, longest: 1h } } } } }\n";
    let route = ("less/apis/shop/get.js", "exports.process = async () => ({ body: 'here' });");
    home.project("shop", &[route, ("less/topics/heard/one/index.js", FAILS), ("less.config", config)])
}

#[test]
fn list_shows_projects_with_their_times() {
    let home = Home::new();
    shop(&home).deploy();
    let text = home.run(&["list"]).succeeded().stdout;
    for wanted in ["ID: shop\n", "Created At: ", "Updated At: "] {
        assert!(text.contains(wanted), "{text}");
    }
    let id = text.lines().find_map(|line| line.strip_prefix("ID: ")).unwrap();
    assert!(home.run(&["list", "resources", id]).succeeded().stdout.contains("- shop: http://"));
    let listed = home.run(&["list", "--json"]).succeeded().json_lines();
    assert_eq!((listed.len(), &listed[0]["name"]), (1, &json!("shop")));
}

#[test]
fn an_id_stays_when_a_project_is_deployed_again() {
    let home = Home::new();
    let project = shop(&home);
    project.deploy();
    let before = project.resources()["project"].clone();
    project.deploy();
    let after = project.resources()["project"].clone();
    assert_eq!((&before["id"], &before["created_at"]), (&after["id"], &after["created_at"]));
    assert!(after["updated_at"].as_i64() > before["updated_at"].as_i64());
}

#[test]
fn list_resources_shows_the_urls_that_deploy_printed() {
    let home = Home::new();
    let project = shop(&home);
    let deployed = project.deploy();
    let text = home.run(&["list", "resources", "shop"]).succeeded().stdout;
    for api in ["shop", "topics"] {
        assert!(text.contains(&format!("- {api}: {}", deployed.url(api))), "{text}");
        assert_eq!(project.url(api), deployed.url(api));
    }
}

#[test]
fn delete_without_a_terminal_or_yes_keeps_the_data_and_says_how_to_purge_it() {
    let home = Home::new();
    let project = shop(&home);
    let deployed = project.deploy();
    http::post(&format!("{}/heard", deployed.url("topics")), "1").expect(202);
    project.logged("topics/heard/one", "attempt 1");
    let ran = home.run(&["delete", "shop"]).succeeded();
    assert!(ran.stdout.contains("less-cli delete shop --yes"), "for programs that read only stdout: {ran:?}");
    http::get(deployed.url("shop")).expect(404);
    assert!(home.run(&["list", "--json"]).succeeded().json_lines().is_empty());

    project.deploy();
    assert_eq!(project.waiting(), 1, "the message is still there");
}

#[test]
fn delete_with_yes_removes_the_data_too() {
    let home = Home::new();
    let project = shop(&home);
    let deployed = project.deploy();
    http::post(&format!("{}/heard", deployed.url("topics")), "1").expect(202);
    project.logged("topics/heard/one", "attempt 1");
    home.run(&["delete", "shop", "--yes"]).succeeded();
    http::get(deployed.url("shop")).expect(404);
    eventually("its workers have left", || home.workers().is_empty());

    project.deploy();
    assert_eq!((project.waiting(), project.log_lines().len()), (0, 0));
}

#[test]
fn delete_with_yes_removes_the_local_build_and_the_data_of_runs_too() {
    let home = Home::new();
    let project = shop(&home);
    project.deploy();
    project.run(&["build", "shop"]).succeeded();
    let kept = ["builds/shop", "run/shop"].map(|folder| home.less_home().join(folder));
    assert!(kept.iter().all(|folder| folder.exists()));
    let told = home.run(&["delete", "shop"]).succeeded();
    assert!(kept.iter().all(|folder| folder.exists()), "{told:?}");

    let told = home.run(&["delete", "shop", "--yes"]).succeeded().stdout;
    assert!(told.contains("Its build and the data of its runs on this machine have been removed"), "{told}");
    assert!(!kept.iter().any(|folder| folder.exists()));
    home.run(&["delete", "shop", "--yes"]).failed_with(1);

    project.run(&["build", "shop"]).succeeded();
    let told = home.run(&["delete", "shop", "--yes"]).succeeded().stdout;
    assert!(told.contains("on this machine") && !told.contains("deleted"), "the server did not know it: {told}");
}

#[test]
fn delete_leaves_a_run_that_goes_on_alone() {
    let home = Home::new();
    let project = shop(&home);
    project.deploy();
    let mut run = home.start("run", &project.folder, &["run", "shop", "--port", &http::free_port()]);
    let url = run.url("shop");
    let told = home.run(&["delete", "shop", "--yes"]).succeeded();
    assert!(told.stderr.contains("goes on"), "{told:?}");
    http::get(&url).expect(200);
    run.signal(Signal::INT);
    run.ended();
}

#[test]
fn run_within_a_projects_folder_points_to_the_project() {
    let home = Home::new();
    let project = shop(&home);
    let ran = home.run_in(&project.folder.join("less/apis"), &["run"]).failed_with(1);
    let way = format!("cd {}", project.folder.display());
    assert!(ran.stderr.contains(&way) && !ran.stderr.contains("\"apis\""), "{}", ran.stderr);
}

#[test]
fn the_token_is_for_its_owner_alone() {
    let home = Home::new();
    home.start_server();
    let mode = |path: &str| fs::metadata(home.less_home().join(path)).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode("server/token"), 0o600);
    assert_eq!(mode("server") & 0o077, 0);
}

#[test]
fn the_control_api_refuses_whoever_has_no_token_or_comes_from_a_page() {
    let home = Home::new();
    shop(&home).deploy();
    let status = format!("http://localhost:{}/v1/status", home.server_file()["control_port"]);
    let token = fs::read_to_string(home.less_home().join("server/token")).unwrap();
    let bearer = format!("Bearer {}", token.trim());
    let with_token = Request::new("GET", &status).header("authorization", &bearer);

    with_token.send().expect(200);
    http::get(&status).expect(401);
    Request::new("GET", &status).header("authorization", "Bearer wrong").send().expect(401);
    with_token.clone().header("origin", "https://elsewhere.example").send().expect(403);
    with_token.clone().header("host", "rebound.example").send().expect(421);
}

#[test]
fn help_and_version_are_data_on_stdout() {
    let home = Home::new();
    let help = home.run(&["--help"]).succeeded();
    for command in ["build", "run", "deploy", "list", "log", "delete", "server"] {
        assert!(help.stdout.contains(command), "{}", help.stdout);
    }
    assert!(home.run(&["--version"]).succeeded().stdout.starts_with("less-cli "));
}

#[test]
fn commands_that_need_a_server_say_so_when_none_runs() {
    let home = Home::new();
    for arguments in [&["list"][..], &["log", "--project", "shop"], &["delete", "shop", "--yes"]] {
        let ran = home.run(arguments).failed_with(1);
        assert!(ran.stderr.contains("server"), "{ran:?}");
    }
}
