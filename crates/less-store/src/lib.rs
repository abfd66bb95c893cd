//! What is remembered: messages and their deliveries, values, open connections, and which projects are deployed.
//!
//! A back end is chosen in one place, [`open`]. The embedded one (the default) is one SQLite file
//! with one writer thread; `memory` serves tests. The seams are [`Topics`], [`Values`], [`Connections`] and [`Files`]:
//! their promises are numbered, and [`contract`] holds every back end to them.

mod clock;
mod connections;
pub mod contract;
mod embedded;
mod files;
pub mod memory;
mod topics;
mod values;

use std::path::PathBuf;
use std::sync::Arc;

pub use clock::{Clock, Hands};
pub use connections::{Connection, Connections};
pub use embedded::Embedded;
pub use files::{BadPath, Entry, FilePath, Files, Keep, Object, Opened, UPLOADED, Upload};
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
    pub files: Arc<dyn Files>,
}

/// Opens the back end that `config` names. It reads the disk: not for a thread that must not wait.
pub fn open(config: &Config, clock: Clock) -> Result<Store> {
    fn views<T: Topics + Values + Connections + Files>(store: T) -> Store {
        let store = Arc::new(store);
        Store { topics: store.clone(), values: store.clone(), connections: store.clone(), files: store }
    }
    Ok(match config {
        Config::Embedded { home } => views(Embedded::open(home, clock)?),
        Config::Memory => views(memory::Memory::new(clock)),
    })
}
