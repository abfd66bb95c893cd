//! Starting, stopping and living side by side (contract, sections 14 and 15).

use std::thread;

use rustix::process::Signal;
use serde_json::json;

use less_tests::harness::{Home, Project, Request, eventually, eventually_some, http, processes};

/// A route that waits for `release`, a route that does not, and a subscriber that waits.
fn waiting_project(home: &Home) -> Project<'_> {
    let wait = "
const { note, until_noted } = require('notes');
exports.process = async (message, { attempt }) => {
  note('begun', { message, attempt });
  await until_noted('release');
  note('done', message);
};
";
    let route = "
const { note, until_noted } = require('notes');
exports.process = async () => { note('begun', 'request'); await until_noted('release'); return { body: 'finished' }; };
";
    let files = [
        ("less/topics/heard/waits/index.js", wait),
        ("less/apis/shop/wait/get.js", route),
        ("less/apis/shop/get.js", "exports.process = async () => ({ body: 'here' });"),
    ];
    home.project("shop", &files)
}

fn stop_waits_for_what_runs(stop: impl FnOnce(&Home) + Send + 'static) {
    let home = Home::new();
    let project = waiting_project(&home);
    let deployed = project.deploy();
    let (shop, topics) = (deployed.url("shop").to_owned(), deployed.url("topics").to_owned());
    let request = {
        let url = format!("{shop}/wait");
        thread::spawn(move || http::get(&url))
    };
    http::post(&format!("{topics}/heard"), "1").expect(202);
    eventually("both have begun", || home.notes("begun").len() == 2);

    let server = home.server_pid();
    thread::scope(|scope| {
        scope.spawn(|| stop(&home));
        let refused = || !Request::new("GET", &shop).try_send().is_ok_and(|answer| answer.status == 200);
        eventually("the doors are closed", refused);
        assert!(processes::lives(server), "it waits for what runs");
        home.give_note("release");
    });
    assert_eq!(request.join().unwrap().expect(200).text(), "finished");
    eventually("the server has ended", || !processes::lives(server));
    home.assert_no_process_left();
    assert_eq!(home.notes("done"), [json!(1)]);

    home.start_server();
    http::post(&format!("{}/heard", project.url("topics")), "2").expect(202);
    eventually("the next message is done", || home.notes("done").len() == 2 && project.waiting() == 0);
    let begun: Vec<_> = home.notes("begun").into_iter().filter(|note| note["message"] == 1).collect();
    assert_eq!(begun, [json!({ "message": 1, "attempt": 1 })], "it was redelivered after a clean stop");
}

#[test]
fn sigterm_waits_for_running_handlers_and_nothing_is_redelivered() {
    stop_waits_for_what_runs(|home| processes::signal(home.server_pid(), Signal::TERM));
}

#[test]
fn ctrl_c_waits_for_running_handlers_and_nothing_is_redelivered() {
    stop_waits_for_what_runs(|home| processes::signal(home.server_pid(), Signal::INT));
}

#[test]
fn the_stop_command_waits_for_running_handlers_and_nothing_is_redelivered() {
    stop_waits_for_what_runs(Home::stop_server);
}

#[test]
fn no_worker_outlives_a_killed_server_even_in_a_busy_loop() {
    let home = Home::new();
    let text = "exports.process = async () => { require('notes').note('begun', 1); for (;;); };";
    let project = home.project("shop", &[("less/apis/shop/get.js", text)]);
    let url = project.deploy().url("shop").to_owned();
    let client = thread::spawn(move || Request::new("GET", &url).try_send().is_ok());
    eventually("the loop has begun", || !home.notes("begun").is_empty());
    assert!(!home.workers().is_empty());
    home.kill_server();
    home.assert_no_process_left();
    assert!(!client.join().unwrap(), "nobody was left to answer");
}

#[test]
fn a_killed_server_starts_again_with_its_projects() {
    let home = Home::new();
    let project = waiting_project(&home);
    project.deploy();
    home.kill_server();
    home.assert_no_process_left();
    home.start_server();
    assert_eq!(http::get(&project.url("shop")).expect(200).text(), "here");
}

#[test]
fn two_homes_run_side_by_side() {
    let homes = [Home::new(), Home::new()];
    let projects = homes.each_ref().map(waiting_project);
    let urls = projects.each_ref().map(|project| project.deploy().url("shop").to_owned());
    assert_ne!(urls[0], urls[1]);
    for url in &urls {
        assert_eq!(http::get(url).expect(200).text(), "here");
    }
    homes[0].stop_server();
    homes[0].assert_no_process_left();
    assert_eq!(http::get(&urls[1]).expect(200).text(), "here");
}

#[test]
fn a_second_server_on_one_home_is_refused_with_the_reason() {
    let home = Home::new();
    let project = waiting_project(&home);
    let url = project.deploy().url("shop").to_owned();
    let ran = home.run(&["server", "serve", "--port", "0", "--control-port", "0"]).failed_with(1);
    assert!(ran.stderr.contains("home"), "{}", ran.stderr);
    assert_eq!(http::get(&url).expect(200).text(), "here");
}

#[test]
fn two_that_start_a_server_at_once_get_the_same_one() {
    let home = Home::new();
    let text = "exports.process = async () => ({ body: 'here' });";
    let projects = ["one", "two"].map(|name| home.project(name, &[("less/apis/shop/get.js", text)]));
    let deployed = thread::scope(|scope| {
        let deploying = projects.each_ref().map(|project| scope.spawn(|| project.deploy()));
        deploying.map(|deploying| deploying.join().unwrap())
    });
    for deployed in &deployed {
        assert_eq!(http::get(deployed.url("shop")).expect(200).text(), "here");
    }
    let started = deployed.iter().filter(|deployed| deployed.ran.stderr.contains("was started")).count();
    assert_eq!(started, 1, "only one of them started it");
}

