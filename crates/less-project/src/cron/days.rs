//! The two day fields of a schedule, and the days of a month that match them.

use jiff::civil::{Date, Weekday};

use super::BadSchedule;
use super::field::{AWS_WEEK_DAY, Field, MONTH_DAY, WEEK_DAY};

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Days {
    of_month: Vec<MonthDay>,
    of_week: Vec<WeekDay>,
    /// A day is meant when either field matches; else when both do.
    either: bool,
    /// The field that says more, to name it when no day matches.
    narrower: &'static str,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum MonthDay {
    Day(i8),
    /// `L`, `L-3`: so many days before the last.
    BeforeLast(i8),
    /// `15W`: the day from Monday to Friday that is nearest, in the same month.
    NearestWorkday(i8),
    /// `LW`
    LastWorkday,
}

/// Sunday is 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum WeekDay {
    Every(i8),
    /// `5L`: the last of the month.
    Last(i8),
    /// `6#3`: the third of the month.
    Nth(i8, i8),
}

impl Days {
    /// Of six fields, exactly one of these is `?`.
    pub(super) fn aws(of_month: &str, of_week: &str) -> Result<Self, BadSchedule> {
        let every = |field: &Field| (field.least..=field.most).collect::<Vec<_>>();
        let all_month = || every(&MONTH_DAY).into_iter().map(|day| MonthDay::Day(small(day))).collect();
        let all_week = || (0..7).map(WeekDay::Every).collect();
        match (of_month, of_week) {
            ("?", "?") => Err(MONTH_DAY.bad("is `?`, and so is day-of-week", "write * in one of the two")),
            ("?", of_week) => {
                let of_week = list(of_week, aws_week_day)?;
                Ok(Self { of_month: all_month(), of_week, either: false, narrower: AWS_WEEK_DAY.name })
            }
            (of_month, "?") => {
                let of_month = list(of_month, month_day)?;
                Ok(Self { of_month, of_week: all_week(), either: false, narrower: MONTH_DAY.name })
            }
            (_, "*") => Err(AWS_WEEK_DAY.bad(ONE_IS_FREE, "write ? in day-of-week; there is no field for seconds")),
            ("*", _) => Err(MONTH_DAY.bad(ONE_IS_FREE, "write ? in day-of-month; there is no field for seconds")),
            (_, _) => Err(AWS_WEEK_DAY.bad(ONE_IS_FREE, "write ? in one of the two, or two crons")),
        }
    }

    /// Of five fields, both may be given: then either may match. One that begins with `*` gives nothing, as in
    /// every cron since the first.
    pub(super) fn classic(of_month: &str, of_week: &str) -> Result<Self, BadSchedule> {
        let narrower = if of_week.starts_with('*') { MONTH_DAY.name } else { WEEK_DAY.name };
        Ok(Self {
            of_month: list(of_month, |item| {
                Ok(only_classic(&MONTH_DAY, item)?.into_iter().map(|day| MonthDay::Day(small(day))).collect())
            })?,
            of_week: list(of_week, |item| {
                Ok(only_classic(&WEEK_DAY, item)?.into_iter().map(|day| WeekDay::Every(small(day))).collect())
            })?,
            either: !of_month.starts_with('*') && !of_week.starts_with('*'),
            narrower,
        })
    }

    pub(super) fn narrower(&self) -> &'static str {
        self.narrower
    }

    /// The days of a month that match, in their order. `month`: its first day.
    pub(super) fn of(&self, month: Date) -> impl DoubleEndedIterator<Item = Date> {
        (1..=month.days_in_month())
            .filter_map(move |day| month.with().day(day).build().ok())
            .filter(|day| self.has(*day))
    }

    fn has(&self, day: Date) -> bool {
        let in_month = self.of_month.iter().any(|wanted| wanted.is(day));
        let in_week = self.of_week.iter().any(|wanted| wanted.is(day));
        if self.either { in_month || in_week } else { in_month && in_week }
    }
}

const ONE_IS_FREE: &str = "one of day-of-month and day-of-week must be `?`";

impl MonthDay {
    fn is(self, date: Date) -> bool {
        let (day, last) = (date.day(), date.days_in_month());
        match self {
            Self::Day(wanted) => day == wanted,
            Self::BeforeLast(before) => day == last - before,
            Self::LastWorkday => Self::NearestWorkday(last).is(date),
            Self::NearestWorkday(wanted) if wanted > last => false,
            Self::NearestWorkday(wanted) => match date.weekday() {
                Weekday::Saturday | Weekday::Sunday => false,
                Weekday::Friday if day == wanted - 1 => true,
                Weekday::Monday if day == wanted + 1 => true,
                // The month begins or ends with a weekend, and the nearest is in another.
                Weekday::Monday if wanted == 1 && day == 3 => true,
                Weekday::Friday if wanted == last && day == last - 2 => true,
                _ => day == wanted,
            },
        }
    }
}

