//! The fields of a schedule, and the times of a calendar that match them.

use std::collections::BTreeSet;

use jiff::Timestamp;
use jiff::civil::{Date, date};
use jiff::tz::Offset;

use super::BadSchedule;
use super::days::Days;
use super::field::{self, Field};

pub(super) const MINUTE_MS: i64 = 60_000;
const MINUTES_OF_DAY: i64 = 24 * 60;
/// Two days into 2200: the last day of the last year has ended everywhere.
pub(super) const LAST_MS: i64 = 7_258_291_200_000;

/// A time that can be calculated with: none of a schedule is before 1970 or after 2199.
pub(super) fn within(time_ms: i64) -> i64 {
    time_ms.clamp(-2 * MINUTES_OF_DAY * MINUTE_MS, LAST_MS)
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Calendar {
    minutes: BTreeSet<u16>,
    hours: BTreeSet<u16>,
    days: Days,
    months: BTreeSet<u16>,
    years: BTreeSet<u16>,
}

impl Calendar {
    /// `fields`: in capitals.
    pub(super) fn parse(fields: &[String]) -> Result<Self, BadSchedule> {
        let fields: Vec<&str> = fields.iter().map(String::as_str).collect();
        let (minute, hour, month_day, month, week_day, year) = match fields[..] {
            [minute, hour, month_day, month, week_day] => (minute, hour, month_day, month, week_day, None),
            [minute, hour, month_day, month, week_day, year] => (minute, hour, month_day, month, week_day, Some(year)),
            _ => return Err(wrong_number(&fields)),
        };
        let calendar = Self {
            minutes: field::MINUTE.parse(minute)?,
            hours: field::HOUR.parse(hour)?,
            days: if year.is_some() { Days::aws(month_day, week_day)? } else { Days::classic(month_day, week_day)? },
            months: field::MONTH.parse(month)?,
            years: field::YEAR.parse(year.unwrap_or("*"))?,
        };
        if calendar.times(i64::MIN, i64::MAX).next().is_none() {
            let message = "there is no such day in any of its months";
            return Err(BadSchedule::new(calendar.days.narrower(), message, "choose a day that these months have"));
        }
        Ok(calendar)
    }

    /// Whether it runs in every hour of its days, and so by the real clock when clocks change.
    pub(super) fn in_every_hour(&self) -> bool {
        self.hours.len() == 24
    }

    /// The times in a span, both ends included, in minutes of a wall.
    pub(super) fn times(&self, from: i64, to: i64) -> impl DoubleEndedIterator<Item = i64> {
        // Within the years of a schedule everything below fits its type.
        let (from, to) = (from.max(0), to.min(LAST_MS / MINUTE_MS));
        let span = (from <= to).then(|| (day_of(from), day_of(to)));
        span.into_iter()
            .flat_map(|(first, last)| self.days(first, last))
            .flat_map(|day| {
                let midnight = Offset::UTC.to_timestamp(day.into()).map_or(0, Timestamp::as_millisecond) / MINUTE_MS;
                let minutes_of = move |hour: &u16| midnight + i64::from(*hour) * 60;
                self.hours
                    .iter()
                    .map(minutes_of)
                    .flat_map(|hour| self.minutes.iter().map(move |m| hour + i64::from(*m)))
            })
            .filter(move |time| (from..=to).contains(time))
    }

    fn days(&self, first: Date, last: Date) -> impl DoubleEndedIterator<Item = Date> {
        let years = self.years.range(year_of(first)..=year_of(last));
        years
            .flat_map(|year| self.months.iter().map(|month| (*year, *month)))
            .filter_map(|(year, month)| Date::new(year.cast_signed(), i8::try_from(month).ok()?, 1).ok())
            .filter(move |month| *month >= first.first_of_month() && *month <= last)
            .flat_map(|month| self.days.of(month))
            .filter(move |day| (first..=last).contains(day))
    }
}

fn day_of(wall_minutes: i64) -> Date {
    let at = Timestamp::from_millisecond(wall_minutes * MINUTE_MS);
    at.map_or(date(1970, 1, 1), |at| Offset::UTC.to_datetime(at).date())
}

fn year_of(day: Date) -> u16 {
    day.year().unsigned_abs()
}

fn wrong_number(fields: &[&str]) -> BadSchedule {
    const EXAMPLES: &str = "write five fields (0 9 * * MON), six with the year (0 9 ? * MON *), or rate(5 minutes)";
    const ALL: [&Field; 6] =
        [&field::MINUTE, &field::HOUR, &field::MONTH_DAY, &field::MONTH, &field::AWS_WEEK_DAY, &field::YEAR];
    match (ALL.get(fields.len()), fields.get(6)) {
        (Some(field), _) => BadSchedule::new(field.name, "is missing", EXAMPLES),
        (None, extra) => {
            let message = format!("`{}` after it is one field too many", extra.unwrap_or(&""));
            BadSchedule::new(field::YEAR.name, message, format!("{EXAMPLES}; there are no seconds"))
        }
    }
}
