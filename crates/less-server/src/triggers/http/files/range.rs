//! Which bytes of a file a client wants: `bytes=<first>-<last>`, `bytes=<first>-` or `bytes=-<last so many>`. Pure.

use hyper::header::{self, HeaderMap};

use super::conditions::{Known, is_of_this};

/// Bytes that are there: at least one, if the file has one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Range {
    pub(super) first: u64,
    pub(super) length: u64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Wanted {
    Whole,
    Part(Range),
    /// None that are there.
    Nothing,
}

/// Another unit, several ranges and what is no range count as none: then the whole file is sent, as HTTP has it.
pub(super) fn wanted(headers: &HeaderMap, known: &Known, size: u64) -> Wanted {
    let mut given = headers.get_all(header::RANGE).iter();
    let text = given.next().and_then(|value| value.to_str().ok());
    match text.and_then(parse) {
        Some(range) if given.next().is_none() && is_of_this(headers, known) => range.of(size),
        _ => Wanted::Whole,
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Asked {
    /// The last is included.
    From(u64, Option<u64>),
    Last(u64),
}

fn parse(text: &str) -> Option<Asked> {
    let (unit, range) = text.split_once('=')?;
    let (first, last) = range.trim().split_once('-')?;
    if !unit.trim().eq_ignore_ascii_case("bytes") {
        return None;
    }
    match (first, last) {
        ("", last) => Some(Asked::Last(number(last)?)),
        (first, "") => Some(Asked::From(number(first)?, None)),
        (first, last) => {
            let (first, last) = (number(first)?, number(last)?);
            (first <= last).then_some(Asked::From(first, Some(last)))
        }
    }
}

/// Digits alone; one that is too long for a number is beyond any file.
fn number(text: &str) -> Option<u64> {
    let is_number = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    is_number.then(|| text.parse().unwrap_or(u64::MAX))
}

impl Asked {
    fn of(self, size: u64) -> Wanted {
        let (first, end) = match self {
            Self::From(first, last) => (first, last.map_or(size, |last| size.min(last.saturating_add(1)))),
            Self::Last(count) => (size.saturating_sub(count), size),
        };
        if first >= end { Wanted::Nothing } else { Wanted::Part(Range { first, length: end - first }) }
    }
}

#[cfg(test)]
mod tests {
    use hyper::header::HeaderValue;
    use proptest::prelude::*;

    use super::*;

    fn of(text: &str, size: u64) -> Wanted {
        let mut headers = HeaderMap::new();
        headers.insert(header::RANGE, HeaderValue::try_from(text).unwrap());
        wanted(&headers, &Known { etag: "\"a\"".into(), modified: 0 }, size)
    }

    fn part(first: u64, length: u64) -> Wanted {
        Wanted::Part(Range { first, length })
    }

    #[test]
    fn a_range_is_what_there_is_of_it() {
        for (text, expected) in [
            ("bytes=0-0", part(0, 1)),
            ("bytes=2-4", part(2, 3)),
            ("Bytes = 2-4", part(2, 3)),
            ("bytes=2-", part(2, 8)),
            ("bytes=9-99", part(9, 1)),
            ("bytes=0-99999999999999999999999", part(0, 10)),
            ("bytes=-3", part(7, 3)),
            ("bytes=-99", part(0, 10)),
            ("bytes=10-", Wanted::Nothing),
            ("bytes=10-12", Wanted::Nothing),
            ("bytes=99999999999999999999999-", Wanted::Nothing),
            ("bytes=-0", Wanted::Nothing),
        ] {
            assert_eq!(of(text, 10), expected, "{text}");
        }
        assert_eq!(of("bytes=0-", 0), Wanted::Nothing);
        assert_eq!(of("bytes=-5", 0), Wanted::Nothing);
    }

    #[test]
    fn what_is_no_single_range_of_bytes_wants_the_whole_file() {
        for text in
            ["", "bytes", "bytes=", "bytes=-", "bytes=4-2", "bytes=0-1,3-4", "lines=0-1", "bytes=+1-2", "bytes=a-b"]
        {
            assert_eq!(of(text, 10), Wanted::Whole, "{text}");
        }
    }

    proptest! {
        #[test]
        fn a_part_lies_within_the_file(text in "bytes=[0-9]{0,25}-[0-9]{0,25}", size in 0_u64..2000) {
            if let Wanted::Part(Range { first, length }) = of(&text, size) {
                prop_assert!(length > 0 && first + length <= size);
            }
        }

        #[test]
        fn a_part_is_that_of_the_bytes_numbers(first in 0_u64..30, last in 0_u64..30, size in 0_u64..30) {
            let expected: Vec<u64> = (0..size).filter(|at| (first..=last).contains(at)).collect();
            match of(&format!("bytes={first}-{last}"), size) {
                Wanted::Part(range) => {
                    prop_assert_eq!((range.first..range.first + range.length).collect::<Vec<_>>(), expected);
                }
                Wanted::Nothing => prop_assert!(first <= last && expected.is_empty()),
                Wanted::Whole => prop_assert!(first > last),
            }
        }
    }
}
