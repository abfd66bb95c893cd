//! The clock of day jumps back and forth by hours, while the server runs and while it does not.

use less_tests::harness::for_a_while;

use crate::machine::Machine;
use crate::scene::Scene;

/// Far enough for every retry, and short of what a message lives and a key is remembered.
const HOURS: u64 = 11;

pub(crate) fn run(scene: &mut Scene) {
    let Some(machine) = Machine::below(scene) else { return };
    scene.begin();
    scene.calm();
    let mut hours = Vec::new();
    for _ in 0..scene.size.rounds(6, 90) {
        for_a_while(scene.random.millis(100..1_000));
        let seconds = i64::try_from(scene.random.within(0..2 * HOURS * 3600)).unwrap() - (HOURS * 3600) as i64;
        hours.push(seconds / 3600);
        scene.ledger.expect_recovery();
        if scene.random.percent(25) {
            scene.kill_server();
            machine.shim.shift_clock(seconds);
            scene.start();
        } else {
            machine.shim.shift_clock(seconds);
        }
        scene.recovered();
    }
    for_a_while(scene.size.calm());
    // Somebody sets it right: a retry is due in its time, not hours later.
    machine.shim.shift_clock(0);
    scene.calm();
    scene.finish();
    scene.remark(format!("hours: {hours:?}"));
}
