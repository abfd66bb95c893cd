//! The disk under the Less home, and what the kernel grants.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use less_server::connections;
use rustix::fs::{Access, MemfdFlags};
use rustix::process::{Resource, getrlimit};

use super::{Check, Judged};
use crate::resolve::LessHome;

/// With less a server soon refuses.
const LITTLE_ROOM: u64 = 1 << 30;
/// With less it may not even start: the store's reserve and its log.
const NO_ROOM: u64 = 64 << 20;
const FEW_FILES: u64 = 10_000;
/// Clocks of one machine differ from another's by less.
const TOLERANCE_MS: i64 = 24 * 3600 * 1000;

pub(super) fn checks(home: &LessHome, now: i64) -> Vec<Check> {
    let root = home.root();
    let place = existing(root);
    let mut checks = vec![
        Check::new("home", "everything that Less keeps", judge_home(root, &place, &home.server())),
        Check::new("file system", "messages that survive a power cut", judge_file_system(kind_of(&place))),
    ];
    if let Ok(disk) = rustix::fs::statvfs(&place) {
        let free = disk.f_bavail.saturating_mul(disk.f_frsize);
        // Some file systems do not count files.
        let files = (disk.f_files > 0).then_some(disk.f_favail);
        checks.push(Check::new("disk", "messages, values, logs, builds and packages", judge_room(free, files)));
    }
    let files = getrlimit(Resource::Nofile).maximum;
    checks.push(Check::new("open files", "connections, which are files", judge_files(files)));
    checks.push(Check::new("memory files", "handing over what workers have begun", judge_memory_files()));
    checks.push(Check::new("/proc", "watching workers, and finding the server", judge_proc()));
    checks.push(Check::new("clock", "retries, crons and the order of logs", judge_clock(now, latest_known(home))));
    checks
}

/// The folder itself, or the nearest above it that is there.
fn existing(folder: &Path) -> PathBuf {
    folder.ancestors().find(|above| above.exists()).unwrap_or(Path::new("/")).to_owned()
}

fn judge_home(root: &Path, place: &Path, server: &Path) -> Judged {
    let shown = root.display();
    if !place.is_dir() {
        return Judged::problem(format!("{} is no folder", place.display()), "remove it, or set LESS_HOME to a folder");
    }
    if rustix::fs::access(place, Access::WRITE_OK | Access::EXEC_OK).is_err() {
        let hint = "make the folder yours, or set LESS_HOME to one that is";
        return Judged::problem(format!("{}: you may not write there", place.display()), hint);
    }
    let mode = fs::metadata(server).map_or(0, |metadata| metadata.permissions().mode());
    if mode & 0o077 != 0 {
        let hint = format!("chmod 700 {}", server.display());
        return Judged::warning(format!("others on this machine may look into {}", server.display()), hint);
    }
    Judged::ok(if place == root { shown.to_string() } else { format!("{shown} (not there yet)") })
}

/// What `statfs` calls it.
fn kind_of(place: &Path) -> Option<u64> {
    rustix::fs::statfs(place).ok().and_then(|found| u64::try_from(found.f_type).ok())
}

fn judge_file_system(kind: Option<u64>) -> Judged {
    let in_memory = "set LESS_HOME to a folder on a disk, unless all may be gone after a restart of the machine";
    let elsewhere = "set LESS_HOME to a folder on a disk of this machine: locks and syncs may not hold over a network";
    match kind {
        Some(0x0102_1994) => Judged::warning("tmpfs, which is in memory", in_memory),
        Some(0x8584_58f6) => Judged::warning("ramfs, which is in memory", in_memory),
        Some(0x6969) => Judged::warning("NFS", elsewhere),
        Some(0xff53_4d42 | 0xfe53_4d42 | 0x517b) => Judged::warning("SMB", elsewhere),
        Some(0x0102_1997) => Judged::warning("9p", elsewhere),
        Some(0x6573_5546) => Judged::warning("FUSE", elsewhere),
        Some(0x794c_7630) => Judged::ok("overlay (of a container: what is there goes with it)"),
        Some(0xef53) => Judged::ok("ext"),
        Some(0x5846_5342) => Judged::ok("XFS"),
        Some(0x9123_683e) => Judged::ok("Btrfs"),
        Some(0x2fc1_2fc1) => Judged::ok("ZFS"),
        Some(0xf2f5_2010) => Judged::ok("F2FS"),
        Some(other) => Judged::ok(format!("type {other:#x}")),
        None => Judged::warning("cannot be told", "see that LESS_HOME is on a disk of this machine"),
    }
}

/// Bytes, and how many more files, where they are counted.
fn judge_room(free: u64, files: Option<u64>) -> Judged {
    let hint = "make room, or set LESS_HOME to a folder on another disk";
    let shown = format!("{} MiB free", free >> 20);
    match files {
        _ if free < NO_ROOM => Judged::problem(shown, hint),
        Some(files) if files < FEW_FILES => Judged::warning(format!("room for {files} more files"), hint),
        _ if free < LITTLE_ROOM => Judged::warning(shown, hint),
        _ => Judged::ok(shown),
    }
}

