//! One field of a schedule: numbers, names, ranges, steps and lists of them.

use std::collections::BTreeSet;

use super::BadSchedule;

/// What a field may hold.
#[derive(Debug)]
pub(super) struct Field {
    pub(super) name: &'static str,
    pub(super) least: u16,
    pub(super) most: u16,
    /// After how many values it begins anew, so that `22-2` means something; none: never.
    round: Option<u16>,
    /// Of the values from the least on.
    names: &'static [&'static str],
}

const MONTHS: [&str; 12] = ["JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC"];
const WEEK_DAYS: [&str; 7] = ["SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"];

#[rustfmt::skip]
mod fields {
    use super::{Field, MONTHS, WEEK_DAYS};

    pub(in crate::cron) const MINUTE: Field = Field { name: "minute", least: 0, most: 59, round: Some(60), names: &[] };
    pub(in crate::cron) const HOUR: Field = Field { name: "hour", least: 0, most: 23, round: Some(24), names: &[] };
    pub(in crate::cron) const MONTH_DAY: Field = Field { name: "day-of-month", least: 1, most: 31, round: None, names: &[] };
    pub(in crate::cron) const MONTH: Field = Field { name: "month", least: 1, most: 12, round: Some(12), names: &MONTHS };
    pub(in crate::cron) const AWS_WEEK_DAY: Field = Field { name: "day-of-week", least: 1, most: 7, round: Some(7), names: &WEEK_DAYS };
    pub(in crate::cron) const WEEK_DAY: Field = Field { name: "day-of-week", least: 0, most: 7, round: Some(7), names: &WEEK_DAYS };
    pub(in crate::cron) const YEAR: Field = Field { name: "year", least: 1970, most: 2199, round: None, names: &[] };
}
pub(super) use fields::{AWS_WEEK_DAY, HOUR, MINUTE, MONTH, MONTH_DAY, WEEK_DAY, YEAR};

impl Field {
    pub(super) fn parse(&self, text: &str) -> Result<BTreeSet<u16>, BadSchedule> {
        let mut values = BTreeSet::new();
        for item in text.split(',') {
            values.extend(self.item(item)?);
        }
        Ok(values)
    }

    /// One item of a list.
    pub(super) fn item(&self, item: &str) -> Result<Vec<u16>, BadSchedule> {
        let (range, step) = item.split_once('/').map_or((item, None), |(range, step)| (range, Some(step)));
        let (first, last) = match (range, range.split_once('-')) {
            ("*", _) => (self.least, self.most),
            (_, Some((first, last))) => (self.value(first)?, self.value(last)?),
            // `5/15`: from 5 on.
            (value, None) => {
                let value = self.value(value)?;
                (value, if step.is_some() { self.most } else { value })
            }
        };
        let last = match self.round {
            _ if first <= last => last,
            Some(round) => last + round,
            None => return Err(self.bad(format!("`{range}` goes backwards"), "write the smaller one first")),
        };
        let step = step.map_or(Ok(1), |step| self.step(step))?;
        let into_range = |value: u16| self.round.map_or(value, |round| self.least + (value - self.least) % round);
        Ok((first..=last).step_by(step).map(into_range).collect())
    }

    /// A number in range, or a name.
    pub(super) fn value(&self, text: &str) -> Result<u16, BadSchedule> {
        if let Some(value) = self.names.iter().zip(self.least..).find(|(name, _)| **name == text) {
            return Ok(value.1);
        }
        if text.is_empty() || !text.chars().all(|c| c.is_ascii_digit()) {
            return Err(self.bad(self.cannot_be(text), self.allowed()));
        }
        let value = text.parse().ok().filter(|value| (self.least..=self.most).contains(value));
        value.ok_or_else(|| self.bad(format!("`{text}` is out of range"), self.allowed()))
    }

    fn step(&self, text: &str) -> Result<usize, BadSchedule> {
        let most = self.most - self.least;
        let is_number = text.chars().all(|c| c.is_ascii_digit());
        let step = text.parse().ok().filter(|step| is_number && (1..=usize::from(most)).contains(step));
        step.ok_or_else(|| {
            let hint =
                format!("a step is a whole number from 1 to {most}; for longer distances write rate(90 minutes)");
            self.bad(format!("`/{text}` is not a step"), hint)
        })
    }

    pub(super) fn bad(&self, message: impl Into<String>, hint: impl Into<String>) -> BadSchedule {
        BadSchedule::new(self.name, message, hint)
    }

    fn cannot_be(&self, text: &str) -> String {
        if text.is_empty() { "a value is missing".into() } else { format!("`{text}` is not a valid {}", self.name) }
    }

    fn allowed(&self) -> String {
        let names = match self.names {
            [first, .., last] => format!(", or {first}–{last}"),
            _ => String::new(),
        };
        format!("write {}–{}{names}, a range (a-b), a step (*/n), a list (a,b), or *", self.least, self.most)
    }
}
