//! Files at the wrong place or under the wrong name.

use crate::folder::{Folder, check};

#[test]
fn less_holds_the_known_folders_only() {
    check(
        "less/apis/x/get.js
         less/Topics/a/b/index.js
         less/node_modules/x/index.js
         less/index.js
         less/shared
         ! less/Topics: less/ has no place for a folder `Topics`
         ! less/index.js: less/ has no place for this file
         ! less/node_modules: less/ has no place for a folder `node_modules`
         ! less/shared: is a file, not a folder",
    );
    let problems = Folder::new("less/topic/a/b/index.js").discover().unwrap_err();
    assert_eq!(problems[0].hint, "did you mean `topics`?");
}

#[test]
fn a_near_miss_in_a_folder_without_handler_is_a_problem() {
    check(
        "less/apis/x/orders/posts.js
         less/apis/x/users/Get.js
         less/apis/x/carts/process.py
         less/topics/a/b/Index.js
         less/topics/a/c/process.py
         less/topics/a/d/index.py
         less/topics/a/e/post.js
         ! less/apis/x/carts/process.py: is not a route: the file of a route is named after its verb
         ! less/apis/x/orders/posts.js: is not a route: the file of a route is named after its verb
         ! less/apis/x/users/Get.js: is not a route: the file of a route is named after its verb
         ! less/topics/a/b/Index.js: is not the handler of this subscriber
         ! less/topics/a/c/process.py: is not the handler of this subscriber
         ! less/topics/a/d/index.py: is not the handler of this subscriber
         ! less/topics/a/e/post.js: is not the handler of this subscriber",
    );
    let problems = Folder::new("less/topics/a/c/process.py").discover().unwrap_err();
    assert_eq!(problems[0].hint, "rename it to __init__.py");
}

#[test]
fn a_near_miss_that_may_be_a_helper_is_odd() {
    check(
        "less/apis/blog/POST.js
         less/apis/blog/get.js
         less/apis/blog/lib/posts.js
         less/apis/shop/orders/get.js
         less/apis/shop/orders/lib/index.js
         less/apis/shop/tools/index.js
         ? less/apis/blog/POST.js: is not a route: the file of a route is named after its verb
         ? less/apis/blog/lib/posts.js: is not a route: the file of a route is named after its verb
         ? less/apis/shop/tools/index.js: is not a route: the file of a route is named after its verb",
    );
}

#[test]
fn a_configuration_under_another_name_is_odd_where_there_is_none() {
    check(
        "less/apis/x/get.js
         Less.config
         less.conf
         less.config.yaml
         lesson.md
         ? Less.config: is not read
         ? less.conf: is not read
         ? less.config.yaml: is not read",
    );
    let both = Folder::new("less/apis/x/get.js\nless.config.yaml").with("less.config", "");
    assert_eq!(both.discover().unwrap().warnings, []);
}

#[test]
fn a_file_where_a_topic_or_a_socket_has_a_folder_is_odd() {
    let text = "less/topics/orders.js\nless/sockets/chat.py\nless/topics/orders_placed/a/index.js";
    let warnings = Folder::new(text).discover().unwrap().warnings;
    let told: Vec<_> = warnings.iter().map(|problem| (problem.message.as_str(), problem.hint.as_str())).collect();
    let hints = [
        ("is not run: a channel has a folder of its own", "move it to less/sockets/chat/<channel>/__init__.py"),
        ("is not run: a subscriber has a folder of its own", "move it to less/topics/orders/<subscriber>/index.js"),
    ];
    assert_eq!(told, hints);
}

#[test]
fn a_topic_almost_named_as_a_change_of_the_key_value_store_is_odd() {
    check(
        "less/topics/kvs_created/a/index.js
         less/topics/kvs_update/a/index.js
         less/topics/user_created/a/index.js
         ? less/topics/kvs_update: changes of the key-value store are not published to a topic of this name",
    );
    let warnings = Folder::new("less/topics/kvs_update/a/index.js").discover().unwrap().warnings;
    assert_eq!(warnings[0].hint, "did you mean `kvs_updated`?");
}

