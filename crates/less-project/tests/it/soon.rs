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
