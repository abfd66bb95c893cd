//! What black-box tests stand on; the tests are in `it/` (one file per topic) and `conformance/` (one case per
//! sentence of the contract), the fault suite in `chaos/`.
#![expect(clippy::unwrap_used, clippy::print_stderr, reason = "it is part of tests: it fails them by panicking")]

pub mod harness;
#[path = "chaos/shim/mod.rs"]
pub mod shim;
