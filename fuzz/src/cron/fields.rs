//! What the fields of a schedule say of one minute, field by field. Only what is certain to be valid is read.

use jiff::Timestamp;
use jiff::civil::{DateTime, Weekday};
use jiff::tz::TimeZone;

const MONTHS: [&str; 12] = ["JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC"];
const DAYS: [&str; 7] = ["SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"];

#[derive(Debug)]
pub(super) struct Fields(Vec<String>);

impl Fields {
    /// `text`: of a valid schedule.
    pub(super) fn read(text: &str) -> Option<Self> {
        let fields: Vec<String> = text.split(' ').map(str::to_owned).collect();
        matches!(fields.len(), 5 | 6).then_some(Self(fields))
    }

    /// A time that is due begins a minute.
    pub(super) fn match_at(&self, at: Timestamp, zone: &TimeZone) -> bool {
        let wall = zone.to_datetime(at);
        let is_whole = wall.second() == 0 && wall.subsec_nanosecond() == 0;
        let [minute, hour, _, month, _, ..] = &self.0[..] else { return false };
        is_whole
            && number(minute, wall.minute().into(), 0, 59, &[])
            && number(hour, wall.hour().into(), 0, 23, &[])
            && number(month, wall.month().into(), 1, 12, &MONTHS)
            && number(self.0.get(5).map_or("*", String::as_str), wall.year().into(), 1970, 2199, &[])
            && self.day(wall)
    }

    fn day(&self, wall: DateTime) -> bool {
        let (of_month, of_week) = (self.0[2].as_str(), self.0[4].as_str());
        if self.0.len() == 6 {
            let in_month = of_month == "?" || of_month.split(',').any(|item| month_day(item, wall));
            return in_month && (of_week == "?" || of_week.split(',').any(|item| week_day(item, wall)));
        }
        let sunday_zero = i32::from(wall.weekday().to_sunday_zero_offset());
        let in_month = number(of_month, wall.day().into(), 1, 31, &[]);
        let in_week = number(of_week, sunday_zero, 0, 7, &DAYS) || sunday_zero == 0 && number(of_week, 7, 0, 7, &DAYS);
        // A field that begins with * restricts only together with the other.
        if of_month.starts_with('*') || of_week.starts_with('*') { in_month && in_week } else { in_month || in_week }
    }
}

/// Whether a list of numbers, names, ranges and steps has the value.
fn number(list: &str, value: i32, least: i32, most: i32, names: &[&str]) -> bool {
    let read = |text: &str| match names.iter().position(|name| *name == text) {
        Some(place) => place as i32 + least,
        None => text.parse::<i32>().expect("a number of a valid schedule"),
    };
    list.split(',').any(|item| {
        let (range, step) = item.split_once('/').map_or((item, 1), |(range, step)| (range, read(step)));
        let (first, last) = match range.split_once('-') {
            _ if range == "*" => (least, most),
            Some((first, last)) => (read(first), read(last)),
            None if item.contains('/') => (read(range), most),
            None => (read(range), read(range)),
        };
        // `22-2` goes on with the least. Of the seven days the classic field has eight numbers.
        let round = if most == 7 { 7 } else { most - least + 1 };
        let last = if last < first { last + round } else { last };
        (first..=last)
            .step_by(step as usize)
            .any(|time| time == value || time >= least + round && time - round == value)
    })
}

fn month_day(item: &str, wall: DateTime) -> bool {
    let (day, last) = (i32::from(wall.day()), i32::from(wall.date().days_in_month()));
    let workday = |wanted: i32| {
        let date = |day: i32| wall.date().with().day(day as i8).build().expect("a day of the month");
        let is_free = |day: i32| matches!(date(day).weekday(), Weekday::Saturday | Weekday::Sunday);
        let by_distance = (0..4).flat_map(|far| [wanted - far, wanted + far]);
        by_distance.filter(|near| (1..=last).contains(near)).find(|near| !is_free(*near)) == Some(day)
    };
    match item {
        "L" => day == last,
        "LW" => workday(last),
        _ if item.starts_with("L-") => day == last - item[2..].parse::<i32>().expect("a number of a valid schedule"),
        _ if item.ends_with('W') => {
            let wanted = item[..item.len() - 1].parse::<i32>().expect("a number of a valid schedule");
            wanted <= last && workday(wanted)
        }
        _ => number(item, day, 1, 31, &[]),
    }
}

/// Sunday is 1.
fn week_day(item: &str, wall: DateTime) -> bool {
    let (today, day) = (i32::from(wall.weekday().to_sunday_zero_offset()) + 1, i32::from(wall.day()));
    match item.split_once('#') {
        Some((wanted, nth)) => number(wanted, today, 1, 7, &DAYS) && nth.parse() == Ok((day - 1) / 7 + 1),
        None if item == "L" => today == 7,
        None if item.ends_with('L') => {
            let is_last = day + 7 > i32::from(wall.date().days_in_month());
            is_last && number(&item[..item.len() - 1], today, 1, 7, &DAYS)
        }
        None => number(item, today, 1, 7, &DAYS),
    }
}
