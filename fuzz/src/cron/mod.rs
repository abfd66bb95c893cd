//! Schedules, beside a reading of them in their plainest words (`fields`).
//!
//! Input: the schedule · its time zone, none when empty · two times in milliseconds since 1970: after which, and
//! since when there is the schedule.

mod fields;

use jiff::Timestamp;
use jiff::tz::{TimeZone, TimeZoneDatabase};
use less_project::Schedule;

use crate::input::texts;
use fields::Fields;

const MINUTE: i64 = 60_000;
/// No schedule is asked for later times: two days into 2200.
const END: i64 = 7_258_291_200_000;
/// Minutes looked at one by one.
const LOOK: i64 = 400;

pub(crate) fn run(data: &[u8]) {
    let [text, zone, after, since] = texts(data);
    let named = (!zone.is_empty()).then_some(zone.as_str());
    let Ok(schedule) = Schedule::parse(&text, named) else { return };
    let number = |text: &str| text.trim().parse::<i64>().unwrap_or_default();
    let (after, since) = (number(&after), number(&since));
    let shown = schedule.to_string();
    let next = schedule.next_after(after, since);
    in_order(&schedule, after, since, next);
    if shown.starts_with("rate(") {
        assert_eq!(Schedule::parse(&shown, None).as_ref(), Ok(&schedule));
        return;
    }
    let (fields, _zone) = shown.rsplit_once(' ').expect("a calendar and its zone");
    assert_eq!(Schedule::parse(fields, named).as_ref(), Ok(&schedule), "{shown}");
    if let Some(fields) = Fields::read(fields) {
        let zone = named.map_or(TimeZone::UTC, |name| TimeZoneDatabase::bundled().get(name).expect("a zone"));
        as_written(&fields, &zone, after.max(since), next);
    }
}

/// `next` is the first, it comes again when asked for a little later, and looking back finds it.
fn in_order(schedule: &Schedule, after: i64, since: i64, next: Option<i64>) {
    let Some(next) = next else { return };
    assert!(next > after && next > since, "{schedule} after {after}, since {since}: {next}");
    let shortly_before = next - 1;
    if shortly_before >= since {
        assert_eq!(schedule.next_after(shortly_before, since), Some(next), "{schedule} shortly before {next}");
    }
    if next > END {
        return;
    }
    assert_eq!(schedule.latest_until(after, next, since), Some(next), "{schedule} back from {next}");
    assert_eq!(schedule.latest_until(after, shortly_before, since), None, "{schedule}: one between {after} and {next}");
    if let Some(later) = schedule.next_after(next, since) {
        assert!(later > next, "{schedule}: {later} after {next}");
        assert_eq!(schedule.latest_until(after, later - 1, since), Some(next), "{schedule} back from before {later}");
    }
}

/// The clock on the wall shows what is written when it is due, and never before. Where clocks are set, only the moment
/// itself may show another time.
fn as_written(fields: &Fields, zone: &TimeZone, after: i64, next: Option<i64>) {
    if !(0..END - 2 * 86_400_000).contains(&after) {
        return;
    }
    if let Some(next) = next {
        let at = Timestamp::from_millisecond(next).expect("a time");
        assert!(fields.match_at(at, zone) || is_change(at, zone), "{fields:?} do not say {at} in {zone:?}");
    }
    let first = after.div_euclid(MINUTE) + 1;
    let last = (first + LOOK).min(next.map_or(i64::MAX, |next| next.div_euclid(MINUTE)));
    for minute in first..last {
        let at = Timestamp::from_millisecond(minute * MINUTE).expect("a time");
        // An hour may come twice.
        let early = fields.match_at(at, zone) && !is_near_change(at, zone);
        assert!(!early, "{fields:?} say {at} in {zone:?}, before {next:?}");
    }
}

fn is_change(at: Timestamp, zone: &TimeZone) -> bool {
    let before = at - jiff::SignedDuration::from_nanos(1);
    zone.to_offset(before) != zone.to_offset(at)
}

fn is_near_change(at: Timestamp, zone: &TimeZone) -> bool {
    let hours = jiff::SignedDuration::from_hours(4);
    let within = |change: Timestamp| change.duration_until(at).abs() <= hours;
    zone.preceding(at + hours).next().is_some_and(|change| within(change.timestamp()))
}
