//! A disk of a few MiB that is really full, again and again: what does not fit is refused, and when there is room again,
//! be it little, the server goes on by itself.

use std::fs::{self, File, OpenOptions};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Command;

use less_tests::harness::{eventually, for_a_while, http};

use crate::ledger::Of;
use crate::scene::Scene;

const MIB: u64 = 1 << 20;
/// What Less needs for itself, with some room for messages.
const SIZE: u64 = 40 * MIB;
/// How much is freed at first: far less than what waits in the log to be brought to its place.
const LITTLE: u64 = 64 << 10;
/// With so much put by, a little is enough.
const RESERVE: u64 = 8 * MIB;

/// A small file system; it goes with this.
struct Mounted(PathBuf);

impl Mounted {
    /// `None` where this user may not mount.
    fn new(folder: &Path) -> Option<Self> {
        fs::create_dir_all(folder).unwrap();
        let options = format!("size={SIZE},mode=700");
        let mounted = Command::new("mount").args(["-t", "tmpfs", "-o", &options, "less-chaos"]).arg(folder).output();
        mounted.is_ok_and(|output| output.status.success()).then(|| Self(folder.to_owned()))
    }

    /// Takes all the room but so much.
    fn fill(&self, left: u64) {
        let mut file = OpenOptions::new().create(true).append(true).open(self.ballast()).unwrap();
        // Smaller and smaller pieces, for the last ones to fit.
        for piece in [1 << 20, 1 << 16, 1 << 12] {
            while file.write_all(&vec![0xA5; piece]).is_ok() {}
        }
        self.free(left);
    }

    /// Takes what the server gave back of its own; not what it has put by and is about to use.
    fn fill_again(&self) {
        let about = rustix::fs::statvfs(&self.0).unwrap();
        if (MIB..RESERVE).contains(&(about.f_bavail * about.f_frsize)) {
            self.fill(0);
        }
    }

    fn free(&self, bytes: u64) {
        let file = File::options().write(true).open(self.ballast()).unwrap();
        let length = file.metadata().unwrap().len();
        file.set_len(length.saturating_sub(bytes)).unwrap();
    }

    fn free_all(&self) {
        fs::remove_file(self.ballast()).unwrap();
    }

    fn ballast(&self) -> PathBuf {
        self.0.join("ballast")
    }
}

impl Drop for Mounted {
    fn drop(&mut self) {
        // Also while a server still runs on it.
        Command::new("umount").arg("-l").arg(&self.0).status().ok();
    }
}

pub(crate) fn run(scene: &mut Scene) {
    let Some(disk) = Mounted::new(&scene.home.less_home()) else {
        return scene.remark("not played: this user may not mount a small file system");
    };
    scene.project.write("less/topics/nobody/", "");
    scene.begin();
    scene.calm();
    let (mut with_little, rounds) = (0, scene.size.rounds(2, 20));
    for round in 0..rounds {
        for_a_while(scene.random.millis(0..1_500));
        let kill = round > 0 && scene.random.percent(30);
        // What could not be settled on the full disk is forgotten with the server.
        let of = if kill { Of::Server } else { Of::Nobody };
        with_little += usize::from(scene.fault(of, |scene| fill_and_free(scene, &disk, kill)));
    }
    scene.calm();
    scene.finish();
    let refused = scene.ledger.tally().refused;
    scene.remark(format!("{with_little} of {rounds} times it went on with {LITTLE} bytes; refused {refused:?}"));
}

/// Whether it was to go on with a little room, and did.
fn fill_and_free(scene: &mut Scene, disk: &Mounted, kill: bool) -> bool {
    disk.fill(scene.random.within(0..128 << 10));
    // Of the clients nobody knows whether they want to publish now.
    let (topic, long) = (format!("{}/topics/nobody", scene.base()), format!("\"{}\"", "x".repeat(200_000)));
    eventually("publishes are refused", || {
        disk.fill_again();
        http::post(&topic, long.as_str()).status == 507
    });
    for_a_while(scene.random.millis(0..1_500));
    assert!(!scene.server_mut().has_ended(), "it ended because the disk was full");
    scene.ledger.expect_recovery();
    if kill {
        scene.kill_server();
    }
    let reserve = fs::metadata(disk.0.join("server/reserve")).unwrap().len();
    disk.free(if reserve >= RESERVE { LITTLE } else { SIZE });
    if kill {
        // The store may find enough room, and what else is written at the start none.
        scene.spawn();
        if !scene.listens() {
            let log = scene.server().log();
            assert!(log.contains("[less-cli] ERROR:") && log.contains("No space left"), "it did not say why: {log}");
            scene.kill_server();
            disk.free(SIZE);
            scene.start();
        }
    }
    scene.recovered();
    assert!(!scene.server_mut().has_ended(), "it ended although there is room again");
    disk.free_all();
    reserve >= RESERVE
}
