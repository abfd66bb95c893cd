//! What cannot run yet is refused with a sentence that says so, and checked all the same.

use crate::folder::{Folder, check};

#[test]
fn languages_other_than_javascript_cannot_run_yet() {
    check(
        "less/apis/x/get.ts
         less/apis/x/post.py
         less/topics/a/b/index.go
         less/topics/a/c/index.rs
         less/topics/a/d/__init__.py
         ! less/apis/x/get.ts: TypeScript handlers cannot run yet
         ! less/apis/x/post.py: Python handlers cannot run yet
         ! less/topics/a/b/index.go: Go handlers cannot run yet
         ! less/topics/a/c/index.rs: Rust handlers cannot run yet
         ! less/topics/a/d/__init__.py: Python handlers cannot run yet",
    );
}

#[test]
fn each_kind_of_resource_that_cannot_run_yet_is_named_once() {
    Folder::new(
        "less/sockets/chat/connect/index.js
         less/sockets/chat/typing/index.js
         less/crons/daily/index.js
         less/functions/add/index.js
         less/external_topics/shop/order_placed/mail/index.js
         less/statics/site/index.html
         ! less/crons: crons cannot run yet
         ! less/external_topics: external topics cannot run yet
         ! less/functions: functions cannot run yet
         ! less/sockets: sockets cannot run yet
         ! less/statics: static sites cannot run yet",
    )
    .with("less.config", "env_vars: [CRON_DAILY]")
    .check();
}

#[test]
fn an_empty_folder_of_such_a_kind_is_no_problem() {
    check("less/apis/x/get.js\nless/sockets/\nless/crons/.gitkeep");
}

#[test]
fn mistakes_in_such_a_kind_are_reported_too() {
    check(
        "less/sockets/chat/connect/process.py
         less/sockets/my chat/connect/index.js
         less/functions/add/index.js
         less/functions/add/index.ts
         less/external_topics/a/b/c/Index.js
         less/statics/my-site/index.html
         less/statics/my_site/index.html
         ! less/external_topics: external topics cannot run yet
         ! less/external_topics/a/b/c/Index.js: is not the handler of this subscriber
         ! less/functions: functions cannot run yet
         ! less/functions/add/index.ts: TypeScript handlers cannot run yet
         ! less/functions/add/index.ts: `index.js` beside it is the handler already
         ! less/sockets: sockets cannot run yet
         ! less/sockets/chat/connect/process.py: is not the handler of this channel
         ! less/sockets/my chat: `my chat` is not a valid name
         ! less/statics: static sites cannot run yet
         ! less/statics/my_site: is taken for `my-site` beside it: handlers may write - as _",
    );
}

#[test]
fn a_cron_needs_a_variable_of_its_own() {
    Folder::new(
        "less/crons/dailyReport/index.js
         less/crons/daily_report/index.js
         less/crons/weekly/index.js
         less/crons/cleanUp/index.js
         ! less/crons: crons cannot run yet
         ! less/crons/daily_report: its schedule is in CRON_DAILY_REPORT, and so is that of `dailyReport`
         ! less/crons/weekly: less.config does not list the variable of its schedule, CRON_WEEKLY",
    )
    .with("less.config", "env_vars: [CRON_DAILY_REPORT, CRON_CLEANUP]")
    .check();
}
