//! The disk is full, takes parts of writes only, or is slow. The server refuses what it cannot store, goes on by itself
//! once there is room, and has lost nothing; that its log lines find no room stops nobody.

use less_tests::harness::{eventually, for_a_while, http};
use less_tests::shim::{Call, Errno, Fault, How, Kind};

use crate::ledger::Of;
use crate::machine::Machine;
use crate::scene::Scene;

const GROWING: &[Call] = &[Call::Write, Call::Truncate, Call::Create];
const EVERYTHING: &[Kind] = &[Kind::Wal, Kind::Database, Kind::Logs, Kind::Other];
const NO_SPACE: How = How::Error(Errno::NoSpace);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Trouble {
    Full,
    /// The database's file alone: the log of what is to go there grows.
    NoCheckpoints,
    /// It fails now and then.
    AlmostFull,
    NoLogs,
    ShortWrites,
    Slow,
}

const TROUBLES: [Trouble; 6] =
    [Trouble::Full, Trouble::NoLogs, Trouble::ShortWrites, Trouble::AlmostFull, Trouble::Slow, Trouble::NoCheckpoints];

pub(crate) fn run(scene: &mut Scene) {
    let Some(mut machine) = Machine::below(scene) else { return };
    scene.project.write("less/topics/nobody/", "");
    scene.begin();
    scene.calm();
    let mut refused = 0;
    for round in 0..scene.size.rounds(TROUBLES.len(), 60) {
        // The first rounds meet each kind, whatever the seed.
        let trouble = TROUBLES.get(round).copied().unwrap_or_else(|| *scene.random.pick(&TROUBLES));
        // What cannot be settled is not repeated: it stays in memory until it can.
        scene.fault(Of::Nobody, |scene| meet(scene, &machine, trouble));
        assert!(!scene.server_mut().has_ended(), "it ended because of {trouble:?}");
        scene.recover();
        if scene.random.percent(20) {
            refused += refuse_and_kill(scene, &mut machine);
        }
    }
    scene.calm();
    scene.finish();
    scene.remark(format!("refused {:?}; {refused} did not start on the full disk", scene.ledger.tally().refused));
}

fn fail(machine: &Machine, files: &[Kind], after: u64, count: u64, how: How) {
    machine.shim.fail(Fault { calls: GROWING, files, after, count, how });
}

fn meet(scene: &mut Scene, machine: &Machine, trouble: Trouble) {
    let after = scene.random.within(0..40);
    let length = scene.random.millis(100..if scene.size.is_short { 600 } else { 3_000 });
    match trouble {
        Trouble::Full => {
            fail(machine, EVERYTHING, after, u64::MAX, NO_SPACE);
            // Of the clients nobody knows whether they want to publish now.
            let topic = format!("{}/topics/nobody", scene.base());
            eventually("publishes are refused", || http::post(&topic, "1").status == 507);
            for_a_while(length);
        }
        Trouble::NoCheckpoints => {
            fail(machine, &[Kind::Database], 0, u64::MAX, NO_SPACE);
            for_a_while(length);
            scene.acknowledge_some();
        }
        Trouble::AlmostFull => {
            for _ in 0..10 {
                let (after, count) = (scene.random.within(0..10), scene.random.within(1..4));
                fail(machine, EVERYTHING, after, count, NO_SPACE);
                eventually("some are refused", || machine.shim.failed() == count);
            }
        }
        Trouble::NoLogs => {
            fail(machine, &[Kind::Logs], 0, u64::MAX, NO_SPACE);
            for_a_while(length);
            scene.acknowledge_some();
        }
        Trouble::ShortWrites => {
            fail(machine, EVERYTHING, after, 200, How::Short);
            eventually("writes are short", || machine.shim.failed() == 200);
        }
        Trouble::Slow => {
            machine.shim.delay_syncs(scene.random.within(5_000..60_000));
            for_a_while(length);
            scene.acknowledge_some();
            machine.shim.delay_syncs(0);
        }
    }
    machine.shim.lift();
}

/// A server is killed while the disk is full, and started while it still is: it may say no. Whether it did.
fn refuse_and_kill(scene: &mut Scene, machine: &mut Machine) -> usize {
    scene.ledger.expect_recovery();
    fail(machine, EVERYTHING, scene.random.within(0..40), u64::MAX, NO_SPACE);
    for_a_while(scene.random.millis(0..500));
    scene.kill_server();
    if scene.random.percent(50) {
        machine.lose_power();
    }
    scene.spawn();
    let listens = scene.listens();
    machine.shim.lift();
    if !listens {
        let log = scene.server().log();
        let says = ["full", "No space left"].iter().any(|words| log.contains(words));
        assert!(log.contains("[less-cli] ERROR:") && says, "it ended without a word: {log}");
        scene.remark(log.lines().last().unwrap_or_default());
        scene.kill_server();
        scene.start();
    }
    scene.recovered();
    usize::from(!listens)
}
