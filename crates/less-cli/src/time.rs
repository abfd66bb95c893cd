//! Times and durations as people read and write them. Pure; UTC only.

use std::time::Duration;

const DAY_MS: i64 = 86_400_000;

/// A moment of the Gregorian calendar, UTC.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Civil {
    year: i64,
    month: u32,
    day: u32,
    hour: u32,
    minute: u32,
    second: u32,
    millisecond: u32,
}

/// `2023-11-29 15:00:22.938`, of milliseconds since 1970.
pub(crate) fn readable(ms: i64) -> String {
    let c = civil(ms);
    format!(
        "{:04}-{:02}-{:02} {:02}:{:02}:{:02}.{:03}",
        c.year, c.month, c.day, c.hour, c.minute, c.second, c.millisecond
    )
}

/// `2023-11-29T15:00:22.938Z`, of milliseconds since 1970.
pub(crate) fn iso(ms: i64) -> String {
    readable(ms).replacen(' ', "T", 1) + "Z"
}

/// Years are counted from March, so that the leap day is the last of its year; an era is 400 years.
fn civil(ms: i64) -> Civil {
    let days = ms.div_euclid(DAY_MS) + 719_468; // since 0000-03-01
    let (era, day_of_era) = (days.div_euclid(146_097), days.rem_euclid(146_097));
    let year_of_era = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = if month_from_march < 10 { month_from_march + 3 } else { month_from_march - 9 };
    let year = era * 400 + year_of_era + i64::from(month <= 2);
    let of_day = ms.rem_euclid(DAY_MS);
    let small = |value: i64| u32::try_from(value).unwrap_or_default();
    Civil {
        year,
        month: small(month),
        day: small(day),
        hour: small(of_day / 3_600_000),
        minute: small(of_day / 60_000 % 60),
        second: small(of_day / 1_000 % 60),
        millisecond: small(of_day % 1_000),
    }
}

/// A moment that is named from now on, or by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Since {
    Ago(Duration),
    /// Milliseconds since 1970.
    At(i64),
}

impl Since {
    /// Milliseconds since 1970, as is `now`.
    pub(crate) fn at(self, now: i64) -> i64 {
        match self {
            Self::Ago(ago) => now.saturating_sub(i64::try_from(ago.as_millis()).unwrap_or(i64::MAX)),
            Self::At(time) => time,
        }
    }
}

/// `10m`, `2023-11-29T15:00:22Z`, or a time as a log prints it.
pub(crate) fn parse_since(text: &str) -> Result<Since, String> {
    let time = || parse_time(text.trim()).map(Since::At);
    parse_duration(text).map(Since::Ago).ok().or_else(time).ok_or_else(|| {
        format!("{text:?} is neither a duration nor a time; write it like 90s, 10m, 2h, 1d or 2026-01-31T09:00:00Z")
    })
}

/// RFC 3339; without an offset it is UTC. Milliseconds since 1970.
fn parse_time(text: &str) -> Option<i64> {
    let (date, time) = text.split_once(['T', 't', ' '])?;
    let [year, month, day] = numbers(date, '-', 4)?;
    let (time, offset) = match time.find(['Z', 'z', '+', '-']) {
        Some(end) => (&time[..end], parse_offset(&time[end..])?),
        None => (time, 0),
    };
    let (time, fraction) = time.split_once('.').unwrap_or((time, "0"));
    let [hour, minute, second] = numbers(time, ':', 2)?;
    let millisecond: u32 =
        fraction.bytes().all(|byte| byte.is_ascii_digit()).then(|| format!("{fraction:0<3}"))?[..3].parse().ok()?;
    let given = Civil { year: i64::from(year), month, day, hour, minute, second, millisecond };
    let days = (1..=12).contains(&month).then(|| days_to(given.year, month))? + i64::from(day) - 1;
    let of_day = (i64::from(hour) * 60 + i64::from(minute)) * 60 + i64::from(second.min(59));
    let ms = days * DAY_MS + of_day * 1_000 + i64::from(millisecond);
    // What the calendar has not (the 30th of February, the 25th hour) comes back as something else. A leap second is
    // its minute's last.
    let real = second <= 60 && civil(ms) == Civil { second: second.min(59), ..given };
    real.then_some(ms - offset)
}

