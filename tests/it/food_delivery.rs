//! The model application, ours and as another author writes it: deployed, and run in the foreground.

use std::process::Command;

use rustix::process::Signal;
use serde_json::Value;

use crate::flow::{self, Doing};
use less_tests::harness::{Home, Project, eventually, http, repository};

const AUTHORED: &str = "choreography-coordination-pattern";
const RESTAURANT: &str = "topics/payment_success/restaurant_service_confirm_order";

/// `POST /orders`; the new order's id.
fn place(api: &str, order: &str) -> String {
    let answer = http::post(&format!("{api}/orders"), order).expect(201);
    answer.json()["id"].as_str().expect("the order has an id").to_owned()
}

/// The handlers below `topics/` that logged about the order, one entry a line, sorted.
fn logged_by(project: &Project, order: &str) -> Vec<String> {
    let lines = project.log_lines();
    let of_order = lines.iter().filter(|line| line.text.contains(order) && line.path.starts_with("topics/"));
    let mut handlers: Vec<_> = of_order.map(|line| line.path.clone()).collect();
    handlers.sort();
    handlers
}

fn another_authors_project_runs_whole(uuid: &str) {
    let home = Home::new();
    let project = flow::project(&home, AUTHORED, uuid, Doing::OnlyLogging);
    let deployed = project.deploy();
    let (confirmed, refused) = (
        place(deployed.url("orders"), r#"{"item":"pizza"}"#),
        place(deployed.url("orders"), r#"{"item":"sushi","fail":true}"#),
    );
    assert!(project.logged(RESTAURANT, &confirmed).contains("[RESTAURANT SERVICE]"));
    for (order, fail) in [(confirmed, false), (refused, true)] {
        for handler in flow::path_of(fail) {
            project.logged(&handler, &order);
        }
        assert_eq!(logged_by(&project, &order), flow::path_of(fail));
    }
}

#[test]
fn another_authors_project_with_the_newest_uuid_runs_whole() {
    another_authors_project_runs_whole("latest");
}

#[test]
fn another_authors_project_with_an_older_uuid_runs_whole() {
    another_authors_project_runs_whole("^9");
}

#[test]
fn deploy_prints_what_it_did_on_stdout_and_talks_on_stderr() {
    let home = Home::new();
    let project = Project::copy_of(&home, "food-delivery", &repository("examples/food-delivery"));
    let deployed = project.deploy();
    let said = &deployed.ran.stdout;
    let wanted =
        ["Building... ⚙️", "Build complete ✅", "Deploying... 🚀", "Deployment complete ✅", "Resources", "- API URLs"];
    let places: Vec<_> =
        wanted.iter().map(|text| said.find(text).unwrap_or_else(|| panic!("no {text} in\n{said}"))).collect();
    assert!(places.is_sorted(), "{said}");
    assert!(said.starts_with("[less-cli] Building"));
    let orders = format!("    - orders: {}", deployed.url("orders"));
    assert!(
        said.lines().any(|line| line.ends_with(&orders)) && orders.ends_with("/food-delivery/apis/orders"),
        "{said}"
    );
    assert!(deployed.url("topics").ends_with("/food-delivery/topics"));
}

#[test]
fn the_same_project_runs_in_the_foreground_until_ctrl_c() {
    let home = Home::new();
    let project = flow::project(&home, AUTHORED, "^9", Doing::Noting);
    let mut run = home.start("run", &project.folder, &["run", AUTHORED, "--port", &http::free_port()]);
    let api = run.url("orders");
    let order = place(&api, r#"{"item":"pizza"}"#);
    eventually("the whole path has run", || ran(&home, &order) == flow::path_of(false));
    for line in [format!("[less-local] App \"{AUTHORED}\" is running ✅"), "  List of APIs:".to_owned()] {
        assert!(run.stdout().lines().any(|each| each.ends_with(&line)), "{}", run.stdout());
    }
    run.signal(Signal::INT);
    assert!(run.ended().success());
    home.assert_no_process_left();
}

/// The handlers that noted a run for the order, sorted.
fn ran(home: &Home, order: &str) -> Vec<String> {
    let notes = home.notes("ran");
    let of_order = notes.iter().filter(|note| note["order"] == order);
    let mut handlers: Vec<_> = of_order.filter_map(|note| note["handler"].as_str().map(str::to_owned)).collect();
    handlers.sort();
    handlers
}

/// The system in one language, or in several: every one must do the same.
fn example<'h>(home: &'h Home, name: &str) -> Project<'h> {
    Project::copy_of(home, name, &repository(&format!("examples/{name}")))
}

fn makes_eight_deliveries_of_a_confirmed_order_and_six_of_a_refused_one(name: &str) {
    let home = Home::new();
    let project = example(&home, name);
    let deployed = project.deploy();
    for (body, fail, deliveries) in [(r#"{"item":"pizza"}"#, false, 8), (r#"{"item":"sushi","fail":true}"#, true, 6)] {
        let order = place(deployed.url("orders"), body);
        eventually("all handlers of the path have logged", || logged_by(&project, &order).len() >= deliveries);
        eventually("nothing waits any more", || project.waiting() == 0);
        assert_eq!(logged_by(&project, &order), flow::path_of(fail));
    }
    let order = place(deployed.url("orders"), r#"{"item":"pizza"}"#);
    for (handler, line) in [
        ("apis/orders/orders/post", "[ORDER SERVICE] ID order placed"),
        ("topics/order_placed/payment_service_process_payment", "[PAYMENT SERVICE] ID payment accepted"),
        ("topics/restaurant_confirmed_order/loyalty_service_add_loyalty_points", "[LOYALTY SERVICE] ID points added"),
        (
            "topics/delivery_partner_assigned/order_service_update_order_status",
            "[ORDER SERVICE] ID status is now \"on its way\"",
        ),
    ] {
        assert!(project.logged(handler, &order).ends_with(&line.replace("ID", &order)), "{handler}");
    }
    let orders = format!("{}/orders", deployed.url("orders"));
    for body in ["", "{", "[]", "null", "7"] {
        let answer = http::post(&orders, body).expect(400);
        assert_eq!(answer.header("content-type"), Some("application/json"));
        assert!(matches!(&answer.json()["error"], Value::String(text) if text.contains("JSON object")));
    }
}

#[test]
fn the_example_in_javascript_does_it_all() {
    makes_eight_deliveries_of_a_confirmed_order_and_six_of_a_refused_one("food-delivery");
}

#[test]
fn the_example_in_typescript_does_it_all() {
    makes_eight_deliveries_of_a_confirmed_order_and_six_of_a_refused_one("food-delivery-typescript");
}

#[test]
fn the_example_in_python_does_it_all() {
    makes_eight_deliveries_of_a_confirmed_order_and_six_of_a_refused_one("food-delivery-python");
}

#[test]
fn the_example_in_three_languages_does_it_all() {
    makes_eight_deliveries_of_a_confirmed_order_and_six_of_a_refused_one("food-delivery-mixed");
}

/// What `make demo` runs, once the binary is built.
#[test]
fn the_demo_follows_two_orders_through_the_system() {
    let home = Home::new();
    let mut demo = Command::new("node");
    demo.arg(repository("examples/food-delivery/demo.mjs"));
    home.adopt(&mut demo);
    demo.env("LESS_CLI", home.command(home.root(), &[]).get_program());
    let output = demo.output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{said}\n{}", String::from_utf8_lossy(&output.stderr));
    let steps: Vec<&str> = said.lines().filter(|line| line.trim_start().starts_with('+')).collect();
    assert_eq!(steps.len(), 9 + 7, "{said}");
    for step in steps {
        let after = step.trim_start().strip_prefix('+').and_then(|step| step.split_once(" ms"));
        assert!(after.is_some_and(|(ms, _)| ms.parse::<u32>().is_ok()), "{step}");
    }
}

#[test]
fn the_hello_example_says_hello() {
    let home = Home::new();
    let project = Project::copy_of(&home, "hello", &repository("examples/hello"));
    let hello = project.deploy().url("hello").to_owned();
    assert_eq!(http::get(&hello).expect(200).text(), "Hello, world!");
    assert_eq!(http::get(&format!("{hello}?name=Ada")).expect(200).text(), "Hello, Ada!");
}
