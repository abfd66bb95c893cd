//! Schedules: the times they mean, and what is wrong with the others.

use jiff::Timestamp;
use jiff::tz::TimeZone;
use less_project::Schedule;
use proptest::prelude::*;

const LISBON: &str = "Europe/Lisbon";
const NEW_YORK: &str = "America/New_York";
/// Its clocks change by half an hour.
const LORD_HOWE: &str = "Australia/Lord_Howe";

fn millis(local: &str, zone: &str) -> i64 {
    let local: jiff::civil::DateTime = local.parse().unwrap();
    local.to_zoned(TimeZone::get(zone).unwrap()).unwrap().timestamp().as_millisecond()
}

fn shown(time: i64, zone: &str) -> String {
    let zoned = Timestamp::from_millisecond(time).unwrap().to_zoned(TimeZone::get(zone).unwrap());
    zoned.strftime("%Y-%m-%d %H:%M %:z").to_string()
}

/// The times after `after`, as many as are expected.
#[track_caller]
fn check_in(zone: &str, text: &str, after: &str, expected: &[&str]) {
    let schedule = Schedule::parse(text, Some(zone)).unwrap();
    let mut times = vec![millis(after, zone)];
    for _ in expected {
        times.extend(schedule.next_after(times[times.len() - 1], 0));
    }
    let shown: Vec<String> = times[1..].iter().map(|time| shown(*time, zone)).collect();
    assert_eq!(shown, expected, "{text}");
    for pair in times.windows(2) {
        assert_eq!(schedule.latest_until(pair[0], pair[1], 0), Some(pair[1]), "{text}");
        assert_eq!(schedule.latest_until(pair[0], pair[1] - 1, 0), None, "{text}");
    }
}

/// In UTC, days and minutes only.
#[track_caller]
fn check(text: &str, after: &str, expected: &[&str]) {
    let expected: Vec<String> = expected.iter().map(|time| format!("{time} +00:00")).collect();
    check_in("UTC", text, after, &expected.iter().map(String::as_str).collect::<Vec<_>>());
}

#[test]
fn minutes_and_hours_have_lists_ranges_and_steps() {
    check("*/20 9 * * ? *", "2026-01-01T00:00", &["2026-01-01 09:00", "2026-01-01 09:20", "2026-01-01 09:40"]);
    check("5/25 9 * * ? *", "2026-01-01T00:00", &["2026-01-01 09:05", "2026-01-01 09:30", "2026-01-01 09:55"]);
    check("0 8-17/4,22 * * ? *", "2026-01-01T10:00", &["2026-01-01 12:00", "2026-01-01 16:00", "2026-01-01 22:00"]);
    check("0 22-1 * * ? *", "2026-01-01T12:00", &["2026-01-01 22:00", "2026-01-01 23:00", "2026-01-02 00:00"]);
    check("cron( 59  23 31 12 ?  2026 )", "2026-12-31T23:58", &["2026-12-31 23:59"]);
    check("* * * * ? *", "2026-01-01T00:00:30", &["2026-01-01 00:01", "2026-01-01 00:02"]);
}

#[test]
fn six_fields_count_week_days_from_sunday_as_1() {
    check("0 9 ? * 2-6 *", "2026-07-03T09:00", &["2026-07-06 09:00", "2026-07-07 09:00"]);
    check("0 9 ? * 1,7 *", "2026-07-01T00:00", &["2026-07-04 09:00", "2026-07-05 09:00"]);
    check("0 9 ? * fri-mon *", "2026-07-01T00:00", &["2026-07-03 09:00", "2026-07-04 09:00", "2026-07-05 09:00"]);
    check("0 9 ? JAN,jul MON *", "2026-01-20T00:00", &["2026-01-26 09:00", "2026-07-06 09:00"]);
}

