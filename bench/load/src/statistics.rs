//! Numbers of several rounds made into the few that are told.

/// The least, the middle and the greatest of some numbers.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Spread {
    /// The least.
    pub min: f64,
    /// The middle; of an even count the mean of the two in the middle.
    pub median: f64,
    /// The greatest.
    pub max: f64,
}

impl Spread {
    /// Of at least one number.
    pub fn of(numbers: &[f64]) -> Option<Self> {
        let mut sorted: Vec<f64> = numbers.iter().copied().filter(|number| number.is_finite()).collect();
        sorted.sort_by(f64::total_cmp);
        let (min, max) = (*sorted.first()?, *sorted.last()?);
        let middle = sorted.len() / 2;
        let median =
            if sorted.len() % 2 == 1 { sorted[middle] } else { f64::midpoint(sorted[middle - 1], sorted[middle]) };
        Some(Self { min, median, max })
    }

    /// `ours / theirs`, pair by pair: each pair was measured in the same round, so a slow minute of the machine meets both.
    pub fn of_ratios(pairs: &[(f64, f64)]) -> Option<Self> {
        Self::of(&pairs.iter().map(|(ours, theirs)| ours / theirs).collect::<Vec<_>>())
    }
}

/// Shares of `sorted` numbers: the value that `part` of them (0 to 1) do not exceed.
pub fn percentile(sorted: &[u64], part: f64) -> u64 {
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a position in the slice")]
    let rank = (part * count(sorted.len())).ceil() as usize;
    sorted.get(rank.clamp(1, sorted.len().max(1)) - 1).copied().unwrap_or(0)
}

/// 50 and 99 of 100, in milliseconds, of nanoseconds in any sequence.
pub fn p50_p99_ms(nanoseconds: &mut [u64]) -> (f64, f64) {
    nanoseconds.sort_unstable();
    (ms(percentile(nanoseconds, 0.5)), ms(percentile(nanoseconds, 0.99)))
}

/// Nanoseconds as milliseconds.
pub fn ms(nanoseconds: u64) -> f64 {
    seconds(nanoseconds) * 1e3
}

/// Nanoseconds as seconds.
#[expect(clippy::cast_precision_loss, reason = "sixteen digits are more than a measurement has")]
pub fn seconds(nanoseconds: u64) -> f64 {
    nanoseconds as f64 / 1e9
}

/// A count as a number to calculate with.
#[expect(clippy::cast_precision_loss, reason = "no count here has sixteen digits")]
pub fn count(number: usize) -> f64 {
    number as f64
}

/// A long count as a number to calculate with.
#[expect(clippy::cast_precision_loss, reason = "no count here has sixteen digits")]
pub fn from_u64(number: u64) -> f64 {
    number as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_spread_has_the_middle_of_odd_and_even_counts() {
        let spread = |numbers: &[f64]| Spread::of(numbers).map(|spread| (spread.min, spread.median, spread.max));
        assert_eq!(spread(&[3.0, 1.0, 2.0]), Some((1.0, 2.0, 3.0)));
        assert_eq!(spread(&[4.0, 1.0, 2.0, 3.0]), Some((1.0, 2.5, 4.0)));
        assert_eq!(spread(&[7.0]), Some((7.0, 7.0, 7.0)));
        assert_eq!(spread(&[]), None);
    }

    #[test]
    fn ratios_are_taken_within_rounds_not_between_medians() {
        // The machine was half as fast in the second round, for both: the ratio is the same.
        let spread = Spread::of_ratios(&[(100.0, 10.0), (50.0, 5.0), (90.0, 9.0)]).unwrap();
        assert_eq!((spread.min, spread.median, spread.max), (10.0, 10.0, 10.0));
        assert_eq!(Spread::of_ratios(&[(1.0, 0.0)]), None, "a system that did nothing has no ratio");
    }

    #[test]
    fn percentiles_are_values_that_were_measured() {
        let hundred: Vec<u64> = (1..=100).collect();
        let table = [(0.5, 50), (0.99, 99), (1.0, 100), (0.0, 1), (0.001, 1), (0.991, 100)];
        for (part, expected) in table {
            assert_eq!(percentile(&hundred, part), expected, "{part}");
        }
        assert_eq!(percentile(&[], 0.5), 0);
        assert_eq!(percentile(&[9], 0.99), 9);
    }
}
