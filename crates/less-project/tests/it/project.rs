//! What a valid folder becomes.

use std::fmt::Write;

use less_project::{Language, Project, Segment, discover, discover_built};

use crate::folder::{Folder, check};

/// Handlers in their order, with what the folders say about them.
fn listing(project: &Project) -> String {
    let mut text = String::new();
    for api in &project.apis {
        for route in &api.routes {
            let segments = route.segments.iter().map(|segment| match segment {
                Segment::Fixed(name) => name.clone(),
                Segment::Param(name) => format!("<{name}>"),
            });
            let path = segments.collect::<Vec<_>>().join("/");
            writeln!(text, "{} /{path} {} {}", route.verb, route.handler.path, route.handler.file).unwrap();
        }
    }
    for topic in &project.topics {
        for subscriber in &topic.subscribers {
            let handler = &subscriber.handler;
            writeln!(text, "{} {} {} {}", topic.name, subscriber.name, handler.path, handler.file).unwrap();
        }
    }
    text
}

#[test]
fn a_folder_becomes_routes_and_subscribers_in_the_order_of_their_paths() {
    let project = Folder::new(
        "less/apis/orders/orders/post.js
         less/apis/orders/orders/{id}/get.mjs
         less/apis/orders/orders/{id}/delete.cjs
         less/apis/home/get.js
         less/topics/order-placed/payment_service_process_payment/index.js
         less/topics/order-placed/audit/index.mjs
         less/shared/models/index.js",
    )
    .discover()
    .unwrap();
    let expected = "\
GET / apis/home/get less/apis/home/get.js
POST /orders apis/orders/orders/post less/apis/orders/orders/post.js
DELETE /orders/<id> apis/orders/orders/{id}/delete less/apis/orders/orders/{id}/delete.cjs
GET /orders/<id> apis/orders/orders/{id}/get less/apis/orders/orders/{id}/get.mjs
order-placed audit topics/order-placed/audit less/topics/order-placed/audit/index.mjs
order-placed payment_service_process_payment topics/order-placed/payment_service_process_payment \
less/topics/order-placed/payment_service_process_payment/index.js
";
    assert_eq!(listing(&project), expected);
    assert_eq!(project.shared, ["models"]);
    assert_eq!(project.name.as_ref(), "shop");
    assert_eq!(project.warnings, []);
}

#[test]
fn functions_crons_and_external_topics_are_part_of_a_project() {
    let project = Folder::new(
        "less/functions/price/__init__.py
         less/functions/add/index.ts
         less/crons/dailyReport/index.mjs
         less/external_topics/chat/sent/mail/__init__.py
         less/external_topics/chat/sent/push/index.js
         less/external_topics/chat/read/mail/index.js
         less/external_topics/shop/sent/mail/index.js",
    )
    .with("less.config", "env_vars: [CRON_DAILYREPORT]")
    .discover()
    .unwrap();
    let functions: Vec<_> = project
        .functions
        .iter()
        .map(|function| (function.name.as_str(), function.handler.path.as_ref(), function.handler.language))
        .collect();
    let expected = [("add", "functions/add", Language::TypeScript), ("price", "functions/price", Language::Python)];
    assert_eq!(functions, expected);
    let cron = &project.crons[0];
    assert_eq!((cron.name.as_str(), cron.handler.file.as_str()), ("dailyReport", "less/crons/dailyReport/index.mjs"));
    let quarter = std::time::Duration::from_secs(15 * 60);
    assert_eq!([cron.timeout, project.functions[0].timeout], [quarter, quarter]);
    let topics: Vec<_> = project
        .external_topics
        .iter()
        .map(|topic| (topic.placeholder.as_str(), topic.topic.as_str(), topic.subscribers.len()))
        .collect();
    assert_eq!(topics, [("chat", "read", 1), ("chat", "sent", 2), ("shop", "sent", 1)]);
    let mail = &project.external_topics[1].subscribers[0];
    assert_eq!(mail.handler.path.as_ref(), "external_topics/chat/sent/mail");
    assert_eq!((mail.timeout, mail.concurrency), (quarter, 64));
}

#[test]
fn a_description_of_types_is_no_handler() {
    check(
        "less/apis/types.d.ts
         less/apis/x/get.d.ts
         less/apis/x/get.js
         less/crons/types.d.ts
         less/topics/a/b/index.d.ts
         less/topics/a/b/index.js",
    );
}

