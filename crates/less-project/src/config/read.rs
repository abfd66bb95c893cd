//! Reads `less.config`, and reports everything in it that cannot be meant, each with its line.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_yaml_ng::Value;

use super::duration;
use super::locate::{Step, line_of};
use super::origin;
use super::{ApiConfig, Config, CronConfig, RetryPolicy, SubscriberConfig, TopicConfig};
use crate::closest::suggestion;
use crate::cron::zone;
use crate::env;
use crate::problem::Findings;

const MINUTE: Duration = Duration::from_secs(60);
const DAY: Duration = Duration::from_secs(24 * 3600);

/// A handler that needs longer should be two.
const LONGEST_TIMEOUT: Duration = MINUTE.saturating_mul(15);
/// As long as a dead letter is kept: nobody looks after a message for longer.
const LONGEST_RETENTION: Duration = DAY.saturating_mul(14);
/// The wait before a second attempt.
const LONGEST_FIRST: Duration = MINUTE.saturating_mul(60);
/// The wait between two attempts.
const LONGEST_WAIT: Duration = DAY;
/// Beyond, the second wait is already the longest.
const FACTORS: std::ops::RangeInclusive<f64> = 1.0..=100.0;
const MOST_ATTEMPTS: u32 = 1_000;
/// Deliveries of one subscriber in one server.
const MOST_AT_ONCE: u32 = 1_000;

/// So many problems are told with their lines, for each of which the file is read again.
const LOCATED: usize = 100;

/// The names `less.config` may speak of.
#[derive(Debug, Default)]
pub(crate) struct Known {
    pub(crate) apis: Vec<String>,
    /// With each topic's subscribers.
    pub(crate) topics: BTreeMap<String, Vec<String>>,
    pub(crate) crons: Vec<String>,
}

/// What is valid of `text`; the rest is a problem.
pub(crate) fn read(text: &str, known: &Known, found: &mut Findings) -> Config {
    let value = match serde_yaml_ng::from_str::<Value>(text) {
        Ok(value) => value,
        Err(error) => {
            let line = error.location().map(|location| format!(":{}", location.line())).unwrap_or_default();
            let message = format!("is not valid YAML: {error}");
            found.problem(format!("less.config{line}"), message, "indent with spaces, and write `key: value`");
            return Config::default();
        }
    };
    let mut reader = Reader { text, known, found, at: Vec::new(), told: 0 };
    reader.config(&value)
}

struct Reader<'a> {
    text: &'a str,
    known: &'a Known,
    found: &'a mut Findings,
    /// From the top of the file to what is being read.
    at: Vec<Step>,
    /// How many problems.
    told: usize,
}

