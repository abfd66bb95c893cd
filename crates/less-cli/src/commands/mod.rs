//! One file per command: each a function that takes what it needs and a `Printer`, and returns an exit code.

pub(crate) mod build;
pub(crate) mod create;
pub(crate) mod delete;
pub(crate) mod deploy;
pub(crate) mod doctor;
pub(crate) mod init;
pub(crate) mod invoke;
pub(crate) mod later;
pub(crate) mod list;
pub(crate) mod log;
pub(crate) mod manual;
pub(crate) mod publish;
pub(crate) mod run;
pub(crate) mod server;
