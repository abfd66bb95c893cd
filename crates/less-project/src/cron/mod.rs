//! When a cron is due: the texts people write, and the times they mean.
//!
//! In: a text such as `0 9 ? * MON-FRI *`, and the name of a time zone. Out: times in milliseconds since 1970. It
//! keeps no clock and no marks: what was run is for others to know.
//!
//! ```text
//! minute hour day-of-month month day-of-week year    AWS: ? L W #, 1–7 = SUN–SAT; exactly one day field is ?
//! minute hour day-of-month month day-of-week         classic: 0–7, 0 and 7 = SUN; either day field may match
//! rate(5 minutes)                                    counted from when the schedule came to be
//! ```
//!
//! When clocks change, a schedule that runs **in every hour** (`*/10 * * * *`) follows the real clock: it runs
//! whenever a clock on the wall shows one of its times, so in both of the hours of autumn, and in the hour that spring
//! leaves out it has nothing to catch up with. Any other schedule means times of day, each of which comes once a
//! day: in spring, what falls into the gap runs at its end (once, however many times fall into it), and in autumn
//! the first of two equal times counts.

mod calendar;
mod days;
mod field;
mod rate;
mod regime;
pub(crate) mod zone;

use std::fmt;

use jiff::tz::TimeZone;

use calendar::Calendar;
use rate::Rate;
use regime::Regime;

/// When a cron is due.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Schedule {
    /// As written, without what means nothing.
    text: String,
    when: When,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum When {
    At(Calendar, TimeZone),
    Every(Rate),
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

impl BadSchedule {
    fn new(field: &'static str, message: impl Into<String>, hint: impl Into<String>) -> Self {
        Self { field, message: message.into(), hint: hint.into() }
    }
}

impl Schedule {
    /// `timezone`: the name of one; UTC without.
    pub fn parse(text: &str, timezone: Option<&str>) -> Result<Self, BadSchedule> {
        let text = text.trim();
        if let Some(rate) = inside(text, "rate") {
            let rate = Rate::parse(rate)?;
            return Ok(Self { text: rate.to_string(), when: When::Every(rate) });
        }
        let zone = timezone.map_or(Ok(TimeZone::UTC), |name| {
            zone::find(name).map_err(|hint| BadSchedule::new("timezone", format!("`{name}` is not a time zone"), hint))
        })?;
        let fields: Vec<String> =
            inside(text, "cron").unwrap_or(text).split_whitespace().map(str::to_uppercase).collect();
        let calendar = Calendar::parse(&fields)?;
        let text = format!("{} {}", fields.join(" "), zone.iana_name().unwrap_or("UTC"));
        Ok(Self { text, when: When::At(calendar, zone) })
    }

    /// The first time after both `after_ms` and `since_ms`, the moment when this schedule came to be.
    pub fn next_after(&self, after_ms: i64, since_ms: i64) -> Option<i64> {
        match &self.when {
            When::Every(rate) => rate.next_after(after_ms, since_ms),
            When::At(calendar, zone) => {
                let after = calendar::within(after_ms.max(since_ms));
                Regime::at(zone, after)?.and_later(zone).find_map(|regime| {
                    let (from, to) = regime.walls(calendar.in_every_hour(), after, calendar::LAST_MS);
                    calendar.times(from, to).next().map(|wall| regime.instant(wall))
                })
            }
        }
    }

    /// The last time that is after both `after_ms` and `since_ms`, and not after `until_ms`.
    pub fn latest_until(&self, after_ms: i64, until_ms: i64, since_ms: i64) -> Option<i64> {
        match &self.when {
            When::Every(rate) => rate.latest_until(after_ms, until_ms, since_ms),
            When::At(calendar, zone) => {
                let (after, until) = (calendar::within(after_ms.max(since_ms)), calendar::within(until_ms));
                let regimes = Regime::at(zone, until)?.and_earlier(zone).take_while(|regime| regime.ends_after(after));
                regimes.filter(|_| after < until).find_map(|regime| {
                    let (from, to) = regime.walls(calendar.in_every_hour(), after, until);
                    calendar.times(from, to).next_back().map(|wall| regime.instant(wall))
                })
            }
        }
    }
}

/// Schedule and zone, the same for texts that differ in spaces and capitals only.
impl fmt::Display for Schedule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// `rate(5 minutes)` → `5 minutes`.
fn inside<'t>(text: &'t str, word: &str) -> Option<&'t str> {
    let (before, rest) = text.split_once('(')?;
    before.trim().eq_ignore_ascii_case(word).then_some(rest)?.strip_suffix(')')
}