impl Reader<'_> {
    fn config(&mut self, value: &Value) -> Config {
        let mut config = Config::default();
        self.fields(value, |reader, key, value| match key {
            "env_vars" => config.env_vars = reader.env_vars(value),
            "apis" => config.apis = reader.apis(value),
            "topics" => config.topics = reader.topics(value),
            "crons" => config.crons = reader.crons(value),
            _ => reader.unknown_key(key, &["env_vars", "apis", "topics", "crons"]),
        });
        config
    }

    fn env_vars(&mut self, value: &Value) -> Vec<String> {
        let mut names = Vec::new();
        let items = match value {
            Value::Null => return names,
            Value::Sequence(items) => items,
            _ => {
                self.wrong(value, "a list of names", "write env_vars: [POSTGRES_URL, API_KEY]");
                return names;
            }
        };
        for (index, item) in items.iter().enumerate() {
            self.at.push(Step::Item(index));
            if let Some(name) = self.env_var(item)
                && !names.contains(&name)
            {
                names.push(name);
            }
            self.at.pop();
        }
        names
    }

    fn env_var(&mut self, item: &Value) -> Option<String> {
        let Value::String(name) = item else {
            self.wrong(item, "the name of a variable", "write the name only, such as POSTGRES_URL");
            return None;
        };
        if !env::is_name(name) {
            let hint = "use letters, digits and _, first no digit; the value comes from the environment or .env";
            self.wrong(item, "the name of a variable", hint);
            return None;
        }
        if name.starts_with("AWS_") && name != "AWS_REGION" {
            let hint = "rename the variable; of those that begin with AWS_ only AWS_REGION may be listed";
            self.problem(format!("`{name}` cannot be passed to handlers"), hint);
            return None;
        }
        Some(name.clone())
    }

    fn apis(&mut self, value: &Value) -> BTreeMap<String, ApiConfig> {
        let mut apis = BTreeMap::new();
        let known = self.known;
        self.fields(value, |reader, name, value| {
            if !reader.exists("an API of this project", name, known.apis.iter()) {
                return;
            }
            let mut api = ApiConfig::default();
            reader.fields(value, |reader, key, value| match key {
                "timeout" => api.timeout = reader.duration(value, LONGEST_TIMEOUT),
                "cors" => reader.fields(value, |reader, key, value| match key {
                    "origins" => api.cors_origins = Some(reader.origins(value)),
                    _ => reader.unknown_key(key, &["origins"]),
                }),
                _ => reader.unknown_key(key, &["timeout", "cors"]),
            });
            apis.insert(name.to_owned(), api);
        });
        apis
    }

    fn topics(&mut self, value: &Value) -> BTreeMap<String, TopicConfig> {
        let mut topics = BTreeMap::new();
        let known = self.known;
        self.fields(value, |reader, name, value| {
            if !reader.exists("a topic of this project", name, known.topics.keys()) {
                return;
            }
            let mut topic = TopicConfig::default();
            reader.fields(value, |reader, key, value| match key {
                "retention" => topic.retention = reader.duration(value, LONGEST_RETENTION),
                "subscribers" => topic.subscribers = reader.subscribers(value, &known.topics[name]),
                _ => reader.unknown_key(key, &["retention", "subscribers"]),
            });
            topics.insert(name.to_owned(), topic);
        });
        topics
    }

    fn subscribers(&mut self, value: &Value, known: &[String]) -> BTreeMap<String, SubscriberConfig> {
        let mut subscribers = BTreeMap::new();
        self.fields(value, |reader, name, value| {
            if !reader.exists("a subscriber of this topic", name, known.iter()) {
                return;
            }
            let mut subscriber = SubscriberConfig::default();
            reader.fields(value, |reader, key, value| match key {
                "timeout" => subscriber.timeout = reader.duration(value, LONGEST_TIMEOUT),
                "concurrency" => subscriber.concurrency = reader.count(value, 0, MOST_AT_ONCE),
                "retry" => subscriber.retry = Some(reader.retry(value)),
                _ => reader.unknown_key(key, &["timeout", "concurrency", "retry"]),
            });
            subscribers.insert(name.to_owned(), subscriber);
        });
        subscribers
    }

    fn retry(&mut self, value: &Value) -> RetryPolicy {
        let mut policy = RetryPolicy::default();
        let mut longest = None;
        self.fields(value, |reader, key, value| match key {
            "first" => policy.first = reader.duration(value, LONGEST_FIRST).unwrap_or(policy.first),
            "factor" => policy.factor = reader.factor(value).unwrap_or(policy.factor),
            "longest" => longest = reader.duration(value, LONGEST_WAIT),
            "attempts" => policy.attempts = reader.count(value, 1, MOST_ATTEMPTS),
            _ => reader.unknown_key(key, &["first", "factor", "longest", "attempts"]),
        });
        match longest {
            Some(longest) if longest < policy.first => {
                let (first, longest) = (duration::show(policy.first), duration::show(longest));
                self.problem(
                    format!("the longest wait, {longest}, is shorter than the first, {first}"),
                    "make it longer",
                );
            }
            // Whoever asks for a long first wait and says no more wants no shorter ones after it.
            longest => policy.longest = longest.unwrap_or(policy.longest.max(policy.first)),
        }
        policy
    }

    fn crons(&mut self, value: &Value) -> BTreeMap<String, CronConfig> {
        let mut crons = BTreeMap::new();
        let known = self.known;
        self.fields(value, |reader, name, value| {
            if !reader.exists("a cron of this project", name, known.crons.iter()) {
                return;
            }
            let mut cron = CronConfig::default();
            reader.fields(value, |reader, key, value| match key {
                "timezone" => cron.timezone = reader.timezone(value),
                _ => reader.unknown_key(key, &["timezone"]),
            });
            crons.insert(name.to_owned(), cron);
        });
        crons
    }

    fn timezone(&mut self, value: &Value) -> Option<String> {
        let Value::String(name) = value else {
            self.wrong(value, "a time zone", zone::EXAMPLES);
            return None;
        };
        match zone::find(name) {
            Ok(_) => Some(name.clone()),
            Err(hint) => {
                self.wrong(value, "a time zone", &hint);
                None
            }
        }
    }

    /// Origins of web pages, each once; `*` stands alone.
    fn origins(&mut self, value: &Value) -> Vec<String> {
        let mut origins = Vec::new();
        let Value::Sequence(items) = value else {
            self.wrong(value, "a list of origins", "write origins: [\"https://shop.example\"], or [\"*\"] for all");
            return origins;
        };
        for (index, item) in items.iter().enumerate() {
            self.at.push(Step::Item(index));
            match item.as_str().map(origin::parse) {
                Some(Ok(origin)) if origins.contains(&origin) => {}
                Some(Ok(origin)) => origins.push(origin),
                Some(Err(hint)) => self.wrong(item, "an origin", &hint),
                None => self.wrong(item, "an origin", origin::EXAMPLE),
            }
            self.at.pop();
        }
        if origins.len() > 1 && origins.iter().any(|origin| origin == "*") {
            self.problem("`*` already allows every origin", "keep `*` alone, or remove it");
        }
        origins
    }

    /// Calls `each` with the keys of a mapping; nothing at all is an empty one.
    fn fields(&mut self, value: &Value, mut each: impl FnMut(&mut Self, &str, &Value)) {
        let fields = match value {
            Value::Null => return,
            Value::Mapping(fields) => fields,
            _ => return self.wrong(value, "a mapping", "write `key: value` lines below it, indented"),
        };
        for (key, value) in fields {
            let key = shown(key);
            self.at.push(Step::Key(key.clone()));
            each(self, &key, value);
            self.at.pop();
        }
    }

    fn duration(&mut self, value: &Value, longest: Duration) -> Option<Duration> {
        let hint = "write a whole number and ms, s, m, h or d, such as 500ms or 30s";
        let Some(parsed) = value.as_str().and_then(duration::parse) else {
            self.wrong(value, "a duration", hint);
            return None;
        };
        if parsed.is_zero() || parsed > longest {
            self.out_of_range(value, &format!("more than 0, and at most {}", duration::show(longest)));
            return None;
        }
        Some(parsed)
    }

    fn count(&mut self, value: &Value, least: u32, most: u32) -> Option<u32> {
        let range = format!("a whole number from {least} to {most}");
        let Value::Number(number) = value else {
            self.wrong(value, &range, "write the number only");
            return None;
        };
        let count = number.as_u64().and_then(|count| u32::try_from(count).ok());
        let count = count.filter(|count| (least..=most).contains(count));
        if count.is_none() {
            self.out_of_range(value, &range);
        }
        count
    }

    fn factor(&mut self, value: &Value) -> Option<f64> {
        let range = format!("a number from {} to {}", FACTORS.start(), FACTORS.end());
        let Value::Number(number) = value else {
            self.wrong(value, &range, "write the number only");
            return None;
        };
        let factor = number.as_f64().filter(|factor| FACTORS.contains(factor));
        if factor.is_none() {
            self.out_of_range(value, &range);
        }
        factor
    }

    fn exists<'n>(&mut self, what: &str, name: &str, known: impl Iterator<Item = &'n String> + Clone) -> bool {
        let exists = known.clone().any(|known| known == name);
        if !exists {
            self.problem(format!("`{name}` is not {what}"), suggestion(name, known.map(String::as_str)));
        }
        exists
    }

    fn unknown_key(&mut self, key: &str, known: &[&str]) {
        self.problem(format!("there is no setting `{key}`"), suggestion(key, known.iter().copied()));
    }

    fn wrong(&mut self, value: &Value, expected: &str, hint: &str) {
        self.problem(format!("{} is not {expected}", quoted(value)), hint);
    }

    fn out_of_range(&mut self, value: &Value, range: &str) {
        self.problem(format!("{} is out of range", quoted(value)), format!("it must be {range}"));
    }

    fn problem(&mut self, message: impl AsRef<str>, hint: impl Into<String>) {
        let is_located = self.told < LOCATED;
        self.told += 1;
        let line = if is_located { line_of(self.text, &self.at) } else { None };
        let line = line.map(|line| format!(":{line}")).unwrap_or_default();
        let place: String = self.at.iter().map(step_shown).collect();
        let place = place.trim_start_matches('.');
        let message =
            if place.is_empty() { message.as_ref().to_owned() } else { format!("{place}: {}", message.as_ref()) };
        self.found.problem(format!("less.config{line}"), message, hint);
    }
}

fn step_shown(step: &Step) -> String {
    match step {
        Step::Key(key) => format!(".{key}"),
        Step::Item(index) => format!("[{index}]"),
    }
}

fn quoted(value: &Value) -> String {
    match value {
        Value::Mapping(_) | Value::Sequence(_) | Value::Tagged(_) | Value::Null => shown(value),
        Value::Bool(_) | Value::Number(_) | Value::String(_) => format!("`{}`", shown(value)),
    }
}

fn shown(value: &Value) -> String {
    match value {
        Value::Null => "nothing".into(),
        Value::Bool(value) => value.to_string(),
        Value::Number(value) => value.to_string(),
        Value::String(value) => value.clone(),
        Value::Sequence(_) => "a list".into(),
        Value::Mapping(_) => "a mapping".into(),
        Value::Tagged(_) => "a tagged value".into(),
    }
}
