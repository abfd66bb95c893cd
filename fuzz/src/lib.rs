//! What must hold for any bytes: a function for each room, with bytes in, and a panic when a promise breaks.
//!
//! `harness/` feeds them what a coverage-guided fuzzer finds interesting; `tests/replay.rs` what is in `corpus/`, so
//! that what once broke stays mended. They keep nothing from one input to the next, except what costs too much to
//! make anew: a folder, a template, a runtime.

mod config;
mod cron;
mod frames;
mod http;
mod input;
mod logs;
mod routes;
mod scratch;
mod sites;
mod snapshot;
mod sockets;
mod store;

/// Bytes in; a panic is a finding.
pub type Target = fn(&[u8]);

/// Each with its name, which is that of its folder in `corpus/`.
pub const TARGETS: [(&str, Target); 11] = [
    ("config", config::run),
    ("cron", cron::run),
    ("frames", frames::run),
    ("http", http::run),
    ("logs", logs::run),
    ("routes", routes::run),
    ("sites", sites::run),
    ("snapshot", snapshot::run),
    ("sockets", sockets::run),
    ("store_bytes", store::bytes::run),
    ("store_rows", store::rows::run),
];

/// The target of this name.
pub fn target(name: &str) -> Option<Target> {
    TARGETS.iter().find(|(known, _)| *known == name).map(|(_, target)| *target)
}