#[test]
fn in_a_built_folder_the_javascript_of_typescript_is_no_second_handler() {
    let text = "less/apis/x/get.ts
         less/apis/x/get.js
         less/topics/a/b/index.ts
         less/topics/a/b/index.js
         less/topics/a/c/index.d.ts
         less/topics/a/c/index.js
         ! less/apis/x/get.ts: `get.js` beside it answers GET already
         ! less/topics/a/b/index.ts: `index.js` beside it is the handler already";
    check(text);
    let folder = Folder::new(text);
    let project = discover_built(folder.root(), "shop").unwrap();
    let expected = "\
GET / apis/x/get less/apis/x/get.ts
a b topics/a/b less/topics/a/b/index.ts
a c topics/a/c less/topics/a/c/index.js
";
    assert_eq!(listing(&project), expected);
    assert_eq!(project.apis[0].routes[0].handler.language, Language::TypeScript);
    assert_eq!(project.warnings, []);
}

#[test]
fn files_and_folders_beside_a_handler_are_its_helpers() {
    check(
        "less/README.md
         less/.gitkeep
         less/apis/orders/orders/post.js
         less/apis/orders/orders/schema.js
         less/apis/orders/orders/order_posts.js
         less/apis/orders/orders/_lib/index.js
         less/apis/orders/orders/Any Folder/data.csv
         less/apis/orders/orders/node_modules/lodash/get.js
         less/apis/orders/shared.js
         less/topics/a/b/index.js
         less/topics/a/b/Index.test.js
         less/topics/a/b/process.js
         less/topics/a/b/1 templates/mail.html
         less/topics/a/b/lib/index.py
         less/topics/a/.DS_Store
         less/topics/a/__pycache__/x.pyc
         less/topics/a/schema.js
         less/shared/models/any/thing.go
         package-lock.json",
    );
}

#[test]
fn a_topic_without_subscribers_is_legal() {
    check(
        "less/apis/x/get.js
         less/topics/kvs_created/
         ? less/topics/kvs_created: this topic has no subscribers: what is published to it goes nowhere",
    );
}

#[test]
fn a_project_without_less_is_told_what_to_create() {
    check("index.js\n! less: there is no folder less/");
    check("less\n! less: is a file, not a folder");
}

#[test]
fn an_empty_project_is_told_what_to_create() {
    for folder in ["less/", "less/README.md", "less/apis/\nless/topics/\nless/.gitkeep"] {
        check(&format!("{folder}\n! less: there is nothing in less/ that could run"));
    }
    let problems = Folder::new("less/").discover().unwrap_err();
    assert!(problems[0].hint.contains("create less/apis/hello/hello/get.js"), "{}", problems[0]);
}

#[test]
fn what_lies_at_the_wrong_place_of_an_empty_project_is_its_problem() {
    check(
        "less/topics/index.js
         ! less: there is nothing in less/ that could run
         ! less/topics/index.js: is not run: a subscriber has a folder of its own",
    );
}

#[test]
fn a_project_of_a_wrong_name_is_refused() {
    let folder = Folder::new("less/apis/x/get.js");
    let problems = discover(folder.root(), "My Shop").unwrap_err();
    assert_eq!(problems.len(), 1);
    assert_eq!(problems[0].message, "`My Shop` cannot be the name of a project");
}

#[test]
fn a_root_that_is_not_there_is_a_problem() {
    let folder = Folder::new("less/apis/x/get.js");
    let problems = discover(&folder.root().join("nowhere"), "shop").unwrap_err();
    assert!(problems[0].message.starts_with("cannot be read: "), "{}", problems[0]);
}

#[test]
fn ten_mistakes_are_ten_problems() {
    Folder::new(
        "less/apis/shop/orders/posts.js
         less/apis/shop/users/{id}/get.js
         less/apis/shop/users/{name}/get.js
         less/apis/shop/carts/get.js
         less/apis/shop/carts/get.mjs
         less/apis/topics/get.js
         less/queues/mail/index.js
         less/shared/fs/index.js
         less/sockets/chat/connect/process.js
         less/topics/order_placed/payment/index.py
         less/topics/order_placed/stock/index.go
         ! less.config:1: topics.order_plced: `order_plced` is not a topic of this project
         ! less/apis/shop/carts/get.mjs: `get.js` beside it answers GET already
         ! less/apis/shop/orders/posts.js: is not a route: the file of a route is named after its verb
         ! less/apis/shop/users/{name}: answers the same paths as `{id}` beside it
         ! less/apis/topics: `topics` cannot be the name of an API
         ! less/queues: less/ has no place for a folder `queues`
         ! less/shared/fs: `fs` is a module of Node.js itself, which handlers would get instead
         ! less/sockets/chat/connect/process.js: is not the handler of this channel
         ! less/topics/order_placed/payment/index.py: is not the handler of this subscriber
         ! less/topics/order_placed/stock/index.go: Go handlers cannot run yet",
    )
    .with("less.config", "topics: { order_plced: { retention: 1d } }\n")
    .check();
}