impl WeekDay {
    fn is(self, date: Date) -> bool {
        let (day, week_day) = (date.day(), date.weekday().to_sunday_zero_offset());
        match self {
            Self::Every(wanted) => week_day == wanted,
            Self::Last(wanted) => week_day == wanted && day > date.days_in_month() - 7,
            Self::Nth(wanted, nth) => week_day == wanted && (day - 1) / 7 + 1 == nth,
        }
    }
}

/// Each once, so that a list is as long as there are days, however often it names them.
fn list<T: PartialEq>(text: &str, item: impl Fn(&str) -> Result<Vec<T>, BadSchedule>) -> Result<Vec<T>, BadSchedule> {
    let mut all = Vec::new();
    for text in text.split(',') {
        for one in item(text)? {
            if !all.contains(&one) {
                all.push(one);
            }
        }
    }
    Ok(all)
}

fn month_day(item: &str) -> Result<Vec<MonthDay>, BadSchedule> {
    if let Some(before) = item.strip_prefix("L-") {
        return match before.parse() {
            Ok(before @ 1..=30) => Ok(vec![MonthDay::BeforeLast(before)]),
            Ok(_) | Err(_) => Err(MONTH_DAY.bad(format!("`{item}` is not a day"), "write L-1 to L-30")),
        };
    }
    match (item, item.strip_suffix('W')) {
        ("L", _) => Ok(vec![MonthDay::BeforeLast(0)]),
        ("LW", _) => Ok(vec![MonthDay::LastWorkday]),
        (_, Some(near)) => Ok(vec![MonthDay::NearestWorkday(small(MONTH_DAY.value(near)?))]),
        (_, None) => {
            stray(&MONTH_DAY, item)?;
            Ok(MONTH_DAY.item(item)?.into_iter().map(|day| MonthDay::Day(small(day))).collect())
        }
    }
}

fn aws_week_day(item: &str) -> Result<Vec<WeekDay>, BadSchedule> {
    let value = |day: &str| AWS_WEEK_DAY.value(day).map(|day| small(day) - 1);
    if let Some((day, nth)) = item.split_once('#') {
        let day = value(day)?;
        return match nth.parse() {
            Ok(nth @ 1..=5) => Ok(vec![WeekDay::Nth(day, nth)]),
            Ok(_) | Err(_) => {
                Err(AWS_WEEK_DAY.bad(format!("`{item}` is not a day"), "write #1 to #5: the how-manieth of the month"))
            }
        };
    }
    match item.strip_suffix('L') {
        // The last day of the week.
        Some("") => Ok(vec![WeekDay::Every(6)]),
        Some(day) => Ok(vec![WeekDay::Last(value(day)?)]),
        None => {
            stray(&AWS_WEEK_DAY, item)?;
            Ok(AWS_WEEK_DAY.item(item)?.into_iter().map(|day| WeekDay::Every(small(day) - 1)).collect())
        }
    }
}

/// What the other day field has, but this one has not.
fn stray(field: &Field, item: &str) -> Result<(), BadSchedule> {
    let hint = match item {
        "?" => "write ? alone",
        _ if item.contains('#') => "# is for day-of-week: 2#1 is the first Monday",
        _ if item.ends_with('W') && item.starts_with(|c: char| c.is_ascii_digit()) => {
            "W is for day-of-month: 15W is the workday nearest to the 15th"
        }
        _ => return Ok(()),
    };
    Err(field.bad(format!("`{item}` is not a valid {}", field.name), hint))
}

fn only_classic(field: &Field, item: &str) -> Result<Vec<u16>, BadSchedule> {
    let special = item.contains(['?', '#']) || matches!(item, "L" | "LW") || item.starts_with("L-");
    let suffixed = item.strip_suffix(['L', 'W']).is_some_and(|day| field.value(day).is_ok());
    if special || suffixed {
        let hint = "? L W # need six fields: add the year, as in 0 9 L * ? *";
        return Err(field.bad(format!("`{item}` is not known in five fields"), hint));
    }
    field.item(item)
}

/// Days have small numbers.
fn small(day: u16) -> i8 {
    i8::try_from(day).unwrap_or(i8::MAX)
}
