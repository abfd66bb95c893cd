//! What `run` shows: a line for each request and delivery, what handlers print beneath it, never more than can be read.

use std::fs;
use std::path::PathBuf;

use serde_json::{Value, json};

use less_tests::harness::{Foreground, Home, Project, Request, eventually, http};

use crate::terminal::on_a_terminal;

const ROUTE: &str = "
const { topics } = require('@chuva.io/less');
exports.process = async (request) => {
  console.log('placing', request.body);
  await topics.order_placed.publish(JSON.parse(request.body));
  return { statusCode: 201 };
};
";
const PAY: &str = "
const charge = (order) => { if (order.poor) throw new Error('no money'); };
exports.process = async (order) => { console.log('paying', order.id); charge(order); };
";
const CONFIG: &str =
    "topics: { order_placed: { subscribers: { pay: { retry: { first: 100ms, factor: 1, attempts: 3 } } } } }\n";
const FLOOD: &str = "exports.process = async () => { for (let n = 0; n < 9000; n++) console.log('line', n); return { body: 'done' }; };";

fn shop(home: &Home) -> Project<'_> {
    let files = [
        ("less/apis/shop/orders/post.js", ROUTE),
        ("less/apis/shop/flood/get.js", FLOOD),
        ("less/topics/order_placed/pay/index.js", PAY),
        ("less.config", CONFIG),
    ];
    home.project("shop", &files)
}

/// `run` on a terminal, and what it says on stderr.
fn on_terminal(home: &Home, project: &Project<'_>, more: &[&str]) -> (Foreground, PathBuf) {
    let args = [&["run", "shop", "--port", "0"], more].concat();
    let (command, talk) = on_a_terminal(home, project, &args);
    (Foreground::start(command, home.root().join("run").to_str().unwrap()), talk)
}

fn shown(run: &Foreground) -> String {
    run.stdout().replace("\r\n", "\n")
}

/// The lines below the first one that contains `row`.
fn beneath(shown: &str, row: &str) -> Vec<String> {
    let rest = shown.lines().skip_while(|line| !line.contains(row)).skip(1);
    rest.take_while(|line| line.starts_with("    ")).map(str::to_owned).collect()
}

