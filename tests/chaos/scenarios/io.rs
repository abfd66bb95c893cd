//! The disk fails a call: a write, a sync, a truncation. The server goes on, or ends and says why; once it is started
//! again everything that was acknowledged is there. Then the power goes, too: what a failed sync left out is not to
//! be built upon.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use less_tests::harness::{eventually, for_a_while};
use less_tests::shim::{Call, Errno, Fault, How, Kind};

use crate::ledger::Of;
use crate::machine::Machine;
use crate::scene::Scene;

/// What fails, and after how many calls at most that succeed.
type Failing = (&'static [Call], &'static [Kind], u64);

/// While the server runs.
const RUNNING: [Failing; 4] = [
    (&[Call::Sync], &[Kind::Wal], 60),
    (&[Call::Write], &[Kind::Wal], 300),
    (&[Call::Write, Call::Truncate], &[Kind::Logs], 60),
    (&[Call::Write, Call::Sync, Call::Truncate], &[Kind::Wal, Kind::Database], 400),
];
/// While it starts: it brings back what it left.
const STARTING: [Failing; 3] = [
    (&[Call::Write, Call::Sync, Call::Truncate], &[Kind::Wal, Kind::Database], 30),
    (&[Call::Sync, Call::Truncate], &[Kind::Wal, Kind::Database], 4),
    (&[Call::Write, Call::Sync, Call::Rename, Call::Create], &[Kind::Other, Kind::Logs], 8),
];
/// A fault that nothing meets is taken away.
const MEETS_WITHIN: Duration = Duration::from_secs(4);

pub(crate) fn run(scene: &mut Scene) {
    let Some(mut machine) = Machine::below(scene) else { return };
    scene.begin();
    scene.calm();
    let mut met: BTreeMap<&str, usize> = BTreeMap::new();
    for round in 0..scene.size.rounds(3, 45) {
        for_a_while(scene.random.millis(0..300));
        scene.ledger.expect_recovery();
        let came_of_it = if round % 3 < 2 {
            let failing = RUNNING.get(round).unwrap_or(scene.random.pick(&RUNNING));
            fail_running(scene, &machine, *failing)
        } else {
            fail_starting(scene, &machine)
        };
        *met.entry(came_of_it).or_default() += 1;
        scene.recovered();
        // The first is a failed sync: what was left out is still in the kernel's memory, and the server has built on it.
        if round == 0 || scene.random.percent(60) {
            scene.acknowledge_some();
            scene.ledger.expect_recovery();
            scene.kill_server();
            machine.lose_power();
            scene.start();
            scene.recovered();
        }
    }
    scene.calm();
    scene.finish();
    let tally = scene.ledger.tally();
    let wrong: Vec<_> = tally.refused.keys().filter(|status| !matches!(status, 0 | 500 | 502 | 503 | 507)).collect();
    assert!(wrong.is_empty(), "publishes were refused with {wrong:?}");
    scene.remark(format!("{met:?}; refused {:?}", tally.refused));
}

fn arm(scene: &mut Scene, machine: &Machine, (calls, files, most): Failing) {
    let (after, count) = (scene.random.within(0..most), *scene.random.pick(&[1, 1, 3, u64::MAX]));
    machine.shim.fail(Fault { calls, files, after, count, how: How::Error(Errno::Io) });
}

fn fail_running(scene: &mut Scene, machine: &Machine, failing: Failing) -> &'static str {
    let ended = scene.fault(Of::Server, |scene| {
        arm(scene, machine, failing);
        let begun = Instant::now();
        while machine.shim.failed() == 0 && begun.elapsed() < MEETS_WITHIN {
            for_a_while(Duration::from_millis(5));
        }
        let ended = ends(scene);
        machine.shim.lift();
        // With the fault away it may still have to notice.
        ended || ends(scene)
    });
    if ended {
        scene.start();
    }
    match (machine.shim.failed() > 0, ended) {
        (true, true) => "running: ended",
        (true, false) => "running: went on",
        (false, _) => "running: not met",
    }
}

fn fail_starting(scene: &mut Scene, machine: &Machine) -> &'static str {
    scene.kill_server();
    let ended = scene.fault(Of::Server, |scene| {
        let failing = *scene.random.pick(&STARTING);
        arm(scene, machine, failing);
        scene.spawn();
        let listens = scene.listens();
        machine.shim.lift();
        if !listens {
            let log = scene.server().log();
            assert!(log.contains("[less-cli] ERROR:"), "it ended without a word: {log}");
            scene.kill_server();
        }
        !listens || ends(scene)
    });
    if ended {
        scene.start();
    }
    match (machine.shim.failed() > 0, ended) {
        (true, true) => "starting: ended",
        (true, false) => "starting: went on",
        (false, _) => "starting: not met",
    }
}

/// Whether it has ended by itself, and said so, instead of going on. It must not stay and refuse.
fn ends(scene: &mut Scene) -> bool {
    let acknowledged = scene.ledger.acknowledged();
    let mut ended = false;
    eventually("the server goes on or ends", || {
        ended = scene.server_mut().has_ended();
        ended || scene.ledger.acknowledged() > acknowledged + 20
    });
    if ended {
        let log = scene.server().log();
        assert!(log.contains("the store failed"), "it ended without a word: {log}");
        scene.kill_server();
    }
    ended
}