#[test]
fn a_handler_one_level_too_high_is_odd() {
    check(
        "less/apis/x/get.js
         less/apis/get.js
         less/topics/index.js
         less/topics/a/index.js
         less/topics/a/b/index.js
         ? less/apis/get.js: is not run: it stands in no API
         ? less/topics/a/index.js: is not run: a subscriber has a folder of its own
         ? less/topics/index.js: is not run: a subscriber has a folder of its own",
    );
    let warnings = Folder::new("less/topics/a/index.js\nless/topics/a/b/index.js").discover().unwrap().warnings;
    assert_eq!(warnings[0].hint, "move it to less/topics/a/<subscriber>/index.js");
}

#[test]
fn the_handler_of_python_is_called_init_wherever_it_belongs() {
    let text = "less/functions/index.py
         less/functions/add/index.py
         less/topics/a/index.py
         less/topics/a/b/index.py";
    let problems = Folder::new(text).discover().unwrap_err();
    let hints: Vec<&str> = problems.iter().map(|problem| problem.hint.as_str()).collect();
    assert_eq!(hints, ["rename it to __init__.py", "rename it to __init__.py"]);
    let text =
        "less/functions/index.py\nless/functions/add/__init__.py\nless/topics/a/index.py\nless/topics/a/b/index.js";
    let warnings = Folder::new(text).discover().unwrap().warnings;
    let hints: Vec<&str> = warnings.iter().map(|problem| problem.hint.as_str()).collect();
    let expected =
        ["move it to less/functions/<function>/__init__.py", "move it to less/topics/a/<subscriber>/__init__.py"];
    assert_eq!(hints, expected);
}

#[test]
fn a_handler_one_level_too_deep_is_odd() {
    let text = "less/topics/a/b/index.js
         less/topics/a/v1/c/index.js
         ? less/topics/a/v1: there is no handler in it, so it is no subscriber";
    check(text);
    let warnings = Folder::new(text).discover().unwrap().warnings;
    assert_eq!(warnings[0].hint, "less/topics/a/v1/c/index.js is too deep: move it up into less/topics/a/v1");
}

#[test]
fn a_module_is_a_folder() {
    check(
        "less/apis/x/get.js
         less/shared/models.js
         ? less/shared/models.js: a shared module is a folder, not a file",
    );
}

#[test]
fn an_api_without_routes_is_odd() {
    check(
        "less/apis/x/helpers/data.js
         ? less/apis/x: this API has no routes",
    );
}

#[test]
fn a_verb_has_one_handler() {
    check(
        "less/apis/x/get.js
         less/apis/x/get.cjs
         less/apis/x/post.js
         ! less/apis/x/get.js: `get.cjs` beside it answers GET already",
    );
}

#[test]
fn a_subscriber_has_one_handler() {
    check(
        "less/topics/a/b/index.js
         less/topics/a/b/index.mjs
         ! less/topics/a/b/index.mjs: `index.js` beside it is the handler already",
    );
}

#[test]
fn a_cron_needs_a_variable_of_its_own() {
    let text = "less/crons/dailyReport/index.js
         less/crons/daily_report/index.js
         less/crons/weekly/index.js
         less/crons/cleanUp/index.js
         less/crons/clean-now/index.js
         less/crons/tz/index.js
         ! less/crons/daily_report: its schedule is in CRON_DAILY_REPORT, and so is that of `dailyReport`
         ! less/crons/tz: its schedule would be in CRON_TZ, which is the time zone of all crons
         ! less/crons/weekly: less.config does not list the variable of its schedule, CRON_WEEKLY";
    let config = "env_vars: [CRON_DAILY_REPORT, CRON_CLEANUP, CRON_CLEAN_NOW, CRON_TZ]";
    let folder = Folder::new(text).with("less.config", config);
    folder.check();
    assert_eq!(folder.discover().unwrap_err()[2].hint, "add it there: env_vars: [CRON_WEEKLY]");
}