/// Three numbers of two digits each, but the first of `first`.
fn numbers(text: &str, between: char, first: usize) -> Option<[u32; 3]> {
    let mut parts = text.split(between);
    let mut next = |digits| {
        let part =
            parts.next().filter(|part| part.len() == digits && part.bytes().all(|byte| byte.is_ascii_digit()))?;
        part.parse().ok()
    };
    let all = [next(first)?, next(2)?, next(2)?];
    parts.next().is_none().then_some(all)
}

/// `Z`, `+02:00`; in milliseconds.
fn parse_offset(text: &str) -> Option<i64> {
    let (sign, hours_and_minutes) = match text.split_at(1) {
        ("Z" | "z", "") => return Some(0),
        ("+", rest) => (1, rest),
        ("-", rest) => (-1, rest),
        _ => return None,
    };
    let [hours, minutes, _] = numbers(&format!("{hours_and_minutes}:00"), ':', 2)?;
    (hours < 24 && minutes < 60).then(|| sign * i64::from(hours * 60 + minutes) * 60_000)
}

/// Days from 1970 to the first of a month; see [`civil`].
fn days_to(year: i64, month: u32) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let (era, year_of_era) = (year.div_euclid(400), year.rem_euclid(400));
    let month_from_march = (i64::from(month) + 9) % 12;
    let day_of_year = (153 * month_from_march + 2) / 5;
    era * 146_097 + year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year - 719_468
}

/// `5`, `0.5` (seconds), or `10m`.
pub(crate) fn parse_delay(text: &str) -> Result<Duration, String> {
    let seconds = text.trim().parse().ok().and_then(|seconds| Duration::try_from_secs_f64(seconds).ok());
    seconds
        .map_or_else(|| parse_duration(text), Ok)
        .map_err(|_| format!("{text:?} is no delay; write a number of seconds, or a number and a unit: 90s, 10m, 2h"))
}