#[test]
fn a_terminal_shows_a_row_for_each_request_and_delivery_and_what_was_printed_beneath() {
    let home = Home::new();
    let project = shop(&home);
    let (mut run, _) = on_terminal(&home, &project, &[]);
    let url = run.url("shop");
    http::post(&format!("{url}/orders"), r#"{"id":1}"#).expect(201);
    http::get(&format!("{url}/nowhere")).expect(404);
    eventually("both rows", || {
        shown(&run).contains(" order_placed → pay ok ") && shown(&run).contains("/nowhere 404 ")
    });
    let all = shown(&run);
    assert_eq!(beneath(&all, " shop POST /orders 201 "), [r#"    placing {"id":1}"#], "{all}");
    assert_eq!(beneath(&all, " order_placed → pay ok "), ["    paying 1"], "{all}");
    assert!(!all.contains('\u{1b}'), "NO_COLOR is set: {all:?}");
}

#[test]
fn a_failure_names_the_authors_line_first_and_its_stack_once() {
    let home = Home::new();
    let project = shop(&home);
    let (mut run, _) = on_terminal(&home, &project, &[]);
    let url = run.url("shop");
    http::post(&format!("{url}/orders"), r#"{"id":2,"poor":true}"#).expect(201);
    eventually("the last attempt", || shown(&run).contains("attempt 3 failed for good: a dead letter"));
    let all = shown(&run);
    let first = beneath(&all, "order_placed → pay failed, again in 0.");
    assert_eq!(first[0], "    paying 2", "{all}");
    assert_eq!(first[1], "    less/topics/order_placed/pay/index.js:2:51  Error: no money", "{all}");
    assert!(first[2].starts_with("      at charge (less/topics/order_placed/pay/index.js"), "{all}");
    let third = beneath(&all, "attempt 3 failed for good");
    assert!(third.len() == 2 && third[1].starts_with("    Error: no money (as at "), "{all}");
}

#[test]
fn a_flood_is_summed_up() {
    let home = Home::new();
    let project = shop(&home);
    let (mut run, _) = on_terminal(&home, &project, &[]);
    let url = run.url("shop");
    (0..5).for_each(|_| drop(http::get(&format!("{url}/flood")).expect(200)));
    eventually("what was left out", || {
        shown(&run).lines().any(|line| line.starts_with("… ") && line.ends_with(" more"))
    });
    assert!(shown(&run).lines().count() < 10_000, "{}", shown(&run).lines().count());
    http::post(&format!("{url}/orders"), r#"{"id":3}"#).expect(201);
    eventually("what comes later is shown", || shown(&run).contains("paying 3"));
}

#[test]
fn elsewhere_each_is_a_line_or_an_object() {
    let home = Home::new();
    let project = shop(&home);
    let ways: [&[&str]; 3] = [&[], &["--quiet"], &["--json"]];
    let [plain, quiet, json] = ways.map(|more| {
        let args = [&["run", "shop", "--port", "0"], more].concat();
        let mut run = home.start("run", &project.folder, &args);
        let url = match more {
            ["--json"] => eventually_url(&run),
            _ => run.url("shop"),
        };
        let order = Request::new("POST", &format!("{url}/orders")).body(r#"{"id":4}"#).send().expect(201);
        assert_eq!(order.status, 201);
        eventually("it is printed", || run.stdout().contains("paying 4"));
        run.signal(rustix::process::Signal::INT);
        let file = home.root().join("run.out");
        assert!(run.ended().success());
        fs::read_to_string(file).unwrap()
    });
    let has = |text: &str, path: &str, end: &str| text.lines().any(|line| line.contains(path) && line.contains(end));
    assert!(has(&plain, " apis/shop#", " POST /orders 201 in "), "{plain}");
    assert!(has(&plain, " topics/order_placed/pay#", " ok in ") && has(&plain, "pay#", " paying 4"), "{plain}");
    assert!(has(&quiet, "pay#", " paying 4") && !quiet.contains(" in ") && !quiet.contains("POST"), "{quiet}");
    let objects: Vec<Value> = json.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let request = objects.iter().find(|object| object["stream"] == "request").expect("a request");
    assert_eq!((&request["method"], &request["status"]), (&json!("POST"), &json!(201)));
    let attempt = objects.iter().find(|object| object["stream"] == "attempt").expect("an attempt");
    assert_eq!((&attempt["path"], &attempt["outcome"]), (&json!("topics/order_placed/pay"), &json!("ok")));
}

/// The address of the API, of the object that tells them.
fn eventually_url(run: &Foreground) -> String {
    let mut url = String::new();
    eventually("the addresses", || {
        let out = run.stdout();
        let object = out.lines().next().and_then(|line| serde_json::from_str::<Value>(line).ok());
        let shop = object.and_then(|object| {
            Some(object["apis"].as_array()?.iter().find(|api| api["name"] == "shop")?["url"].clone())
        });
        url = shop.and_then(|url| url.as_str().map(str::to_owned)).unwrap_or_default();
        !url.is_empty()
    });
    url
}

#[test]
fn on_a_terminal_a_broken_project_waits_for_a_save_that_mends_it() {
    let home = Home::new();
    let project = shop(&home);
    project.write("less.config", "topics: { order_placd: {} }\n");
    let (mut run, talk) = on_terminal(&home, &project, &[]);
    let said = || fs::read_to_string(&talk).unwrap_or_default();
    eventually("it waits", || said().contains("order_placd") && said().contains("Waiting for a save"));
    project.write("less.config", CONFIG);
    project.write("less/topics/order_placed/pay/index.js", "throw new Error('not yet');");
    eventually("it waits still", || said().contains("not yet"));
    project.write("less/topics/order_placed/pay/index.js", PAY);
    let url = run.url("shop");
    http::post(&format!("{url}/orders"), r#"{"id":5}"#).expect(201);
    eventually("it runs", || shown(&run).contains("paying 5"));
}
