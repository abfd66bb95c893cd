//! When a cron is due.

pub(crate) mod zone;

/// When a cron is due.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Schedule {
    text: String,
}

/// Why a text is no schedule.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{field}: {message}")]
pub struct BadSchedule {
    /// `minute`, `hour`, `day-of-month`, `month`, `day-of-week`, `year`, `rate` or `timezone`.
    pub field: &'static str,
    pub message: String,
    pub hint: String,
}

impl Schedule {
    /// `timezone`: the name of one, else UTC.
    pub fn parse(text: &str, timezone: Option<&str>) -> Result<Self, BadSchedule> {
        let _ = timezone;
        Ok(Self { text: text.to_owned() })
    }

    /// The first time after `after_ms`; never one that is not after `since_ms`, when the schedule came to be.
    /// Times: milliseconds since 1970.
    pub fn next_after(&self, after_ms: i64, since_ms: i64) -> Option<i64> {
        let _ = (&self.text, after_ms, since_ms);
        None
    }

    /// The last time that is after `after_ms` and `since_ms`, and not after `until_ms`.
    pub fn latest_until(&self, after_ms: i64, until_ms: i64, since_ms: i64) -> Option<i64> {
        let _ = (after_ms, until_ms, since_ms);
        None
    }
}
