//! A time zone as a row of regimes: spans in which its clocks go evenly.
//!
//! "Wall" times are what a clock on the wall shows, in milliseconds as if it showed UTC.

use std::iter;

use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::calendar::MINUTE_MS;

/// From one change of the clocks to the next. All in milliseconds.
#[derive(Debug, Clone, Copy)]
pub(super) struct Regime {
    /// When its clocks were set; the first of a zone has no beginning.
    from: Option<i64>,
    /// When they are set again.
    to: Option<i64>,
    /// The wall is ahead of UTC by this.
    offset: i64,
    /// And was by this before.
    offset_before: i64,
}

impl Regime {
    /// The one that holds at `at`.
    pub(super) fn at(zone: &TimeZone, at: i64) -> Option<Self> {
        let at = Timestamp::from_millisecond(at).ok()?;
        let offset = |at: Timestamp| i64::from(zone.to_offset(at).seconds()) * 1_000;
        let just_after = at.checked_add(jiff::SignedDuration::from_nanos(1)).ok()?;
        let from = zone.preceding(just_after).next().map(|change| change.timestamp());
        let before = from.and_then(|from| from.checked_sub(jiff::SignedDuration::from_nanos(1)).ok());
        Some(Self {
            from: from.map(Timestamp::as_millisecond),
            to: zone.following(at).next().map(|change| change.timestamp().as_millisecond()),
            offset: offset(at),
            offset_before: before.map_or_else(|| offset(at), offset),
        })
    }

    pub(super) fn and_later(self, zone: &TimeZone) -> impl Iterator<Item = Self> {
        iter::successors(Some(self), |regime| Self::at(zone, regime.to?))
    }

    pub(super) fn and_earlier(self, zone: &TimeZone) -> impl Iterator<Item = Self> {
        iter::successors(Some(self), |regime| Self::at(zone, regime.from? - 1))
    }

    pub(super) fn ends_after(&self, time: i64) -> bool {
        self.to.is_none_or(|to| to > time)
    }

    /// The wall times, in minutes and both included, that this regime answers for and whose instants are after
    /// `after` and not after `until`.
    ///
    /// By the real clock, these are the times its clocks show. Otherwise the regime before has had everything up to
    /// what its clocks showed last: then the times that a gap leaves out are ours, and those that come twice are not.
    pub(super) fn walls(&self, real_clock: bool, after: i64, until: i64) -> (i64, i64) {
        let first = if real_clock { self.offset } else { self.offset_before };
        let first = self.from.map_or(i64::MIN, |from| from + first);
        let begun = self.from.is_none_or(|from| from <= after);
        let first = if begun { first.max(after + self.offset + 1) } else { first };
        let last = self.to.map_or(until, |to| until.min(to - 1)) + self.offset;
        (first.div_euclid(MINUTE_MS) + i64::from(first.rem_euclid(MINUTE_MS) > 0), last.div_euclid(MINUTE_MS))
    }

    /// When it is that time; a time in the gap is at its end.
    pub(super) fn instant(&self, wall_minutes: i64) -> i64 {
        let instant = wall_minutes * MINUTE_MS - self.offset;
        self.from.map_or(instant, |from| instant.max(from))
    }
}