#[test]
fn five_fields_count_week_days_from_sunday_as_0_or_7() {
    check("0 9 * * 1-5", "2026-07-03T09:00", &["2026-07-06 09:00", "2026-07-07 09:00"]);
    check("0 9 * * 0", "2026-07-01T00:00", &["2026-07-05 09:00", "2026-07-12 09:00"]);
    check("0 9 * * 7", "2026-07-01T00:00", &["2026-07-05 09:00", "2026-07-12 09:00"]);
    check("0 9 * * 5-7", "2026-07-01T00:00", &["2026-07-03 09:00", "2026-07-04 09:00", "2026-07-05 09:00"]);
    check("0 9 * * Sat-Sun", "2026-07-01T00:00", &["2026-07-04 09:00", "2026-07-05 09:00", "2026-07-11 09:00"]);
}

#[test]
fn of_five_fields_either_day_field_matches_when_both_are_set() {
    check("0 0 13 * FRI", "2026-07-01T00:00", &["2026-07-03 00:00", "2026-07-10 00:00", "2026-07-13 00:00"]);
    check("0 0 13 * *", "2026-07-01T00:00", &["2026-07-13 00:00", "2026-08-13 00:00"]);
    check("0 0 */10 * FRI", "2026-07-01T00:00", &["2026-07-31 00:00", "2026-08-21 00:00"]);
}

#[test]
fn l_is_the_last_day() {
    check("0 0 L * ? *", "2028-01-31T00:00", &["2028-02-29 00:00", "2028-03-31 00:00", "2028-04-30 00:00"]);
    check("0 0 L-3 * ? *", "2026-01-01T00:00", &["2026-01-28 00:00", "2026-02-25 00:00"]);
    check("0 0 L-29 2-3 ? *", "2026-01-01T00:00", &["2026-03-02 00:00", "2027-03-02 00:00", "2028-03-02 00:00"]);
    check("0 0 1,L * ? *", "2026-01-01T00:00", &["2026-01-31 00:00", "2026-02-01 00:00", "2026-02-28 00:00"]);
    check("0 0 ? * L *", "2026-07-01T00:00", &["2026-07-04 00:00", "2026-07-11 00:00"]);
    check("0 0 ? * 6L *", "2026-07-01T00:00", &["2026-07-31 00:00", "2026-08-28 00:00"]);
    check("0 0 ? * FRIL *", "2026-07-01T00:00", &["2026-07-31 00:00", "2026-08-28 00:00"]);
}

#[test]
fn w_is_the_nearest_workday_of_the_same_month() {
    // 15 August 2026 is a Saturday, 15 November 2026 a Sunday.
    check("0 0 15W 7,8,11 ? *", "2026-07-01T00:00", &["2026-07-15 00:00", "2026-08-14 00:00", "2026-11-16 00:00"]);
    // 1 August 2026 is a Saturday, 1 November 2026 a Sunday.
    check("0 0 1W 8,11 ? *", "2026-07-01T00:00", &["2026-08-03 00:00", "2026-11-02 00:00"]);
    // 31 May 2026 is a Sunday, 31 October 2026 a Saturday; the months between have no 31st, or a working one.
    check("0 0 31W 5,6,10 ? *", "2026-05-01T00:00", &["2026-05-29 00:00", "2026-10-30 00:00", "2027-05-31 00:00"]);
    check(
        "0 0 LW * ? *",
        "2026-02-01T00:00",
        &["2026-02-27 00:00", "2026-03-31 00:00", "2026-04-30 00:00", "2026-05-29 00:00"],
    );
}

#[test]
fn a_number_sign_counts_the_week_days_of_a_month() {
    check("0 0 ? * 6#3 *", "2026-07-01T00:00", &["2026-07-17 00:00", "2026-08-21 00:00"]);
    check("0 0 ? * MON#1,MON#5 *", "2026-07-01T00:00", &["2026-07-06 00:00", "2026-08-03 00:00", "2026-08-31 00:00"]);
}

#[test]
fn a_year_may_be_the_last() {
    check("0 12 1 1 ? 2026-2030/2", "2026-01-01T12:00", &["2028-01-01 12:00", "2030-01-01 12:00"]);
    check("0 0 29 2 ? *", "2026-01-01T00:00", &["2028-02-29 00:00", "2032-02-29 00:00"]);
    let once = Schedule::parse("0 12 1 1 ? 2030", None).unwrap();
    let time = millis("2030-01-01T12:00", "UTC");
    assert_eq!(once.next_after(time - 1, 0), Some(time));
    assert_eq!(once.next_after(time, 0), None);
    assert_eq!(once.latest_until(0, i64::MAX, 0), Some(time));
    assert_eq!(once.latest_until(time, i64::MAX, 0), None);
}

