//! Less measured against the field.
//!
//! `clock`, `http`, `connection`, `completions`, `ledger`, `drive`, `run`: the load generator, one thread.
//! `outcome`, `statistics`, `verdict`: what its numbers mean.

pub mod clock;
pub mod completions;
pub mod connection;
pub mod drive;
pub mod http;
pub mod ledger;
pub mod machine;
pub mod outcome;
pub mod run;
pub mod statistics;
pub mod verdict;
