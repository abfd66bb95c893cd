//! Lines by their times, oldest first.
//!
//! Lines are stored as they come, and each has the time at which its process printed it: where two processes print at
//! once, the older line may come a moment later. So a line is held back until none that is older is expected.

use std::collections::BTreeMap;
use std::io;

use super::{Cursor, Line};

/// How much later than a younger one a line may come, in milliseconds.
const LATE: i64 = 2_000;
/// No more than this is held back, in bytes.
const HELD: usize = 4 << 20;
/// What a line costs beside its text.
const LINE_COST: usize = 128;

/// The same lines; of the same time, as they came. One that is later than that stays where it came: perhaps a clock was
/// set back.
pub struct Ordered<Lines> {
    lines: Lines,
    held: BTreeMap<Key, (Line, Cursor)>,
    bytes: usize,
    /// What the next key is made of: the youngest time since a line came too late, and how many did.
    newest: i64,
    epoch: u64,
    count: u64,
    /// Nothing more comes; an error, if there was one, is told after what is held.
    ended: Option<Option<io::Error>>,
}

/// Epoch, time, and how many lines came before.
type Key = (u64, i64, u64);

impl<Lines: Iterator<Item = io::Result<(Line, Cursor)>>> Ordered<Lines> {
    pub fn new(lines: Lines) -> Self {
        Self { lines, held: BTreeMap::new(), bytes: 0, newest: i64::MIN, epoch: 0, count: 0, ended: None }
    }

    /// Whether the oldest that is held may go.
    fn is_due(&self) -> bool {
        let Some(((epoch, time, _), _)) = self.held.first_key_value() else { return false };
        *epoch < self.epoch || time.saturating_add(LATE) < self.newest || self.bytes > HELD
    }

    fn hold(&mut self, line: Line, cursor: Cursor) {
        if line.time.saturating_add(LATE) < self.newest {
            self.epoch += 1;
            self.newest = line.time;
        }
        self.newest = self.newest.max(line.time);
        self.bytes += cost(&line);
        self.held.insert((self.epoch, line.time, self.count), (line, cursor));
        self.count += 1;
    }
}

impl<Lines: Iterator<Item = io::Result<(Line, Cursor)>>> Iterator for Ordered<Lines> {
    type Item = io::Result<(Line, Cursor)>;

    fn next(&mut self) -> Option<Self::Item> {
        while self.ended.is_none() && !self.is_due() {
            match self.lines.next() {
                Some(Ok((line, cursor))) => self.hold(line, cursor),
                Some(Err(error)) => self.ended = Some(Some(error)),
                None => self.ended = Some(None),
            }
        }
        match self.held.pop_first() {
            Some((_, (line, cursor))) => {
                self.bytes -= cost(&line);
                Some(Ok((line, cursor)))
            }
            None => self.ended.as_mut().and_then(Option::take).map(Err),
        }
    }
}

fn cost(line: &Line) -> usize {
    line.text.len() + LINE_COST
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use uuid::Uuid;

    use super::super::Stream;
    use super::*;

    fn line(time: i64, text: String) -> io::Result<(Line, Cursor)> {
        let line = Line { time, path: "a".into(), stream: Stream::Out, invocation: Uuid::nil(), text };
        Ok((line, Cursor::default()))
    }

    /// The lines by their number among those that came.
    fn ordered(times: &[i64]) -> Vec<usize> {
        let lines = times.iter().enumerate().map(|(number, time)| line(*time, number.to_string()));
        Ordered::new(lines).map(|found| found.unwrap().0.text.parse().unwrap()).collect()
    }

    #[test]
    fn a_line_that_comes_a_moment_late_takes_its_place_and_equals_stay_as_they_came() {
        assert_eq!(ordered(&[10, 30, 20, 30, 10]), [0, 4, 2, 1, 3]);
        assert_eq!(ordered(&[0, LATE, 0, 2 * LATE, LATE]), [0, 2, 1, 4, 3]);
    }

    #[test]
    fn one_that_is_too_late_stays_where_it_came() {
        assert_eq!(ordered(&[9 * LATE, 9 * LATE + 1, 5, 4, 6, 9 * LATE + 2, 9 * LATE]), [0, 1, 3, 2, 4, 6, 5]);
    }

    #[test]
    fn an_error_is_told_after_what_could_be_read() {
        let lines = vec![line(2, "b".into()), line(1, "a".into()), Err(io::ErrorKind::InvalidData.into())];
        let mut ordered = Ordered::new(lines.into_iter());
        let texts: Vec<String> = ordered.by_ref().take(2).map(|found| found.unwrap().0.text).collect();
        assert_eq!(texts, ["a", "b"]);
        assert_eq!(ordered.next().unwrap().unwrap_err().kind(), io::ErrorKind::InvalidData);
        assert!(ordered.next().is_none());
    }

    #[test]
    fn it_holds_no_more_than_its_bound() {
        let text = "x".repeat(64 << 10);
        let mut ordered = Ordered::new((0..10_000).map(|_| line(1, text.clone())));
        for _ in 0..500 {
            assert!(ordered.next().is_some());
            assert!(ordered.bytes <= HELD, "{}", ordered.bytes);
        }
    }

    proptest! {
        /// Where every line is at most `LATE` late, all come once and in order.
        #[test]
        fn lines_that_are_not_too_late_are_sorted(steps in prop::collection::vec((0..5_000i64, 0..=LATE), 0..200)) {
            let mut now = 0;
            let times: Vec<i64> = steps.iter().map(|(step, late)| { now += step; now - late }).collect();
            let mut expected: Vec<usize> = (0..times.len()).collect();
            expected.sort_by_key(|number| times[*number]);
            prop_assert_eq!(ordered(&times), expected);
        }
    }
}