#[test]
fn a_rate_counts_from_when_it_came_to_be() {
    let schedule = Schedule::parse("rate(5 minutes)", Some(LISBON)).unwrap();
    let (since, minute) = (1_234_567, 60_000);
    assert_eq!(schedule.next_after(0, since), Some(since + 5 * minute));
    assert_eq!(schedule.next_after(since + 5 * minute - 1, since), Some(since + 5 * minute));
    assert_eq!(schedule.next_after(since + 5 * minute, since), Some(since + 10 * minute));
    assert_eq!(schedule.latest_until(0, since + 5 * minute - 1, since), None);
    assert_eq!(schedule.latest_until(0, since + 12 * minute, since), Some(since + 10 * minute));
    assert_eq!(schedule.latest_until(since + 10 * minute, since + 12 * minute, since), None);
    for (text, period) in
        [("rate(1 minute)", minute), (" Rate( 2  hours )", 120 * minute), ("rate(1 day)", 1440 * minute)]
    {
        assert_eq!(Schedule::parse(text, None).unwrap().next_after(since, since), Some(since + period), "{text}");
    }
}

#[test]
fn nothing_is_due_before_the_schedule_came_to_be() {
    let schedule = Schedule::parse("0 0 * * ? *", None).unwrap();
    let since = millis("2026-07-01T12:00", "UTC");
    assert_eq!(schedule.next_after(0, since), Some(millis("2026-07-02T00:00", "UTC")));
    assert_eq!(schedule.latest_until(0, since + 1, since), None);
}

#[test]
fn a_schedule_is_one_of_its_zone() {
    check_in(
        NEW_YORK,
        "0 9 1 * ? *",
        "2026-01-01T10:00",
        &["2026-02-01 09:00 -05:00", "2026-03-01 09:00 -05:00", "2026-04-01 09:00 -04:00"],
    );
    check_in("Asia/Kathmandu", "0 9 1 * ? *", "2026-01-01T10:00", &["2026-02-01 09:00 +05:45"]);
}

#[test]
fn a_time_in_the_gap_of_spring_runs_at_its_end() {
    // 01:00 is 02:00, 02:00 is 03:00 and 02:00 is 02:30.
    check_in(
        LISBON,
        "30 1 * * ? *",
        "2026-03-28T00:00",
        &["2026-03-28 01:30 +00:00", "2026-03-29 02:00 +01:00", "2026-03-30 01:30 +01:00"],
    );
    check_in(
        NEW_YORK,
        "30 2 * * ? *",
        "2026-03-07T00:00",
        &["2026-03-07 02:30 -05:00", "2026-03-08 03:00 -04:00", "2026-03-09 02:30 -04:00"],
    );
    check_in(
        LORD_HOWE,
        "15 2 * * ? *",
        "2026-10-03T00:00",
        &["2026-10-03 02:15 +10:30", "2026-10-04 02:30 +11:00", "2026-10-05 02:15 +11:00"],
    );
    check_in(LORD_HOWE, "45 2 * * ? *", "2026-10-03T12:00", &["2026-10-04 02:45 +11:00", "2026-10-05 02:45 +11:00"]);
    check_in(LISBON, "0 2 29 3 ? *", "2026-01-01T00:00", &["2026-03-29 02:00 +01:00", "2027-03-29 02:00 +01:00"]);
}

#[test]
fn however_many_times_fall_into_the_gap_its_end_is_one() {
    check_in(
        NEW_YORK,
        "*/20 1-3 * * ? *",
        "2026-03-08T01:30",
        &["2026-03-08 01:40 -05:00", "2026-03-08 03:00 -04:00", "2026-03-08 03:20 -04:00"],
    );
    check_in(NEW_YORK, "*/20 2 * * ? *", "2026-03-08T00:00", &["2026-03-08 03:00 -04:00", "2026-03-09 02:00 -04:00"]);
    check_in(NEW_YORK, "0 */2 * * ? *", "2026-03-08T00:00", &["2026-03-08 03:00 -04:00", "2026-03-08 04:00 -04:00"]);
}

