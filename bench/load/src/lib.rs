//! Less measured against the field.
//!
//! `clock`, `http`, `connection`, `completions`, `ledger`, `drive`, `run`: the load generator, one thread; `listeners`: clients
//! of sockets.
//! `outcome`, `statistics`, `verdict`: what its numbers mean. `catalogue`, `system`, `guard`, `processes`, `machine`,
//! `floor`: the systems under test and what they run on. `bench`, `scenarios`, `ours`, `results`, `report`: a run of the benchmark, and what it says.

pub mod args;
pub mod bench;
pub mod catalogue;
pub mod clock;
pub mod completions;
pub mod connection;
pub mod drive;
pub mod floor;
pub mod gauge;
pub mod guard;
pub mod http;
pub mod ledger;
pub mod listeners;
pub mod machine;
pub mod ours;
pub mod outcome;
pub mod processes;
pub mod report;
pub mod results;
pub mod run;
pub mod scenarios;
pub mod statistics;
pub mod system;
pub mod verdict;
pub mod versions;
