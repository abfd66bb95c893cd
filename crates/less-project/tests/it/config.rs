//! `less.config`: what it sets, and what is wrong in it.

use std::time::Duration;

use less_project::{Project, RetryPolicy};

use crate::folder::Folder;

const SHOP: &str = "
    less/apis/orders/orders/post.js
    less/topics/order_placed/payment/index.js
    less/topics/order_placed/stock/index.js
    less/topics/order_cancelled/stock/index.js";

fn project(config: &str) -> Project {
    Folder::new(SHOP).with("less.config", config).discover().unwrap()
}

/// `expected`: the problems, or none.
#[track_caller]
fn check(config: &str, expected: &str) {
    Folder::new(&format!("{SHOP}\n{expected}")).with("less.config", config).check();
}

#[test]
fn without_a_file_the_defaults_hold() {
    let project = Folder::new(SHOP).discover().unwrap();
    assert_eq!(project.config.env_vars, [""; 0]);
    assert_eq!(project.apis[0].timeout, Duration::from_secs(30));
    let topic = &project.topics[1];
    assert_eq!(topic.retention, Duration::from_secs(4 * 24 * 3600));
    assert_eq!(topic.subscribers[0].timeout, Duration::from_secs(900));
    assert_eq!(topic.subscribers[0].concurrency, 64);
    assert_eq!(topic.subscribers[0].retry, RetryPolicy::default());
}

#[test]
fn an_empty_file_sets_nothing() {
    for config in
        ["", "# nothing yet\n", "env_vars:\napis:\ntopics: {}\n", "topics: { order_placed: { subscribers: } }"]
    {
        assert_eq!(project(config).apis[0].timeout, Duration::from_secs(30), "{config}");
    }
}

#[test]
fn what_is_set_holds_where_it_is_set_only() {
    let project = project(
        "env_vars: [POSTGRES_URL, AWS_REGION, POSTGRES_URL]
apis: { orders: { timeout: 500ms } }
topics:
  order_placed:
    retention: 2d
    subscribers:
      payment:
        timeout: 30s
        concurrency: 0
        retry: { first: 2s, factor: 1.5, longest: 10m, attempts: 20 }
      stock:
        retry: { first: 10m }
",
    );
    assert_eq!(project.config.env_vars, ["POSTGRES_URL", "AWS_REGION"]);
    assert_eq!(project.apis[0].timeout, Duration::from_millis(500));
    let [cancelled, placed] = &project.topics[..] else { panic!("two topics") };
    assert_eq!(cancelled.retention, Duration::from_secs(4 * 24 * 3600));
    assert_eq!(placed.retention, Duration::from_secs(2 * 24 * 3600));
    let [payment, stock] = &placed.subscribers[..] else { panic!("two subscribers") };
    assert_eq!((payment.timeout, payment.concurrency), (Duration::from_secs(30), 0));
    let retry = RetryPolicy {
        first: Duration::from_secs(2),
        factor: 1.5,
        longest: Duration::from_secs(600),
        attempts: Some(20),
    };
    assert_eq!(payment.retry, retry);
    assert_eq!((stock.timeout, stock.concurrency), (Duration::from_secs(900), 64));
    assert_eq!((stock.retry.first, stock.retry.longest), (Duration::from_secs(600), Duration::from_secs(600)));
}

#[test]
fn what_is_no_yaml_is_a_problem_with_its_line() {
    let problems = Folder::new(SHOP).with("less.config", "apis:\n  orders: [\n").discover().unwrap_err();
    assert_eq!(problems.len(), 1);
    assert!(problems[0].path.starts_with("less.config:"), "{}", problems[0]);
    assert!(problems[0].message.starts_with("is not valid YAML: "), "{}", problems[0]);
}

#[test]
fn variables_that_could_not_be_read_are_not_missed() {
    let of = |config: &str| {
        let problems = Folder::new("less/crons/daily/index.js").with("less.config", config).discover().unwrap_err();
        problems.into_iter().map(|problem| problem.path).collect::<Vec<_>>()
    };
    for config in ["env_vars:\n  - CRON_DAILY\n - A\n", "env_vars: CRON_DAILY\n", "env_var: [CRON_DAILY]\n"] {
        let paths = of(config);
        assert!(paths.len() == 1 && paths[0].starts_with("less.config:"), "{config}: {paths:?}");
    }
    assert_eq!(of("env_vars: []\n"), ["less/crons/daily"]);
    assert_eq!(of("env_vars: [A]\nenv_var: []\n"), ["less.config:2", "less/crons/daily"]);
}

