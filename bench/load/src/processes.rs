//! Memory and processor time of a system's processes, read from `/proc`, by role.

use std::collections::{BTreeMap, HashMap};
use std::fs;
use std::sync::mpsc::{RecvTimeoutError, SyncSender, sync_channel};
use std::thread::JoinHandle;
use std::time::Duration;

use crate::machine::ticks_a_second;
use crate::statistics::from_u64;

/// A process of a system, as the system names its part.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Part {
    /// `server`, `worker`, `front`, `broker`.
    pub role: String,
    /// Its number.
    pub pid: u32,
}

/// What the processes of one role used.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Usage {
    /// Processes, at most at one time.
    pub processes: usize,
    /// Seconds of processor time during the watch.
    pub cpu_seconds: f64,
    /// Resident memory in MiB, at most at one time.
    pub resident: f64,
    /// Proportional memory in MiB (shared pages divided among those who share them), at most at one time.
    pub proportional: f64,
    /// The kernel's own high-water marks of resident memory in MiB, summed.
    pub high_water: f64,
}

/// By role.
pub type Usages = BTreeMap<String, Usage>;

const EVERY: Duration = Duration::from_millis(250);

/// Watches processes, and the children they start, until it is asked what they used.
pub struct Watch {
    stop: SyncSender<()>,
    thread: JoinHandle<Usages>,
}

impl Watch {
    /// Begins now.
    pub fn over(parts: Vec<Part>) -> Self {
        let (stop, stopped) = sync_channel(1);
        let thread = std::thread::spawn(move || {
            let mut tally = Tally::default();
            loop {
                tally.look(&parts);
                if stopped.recv_timeout(EVERY) != Err(RecvTimeoutError::Timeout) {
                    tally.look(&parts);
                    return tally.usages;
                }
            }
        });
        Self { stop, thread }
    }

    /// Ends the watch.
    pub fn end(self) -> Usages {
        // A thread that has ended needs no telling.
        self.stop.send(()).ok();
        self.thread.join().unwrap_or_default()
    }
}

/// What they use at this moment; processor time counts from the beginning of each process.
pub fn look(parts: &[Part]) -> Usages {
    let mut tally = Tally { since_start: true, ..Tally::default() };
    tally.look(parts);
    tally.usages
}

#[derive(Default)]
struct Tally {
    usages: Usages,
    since_start: bool,
    /// Processor time of each process when last seen.
    cpu: HashMap<u32, f64>,
}

impl Tally {
    fn look(&mut self, parts: &[Part]) {
        let mut now: Usages = BTreeMap::new();
        for part in with_children(parts) {
            let Some(cpu) = cpu_seconds(part.pid) else { continue };
            let usage = now.entry(part.role).or_default();
            let status = fs::read_to_string(format!("/proc/{}/status", part.pid)).unwrap_or_default();
            let rollup = fs::read_to_string(format!("/proc/{}/smaps_rollup", part.pid)).unwrap_or_default();
            usage.processes += 1;
            usage.resident += mib(&status, "VmRSS:");
            usage.high_water += mib(&status, "VmHWM:");
            usage.proportional += mib(&rollup, "Pss:");
            let before = self.cpu.insert(part.pid, cpu);
            // A process first seen during the watch began during it, more or less.
            usage.cpu_seconds += cpu - before.unwrap_or(if self.since_start { 0.0 } else { cpu });
        }
        for (role, seen) in now {
            let usage = self.usages.entry(role).or_default();
            usage.processes = usage.processes.max(seen.processes);
            usage.cpu_seconds += seen.cpu_seconds;
            usage.resident = usage.resident.max(seen.resident);
            usage.proportional = usage.proportional.max(seen.proportional);
            usage.high_water = usage.high_water.max(seen.high_water);
        }
    }
}

/// The parts and all below them; what a server started and did not name is a worker.
fn with_children(parts: &[Part]) -> Vec<Part> {
    let mut all = parts.to_vec();
    let mut at = 0;
    while let Some(parent) = all.get(at).cloned() {
        at += 1;
        let path = format!("/proc/{0}/task", parent.pid);
        let tasks = fs::read_dir(path).into_iter().flatten().flatten();
        let children = tasks.filter_map(|task| fs::read_to_string(task.path().join("children")).ok());
        for pid in children.flat_map(|text| text.split_whitespace().map(str::to_owned).collect::<Vec<_>>()) {
            let Ok(pid) = pid.parse() else { continue };
            if all.iter().all(|part| part.pid != pid) {
                let role = if parent.role == "server" { "worker".to_owned() } else { parent.role.clone() };
                all.push(Part { role, pid });
            }
        }
    }
    all
}

fn cpu_seconds(pid: u32) -> Option<f64> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    Some(from_u64(ticks(&stat)?) / ticks_a_second())
}

/// User and system time; the command in parentheses before them may hold anything.
fn ticks(stat: &str) -> Option<u64> {
    let (_, rest) = stat.rsplit_once(')')?;
    let mut fields = rest.split_whitespace().skip(11);
    Some(fields.next()?.parse::<u64>().ok()? + fields.next()?.parse::<u64>().ok()?)
}

/// A field of the form `Name:   123 kB`.
fn mib(text: &str, name: &str) -> f64 {
    let line = text.lines().find_map(|line| line.strip_prefix(name));
    let kib = line.and_then(|rest| rest.split_whitespace().next()).and_then(|number| number.parse().ok());
    from_u64(kib.unwrap_or(0)) / 1024.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_read_behind_a_command_with_spaces_and_parentheses() {
        let stat = "7 (a) b (c) S 1 7 7 0 -1 4194560 100 0 0 0 250 50 0 0 20 0 1 0 100 1 1 1";
        assert_eq!(ticks(stat), Some(300));
        assert_eq!(ticks("7"), None);
    }

    #[test]
    fn memory_is_read_in_mib() {
        assert!((mib("Name:\tnode\nVmRSS:\t  2048 kB\n", "VmRSS:") - 2.0).abs() < 1e-9);
        assert!(mib("", "VmRSS:").abs() < 1e-9);
    }

    #[test]
    fn this_process_uses_memory() {
        let part = Part { role: "server".into(), pid: std::process::id() };
        let usages = look(std::slice::from_ref(&part));
        assert!(usages["server"].resident > 0.5 && usages["server"].high_water >= usages["server"].resident);
        assert!(Watch::over(vec![part]).end().contains_key("server"));
    }
}
