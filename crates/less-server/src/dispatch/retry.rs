//! What becomes of a delivery after an attempt. Pure: no clock, no store, no await.

use less_project::RetryPolicy;
use less_store::{Reason, Timestamp, Verdict};

use crate::clock::millis;
use crate::workers::Outcome;

/// The wait before a next attempt varies by this much either way, so that failures do not march in step.
const SPREAD: f64 = 0.2;

/// The wait doubles with each attempt (by the policy), until the message expires or the attempts are
/// used up. A worker lost with others in flight accuses no one: the delivery runs again, alone, and
/// only a loss alone is an attempt. `dice`: gives any number from 0 to 1.
pub(crate) fn verdict(
    policy: &RetryPolicy,
    attempt: u32,
    expires: Timestamp,
    outcome: &Outcome,
    now: Timestamp,
    dice: impl FnOnce() -> f64,
) -> Verdict {
    let failed = move |error: String| {
        if policy.attempts.is_some_and(|most| attempt >= most) {
            return Verdict::Bury { reason: Reason::Exhausted, error };
        }
        let after = policy.wait_before(attempt + 1).mul_f64(1.0 - SPREAD + 2.0 * SPREAD * dice());
        let due = now.saturating_add(i64::try_from(millis(after)).unwrap_or(i64::MAX));
        if due < expires { Verdict::Again { after, error } } else { Verdict::Bury { reason: Reason::Expired, error } }
    };
    match outcome {
        Outcome::Returned(_) => Verdict::Done,
        Outcome::NotBegun => Verdict::Release,
        Outcome::WorkerLost { alone: false } => Verdict::AgainAlone,
        Outcome::WorkerLost { alone: true } => failed("its process was lost: it exited, crashed or was killed".into()),
        Outcome::TimedOut { limit } => failed(format!("it did not finish within its {} s", limit.as_secs_f64())),
        Outcome::Threw { thrown, retriable: false } => {
            Verdict::Bury { reason: Reason::Refused, error: summary(thrown) }
        }
        Outcome::Threw { thrown, retriable: true } | Outcome::ResponseTooLarge(thrown) => failed(summary(thrown)),
    }
}

/// One line, bounded: it is kept with the delivery for every attempt.
fn summary(thrown: &less_protocol::Thrown) -> String {
    let mut text = format!("{}: {}", thrown.name, thrown.message.lines().next().unwrap_or_default());
    let end = text.floor_char_boundary(1_000);
    text.truncate(end);
    text
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use bytes::Bytes;
    use less_protocol::Thrown;

    use super::*;

    fn threw(retriable: bool) -> Outcome {
        let thrown = Thrown { name: "Error".into(), message: "boom\nmore".into(), stack: String::new() };
        Outcome::Threw { thrown, retriable }
    }

    fn after(attempt: u32, outcome: &Outcome) -> Verdict {
        verdict(&RetryPolicy::default(), attempt, 4 * 86_400_000, outcome, 0, || 0.5)
    }

    #[test]
    fn the_wait_doubles_from_a_second_to_five_minutes() {
        let waits: Vec<u64> = (1..12)
            .map(|attempt| match after(attempt, &threw(true)) {
                Verdict::Again { after, .. } => after.as_secs(),
                other => panic!("{other:?}"),
            })
            .collect();
        assert_eq!(waits, [1, 2, 4, 8, 16, 32, 64, 128, 256, 300, 300]);
    }

    #[test]
    fn the_wait_varies_by_a_fifth_either_way() {
        for (dice, expected) in [(0.0, 800), (1.0, 1_200)] {
            let verdict = verdict(&RetryPolicy::default(), 1, i64::MAX, &threw(true), 0, || dice);
            let Verdict::Again { after, .. } = verdict else { panic!("{verdict:?}") };
            assert_eq!(after, Duration::from_millis(expected));
        }
    }

    #[test]
    fn what_would_come_after_its_expiry_is_buried_at_once() {
        let verdict = verdict(&RetryPolicy::default(), 1, 1_000, &threw(true), 0, || 0.5);
        assert_eq!(verdict, Verdict::Bury { reason: Reason::Expired, error: "Error: boom".into() });
    }

    #[test]
    fn attempts_run_out_where_the_policy_counts_them() {
        let policy = RetryPolicy { attempts: Some(3), ..RetryPolicy::default() };
        let reason = |attempt| {
            verdict(&policy, attempt, i64::MAX, &Outcome::TimedOut { limit: Duration::from_secs(1) }, 0, || 0.5)
        };
        assert!(matches!(reason(2), Verdict::Again { .. }));
        assert!(matches!(reason(3), Verdict::Bury { reason: Reason::Exhausted, .. }));
    }

    #[test]
    fn a_worker_lost_beside_others_is_no_attempt_and_one_lost_alone_is() {
        assert_eq!(after(1, &Outcome::WorkerLost { alone: false }), Verdict::AgainAlone);
        assert!(matches!(after(1, &Outcome::WorkerLost { alone: true }), Verdict::Again { .. }));
    }

    #[test]
    fn success_settles_refusal_buries_and_what_never_began_is_released() {
        assert_eq!(after(1, &Outcome::Returned(Bytes::new())), Verdict::Done);
        assert_eq!(after(1, &Outcome::NotBegun), Verdict::Release);
        assert!(matches!(after(1, &threw(false)), Verdict::Bury { reason: Reason::Refused, .. }));
    }
}
