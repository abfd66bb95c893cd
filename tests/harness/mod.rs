//! What every test stands on: a home, projects in it, the command line, an HTTP client, and waiting.

mod browser;
mod foreground;
mod home;
pub mod http;
pub mod processes;
mod project;
mod socket;
pub mod terminal;
mod wait;

pub use browser::{Browser, Page};
pub use foreground::Foreground;
pub use home::{Home, PAGE, Ran, less_cli, repository};
pub use http::{Answer, Connection, Request};
pub use project::{LogLine, Project};
pub use socket::{Said, Socket};
pub use wait::{eventually, eventually_some, eventually_within, for_a_while};
