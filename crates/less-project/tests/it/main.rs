//! Folders, and what Less says about them.

#![expect(clippy::unwrap_used, reason = "clippy takes only functions marked as tests for tests")]

mod config;
mod crons;
mod environment;
mod folder;
mod links;
mod modules;
mod names;
mod places;
mod project;
mod sites;
mod sockets;
mod soon;
mod typescript;
