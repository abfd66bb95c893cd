//! A process that stands still for a while and then goes on as if nothing had been: the server, or a worker.

use rustix::process::Signal;

use less_tests::harness::{for_a_while, processes};

use crate::ledger::Of;
use crate::scene::Scene;

pub(crate) fn run(scene: &mut Scene) {
    scene.begin();
    scene.calm();
    for round in 0..scene.size.rounds(2, 40) {
        for_a_while(scene.random.millis(0..400));
        // The first two are the same, whatever the seed, and long enough for a worker to be given up.
        let is_server = if round < 2 { round % 2 == 0 } else { scene.random.percent(50) };
        let length = scene.random.millis(if round < 2 { 1_200..1_800 } else { 10..6_000 });
        let pid = match is_server {
            true => scene.server().pid,
            false => {
                let workers = scene.workers();
                if workers.is_empty() {
                    continue;
                }
                scene.random.pick(&workers).pid
            }
        };
        scene.ledger.expect_recovery();
        // A server that wakes up may think for a moment that its workers stood still.
        scene.fault(Of::Worker, |scene| {
            processes::signal(pid, Signal::STOP);
            for_a_while(length);
            processes::signal(pid, Signal::CONT);
            scene.recovered();
        });
    }
    scene.calm();
    scene.finish();
}
