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