#[test]
fn of_a_time_that_comes_twice_in_autumn_the_first_counts() {
    // 02:00 is 01:00 again, in Lord Howe 01:30.
    check_in(LISBON, "30 1 * * ? *", "2026-10-24T12:00", &["2026-10-25 01:30 +01:00", "2026-10-26 01:30 +00:00"]);
    check_in(NEW_YORK, "30 1 * * ? *", "2026-10-31T12:00", &["2026-11-01 01:30 -04:00", "2026-11-02 01:30 -05:00"]);
    check_in(
        NEW_YORK,
        "*/30 0-2 * * ? *",
        "2026-11-01T00:30",
        &["2026-11-01 01:00 -04:00", "2026-11-01 01:30 -04:00", "2026-11-01 02:00 -05:00"],
    );
    check_in(LORD_HOWE, "45 1 * * ? *", "2026-04-04T12:00", &["2026-04-05 01:45 +11:00", "2026-04-06 01:45 +10:30"]);
    check_in(
        LORD_HOWE,
        "0,15 1,2 5 4 ? *",
        "2026-04-05T01:05",
        &["2026-04-05 01:15 +11:00", "2026-04-05 02:00 +10:30", "2026-04-05 02:15 +10:30"],
    );
}

#[test]
fn what_runs_in_every_hour_follows_the_real_clock() {
    check_in(
        LISBON,
        "*/30 * * * ? *",
        "2026-03-29T00:00",
        &["2026-03-29 00:30 +00:00", "2026-03-29 02:00 +01:00", "2026-03-29 02:30 +01:00"],
    );
    check_in(LISBON, "30 * * * *", "2026-03-29T00:00", &["2026-03-29 00:30 +00:00", "2026-03-29 02:30 +01:00"]);
    let expected =
        ["2026-10-25 00:30 +01:00", "2026-10-25 01:30 +01:00", "2026-10-25 01:30 +00:00", "2026-10-25 02:30 +00:00"];
    check_in(LISBON, "30 * * * ? *", "2026-10-25T00:00", &expected);
    let expected = ["2026-11-01 01:40 -04:00", "2026-11-01 01:00 -05:00", "2026-11-01 01:20 -05:00"];
    check_in(NEW_YORK, "*/20 * * * *", "2026-11-01T01:20", &expected);
    let expected = ["2026-04-05 01:45 +11:00", "2026-04-05 01:30 +10:30", "2026-04-05 01:45 +10:30"];
    check_in(LORD_HOWE, "*/15 * * * *", "2026-04-05T01:30", &expected);
}

#[test]
fn a_missed_day_of_a_zone_that_jumps_over_the_date_line_is_not_lost() {
    // Samoa had no 30 December 2011.
    check_in(
        "Pacific/Apia",
        "0 9 * * ? *",
        "2011-12-29T00:00",
        &["2011-12-29 09:00 -10:00", "2011-12-31 00:00 +14:00", "2011-12-31 09:00 +14:00"],
    );
}

#[test]
fn years_of_downtime_are_one_step() {
    let schedule = Schedule::parse("* * * * ? *", Some(NEW_YORK)).unwrap();
    let now = millis("2190-07-01T12:00:59", "UTC");
    for _ in 0..2_000 {
        assert_eq!(schedule.latest_until(0, now, 0), Some(now - 59_000));
    }
    // 29 February is a Monday every 28 years.
    check_in(NEW_YORK, "0 0 ? 2 2#5 *", "2168-02-29T00:00", &["2196-02-29 00:00 -05:00"]);
}

/// What is wrong, in which field.
#[track_caller]
fn refuse(text: &str, expected: &str) {
    let bad = Schedule::parse(text, None).unwrap_err();
    assert_eq!(bad.to_string(), expected, "{text}");
    assert!(!bad.hint.is_empty(), "{text}");
}

