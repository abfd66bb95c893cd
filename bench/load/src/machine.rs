//! What the machine is, and how much of it nobody used.

use std::fs;

use serde::{Deserialize, Serialize};

/// The machine of a run, as far as it explains the figures; nothing that names it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Machine {
    /// Cores that this process may use.
    pub cores: usize,
    /// The processor's model, as it names itself.
    pub processor: String,
    /// The kernel's release.
    pub kernel: String,
    /// Memory in GiB.
    pub memory_gib: u64,
}

impl Machine {
    /// This one.
    pub fn this() -> Self {
        let read = |path| fs::read_to_string(path).unwrap_or_default();
        let field = |text: &str, name: &str| {
            let line = text.lines().find(|line| line.starts_with(name));
            line.and_then(|line| line.split_once(':')).map_or_else(String::new, |(_, value)| value.trim().to_owned())
        };
        let memory = field(&read("/proc/meminfo"), "MemTotal");
        let kib: u64 = memory.split(' ').next().and_then(|text| text.parse().ok()).unwrap_or(0);
        Self {
            cores: std::thread::available_parallelism().map_or(1, usize::from),
            processor: field(&read("/proc/cpuinfo"), "model name"),
            // What follows the numbers tells of the machine's maker, not of its speed.
            kernel: read("/proc/sys/kernel/osrelease").split(['-', '\n']).next().unwrap_or_default().to_owned(),
            memory_gib: (kib + (1 << 19)) >> 20,
        }
    }
}

/// Seconds of all cores in which nobody ran, since the machine started.
pub fn idle_core_seconds() -> f64 {
    let text = fs::read_to_string("/proc/stat").unwrap_or_default();
    idle_ticks(&text) / ticks_a_second()
}

/// The kernel's unit of processors' time.
pub fn ticks_a_second() -> f64 {
    crate::statistics::count(usize::try_from(rustix::param::clock_ticks_per_second()).unwrap_or(100))
}

/// Idle time and waits for the disk: in both a core was free.
fn idle_ticks(stat: &str) -> f64 {
    let line = stat.lines().next().unwrap_or_default();
    line.split_whitespace().skip(4).take(2).filter_map(|text| text.parse::<f64>().ok()).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn idle_is_what_no_process_used() {
        let (idle, waits) = (4_000.0, 500.0);
        let read = idle_ticks("cpu  10 20 30 4000 500 0 7 0 0 0\ncpu0 1 2 3 4 5\n");
        assert!((read - (idle + waits)).abs() < f64::EPSILON, "{read}");
    }

    #[test]
    fn this_machine_is_described_without_being_named() {
        let machine = Machine::this();
        assert!(machine.cores > 0 && machine.memory_gib > 0 && !machine.kernel.is_empty(), "{machine:?}");
    }
}
