//! `kill -9` of the server, of workers, of both, at random points under load: also while it starts and restores.

use std::collections::BTreeMap;

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
    let mut kills: BTreeMap<Victim, usize> = BTreeMap::new();
    for round in 0..scene.size.rounds(VICTIMS.len(), 240) {
        // The first rounds meet each kind, whatever the seed.
        let victim = VICTIMS.get(round).copied().unwrap_or_else(|| *scene.random.pick(&VICTIMS));
        for_a_while(scene.random.millis(0..600));
        kill(scene, victim);
        *kills.entry(victim).or_default() += 1;
    }
    scene.calm();
    scene.finish();
    scene.remark(format!("{kills:?}"));
}

fn kill(scene: &mut Scene, victim: Victim) {
    scene.ledger.expect_recovery();
    match victim {
        Victim::Server => scene.kill_server(),
        Victim::ServerTwice => {
            scene.kill_server();
            scene.spawn();
            for_a_while(scene.random.millis(0..250));
            scene.kill_server();
        }
        Victim::Worker | Victim::AllWorkers => kill_workers(scene, victim),
        Victim::Both => {
            kill_workers(scene, Victim::AllWorkers);
            scene.kill_server();
        }
    }
    if !matches!(victim, Victim::Worker | Victim::AllWorkers) {
        scene.start();
    }
    scene.recovered();
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
