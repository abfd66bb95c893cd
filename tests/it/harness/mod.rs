//! What every test stands on: a home, projects in it, the command line, an HTTP client, and waiting.

mod foreground;
mod home;
pub(crate) mod http;
pub(crate) mod processes;
mod project;
mod wait;

pub(crate) use foreground::Foreground;
pub(crate) use home::{Home, Ran, repository};
pub(crate) use http::{Answer, Connection, Request};
pub(crate) use project::{LogLine, Project};
pub(crate) use wait::{eventually, eventually_some, eventually_within, for_a_while};
