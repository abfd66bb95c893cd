//! The processes of a home, found in `/proc`: those whose environment, command or folder names it.

use std::fs;
use std::path::Path;

use rustix::process::{Pid, Signal, kill_process};

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Process {
    pub pid: u32,
    pub parent: u32,
    /// Its arguments, joined by spaces.
    pub command: String,
}

/// Every living process that has something to do with the folder `root`. (What is dead but not yet
/// waited for has neither environment nor command, so it is not found.)
pub fn of(root: &Path) -> Vec<Process> {
    let needle = root.as_os_str().as_encoded_bytes();
    let names_root = |bytes: &[u8]| bytes.windows(needle.len()).any(|window| window == needle);
    let numbered = fs::read_dir("/proc").unwrap().filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok());
    numbered
        .filter(|&pid: &u32| pid != std::process::id())
        .filter(|pid| {
            let file = |name: &str| fs::read(format!("/proc/{pid}/{name}")).unwrap_or_default();
            let folder = fs::read_link(format!("/proc/{pid}/cwd")).unwrap_or_default();
            names_root(&file("environ")) || names_root(&file("cmdline")) || folder.starts_with(root)
        })
        .filter_map(of_pid)
        .collect()
}

fn of_pid(pid: u32) -> Option<Process> {
    let arguments = fs::read(format!("/proc/{pid}/cmdline")).ok()?;
    let command = String::from_utf8_lossy(&arguments).replace('\0', " ").trim().to_owned();
    Some(Process { pid, parent: parent_of(pid)?, command })
}

fn parent_of(pid: u32) -> Option<u32> {
    status_field(pid, "PPid:")?.parse().ok()
}

/// The most memory that was ever resident, in MiB.
pub fn peak_resident_mib(pid: u32) -> u64 {
    let kib = status_field(pid, "VmHWM:").and_then(|text| text.trim_end_matches(" kB").parse::<u64>().ok());
    kib.expect("the process lives") / 1024
}

/// The memory that is resident now, in MiB.
pub fn resident_mib(pid: u32) -> u64 {
    let kib = status_field(pid, "VmRSS:").and_then(|text| text.trim_end_matches(" kB").parse::<u64>().ok());
    kib.expect("the process lives") / 1024
}

fn status_field(pid: u32, name: &str) -> Option<String> {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    status.lines().find_map(|line| line.strip_prefix(name)).map(|value| value.trim().to_owned())
}

pub fn lives(pid: u32) -> bool {
    status_field(pid, "State:").is_some_and(|state| !state.starts_with('Z'))
}

/// Sends `signal`; a process that is gone already is none of our business.
pub fn signal(pid: u32, signal: Signal) {
    if let Some(pid) = i32::try_from(pid).ok().and_then(Pid::from_raw) {
        kill_process(pid, signal).ok();
    }
}