#[test]
fn unknown_settings_are_problems() {
    check(
        "env_var: [A]
apis:
  orders: { timout: 1s }
topics:
  order_placed:
    retain: 4d
    subscribers:
      payment:
        concurency: 8
        retry: { max: 3 }
1: 2
",
        "! less.config:1: env_var: there is no setting `env_var`
         ! less.config:3: apis.orders.timout: there is no setting `timout`
         ! less.config:6: topics.order_placed.retain: there is no setting `retain`
         ! less.config:9: topics.order_placed.subscribers.payment.concurency: there is no setting `concurency`
         ! less.config:10: topics.order_placed.subscribers.payment.retry.max: there is no setting `max`
         ! less.config:11: 1: there is no setting `1`",
    );
    let problems = Folder::new(SHOP).with("less.config", "apis: { orders: { timout: 1s } }").discover().unwrap_err();
    assert_eq!(problems[0].hint, "did you mean `timeout`?");
}

#[test]
fn unknown_names_are_problems() {
    check(
        "apis: { ordrs: { timeout: 1s } }
topics:
  order_placd: { retention: 1d }
  order_placed: { subscribers: { paymet: { timeout: 1s } } }
crons: { daily: { timezone: UTC } }
",
        "! less.config:1: apis.ordrs: `ordrs` is not an API of this project
         ! less.config:3: topics.order_placd: `order_placd` is not a topic of this project
         ! less.config:4: topics.order_placed.subscribers.paymet: `paymet` is not a subscriber of this topic
         ! less.config:5: crons.daily: `daily` is not a cron of this project",
    );
    let problems = Folder::new(SHOP).with("less.config", "topics: { order_placd: }").discover().unwrap_err();
    assert_eq!(problems[0].hint, "did you mean `order_placed`?");
}

#[test]
fn an_api_may_be_called_by_pages_of_listed_origins() {
    assert_eq!(project("").apis[0].cors_origins, None);
    let open = project("apis: { orders: { cors: { origins: [\"*\"] } } }");
    assert_eq!(open.apis[0].cors_origins.as_deref(), Some(&["*".to_owned()][..]));
    let closed = project("apis: { orders: { cors: { origins: [\"HTTPS://shop.example\", https://shop.example] } } }");
    assert_eq!(closed.apis[0].cors_origins.as_deref(), Some(&["https://shop.example".to_owned()][..]));
    check(
        "apis:
  orders:
    cors:
      origins:
        - https://shop.example/
        - https://*.shop.example
        - 5
        - \"*\"
        - http://localhost:5173
      origin: x
",
        "! less.config:4: apis.orders.cors.origins: `*` already allows every origin
         ! less.config:5: apis.orders.cors.origins[0]: `https://shop.example/` is not an origin
         ! less.config:6: apis.orders.cors.origins[1]: `https://*.shop.example` is not an origin
         ! less.config:7: apis.orders.cors.origins[2]: `5` is not an origin
         ! less.config:10: apis.orders.cors.origin: there is no setting `origin`",
    );
    check(
        "apis: { orders: { cors: { origins: https://shop.example } } }",
        "! less.config:1: apis.orders.cors.origins: `https://shop.example` is not a list of origins",
    );
}

#[test]
fn a_cron_has_a_time_zone() {
    let daily = || Folder::new("less/crons/daily/index.js");
    let config = |zone: &str| format!("env_vars: [CRON_DAILY]\ncrons: {{ daily: {{ timezone: {zone} }} }}");
    let project = daily().with("less.config", &config("Europe/Lisbon")).discover().unwrap();
    assert_eq!(project.crons[0].timezone.as_deref(), Some("Europe/Lisbon"));
    for (zone, hint) in [
        ("Lisbon", "did you mean `Europe/Lisbon`?"),
        ("new york", "did you mean `America/New_York`?"),
        ("Europe/Lissabon", "did you mean `Europe/Lisbon`?"),
        ("Europe/Lisbn", "did you mean `Europe/Lisbon`?"),
        ("1", "write its name, as in UTC, Europe/Lisbon or America/New_York"),
    ] {
        let problems = daily().with("less.config", &config(zone)).discover().unwrap_err();
        assert_eq!(problems.len(), 1);
        assert_eq!(
            problems[0].to_string(),
            format!("less.config:2: crons.daily.timezone: `{zone}` is not a time zone\n  hint: {hint}")
        );
    }
}

#[test]
fn a_duration_is_a_number_and_a_unit_within_limits() {
    check(
        "apis: { orders: { timeout: 30 } }
topics:
  order_placed:
    retention: 15d
    subscribers:
      payment: { timeout: 16m }
      stock:
        timeout: 0s
        retry: { first: 1.5s, longest: 25h }
  order_cancelled: { retention: [1d] }
",
        "! less.config:1: apis.orders.timeout: `30` is not a duration
         ! less.config:4: topics.order_placed.retention: `15d` is out of range
         ! less.config:6: topics.order_placed.subscribers.payment.timeout: `16m` is out of range
         ! less.config:8: topics.order_placed.subscribers.stock.timeout: `0s` is out of range
         ! less.config:9: topics.order_placed.subscribers.stock.retry.first: `1.5s` is not a duration
         ! less.config:9: topics.order_placed.subscribers.stock.retry.longest: `25h` is out of range
         ! less.config:10: topics.order_cancelled.retention: a list is not a duration",
    );
}

