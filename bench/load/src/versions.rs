//! Which programs took part, and the day.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::path::Path;
use std::process::Command;

use rustix::time::{ClockId, clock_gettime};
use serde_json::Value;

/// The version of every program that is here; those that are not installed are left out.
pub fn of_all(root: &Path, less: &Path) -> BTreeMap<String, String> {
    let bench = root.join("bench");
    let restate = "systems/node_modules/@restatedev/restate-server-linux-x64/bin/restate-server";
    let programs = [
        ("Less", less.to_owned()),
        ("Node.js", "node".into()),
        ("Python", "python3".into()),
        ("Redis", bench.join(".peers/redis-server")),
        ("NATS", bench.join(".peers/nats-server")),
        ("Restate", bench.join(restate)),
        ("nginx", bench.join(".peers/nginx")),
    ];
    let mut versions: BTreeMap<String, String> = programs
        .into_iter()
        .filter_map(|(name, program)| Some((name.to_owned(), number(&said(program.as_os_str())?)?)))
        .collect();
    let package = std::fs::read_to_string(bench.join("systems/package.json")).unwrap_or_default();
    let package: Value = serde_json::from_str(&package).unwrap_or_default();
    for name in ["bullmq", "express", "fastify", "ws"] {
        if let Some(version) = package["dependencies"][name].as_str() {
            versions.insert(name.to_owned(), version.to_owned());
        }
    }
    versions
}

fn said(program: &OsStr) -> Option<String> {
    let output = Command::new(program).arg("--version").output().ok()?;
    if output.status.success() {
        return Some(String::from_utf8_lossy(&output.stdout).into_owned());
    }
    // nginx has its own way.
    let output = Command::new(program).arg("-v").output().ok()?;
    Some(String::from_utf8_lossy(&output.stderr).into_owned())
}

/// The first word that begins like a version, without what surrounds it.
fn number(text: &str) -> Option<String> {
    let words = text.split_whitespace().map(|word| word.trim_start_matches(|letter: char| !letter.is_ascii_digit()));
    words.filter(|word| word.contains('.')).map(|word| word.trim_end_matches([',', ';']).to_owned()).next()
}

/// Today, `2026-01-31`, in UTC.
pub fn today() -> String {
    date(clock_gettime(ClockId::Realtime).tv_sec.div_euclid(86_400))
}

/// Now, `2026-01-31 18:05 UTC`.
pub fn minute() -> String {
    let minutes = clock_gettime(ClockId::Realtime).tv_sec.div_euclid(60);
    format!("{} {:02}:{:02} UTC", date(minutes.div_euclid(1_440)), minutes / 60 % 24, minutes % 60)
}

/// The date so many days after 1970 began: counted from a March, so that leap days come last.
fn date(days: i64) -> String {
    let days = days + 719_468;
    let era = days.div_euclid(146_097);
    let day_of_era = days.rem_euclid(146_097);
    let year_of_era = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month + 2) / 5 + 1;
    let (month, next) = if month < 10 { (month + 3, 0) } else { (month - 9, 1) };
    format!("{:04}-{month:02}-{day:02}", year_of_era + era * 400 + next)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_are_dates() {
        let table =
            [(0, "1970-01-01"), (59, "1970-03-01"), (11_016, "2000-02-29"), (20_484, "2026-01-31"), (-1, "1969-12-31")];
        for (days, expected) in table {
            assert_eq!(date(days), expected, "{days}");
        }
    }

    #[test]
    fn a_version_is_found_in_what_programs_say() {
        let table = [
            ("v20.20.2\n", "20.20.2"),
            ("Redis server v=7.4.1 sha=00000000:0 malloc=libc", "7.4.1"),
            ("nats-server: v2.15.1", "2.15.1"),
            ("nginx version: nginx/1.22.1\n", "1.22.1"),
            ("less-cli 0.1.0", "0.1.0"),
        ];
        for (said, expected) in table {
            assert_eq!(number(said).as_deref(), Some(expected));
        }
        assert_eq!(number("no idea"), None);
    }
}