#[test]
fn a_wrong_schedule_names_its_field() {
    for (text, expected) in [
        ("60 * * * ? *", "minute: `60` is out of range"),
        ("*/0 * * * ? *", "minute: `/0` is not a step"),
        ("*/90 * * * ? *", "minute: `/90` is not a step"),
        ("1,,2 * * * ? *", "minute: a value is missing"),
        ("-1 * * * ? *", "minute: a value is missing"),
        ("0 24 * * ? *", "hour: `24` is out of range"),
        ("0 9am * * ? *", "hour: `9AM` is not a valid hour"),
        ("0 9/+1 * * ? *", "hour: `/+1` is not a step"),
        ("0 9 0 * ? *", "day-of-month: `0` is out of range"),
        ("0 9 20-10 * ? *", "day-of-month: `20-10` goes backwards"),
        ("0 9 L-31 * ? *", "day-of-month: `L-31` is not a day"),
        ("0 9 32W * ? *", "day-of-month: `32` is out of range"),
        ("0 9 2#1 * ? *", "day-of-month: `2#1` is not a valid day-of-month"),
        ("0 9 ? * ? *", "day-of-month: is `?`, and so is day-of-week"),
        ("0 9 * * MON *", "day-of-month: one of day-of-month and day-of-week must be `?`"),
        ("0 9 31 2,4 ? *", "day-of-month: there is no such day in any of its months"),
        ("0 9 29 2 ? 2026", "day-of-month: there is no such day in any of its months"),
        ("0 9 * 13 ? *", "month: `13` is out of range"),
        ("0 9 * JANUARY ? *", "month: `JANUARY` is not a valid month"),
        ("0 9 * * * *", "day-of-week: one of day-of-month and day-of-week must be `?`"),
        ("0 9 1 * MON *", "day-of-week: one of day-of-month and day-of-week must be `?`"),
        ("0 9 ? * 0 *", "day-of-week: `0` is out of range"),
        ("0 9 ? * MON#6 *", "day-of-week: `MON#6` is not a day"),
        ("0 9 ? * 15W *", "day-of-week: `15W` is not a valid day-of-week"),
        ("0 9 ? 2 MON#5 2026", "day-of-week: there is no such day in any of its months"),
        ("0 9 * * 8", "day-of-week: `8` is out of range"),
        ("0 9 * * FRI#1", "day-of-week: `FRI#1` is not known in five fields"),
        ("0 9 ? * MON", "day-of-month: `?` is not known in five fields"),
        ("0 9 * * ? 1969", "year: `1969` is out of range"),
        ("0 9 * * ? 2026 *", "year: `*` after it is one field too many"),
        ("0 9 * *", "day-of-week: is missing"),
        ("@daily", "hour: is missing"),
        ("cron()", "minute: is missing"),
        ("", "minute: is missing"),
        ("rate(5)", "rate: `5` is not a number and a unit"),
        ("rate(0 minutes)", "rate: `0` is not a whole number from 1 on"),
        ("rate(5 seconds)", "rate: `seconds` is not minutes, hours or days"),
        ("rate(5 minute)", "rate: 1 has the unit in the singular, any other number in the plural"),
        ("rate(1 minutes)", "rate: 1 has the unit in the singular, any other number in the plural"),
        ("rate(99999999999 days)", "rate: is longer than a century"),
    ] {
        refuse(text, expected);
    }
    let bad = Schedule::parse("0 9 * * ? *", Some("Lisbon")).unwrap_err();
    assert_eq!((bad.field, bad.hint.as_str()), ("timezone", "did you mean `Europe/Lisbon`?"));
}

#[test]
fn the_text_of_a_schedule_tells_whether_it_is_another() {
    let text = |text: &str, zone| Schedule::parse(text, zone).unwrap().to_string();
    assert_eq!(text(" cron(0 9  ? * mon *) ", None), "0 9 ? * MON * UTC");
    assert_eq!(text("0 9 ? * MON *", Some("europe/lisbon")), "0 9 ? * MON * Europe/Lisbon");
    assert_eq!(text("RATE(5  Minutes)", Some(LISBON)), "rate(5 minutes)");
}