#[test]
fn run_works_beside_a_server_and_a_second_run_of_the_name_does_not() {
    let home = Home::new();
    let project = waiting_project(&home);
    let served = project.deploy().url("shop").to_owned();
    let mut run = home.start("run", &project.folder, &["run", "shop", "--port", &http::free_port()]);
    let url = run.url("shop");
    assert_ne!(url, served);
    for url in [&url, &served] {
        assert_eq!(http::get(url).expect(200).text(), "here");
    }
    let second = project.run(&["run", "shop", "--port", &http::free_port()]).failed_with(1);
    assert!(second.stderr.contains("[less-cli] ERROR:"), "{}", second.stderr);
    run.signal(Signal::INT);
    assert!(run.ended().success());
    assert_eq!(http::get(&served).expect(200).text(), "here");
}

#[test]
fn run_moves_to_the_next_port_when_its_own_is_taken() {
    let home = Home::new();
    let project = waiting_project(&home);
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port();
    let mut run = home.start("run", &project.folder, &["run", "shop", "--port", &port.to_string()]);
    let url = run.url("shop");
    let given: u16 = url.rsplit_once(':').unwrap().1.trim_end_matches('/').parse().unwrap();
    assert!(given > port, "{given} follows {port}");
    assert_eq!(http::get(&url).expect(200).text(), "here");
    run.signal(Signal::TERM);
    assert!(run.ended().success());
}

#[test]
fn a_run_that_cannot_start_prints_what_the_handlers_printed_and_why() {
    let home = Home::new();
    let text = "console.log('loading'); throw new Error('no start');";
    let project = home.project("shop", &[("less/apis/shop/get.js", text)]);
    let ran = project.run(&["run", "shop", "--port", "0"]).failed_with(1);
    assert!(ran.stdout.contains("worker loading"), "{ran:?}");
    assert!(ran.stderr.contains("no start") && ran.stderr.contains("nothing runs"), "{ran:?}");
}

#[test]
fn run_prints_the_address_of_an_api_that_is_new() {
    let home = Home::new();
    let project = waiting_project(&home);
    let mut run = home.start("run", &project.folder, &["run", "shop", "--port", "0"]);
    run.url("shop");
    project.write("less/apis/till/get.js", "exports.process = async () => ({ body: 'new' });");
    assert_eq!(http::get(&run.url("till")).expect(200).text(), "new");
    run.signal(Signal::INT);
    assert!(run.ended().success());
}

#[test]
fn run_reloads_a_changed_handler() {
    let home = Home::new();
    let project = waiting_project(&home);
    let mut run = home.start("run", &project.folder, &["run", "shop", "--port", &http::free_port()]);
    let url = run.url("shop");
    assert_eq!(http::get(&url).expect(200).text(), "here");
    project.write("less/apis/shop/get.js", "exports.process = async () => ({ body: 'changed' });");
    eventually("the change is served", || http::get(&url).text() == "changed");
}

#[test]
fn the_status_of_a_server_is_told_running_and_stopped() {
    let home = Home::new();
    waiting_project(&home).deploy();
    let status = home.run(&["server", "status", "--json"]).succeeded().json();
    assert_eq!((status["pid"].as_u64(), status["projects"].as_u64()), (Some(home.server_pid().into()), Some(1)));
    let gateway = status["gateway_url"].as_str().unwrap();
    assert_eq!(http::get(&format!("{gateway}/shop/apis/shop")).expect(200).text(), "here");
    home.stop_server();
    let stopped = home.run(&["server", "status"]);
    assert!(format!("{}{}", stopped.stdout, stopped.stderr).contains("not running"), "{stopped:?}");
}

#[test]
fn a_server_that_is_stopped_twice_is_stopped() {
    let home = Home::new();
    home.start_server();
    let pid = home.server_pid();
    home.stop_server();
    let gone = eventually_some("the server has ended", || (!processes::lives(pid)).then_some(true));
    assert!(gone && matches!(home.run(&["server", "stop"]).code, Some(0 | 1)));
    home.assert_no_process_left();
}

#[test]
fn a_project_that_does_not_start_with_the_server_is_tried_until_it_does() {
    let home = Home::new();
    let obstacle = home.root().join("database-is-down");
    let handler = format!(
        "if (require('node:fs').existsSync({:?})) throw new Error('no database');
         exports.process = async () => ({{ body: 'here' }});",
        obstacle.to_str().unwrap()
    );
    let project = home.project("shop", &[("less/apis/shop/get.js", &handler)]);
    project.deploy();
    home.stop_server();
    std::fs::write(&obstacle, "").unwrap();
    home.start_server();
    let url = format!("http://localhost:{}/shop/apis/shop", home.server_file()["gateway_port"]);
    let refused = http::get(&url);
    assert_eq!((refused.status, &refused.json()["code"]), (503, &json!("not_started")));
    std::fs::remove_file(&obstacle).unwrap();
    eventually("it has started", || http::get(&url).status == 200);
}

#[test]
fn a_deployment_that_is_not_live_yet_does_not_hold_up_the_stop() {
    let home = Home::new();
    let never_loaded = "setInterval(() => {}, 1000); await new Promise(() => {}); export const process = () => {};";
    let project = home.project("shop", &[("less/apis/shop/get.mjs", never_loaded)]);
    home.start_server();
    thread::scope(|scope| {
        let deployment = scope.spawn(|| project.run(&["deploy", "shop"]));
        eventually("it loads its handlers", || !home.workers().is_empty());
        home.stop_server();
        let refused = deployment.join().unwrap().failed_with(1);
        assert!(refused.stderr.contains("the server is stopping"), "{}", refused.stderr);
    });
    home.assert_no_process_left();
}
