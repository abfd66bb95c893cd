//! No file descriptor is left in the server: nothing can be accepted, no worker started, no file opened.

use std::fs;
use std::net::TcpStream;
use std::time::Duration;

use rustix::process::Signal;

use less_tests::harness::{eventually, for_a_while, processes};

use super::clients::{connect, raise_file_limit};
use crate::ledger::Of;
use crate::scene::Scene;

/// Enough for the server, its workers and the load.
const OPEN_FILES: u64 = 200;

pub(crate) fn run(scene: &mut Scene) {
    raise_file_limit();
    scene.launch.open_files = Some(OPEN_FILES);
    if scene.size.is_short {
        // What is begun in a process that is lost runs again alone, each in a process of its own: that takes its time.
        scene.clients = 2;
    }
    scene.begin();
    scene.calm();
    for round in 0..scene.size.rounds(1, 20) {
        let crowd = exhaust(scene);
        let with_workers = round % 2 == 0;
        scene.fault(if with_workers { Of::Worker } else { Of::Nobody }, |scene| {
            if with_workers {
                // Their places are needed, and cannot be filled.
                scene.workers().iter().for_each(|worker| processes::signal(worker.pid, Signal::KILL));
            }
            let longest = if scene.size.is_short { 800 } else { 4_000 };
            for_a_while(scene.random.millis(300..longest));
            scene.ledger.expect_recovery();
            drop(crowd);
            scene.recovered();
        });
        assert!(!scene.server_mut().has_ended(), "the server has ended");
        for_a_while(scene.random.millis(0..1_000));
    }
    scene.calm();
    scene.finish();
}

/// Opens connections until the server has no descriptor for one more.
fn exhaust(scene: &Scene) -> Vec<TcpStream> {
    let files = format!("/proc/{}/fd", scene.server().pid);
    let mut crowd = Vec::new();
    eventually("the server has opened all it may", || {
        for _ in 0..20 {
            crowd.extend(connect(&scene.base(), Duration::from_millis(200)));
        }
        fs::read_dir(&files).unwrap().count() as u64 >= OPEN_FILES
    });
    crowd
}
