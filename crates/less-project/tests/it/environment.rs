//! What the variables of a project say: when its crons are due, and whose topics it listens to.

use less_project::{CronSchedule, Env, Problem, Schedule, external_publishers, schedules};

use crate::folder::Folder;

fn env(pairs: &[(&str, &str)]) -> Env {
    pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

fn crons(config: &str, variables: &[(&str, &str)]) -> Result<Vec<CronSchedule>, Vec<Problem>> {
    let listed: Vec<&str> = variables.iter().map(|(name, _)| *name).chain(["CRON_CLEAN_UP", "CRON_DAILY"]).collect();
    let config = format!("env_vars: [{}]\n{config}", listed.join(", "));
    let folder = Folder::new("less/crons/daily/index.js\nless/crons/cleanUp/__init__.py").with("less.config", &config);
    schedules(&folder.discover().unwrap(), &env(variables))
}

fn shown(problems: &[Problem]) -> String {
    problems.iter().map(|problem| format!("{problem}\n")).collect()
}

#[test]
fn the_schedule_of_a_cron_is_in_its_variable() {
    let schedules = crons("", &[("CRON_CLEANUP", "rate(5 minutes)"), ("CRON_DAILY", "0 9 * * ? *")]).unwrap();
    let expected = [("cleanUp", "rate(5 minutes)"), ("daily", "0 9 * * ? * UTC")];
    let listed: Vec<(&str, &str)> = schedules.iter().map(|cron| (cron.name.as_str(), cron.text.as_str())).collect();
    assert_eq!(listed, expected);
    assert_eq!(schedules[1].schedule, Schedule::parse("0 9 * * ? *", None).unwrap());
}

#[test]
fn the_plain_capitals_of_a_name_are_looked_at_last() {
    let variables = [("CRON_CLEANUP", "rate(1 day)"), ("CRON_CLEAN_UP", "rate(2 days)"), ("CRON_DAILY", "rate(1 day)")];
    assert_eq!(crons("", &variables).unwrap()[0].text, "rate(2 days)");
}

#[test]
fn a_zone_of_its_own_goes_before_that_of_all_crons() {
    let variables = [("CRON_CLEAN_UP", "0 9 * * *"), ("CRON_DAILY", "0 9 * * *"), ("CRON_TZ", "America/New_York")];
    let schedules = crons("crons: { daily: { timezone: Europe/Lisbon } }", &variables).unwrap();
    assert_eq!(schedules[0].text, "0 9 * * * America/New_York");
    assert_eq!(schedules[1].text, "0 9 * * * Europe/Lisbon");
}

#[test]
fn every_cron_without_a_schedule_is_a_problem() {
    let problems = crons("", &[("CRON_DAILY", "0 25 * * ? *"), ("CRON_TZ", "Lisbon")]).unwrap_err();
    assert_eq!(
        shown(&problems),
        "less/crons: CRON_TZ is not a time zone
  hint: did you mean `Europe/Lisbon`?
less/crons/cleanUp: CRON_CLEAN_UP, its schedule, has no value
  hint: set CRON_CLEAN_UP in the environment or in .env, for example to rate(5 minutes)
less/crons/daily: CRON_DAILY: hour: `25` is out of range
  hint: write 0–23, a range (a-b), a step (*/n), a list (a,b), or *
"
    );
}

#[test]
fn an_external_topic_is_one_of_the_project_that_its_variable_names() {
    let folder = Folder::new(
        "less/external_topics/chat-api/sent/mail/index.js
         less/external_topics/chat-api/sent/push/index.js
         less/external_topics/shop/order-placed/mail/index.js",
    );
    let project = folder.discover().unwrap();
    let publishers = external_publishers(&project, &env(&[("CHAT_API", "team-chat")])).unwrap();
    let names: Vec<&str> = publishers.iter().map(AsRef::as_ref).collect();
    assert_eq!(names, ["team-chat", "shop"]);
}

#[test]
fn what_can_be_no_publisher_is_a_problem_that_does_not_show_the_value() {
    let folder = Folder::new(
        "less/external_topics/API_KEY/sent/mail/index.js
         less/external_topics/API_KEY/read/mail/index.js
         less/external_topics/Shop/order_placed/mail/index.js",
    );
    let problems = external_publishers(&folder.discover().unwrap(), &env(&[("API_KEY", "Sk 123")])).unwrap_err();
    assert_eq!(
        shown(&problems),
        "less/external_topics/API_KEY: the value of API_KEY cannot be the name of a project
  hint: set it to the name of the other project: small letters, digits, - and _, first a letter
less/external_topics/Shop: `Shop` cannot be the name of a project
  hint: list SHOP in env_vars of less.config, and set it to the other project's name
"
    );
}
