//! `rate(5 minutes)`: at equal distances from when the schedule came to be.

use std::fmt;

use super::BadSchedule;

const HINT: &str = "write rate(1 minute), rate(5 minutes), rate(12 hours) or rate(7 days)";
const UNITS: [(&str, i64); 3] = [("minute", 60_000), ("hour", 3_600_000), ("day", 86_400_000)];
/// A century.
const LONGEST_MS: i64 = 36_525 * 86_400_000;

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Rate {
    number: i64,
    unit: &'static str,
    period_ms: i64,
}

impl Rate {
    pub(super) fn parse(text: &str) -> Result<Self, BadSchedule> {
        let bad = |message: String| BadSchedule::new("rate", message, HINT);
        let [number, unit] = text.split_whitespace().collect::<Vec<_>>()[..] else {
            return Err(bad(format!("`{text}` is not a number and a unit")));
        };
        let is_number = number.chars().all(|c| c.is_ascii_digit());
        let Some(number) = number.parse::<i64>().ok().filter(|number| is_number && *number > 0) else {
            return Err(bad(format!("`{number}` is not a whole number from 1 on")));
        };
        let given = unit.to_ascii_lowercase();
        let Some((unit, unit_ms)) =
            UNITS.into_iter().find(|(unit, _)| given.strip_suffix('s').unwrap_or(&given) == *unit)
        else {
            return Err(bad(format!("`{unit}` is not minutes, hours or days")));
        };
        let rate = Self { number, unit, period_ms: number.saturating_mul(unit_ms) };
        if given.ends_with('s') == (number == 1) {
            let hint = format!("write {rate}");
            return Err(BadSchedule::new(
                "rate",
                "1 has the unit in the singular, any other number in the plural",
                hint,
            ));
        }
        if rate.period_ms > LONGEST_MS { Err(bad("is longer than a century".into())) } else { Ok(rate) }
    }

    pub(super) fn next_after(&self, after_ms: i64, since_ms: i64) -> Option<i64> {
        self.time(self.periods(after_ms, since_ms).max(0) + 1, since_ms)
    }

    pub(super) fn latest_until(&self, after_ms: i64, until_ms: i64, since_ms: i64) -> Option<i64> {
        let periods = self.periods(until_ms, since_ms);
        self.time(periods, since_ms).filter(|time| periods > 0 && *time > after_ms)
    }

    /// How many have passed. Wide, because the distance between two times may be more than a time can be.
    fn periods(&self, at_ms: i64, since_ms: i64) -> i128 {
        (i128::from(at_ms) - i128::from(since_ms)).div_euclid(i128::from(self.period_ms))
    }

    fn time(&self, periods: i128, since_ms: i64) -> Option<i64> {
        i64::try_from(i128::from(since_ms) + periods * i128::from(self.period_ms)).ok()
    }
}

impl fmt::Display for Rate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let plural = if self.number == 1 { "" } else { "s" };
        write!(f, "rate({} {}{plural})", self.number, self.unit)
    }
}
