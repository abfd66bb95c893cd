//! A message that takes the process of its handler along, among neighbours that are to notice little.

use std::time::{Duration, Instant};

use serde_json::json;

use less_tests::harness::{eventually, for_a_while, http};

use crate::ledger::Of;
use crate::scene::Scene;

/// Springs at each attempt; the ledger knows nothing of it.
const TRAP: &str = "
const { appendFileSync } = require('fs');
exports.process = async (kind, { attempt }) => {
  appendFileSync('FILE', `${kind} ${attempt}\\n`);
  if (kind === 'hang') for (;;);
  if (kind === 'leak') for (const kept = []; ; await null) kept.push(Buffer.alloc(32 << 20, 1));
};
";
/// So many attempts, each of which is ended by the server.
const ATTEMPTS: usize = 2;
const CONFIG: &str = "  traps:
    subscribers:
      trap: { timeout: 1s, concurrency: 1, retry: { first: 100ms, factor: 1, attempts: 2 } }
";

pub(crate) fn hang(scene: &mut Scene) {
    run(scene, "hang");
}

pub(crate) fn leak(scene: &mut Scene) {
    run(scene, "leak");
}

fn run(scene: &mut Scene, kind: &str) {
    let sprung = scene.home.note_file("sprung");
    scene.project.write("less/topics/traps/trap/index.js", &TRAP.replace("FILE", sprung.to_str().unwrap()));
    let config = std::fs::read_to_string(scene.project.folder.join("less.config")).unwrap();
    scene.project.write("less.config", &(config + CONFIG));
    if scene.size.is_short {
        // What is begun in a process that is lost runs again alone, each in a process of its own: that takes its time.
        scene.clients = 2;
    }
    scene.begin();
    scene.calm();
    let mut longest = Duration::ZERO;
    for round in 1..=scene.size.rounds(1, 8) {
        longest = longest.max(spring(scene, kind));
        let attempts = std::fs::read_to_string(&sprung).unwrap().lines().count();
        // The first attempt is begun twice: among others, which accuses nobody, and then alone.
        assert!(attempts >= round * ATTEMPTS, "{attempts} attempts in {round} rounds");
    }
    scene.calm();
    scene.finish();
    scene.remark(format!("the longest time without an acknowledgement: {} ms", longest.as_millis()));
}

/// Publishes to the trap and waits until it has been given up; the longest time without an acknowledgement.
fn spring(scene: &mut Scene, kind: &str) -> Duration {
    scene.fault(Of::Worker, |scene| {
        scene.ledger.expect_recovery();
        http::post(&format!("{}/topics/traps", scene.base()), json!(kind).to_string()).expect(202);
        let (mut longest, mut last, mut acknowledged) = (Duration::ZERO, Instant::now(), scene.ledger.acknowledged());
        let mut looked = Instant::now();
        eventually("the trap is given up", || {
            let now = scene.ledger.acknowledged();
            longest = longest.max(last.elapsed());
            if now != acknowledged {
                (last, acknowledged) = (Instant::now(), now);
            }
            // Not more often: each look is a program.
            let is_due = looked.elapsed() > Duration::from_millis(500);
            if is_due {
                looked = Instant::now();
            }
            is_due && scene.project.waiting_for("topics/traps/trap") == 0
        });
        scene.recovered();
        for_a_while(Duration::from_millis(50));
        longest
    })
}