/// `90s`, `10m`, `1h30m`, `4d`, `500ms`.
pub(crate) fn parse_duration(text: &str) -> Result<Duration, String> {
    let wrong = || format!("{text:?} is no duration; write a number and a unit: 30s, 10m, 2h, 4d");
    let mut rest = text.trim();
    let mut total = Duration::ZERO;
    if rest.is_empty() {
        return Err(wrong());
    }
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit()).ok_or_else(wrong)?;
        let number: u64 = rest[..digits].parse().map_err(|_| wrong())?;
        let unit = rest[digits..].find(|c: char| c.is_ascii_digit()).map_or(rest.len(), |end| digits + end);
        let one_ms: u64 = match &rest[digits..unit] {
            "ms" => 1,
            "s" => 1_000,
            "m" => 60_000,
            "h" => 3_600_000,
            "d" => 86_400_000,
            _ => return Err(wrong()),
        };
        let part = number.checked_mul(one_ms).map(Duration::from_millis).ok_or_else(wrong)?;
        total = total.checked_add(part).ok_or_else(wrong)?;
        rest = &rest[unit..];
    }
    Ok(total)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_those_of_the_calendar() {
        for (ms, text) in [
            (0, "1970-01-01 00:00:00.000"),
            (1_701_270_022_938, "2023-11-29 15:00:22.938"),
            (951_782_399_999, "2000-02-28 23:59:59.999"),
            (951_782_400_000, "2000-02-29 00:00:00.000"),
            (951_868_800_000, "2000-03-01 00:00:00.000"),
            (1_709_164_800_000, "2024-02-29 00:00:00.000"),
            (4_107_542_400_000, "2100-03-01 00:00:00.000"),
            (1_704_067_199_999, "2023-12-31 23:59:59.999"),
            (-1, "1969-12-31 23:59:59.999"),
        ] {
            assert_eq!(readable(ms), text);
        }
        assert_eq!(iso(1_701_270_022_938), "2023-11-29T15:00:22.938Z");
    }

    #[test]
    fn every_day_follows_the_one_before() {
        let mut before = civil(-DAY_MS);
        for day in 0..200_000 {
            let today = civil(day * DAY_MS);
            let next = today.day == before.day + 1 && today.month == before.month && today.year == before.year;
            let new_month = today.day == 1 && today.month == before.month % 12 + 1 && before.day >= 28;
            assert!(next || new_month, "{before:?} → {today:?}");
            before = today;
        }
    }

    #[test]
    fn a_time_is_read_as_it_is_printed() {
        for ms in [0, 1_701_270_022_938, 951_782_399_999, 951_782_400_000, 4_107_542_400_000, 1_709_251_199_000] {
            assert_eq!(parse_time(&readable(ms)), Some(ms), "{}", readable(ms));
            assert_eq!(parse_since(&iso(ms)), Ok(Since::At(ms)));
        }
        for (text, same) in [
            ("2023-11-29T17:00:22+02:00", "2023-11-29T15:00:22Z"),
            ("2023-11-28t23:30:22.5-15:30", "2023-11-29T15:00:22.500Z"),
            ("2016-12-31T23:59:60Z", "2016-12-31T23:59:59Z"),
            ("2023-11-29T15:00:22.938123456Z", "2023-11-29T15:00:22.938Z"),
        ] {
            assert_eq!(parse_time(text), parse_time(same), "{text}");
            assert!(parse_time(text).is_some());
        }
    }

    #[test]
    fn what_the_calendar_has_not_is_no_time() {
        for wrong in [
            "2023-02-29T00:00:00Z",
            "2023-13-01T00:00:00Z",
            "2023-00-01T00:00:00Z",
            "2023-01-00T00:00:00Z",
            "2023-01-01T24:00:00Z",
            "2023-01-01T00:60:00Z",
            "2023-01-01T00:00:61Z",
            "2023-01-01T00:00:00+2",
            "2023-01-01T00:00:00.xZ",
            "2023-01-01",
            "23-11-29T15:00:22Z",
            "2023-11-29T0015:00:22Z",
            "yesterday",
            "",
        ] {
            let error = parse_since(wrong).unwrap_err();
            assert!(error.contains("10m") && error.contains("09:00:00Z"), "{wrong}: {error}");
        }
    }

    #[test]
    fn since_is_a_moment() {
        assert_eq!(parse_since("10m").unwrap().at(1_000_000), 400_000);
        assert_eq!(parse_since("1970-01-01T00:00:01Z").unwrap().at(1_000_000), 1_000);
    }

    #[test]
    fn a_delay_is_in_seconds_unless_it_has_a_unit() {
        for (text, ms) in [("5", 5_000), ("0.5", 500), ("0", 0), ("10m", 600_000), ("1h30m", 5_400_000)] {
            assert_eq!(parse_delay(text), Ok(Duration::from_millis(ms)));
        }
        for wrong in ["", "-5", "inf", "NaN", "soon", "1e300"] {
            assert!(parse_delay(wrong).unwrap_err().contains("no delay"), "{wrong}");
        }
    }

    #[test]
    fn durations_have_a_unit() {
        for (text, seconds) in [("30s", 30), ("10m", 600), ("2h", 7_200), ("4d", 345_600), ("1h30m", 5_400)] {
            assert_eq!(parse_duration(text), Ok(Duration::from_secs(seconds)));
        }
        assert_eq!(parse_duration("250ms"), Ok(Duration::from_millis(250)));
        for wrong in ["", "10", "m", "10 minutes", "-5m", "5w", "99999999999999999999d", "18446744073709551615d"] {
            assert!(parse_duration(wrong).unwrap_err().contains("no duration"), "{wrong}");
        }
    }
}