const ZONES: [&str; 6] = ["UTC", LISBON, NEW_YORK, LORD_HOWE, "Pacific/Apia", "Africa/Monrovia"];

fn any_schedule() -> impl Strategy<Value = String> {
    let minute = prop_oneof!["\\*", "[0-9]|[1-5][0-9]", "\\*/([2-9]|[1-4][0-9])", "[0-9],[1-5][0-9]"];
    let hour = prop_oneof!["\\*", "[0-9]|1[0-9]|2[0-3]", "\\*/[2-9]", "[0-3]-[4-9]", "2[0-3]-[0-5]"];
    let days = prop_oneof![
        "\\* % \\?",
        "([1-9]|1[0-9]|2[0-8])W? % \\?",
        "L(W|-[1-9])? % \\?",
        "\\? % [1-7](L|#[1-4])?",
        "\\? % MON-FRI",
        "\\? % FRI-SUN",
    ];
    let month = prop_oneof!["\\*", "([1-9]|1[0-2])", "[1-5]-[6-9]", "MAR,OCT,NOV,DEC"];
    let year = prop_oneof!["\\*", "20[12][0-9]", "20[12][0-9]/3"];
    let aws = (minute.clone(), hour.clone(), days, month.clone(), year)
        .prop_map(|(minute, hour, days, month, year)| format!("{minute} {hour} {} {year}", days.replace('%', &month)));
    let classic_days = prop_oneof!["\\* % \\*", "\\* % [0-7]", "[1-9]|1[0-9] % [0-7]", "\\*/[2-9] % 1-5"];
    let classic = (minute, hour, classic_days, month)
        .prop_map(|(minute, hour, days, month)| format!("{minute} {hour} {}", days.replace('%', &month)));
    prop_oneof![4 => aws, 2 => classic, 1 => "rate\\([2-9][0-9]{0,3} (minute|hour|day)s\\)"]
}

/// From 2009 to 2030, and around the changes of 2011 and 2026.
fn any_time() -> impl Strategy<Value = i64> {
    prop_oneof![
        1_230_768_000_000..1_900_000_000_000_i64,
        1_325_000_000_000..1_325_500_000_000_i64,
        1_774_700_000_000..1_774_900_000_000_i64,
        1_793_400_000_000..1_793_600_000_000_i64,
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(1_000) })]

    #[test]
    fn the_next_times_and_the_latest_are_the_same_times(
        text in any_schedule(), zone in 0..ZONES.len(), after in any_time(), since in any_time(), gap in 0..100_000_000_i64
    ) {
        let Ok(schedule) = Schedule::parse(&text, Some(ZONES[zone])) else { return Ok(()) };
        let mut times = Vec::new();
        let mut at = after;
        while let Some(next) = schedule.next_after(at, since).filter(|_| times.len() < 40) {
            prop_assert!(next > at && next > since);
            prop_assert_eq!(schedule.next_after(at.max(next - 1), since), Some(next));
            times.push(next);
            at = next;
        }
        let untils = times.iter().flat_map(|time| [time - 1, *time, time + gap]);
        for until in untils.filter(|until| times.len() < 40 || *until <= at) {
            let latest = times.iter().copied().rfind(|time| *time <= until);
            prop_assert_eq!(schedule.latest_until(after, until, since), latest);
        }
    }

    #[test]
    fn no_text_and_no_time_panics(text in "([0-9]|\\*|/|-|,|\\?|#|L|W| |FRI|JAN|cron\\(|rate\\(|\\)|minutes|é|.)*", after: i64, since: i64) {
        for text in [text.as_str(), &format!("0 0 {text} * ? *"), &format!("0 0 ? * {text} *"), &format!("rate({text})")] {
            if let Ok(schedule) = Schedule::parse(text, Some(LISBON)) {
                let next = schedule.next_after(after, since);
                prop_assert!(next.is_none_or(|next| next > after));
                schedule.latest_until(after, since, after);
                schedule.latest_until(since, after, i64::MIN);
            }
        }
    }
}
