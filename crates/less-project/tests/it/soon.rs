//! What cannot run yet is refused with a sentence that says so, and checked all the same.

use crate::folder::{Folder, check};

#[test]
fn go_and_rust_cannot_run_yet() {
    check(
        "less/apis/x/get.ts
         less/apis/x/post.py
         less/topics/a/b/index.go
         less/topics/a/c/index.rs
         ! less/topics/a/b/index.go: Go handlers cannot run yet
         ! less/topics/a/c/index.rs: Rust handlers cannot run yet",
    );
    let problems = Folder::new("less/topics/a/b/index.go").discover().unwrap_err();
    assert_eq!(problems[0].hint, "write it in JavaScript, TypeScript or Python for now");
}

#[test]
fn each_kind_of_resource_that_cannot_run_yet_is_named_once() {
    check(
        "less/functions/add/index.js
         less/statics/site/index.html
         ! less/statics: static sites cannot run yet",
    );
}

#[test]
fn an_empty_folder_of_such_a_kind_is_no_problem() {
    check("less/apis/x/get.js\nless/statics/.gitkeep");
}

#[test]
fn mistakes_in_such_a_kind_are_reported_too() {
    check(
        "less/statics/my-site/index.html
         less/statics/my_site/index.html
         ! less/statics: static sites cannot run yet
         ! less/statics/my_site: is taken for `my-site` beside it: handlers may write - as _",
    );
}
