//! How a thread of the load generator fares, for loads that `run` does not drive.

use crate::clock;
use crate::machine;
use crate::statistics::seconds;
use crate::verdict::Effort;

/// What the calling thread and the machine had used when it was begun.
pub struct Gauge {
    began: u64,
    cpu: u64,
    idle: f64,
}

impl Gauge {
    /// From now on.
    pub fn begin() -> Self {
        Self { began: clock::now(), cpu: clock::own_cpu(), idle: machine::idle_core_seconds() }
    }

    /// Until now, in the same thread.
    pub fn read(&self) -> Effort {
        let wall = seconds(clock::now() - self.began).max(f64::MIN_POSITIVE);
        let busy = seconds(clock::own_cpu() - self.cpu) / wall;
        let idle_cores = (machine::idle_core_seconds() - self.idle) / wall;
        Effort { busy, idle_cores, ..Effort::default() }
    }
}

/// Of several threads, or of several parts of a measurement: the one that may have held the system back most.
pub fn busiest(efforts: impl IntoIterator<Item = Effort>) -> Effort {
    efforts.into_iter().max_by(|a, b| a.busy.total_cmp(&b.busy)).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_thread_that_computes_is_busy_and_one_that_waits_is_not() {
        let gauge = Gauge::begin();
        std::thread::sleep(std::time::Duration::from_millis(20));
        let waits = gauge.read();
        let gauge = Gauge::begin();
        let until = clock::own_cpu() + 20_000_000;
        while clock::own_cpu() < until {}
        let computes = gauge.read();
        assert!(waits.busy < 0.5 && computes.busy > waits.busy, "{waits:?}, {computes:?}");
        assert_eq!(busiest([waits, computes]), computes);
    }
}
