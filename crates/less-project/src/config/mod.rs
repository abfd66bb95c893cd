//! `less.config`: what a user may set, and what holds where nothing is set.

mod duration;
mod edit;
mod locate;
mod origin;
mod read;

use std::collections::BTreeMap;
use std::time::Duration;

use crate::{Api, Cron, Topic};

pub use edit::list_variable;
pub(crate) use read::{Known, read};

/// How long one request may take, unless set.
pub(crate) const ROUTE_TIMEOUT: Duration = Duration::from_secs(30);
/// How long one attempt of a delivery, one run of a cron or one call of a function may take, unless set.
pub(crate) const TIMEOUT: Duration = Duration::from_secs(15 * 60);
/// How many deliveries of one subscriber run at once, unless set.
pub(crate) const CONCURRENCY: u32 = 64;
/// How long after publishing a delivery is still tried, unless set.
pub(crate) const RETENTION: Duration = Duration::from_secs(4 * 24 * 3600);

/// A checked `less.config`; every name in it exists in the project's folder.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Config {
    /// Variables the project needs, each once, in the order of the file.
    pub env_vars: Vec<String>,
    pub apis: BTreeMap<String, ApiConfig>,
    pub topics: BTreeMap<String, TopicConfig>,
    pub crons: BTreeMap<String, CronConfig>,
}

#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ApiConfig {
    pub timeout: Option<Duration>,
    /// `scheme://host[:port]` each, or `*` alone.
    pub cors_origins: Option<Vec<String>>,
}

#[derive(Debug, Clone, Default, PartialEq)]
pub struct TopicConfig {
    pub retention: Option<Duration>,
    pub subscribers: BTreeMap<String, SubscriberConfig>,
}

#[derive(Debug, Clone, Default, PartialEq)]
pub struct SubscriberConfig {
    pub timeout: Option<Duration>,
    pub concurrency: Option<u32>,
    pub retry: Option<RetryPolicy>,
}

#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct CronConfig {
    /// The name of a time zone: `Europe/Lisbon`.
    pub timezone: Option<String>,
}

impl Config {
    pub(crate) fn fill_api(&self, api: &mut Api) {
        let Some(set) = self.apis.get(&api.name) else { return };
        api.timeout = set.timeout.unwrap_or(api.timeout);
        api.cors_origins = set.cors_origins.clone();
    }

    pub(crate) fn fill_cron(&self, cron: &mut Cron) {
        cron.timezone = self.crons.get(&cron.name).and_then(|set| set.timezone.clone());
    }

    pub(crate) fn fill_topic(&self, topic: &mut Topic) {
        let Some(set) = self.topics.get(&topic.name) else { return };
        topic.retention = set.retention.unwrap_or(topic.retention);
        for subscriber in &mut topic.subscribers {
            let Some(set) = set.subscribers.get(&subscriber.name) else { continue };
            subscriber.timeout = set.timeout.unwrap_or(subscriber.timeout);
            subscriber.concurrency = set.concurrency.unwrap_or(subscriber.concurrency);
            subscriber.retry = set.retry.clone().unwrap_or_default();
        }
    }
}

/// When a failed delivery is tried again.
#[derive(Debug, Clone, PartialEq)]
pub struct RetryPolicy {
    /// The wait before the second attempt.
    pub first: Duration,
    /// Each wait is this many times the one before.
    pub factor: f64,
    /// No wait is longer.
    pub longest: Duration,
    /// How many attempts are made, the first included; none: until the message expires.
    pub attempts: Option<u32>,
}

impl Default for RetryPolicy {
    fn default() -> Self {
        Self { first: Duration::from_secs(1), factor: 2.0, longest: Duration::from_secs(5 * 60), attempts: None }
    }
}

impl RetryPolicy {
    /// How long to wait before attempt number `next_attempt` (the first is 1, and waits for nothing). Without
    /// the random part, which is for whoever has a random number.
    pub fn wait_before(&self, next_attempt: u32) -> Duration {
        let Some(waits_before) = next_attempt.checked_sub(2) else { return Duration::ZERO };
        let seconds = self.first.as_secs_f64() * self.factor.powf(f64::from(waits_before));
        // Not `seconds >= longest`: what is not a number waits longest, too.
        if seconds < self.longest.as_secs_f64() { Duration::from_secs_f64(seconds.max(0.0)) } else { self.longest }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_wait_doubles_from_one_second_to_five_minutes() {
        let policy = RetryPolicy::default();
        let waits: Vec<u64> = (0..=12).map(|attempt| policy.wait_before(attempt).as_secs()).collect();
        assert_eq!(waits, [0, 0, 1, 2, 4, 8, 16, 32, 64, 128, 256, 300, 300]);
        assert_eq!(policy.wait_before(u32::MAX), Duration::from_secs(300));
    }

    #[test]
    fn a_factor_of_one_waits_the_same_every_time() {
        let policy = RetryPolicy { first: Duration::from_millis(250), factor: 1.0, ..RetryPolicy::default() };
        assert_eq!(policy.wait_before(2), Duration::from_millis(250));
        assert_eq!(policy.wait_before(u32::MAX), Duration::from_millis(250));
    }

    #[test]
    fn no_policy_panics() {
        for factor in [f64::NAN, f64::INFINITY, -3.0, 0.0, 1e300] {
            let policy = RetryPolicy { first: Duration::MAX, factor, longest: Duration::MAX, attempts: None };
            for attempt in [0, 1, 2, 3, 1000, u32::MAX] {
                assert!(policy.wait_before(attempt) <= policy.longest);
            }
        }
    }
}
