//! `kill -9` of the server, of workers, of both, at random points under load: also while it starts and restores.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use rustix::process::Signal;

use less_tests::harness::{eventually, for_a_while, processes};

use crate::ledger::Of;
use crate::scene::Scene;

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Victim {
    Server,
    /// Killed once more before it has come up.
    ServerTwice,
    Worker,
    AllWorkers,
    /// The workers first, the server soon after.
    Both,
}

const VICTIMS: [Victim; 8] = [
    Victim::Server,
    Victim::Server,
    Victim::Server,
    Victim::ServerTwice,
    Victim::Worker,
    Victim::Worker,
    Victim::AllWorkers,
    Victim::Both,
];

pub(crate) fn run(scene: &mut Scene) {
    scene.begin();
    scene.calm();
    let mut kills: BTreeMap<Victim, Vec<Duration>> = BTreeMap::new();
    for round in 0..scene.size.rounds(VICTIMS.len(), 240) {
        // The first rounds meet each kind, whatever the seed.
        let victim = VICTIMS.get(round).copied().unwrap_or_else(|| *scene.random.pick(&VICTIMS));
        for_a_while(scene.random.millis(0..600));
        let took = kill(scene, victim);
        kills.entry(victim).or_default().push(took);
    }
    scene.calm();
    scene.finish();
    for (victim, mut took) in kills {
        took.sort_unstable();
        let (middle, longest) = (took[took.len() / 2].as_millis(), took[took.len() - 1].as_millis());
        scene
            .remark(format!("{victim:?}: {} times, handlers answer after {middle} ms (longest {longest})", took.len()));
    }
}

/// Returns how long it took until a handler answered, from the last of the kills.
fn kill(scene: &mut Scene, victim: Victim) -> Duration {
    match victim {
        Victim::Server | Victim::Worker | Victim::AllWorkers => {}
        Victim::ServerTwice => {
            scene.kill_server();
            scene.spawn();
            for_a_while(scene.random.millis(0..250));
        }
        Victim::Both => {
            kill_workers(scene, Victim::AllWorkers);
            // By then some of what they had begun waits to run alone.
            for_a_while(scene.random.millis(0..500));
        }
    }
    scene.ledger.expect_recovery();
    let begun = Instant::now();
    if matches!(victim, Victim::Worker | Victim::AllWorkers) {
        kill_workers(scene, victim);
    } else {
        scene.kill_server();
        scene.start();
    }
    scene.recovered();
    scene.answered();
    begun.elapsed()
}

fn kill_workers(scene: &mut Scene, victim: Victim) {
    scene.fault(Of::Worker, |scene| {
        let mut workers = scene.workers();
        if victim == Victim::Worker && !workers.is_empty() {
            workers = vec![scene.random.pick(&workers).clone()];
        }
        workers.iter().for_each(|worker| processes::signal(worker.pid, Signal::KILL));
        eventually("killed workers are gone", || !workers.iter().any(|worker| processes::lives(worker.pid)));
    });
}
