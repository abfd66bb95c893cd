//! The power goes: of what was not synced, some or nothing is on the disk, torn as disks tear it.

use less_tests::harness::for_a_while;

use crate::machine::Machine;
use crate::scene::Scene;

pub(crate) fn run(scene: &mut Scene) {
    let Some(mut machine) = Machine::below(scene) else { return };
    scene.begin();
    scene.calm();
    for _ in 0..scene.size.rounds(4, 60) {
        for_a_while(scene.random.millis(0..800));
        scene.ledger.expect_recovery();
        scene.kill_server();
        machine.assert_mirrored();
        machine.lose_power();
        if scene.random.percent(30) {
            // Once more, before it has come up.
            scene.spawn();
            for_a_while(scene.random.millis(0..300));
            scene.kill_server();
            machine.lose_power();
        }
        scene.start();
        scene.recovered();
    }
    scene.calm();
    scene.finish();
    machine.assert_mirrored();
}
