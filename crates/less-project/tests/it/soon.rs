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
        "less/sockets/chat/connect/index.js
         less/sockets/chat/typing/index.js
         less/functions/add/index.js
         ! less/sockets: sockets cannot run yet",
    );
}

#[test]
fn an_empty_folder_of_such_a_kind_is_no_problem() {
    check("less/apis/x/get.js\nless/sockets/");
}

#[test]
fn mistakes_in_such_a_kind_are_reported_too() {
    check(
        "less/sockets/chat/connect/process.py
         less/sockets/chat/send/index.js
         less/sockets/chat/send/index.rs
         less/sockets/my chat/connect/index.js
         ! less/sockets: sockets cannot run yet
         ! less/sockets/chat/connect/process.py: is not the handler of this channel
         ! less/sockets/chat/send/index.rs: Rust handlers cannot run yet
         ! less/sockets/chat/send/index.rs: `index.js` beside it is the handler already
         ! less/sockets/my chat: `my chat` is not a valid name",
    );
}
