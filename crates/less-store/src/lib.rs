//! What is remembered: messages and their deliveries, values, and which projects are deployed.
//!
//! A back end is chosen in one place, [`open`]. The embedded one (the default) is one SQLite file
//! with one writer thread; `memory` serves tests. The seam is [`Topics`]: its promises are numbered,
//! and [`contract::check`] holds every back end to them.

mod clock;
pub mod contract;
mod embedded;
pub mod memory;
mod topics;

use std::path::PathBuf;
use std::sync::Arc;

pub use clock::{Clock, Hands};
pub use embedded::Embedded;
pub use topics::{
    DeadLetter, Delivery, Deployed, Deployment, Error, Message, Reason, Result, SubscriberId, Subscription, Timestamp,
    Topics, Verdict,
};

/// Where messages are kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Config {
    /// In a folder of this machine, made when missing; one process at a time.
    Embedded { home: PathBuf },
    /// Nowhere: gone with the process.
    Memory,
}

/// Opens the back end that `config` names. It reads the disk: not for a thread that must not wait.
pub fn open(config: &Config, clock: Clock) -> Result<Arc<dyn Topics>> {
    Ok(match config {
        Config::Embedded { home } => Arc::new(Embedded::open(home, clock)?),
        Config::Memory => Arc::new(memory::Memory::new(clock)),
    })
}
