//! What runs: a folder of handlers as an event-driven system.
//!
//! `triggers` bring work in, `workers` run handlers, `services` is what handlers may ask for,
//! `dispatch` carries deliveries, `projects` deploys, `control` is the command line's door, `server`
//! starts and stops it all. Reading order: `docs/architecture.md`.

pub mod build;
mod clock;
pub mod control;
mod dispatch;
mod home;
mod limits;
mod live;
pub mod logs;
mod own_ports;
mod projects;
mod registry;
pub mod seen;
mod server;
mod services;
mod signing;
mod sites;
mod tasks;
mod trial;
mod triggers;
mod umask;
mod workers;

pub use build::is_base_variable;
pub use home::{Ports, kept_ports, write_private};
pub use live::runtimes;
pub use projects::DeployFailed;
pub use server::{Listen, Options, Server};
#[doc(hidden)]
pub use sites::{Leads, SitePath};
pub use trial::try_loading;
#[doc(hidden)]
pub use triggers::http::{Edge, connections, read_frame, taken_by};
pub use umask::keep_files_private;
pub use workers::{SUBCOMMAND as WORKER_SUBCOMMAND, become_worker};