#[test]
fn numbers_have_limits() {
    check(
        "topics:
  order_placed:
    subscribers:
      payment:
        concurrency: -1
        retry: { factor: 0.5, attempts: 0 }
      stock:
        concurrency: \"8\"
        retry: { factor: .nan, attempts: 2.5 }
",
        "! less.config:5: topics.order_placed.subscribers.payment.concurrency: `-1` is out of range
         ! less.config:6: topics.order_placed.subscribers.payment.retry.attempts: `0` is out of range
         ! less.config:6: topics.order_placed.subscribers.payment.retry.factor: `0.5` is out of range
         ! less.config:8: topics.order_placed.subscribers.stock.concurrency: `8` is not a whole number from 0 to 1000
         ! less.config:9: topics.order_placed.subscribers.stock.retry.attempts: `2.5` is out of range
         ! less.config:9: topics.order_placed.subscribers.stock.retry.factor: `.nan` is out of range",
    );
}

#[test]
fn the_longest_wait_is_not_shorter_than_the_first() {
    check(
        "topics: { order_placed: { subscribers: { stock: { retry: { first: 1m, longest: 5s } } } } }",
        "! less.config:1: topics.order_placed.subscribers.stock.retry: \
            the longest wait, 5s, is shorter than the first, 1m",
    );
}

#[test]
fn things_of_a_wrong_type_are_problems() {
    check("[1, 2]", "! less.config:1: a list is not a mapping");
    check(
        "env_vars: POSTGRES_URL
apis: [orders]
topics: { order_placed: 4d }
",
        "! less.config:1: env_vars: `POSTGRES_URL` is not a list of names
         ! less.config:2: apis: a list is not a mapping
         ! less.config:3: topics.order_placed: `4d` is not a mapping",
    );
}

#[test]
fn variables_have_names_of_variables_and_are_not_those_of_aws() {
    check(
        "env_vars:
  - GOOD_1
  - 1BAD
  - WITH-DASH
  - NAME=value
  - AWS_SECRET_ACCESS_KEY
  - AWS_REGION
  - { NAME: value }
  -
",
        "! less.config:3: env_vars[1]: `1BAD` is not the name of a variable
         ! less.config:4: env_vars[2]: `WITH-DASH` is not the name of a variable
         ! less.config:5: env_vars[3]: `NAME=value` is not the name of a variable
         ! less.config:6: env_vars[4]: `AWS_SECRET_ACCESS_KEY` cannot be passed to handlers
         ! less.config:8: env_vars[6]: a mapping is not the name of a variable
         ! less.config:9: env_vars[7]: nothing is not the name of a variable",
    );
}

#[test]
fn a_setting_given_twice_is_a_problem() {
    let problems = Folder::new(SHOP).with("less.config", "apis: {}\napis: {}\n").discover().unwrap_err();
    assert!(problems[0].message.contains("duplicate"), "{}", problems[0]);
}

/// For each line the file is read again.
#[test]
fn all_problems_are_told_and_the_first_hundred_with_their_lines() {
    let config: String = (0..150).map(|number| format!("setting_{number}: 1\n")).collect();
    let problems = Folder::new(SHOP).with("less.config", &config).discover().unwrap_err();
    let located = problems.iter().filter(|problem| problem.path.starts_with("less.config:")).count();
    assert_eq!((problems.len(), located), (150, 100));
}

#[test]
fn whatever_is_in_the_file_is_accepted_or_reported() {
    use proptest::prop_assert;
    use proptest::test_runner::{Config, TestRunner};

    let folder = Folder::new(SHOP);
    let text =
        "(env_vars|apis|topics|orders|order_placed|timeout|: |:\n|\n  |- |\\{|\\}|\\[|\\]|, |&a |\\*a|!!|\\t|\"|5s|.)*";
    let mut runner = TestRunner::new(Config { failure_persistence: None, ..Config::with_cases(256) });
    let outcome = runner.run(&text, |text| {
        std::fs::write(folder.root().join("less.config"), text)?;
        let problems = folder.discover().err().unwrap_or_default();
        prop_assert!(problems.iter().all(|problem| problem.path.starts_with("less.config")), "{problems:?}");
        Ok(())
    });
    outcome.unwrap();
}
