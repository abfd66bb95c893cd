//! Replacing a version that works (contract, section 4, "Deploying over waiting messages", and section 14).

use std::os::unix::fs::PermissionsExt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::{fs, path::Path};

use serde_json::json;

use less_tests::harness::{Connection, Home, Project, Request, eventually, http};

fn answering(text: &str) -> String {
    format!("exports.process = async () => ({{ body: '{text}' }});")
}

fn shop<'h>(home: &'h Home, text: &str) -> Project<'h> {
    home.project("shop", &[("less/apis/shop/get.js", text)])
}

#[test]
fn requests_are_answered_without_a_pause_by_the_old_version_then_by_the_new_one() {
    let home = Home::new();
    let project = shop(&home, &answering("1"));
    let url = project.deploy().url("shop").to_owned();
    let stop = Arc::new(AtomicBool::new(false));
    let client = {
        let stop = Arc::clone(&stop);
        thread::spawn(move || {
            let mut connection = Connection::open(&url);
            let mut versions = Vec::new();
            while !stop.load(Ordering::Relaxed) {
                versions.push(connection.send(&Request::new("GET", &url)).expect(200).text());
                versions.dedup();
            }
            versions
        })
    };
    for version in ["2", "3", "4"] {
        project.write("less/apis/shop/get.js", &answering(version));
        project.deploy();
        assert_eq!(http::get(&project.url("shop")).expect(200).text(), version);
    }
    stop.store(true, Ordering::Relaxed);
    assert_eq!(client.join().unwrap(), ["1", "2", "3", "4"]);
}

#[test]
fn what_runs_when_a_new_version_comes_finishes_on_the_old_one() {
    let home = Home::new();
    let slow = "
const { note, until_noted } = require('notes');
exports.process = async () => { note('begun', 1); await until_noted('release'); return { body: 'old' }; };
";
    let project = shop(&home, slow);
    let url = project.deploy().url("shop").to_owned();
    let running = {
        let url = url.clone();
        thread::spawn(move || http::get(&url))
    };
    eventually("the request has begun", || !home.notes("begun").is_empty());
    project.write("less/apis/shop/get.js", &answering("new"));
    project.deploy();
    assert_eq!(http::get(&url).expect(200).text(), "new");
    home.give_note("release");
    assert_eq!(running.join().unwrap().expect(200).text(), "old");
    eventually("the old worker has left", || home.workers().len() == 1);
}

#[test]
fn the_server_runs_a_snapshot_and_not_the_folder() {
    let home = Home::new();
    let project = shop(&home, &answering("deployed"));
    let url = project.deploy().url("shop").to_owned();
    fs::remove_dir_all(&project.folder).unwrap();
    home.stop_server();
    home.start_server();
    assert_eq!(http::get(&project.url("shop")).expect(200).text(), "deployed");
    assert!(url.ends_with("/shop/apis/shop"));
}

#[test]
fn the_first_deployment_starts_a_server_and_later_ones_use_it() {
    let home = Home::new();
    let project = shop(&home, &answering("1"));
    project.deploy();
    let server = home.server_pid();
    project.deploy();
    home.project("other", &[("less/apis/other/get.js", &answering("2"))]).deploy();
    assert_eq!(home.server_pid(), server);
}

#[test]
fn projects_of_one_server_share_nothing_but_the_server() {
    let home = Home::new();
    let note = |text: &str| format!("exports.process = async () => require('notes').note('heard', '{text}');");
    let projects = ["one", "two"].map(|name| {
        home.project(
            name,
            &[("less/topics/heard/it/index.js", &note(name)), ("less/apis/api/get.js", &answering(name))],
        )
    });
    let [one, two] = projects.each_ref().map(Project::deploy);
    assert_eq!(http::get(one.url("api")).expect(200).text(), "one");
    assert_eq!(http::get(two.url("api")).expect(200).text(), "two");
    http::post(&format!("{}/heard", two.url("topics")), "1").expect(202);
    eventually("it is heard", || !home.notes("heard").is_empty() && projects[1].waiting() == 0);
    assert_eq!(home.notes("heard"), [json!("two")]);
}

#[test]
fn values_of_variables_are_kept_for_the_owner_alone_and_are_never_shown() {
    let home = Home::new();
    let project = shop(&home, &answering("1"));
    project.write("less.config", "env_vars: [PASSWORD]\n");
    project.write(".env", "PASSWORD=open-sesame-4711\n");
    let ran = project.deploy().ran;
    assert!(!ran.stdout.contains("open-sesame") && !ran.stderr.contains("open-sesame"));
    let holders = files_with(&home.less_home(), "open-sesame-4711");
    assert!(!holders.is_empty(), "the version keeps its values");
    for file in holders {
        let mode = fs::metadata(&file).unwrap().permissions().mode();
        assert_eq!(mode & 0o077, 0, "{} can be read by others", file.display());
    }
}

/// Files below `folder` that contain `text`.
fn files_with(folder: &Path, text: &str) -> Vec<std::path::PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap().map(Result::unwrap) {
        let path = entry.path();
        if entry.file_type().unwrap().is_dir() {
            found.extend(files_with(&path, text));
        } else if String::from_utf8_lossy(&fs::read(&path).unwrap_or_default()).contains(text) {
            found.push(path);
        }
    }
    found
}

#[test]
fn a_link_that_leads_out_of_the_folder_is_refused() {
    let home = Home::new();
    let project = shop(&home, &answering("1"));
    std::os::unix::fs::symlink("/etc/passwd", project.folder.join("less/apis/shop/users.txt")).unwrap();
    let ran = project.run(&["deploy", "shop"]).failed_with(1);
    assert!(ran.stderr.contains("less/apis/shop/users.txt"), "{}", ran.stderr);
}
