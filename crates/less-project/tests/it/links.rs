//! Links, and what cannot be read.

use std::fs;

use tempfile::TempDir;

use crate::folder::{Folder, check};

#[test]
fn a_link_inside_the_project_is_followed() {
    let folder = Folder::new(
        "lib/models/index.js
         less/apis/x/get.js -> ../../../lib/models/index.js
         less/topics/a -> ../../handlers
         handlers/b/index.js
         less/shared/models -> ../../lib/models",
    );
    let project = folder.discover().unwrap();
    assert_eq!(project.warnings, []);
    assert_eq!(project.topics[0].subscribers[0].handler.file, "less/topics/a/b/index.js");
    assert_eq!(project.apis[0].routes.len(), 1);
    assert_eq!(project.shared, ["models"]);
}

#[test]
fn a_link_out_of_the_project_is_refused() {
    let outside = TempDir::new().unwrap();
    fs::write(outside.path().join("index.js"), "").unwrap();
    let outside = outside.path().display();
    check(&format!(
        "less/apis/x/get.js
         less/topics/a/b/index.js -> {outside}/index.js
         less/shared/models -> {outside}
         package.json -> {outside}/index.js
         ! less/shared/models: is a link that leads out of the project
         ! less/topics/a/b/index.js: is a link that leads out of the project
         ! package.json: is a link that leads out of the project"
    ));
    check(&format!("less -> {outside}\n! less: is a link that leads out of the project"));
}

#[test]
fn a_link_to_nothing_is_refused() {
    check(
        "less/apis/x/get.js
         less/topics/a/b/index.js -> nowhere.js
         ! less/topics/a/b/index.js: is a link to nothing",
    );
}

#[test]
fn links_in_circles_end() {
    check(
        "less/apis/x/get.js
         less/shared/a/up -> ..
         less/shared/b/to_c -> ../c
         less/shared/c/to_b -> ../b
         ! less/shared/a/up: is a link to a folder that contains it
         ! less/shared/b/to_c/to_b: is a link to a folder that contains it
         ! less/shared/c/to_b/to_c: is a link to a folder that contains it",
    );
}

#[test]
fn what_cannot_be_read_is_a_problem() {
    let folder = Folder::new("less/apis/x/get.js\nless/shared/a/loop -> loop");
    let problems = folder.discover().unwrap_err();
    assert_eq!(problems.len(), 1);
    assert_eq!(problems[0].path, "less/shared/a/loop");
    assert!(problems[0].message.starts_with("cannot be read: "), "{}", problems[0]);
}

#[test]
fn what_is_neither_file_nor_folder_is_a_problem() {
    let folder = Folder::new(
        "less/apis/x/get.js
         ! less/apis/x/pipe: is neither a file nor a folder",
    );
    let _listener = std::os::unix::net::UnixListener::bind(folder.root().join("less/apis/x/pipe")).unwrap();
    folder.check();
}

#[test]
fn a_less_config_that_is_a_folder_is_a_problem() {
    check("less/apis/x/get.js\nless.config/\n! less.config: is a folder, not a file");
}
