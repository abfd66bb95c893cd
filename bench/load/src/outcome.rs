//! What came of a load.

use std::fmt;

use anyhow::{Result, bail};

use crate::statistics::{from_u64, p50_p99_ms};
use crate::verdict::Effort;

/// A system gave something else than what it had been given: no measurement, and the run fails.
#[derive(Debug)]
pub struct Wrong(pub String);

impl fmt::Display for Wrong {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Wrong {}

/// Counts and latencies of one load; latencies in nanoseconds from when the request should have left.
#[derive(Debug, Clone, Default)]
pub struct Outcome {
    /// Requests sent.
    pub sent: u64,
    /// Requests answered with success.
    pub accepted: u64,
    /// Requests answered with an error of the system's.
    pub refused: u64,
    /// Requests whose connection failed: what became of them is not known.
    pub failed: u64,
    /// Orders whose handlers have all run.
    pub completed: u64,
    /// Orders that were accepted, and whose handlers have not all run.
    pub lost: Vec<u64>,
    /// Handler runs beyond the first of an order.
    pub duplicated: u64,
    /// Answers with another body than they should have.
    pub other: u64,
    /// Reports about nothing that was sent.
    pub unknown: u64,
    /// Seconds from the first request to the last completion (without workflows: the last answer).
    pub took: f64,
    /// Seconds from the first request to the last answer.
    pub answered_in: f64,
    /// Request to the end of the last handler.
    pub workflows: Vec<u64>,
    /// Request to answer.
    pub answers: Vec<u64>,
    /// How the load generator fared.
    pub effort: Effort,
}

impl Outcome {
    /// Complete workflows a second.
    pub fn complete_per_second(&self) -> f64 {
        from_u64(self.completed) / self.took
    }

    /// Answers a second.
    pub fn answers_per_second(&self) -> f64 {
        from_u64(self.accepted) / self.answered_in
    }

    /// 50 and 99 of 100 workflows, in milliseconds.
    pub fn workflow_ms(&mut self) -> (f64, f64) {
        p50_p99_ms(&mut self.workflows)
    }

    /// 50 and 99 of 100 answers, in milliseconds.
    pub fn answer_ms(&mut self) -> (f64, f64) {
        p50_p99_ms(&mut self.answers)
    }

    /// Every accepted order is complete, and nothing was reported that was never sent; else an error that names them.
    pub fn verify(&self) -> Result<()> {
        if !self.lost.is_empty() {
            let some: Vec<String> = self.lost.iter().take(20).map(u64::to_string).collect();
            let more = if self.lost.len() > some.len() { ", …" } else { "" };
            bail!(
                "{} of {} accepted orders are not complete: {}{more}",
                self.lost.len(),
                self.accepted,
                some.join(", ")
            );
        }
        if self.other > 0 {
            bail!("{} of {} answers have another body than they should", self.other, self.accepted);
        }
        if self.unknown > 0 {
            bail!("{} reports of handlers are about orders that were never sent", self.unknown);
        }
        Ok(())
    }
}
