//! What starts work: HTTP from outside, crons by the clock.

pub(crate) mod crons;
pub(crate) mod http;
