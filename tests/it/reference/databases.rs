//! The templates for databases: each is a project that is deployed and asked, with a stand-in for its database's client
//! and with the real client and no database.

use std::fs;

use serde_json::json;

use super::registry::Registry;
use super::{Deployed, reference};
use less_tests::harness::{Home, http};

/// Nothing listens there: no program may without being root, and none does.
const NOWHERE: &str = "127.0.0.1:1";

#[test]
fn each_template_answers_what_its_database_gives() {
    let Some(templates) = reference("less-templates") else { return };
    let home = Home::new();
    Registry::open(&home).start_server(&home);
    let database = home.root().join("database");
    fs::create_dir(&database).unwrap();

    let keys = [("AMAZON_ACCESS_KEY_ID", "a-table"), ("AMAZON_SECRET_ACCESS_KEY", "secret")];
    let (dynamodb, _) = Deployed::deploy(&home, &templates.join("aws_dynamodb"), "dynamodb", &keys);
    let tables = http::get(&format!("{}/hello/js", dynamodb.project.url("demo"))).expect(200);
    assert_eq!(tables.json(), json!({ "TableNames": ["a-table"] }));

    let address = [("POSTGRES_URL", "postgres://user:secret@host:5432/database")];
    let (postgres, _) = Deployed::deploy(&home, &templates.join("postgres"), "postgres", &address);
    let now = http::get(&format!("{}/hello/js", postgres.project.url("demo"))).expect(200);
    assert_eq!(now.text(), "1970-01-01T00:00:00.000Z", "a date is sent as its text");

    let address = [("MONGODB_URI", database.to_str().unwrap()), ("MONGODB_DATABASE_NAME", "town")];
    let (mongodb, _) = Deployed::deploy(&home, &templates.join("mongodb"), "mongodb", &address);
    let api = mongodb.project.url("demo");
    let by_javascript = http::get(&format!("{api}/hello/js")).expect(200).json();
    assert_eq!((by_javascript.as_array().map(Vec::len), &by_javascript[0]["foo"]), (Some(1), &json!("bar ")));
    let by_python = http::get(&format!("{api}/hello/py")).expect(200);
    assert_eq!(by_python.json().as_array().map(Vec::len), Some(2), "one of each language: {}", by_python.text());
    assert!(by_python.text().contains("'bar': 'baz'"), "{}", by_python.text());
    [dynamodb, postgres, mongodb].iter().for_each(Deployed::assert_unchanged);
}

#[test]
fn the_real_clients_are_installed_and_their_errors_are_in_the_log_only() {
    let Some(templates) = reference("less-templates") else { return };
    let home = Home::new();
    let postgres_url = format!("postgres://user:secret@{NOWHERE}/database");
    let (postgres, said) =
        Deployed::deploy(&home, &templates.join("postgres"), "postgres", &[("POSTGRES_URL", &postgres_url)]);
    assert!(said.stderr.contains("Installing dependencies"), "{}", said.stderr);
    fails(&postgres, "js", "ECONNREFUSED");

    let uri = format!("mongodb://{NOWHERE}/?serverSelectionTimeoutMS=500");
    let variables = [("MONGODB_URI", uri.as_str()), ("MONGODB_DATABASE_NAME", "town")];
    let (mongodb, _) = Deployed::deploy(&home, &templates.join("mongodb"), "mongodb", &variables);
    fails(&mongodb, "js", "ECONNREFUSED");
    fails(&mongodb, "py", "ServerSelectionTimeoutError");
    [postgres, mongodb].iter().for_each(Deployed::assert_unchanged);
}

fn fails(deployed: &Deployed, language: &str, reason: &str) {
    let answer = http::get(&format!("{}/hello/{language}", deployed.project.url("demo"))).expect(502);
    assert_eq!(answer.json()["error"], "Internal Server Error");
    assert!(!answer.text().contains(reason), "{}", answer.text());
    deployed.project.logged(&format!("apis/demo/hello/{language}/get"), reason);
}
