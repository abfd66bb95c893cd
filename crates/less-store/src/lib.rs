//! What is remembered: messages and their deliveries, values, open connections, and which projects are deployed.
//!
//! A back end is chosen in one place, [`open`]. The embedded one (the default) is one SQLite file
//! with one writer thread; `memory` serves tests. The seams are [`Topics`], [`Values`] and [`Connections`]: their promises
//! are numbered, and [`contract`] holds every back end to them.

mod clock;
mod connections;
pub mod contract;
mod embedded;
pub mod memory;
mod topics;
mod values;

use std::path::PathBuf;
use std::sync::Arc;

pub use clock::{Clock, Hands};
pub use connections::{Connection, Connections};
pub use embedded::Embedded;
pub use topics::{
    Cron, CronState, DeadLetter, Delivery, Deployed, Deployment, Error, Message, Origin, Publish, Reason, Result,
    SubscriberId, Subscription, Tick, Ticked, Timestamp, Topics, Verdict,
};
pub use values::{CREATED, Change, Changed, DELETED, Operation, UPDATED, Value, Values};

/// Where messages are kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Config {
    /// In a folder of this machine, made when missing; one process at a time.
    Embedded { home: PathBuf },
    /// Nowhere: gone with the process.
    Memory,
}

/// What [`open`] opened: views over one back end, whose commits carry what belongs together.
#[derive(Clone)]
pub struct Store {
    pub topics: Arc<dyn Topics>,
    pub values: Arc<dyn Values>,
    pub connections: Arc<dyn Connections>,
}

/// Opens the back end that `config` names. It reads the disk: not for a thread that must not wait.
pub fn open(config: &Config, clock: Clock) -> Result<Store> {
    fn all<T: Topics + Values + Connections>(store: T) -> Store {
        let store = Arc::new(store);
        Store { topics: store.clone(), values: store.clone(), connections: store }
    }
    Ok(match config {
        Config::Embedded { home } => all(Embedded::open(home, clock)?),
        Config::Memory => all(memory::Memory::new(clock)),
    })
}