/// `most`: what a server may raise its limit to; none: without limit.
fn judge_files(most: Option<u64>) -> Judged {
    let allowed = most.map_or(usize::MAX, |most| usize::try_from(most).unwrap_or(usize::MAX));
    let (here, best) = (connections(allowed), connections(usize::MAX));
    let found =
        format!("{}, for {here} connections", most.map_or_else(|| "no limit".to_owned(), |most| most.to_string()));
    if here == best {
        return Judged::ok(found);
    }
    Judged::warning(found, format!("allow more (`ulimit -Hn`, LimitNOFILE of systemd) for up to {best} connections"))
}

fn judge_memory_files() -> Judged {
    match rustix::fs::memfd_create("less-doctor", MemfdFlags::CLOEXEC) {
        Ok(_) => Judged::ok("can be made"),
        Err(error) => Judged::problem(format!("cannot be made: {error}"), "allow memfd_create (Linux 3.17 or newer)"),
    }
}

fn judge_proc() -> Judged {
    match fs::read_to_string("/proc/self/stat") {
        Ok(_) => Judged::ok("can be read"),
        Err(error) => Judged::problem(format!("cannot be read: {error}"), "mount it: mount -t proc proc /proc"),
    }
}

/// The clock was there already: when this program was made, and when the store was last written.
fn latest_known(home: &LessHome) -> Option<i64> {
    let program = std::env::current_exe().ok();
    let files = program.into_iter().chain([home.server().join("topics.db"), home.server().join("topics.db-wal")]);
    files.filter_map(|file| milliseconds(fs::metadata(file).ok()?.modified().ok()?)).max()
}

fn milliseconds(time: SystemTime) -> Option<i64> {
    i64::try_from(time.duration_since(UNIX_EPOCH).ok()?.as_millis()).ok()
}

fn judge_clock(now: i64, latest_known: Option<i64>) -> Judged {
    let shown = crate::time::iso(now);
    match latest_known {
        Some(known) if now + TOLERANCE_MS < known => {
            let found = format!("{shown}, but it was {} before", crate::time::iso(known));
            Judged::problem(
                found,
                "set the clock (`timedatectl set-ntp true`): else what is due waits until it is later again",
            )
        }
        _ => Judged::ok(shown),
    }
}

#[cfg(test)]
mod tests {
    use super::super::Status;
    use super::*;

    #[test]
    fn little_room_is_a_warning_and_none_a_problem() {
        assert_eq!(judge_room(5 << 30, Some(1 << 20)), Judged::ok("5120 MiB free"));
        assert_eq!(judge_room(500 << 20, None).status, Status::Warning);
        assert_eq!(judge_room(10 << 20, None).status, Status::Problem);
        assert_eq!(judge_room(5 << 30, Some(12)).found, "room for 12 more files");
    }

    #[test]
    fn a_home_in_memory_is_told() {
        assert!(judge_file_system(Some(0x0102_1994)).found.contains("in memory"));
        assert_eq!(judge_file_system(Some(0xef53)).status, Status::Ok);
        assert_eq!(judge_file_system(kind_of(Path::new("/proc"))).status, Status::Ok);
    }

    #[test]
    fn few_files_mean_few_connections() {
        assert_eq!(judge_files(None).status, Status::Ok);
        let few = judge_files(Some(1_024));
        assert!(few.status == Status::Warning && few.found.contains("256 connections"), "{few:?}");
    }

    #[test]
    fn a_clock_that_has_gone_back_is_told() {
        assert_eq!(judge_clock(1_700_000_000_000, Some(1_699_999_999_000)).status, Status::Ok);
        assert_eq!(judge_clock(1_700_000_000_000, None).status, Status::Ok);
        assert_eq!(judge_clock(0, Some(1_700_000_000_000)).status, Status::Problem);
    }

    #[test]
    fn a_home_is_judged_by_the_folder_that_is_there() {
        let root = tempfile::tempdir().unwrap();
        let home = root.path().join("a/home");
        let judge = |home: &Path| judge_home(home, &existing(home), &home.join("server"));
        assert!(judge(&home).found.ends_with("(not there yet)"));
        fs::create_dir_all(home.join("server")).unwrap();
        fs::set_permissions(home.join("server"), fs::Permissions::from_mode(0o755)).unwrap();
        assert_eq!(judge(&home).status, Status::Warning);
        fs::set_permissions(home.join("server"), fs::Permissions::from_mode(0o700)).unwrap();
        assert_eq!(judge(&home), Judged::ok(home.display().to_string()));
        fs::write(root.path().join("file"), "").unwrap();
        assert_eq!(judge(&root.path().join("file")).status, Status::Problem);
    }
}
