//! Files as a crash may leave them: ends that are torn, rubbish behind them, bits that have flipped.
//!
//! `tails` damages what nothing acknowledged depends on: nothing is lost. `damage` hits the store itself: what lies
//! before the damage in the write-ahead log is there, and of a damaged database the server says so or goes on.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, OpenOptions};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use rustix::process::Signal;

use less_tests::harness::{Project, eventually, for_a_while, http, processes};

use crate::random::Random;
use crate::scene::Scene;

/// Publishes of one round of `damage`: few enough for the log not to be emptied meanwhile.
const MESSAGES: u64 = 60;

pub(crate) fn tails(scene: &mut Scene) {
    scene.begin();
    scene.calm();
    for _ in 0..scene.size.rounds(3, 45) {
        for_a_while(scene.random.millis(0..600));
        scene.ledger.expect_recovery();
        scene.kill_server();
        let server = scene.home.less_home().join("server");
        append_rubbish(&server.join("topics.db-wal"), &mut scene.random);
        // What the index says is never believed after a crash.
        fs::write(server.join("topics.db-shm"), rubbish(&mut scene.random, 32 << 10)).unwrap();
        for file in files_in(&server.join("logs").join(&scene.project.name)) {
            damage_log(&file, &mut scene.random);
        }
        for name in ["server.json", "lock"] {
            let garbage = rubbish(&mut scene.random, 40);
            fs::write(server.join(name), garbage).unwrap();
        }
        scene.start();
        scene.recovered();
    }
    scene.calm();
    // Whatever is left of it can be read.
    scene.project.log("topics/placed/fails");
    scene.finish();
}

fn append_rubbish(file: &Path, random: &mut Random) {
    let length = random.within(1..20_000);
    let mut content = fs::read(file).unwrap();
    content.extend(rubbish(random, length));
    fs::write(file, content).unwrap();
}

fn damage_log(file: &Path, random: &mut Random) {
    let length = fs::metadata(file).unwrap().len();
    match random.within(0..4) {
        0 => append_rubbish(file, random),
        1 => cut(file, random.within(length / 2..length + 1)),
        2 => flip(file, random.within(0..length.max(1)), random),
        // The index is a hint.
        _ if file.extension().is_some_and(|end| end == "idx") => fs::remove_file(file).unwrap(),
        _ => {}
    }
}

pub(crate) fn damage(scene: &mut Scene) {
    scene.start();
    let project = scene.home.project("kept", &[("less/topics/items/keeper/index.js", KEEPER)]);
    let (mut behind, mut went_on, rounds) = (0, 0, scene.size.rounds(2, 30));
    for round in 0..rounds {
        if round % 2 == 0 {
            behind += damage_log_of_store(scene, &project, round);
        } else {
            went_on += usize::from(damage_database(scene));
        }
    }
    scene.finish();
    let (logs, databases) = (rounds.div_ceil(2), rounds / 2);
    scene.remark(format!("{logs} damaged logs: {behind} of {} messages lay behind", logs as u64 * MESSAGES));
    scene.remark(format!("{databases} damaged databases: {went_on} times it went on, else it said so and ended"));
}

const KEEPER: &str = "
const { note } = require('notes');
exports.process = async (message) => note('items', message);
";

/// Messages wait in the log, which is cut or has a bit flipped: those before that place are delivered. How many are not.
fn damage_log_of_store(scene: &mut Scene, project: &Project<'_>, round: usize) -> usize {
    deploy(project, 0);
    // What is deployed is not to be in the log.
    restart(scene);
    let wal = store_file(scene, "topics.db-wal");
    let mut ends = BTreeMap::new();
    for n in 0..MESSAGES {
        let number = round as u64 * MESSAGES + n;
        http::post(&topic(scene), number.to_string()).expect(202);
        ends.insert(number, fs::metadata(&wal).unwrap().len());
    }
    scene.kill_server();
    let length = fs::metadata(&wal).unwrap().len();
    let place = scene.random.within(length / 3..length);
    let is_cut = scene.random.percent(50);
    if is_cut {
        cut(&wal, place)
    } else {
        flip(&wal, place, &mut scene.random)
    }
    scene.start();
    deploy(project, 8);
    let after = (round as u64 + 1) * 1_000_000;
    http::post(&topic(scene), after.to_string()).expect(202);
    eventually("what waits is delivered", || project.waiting_for("topics/items/keeper") == 0);
    let noted: BTreeSet<u64> = scene.home.notes("items").iter().filter_map(serde_json::Value::as_u64).collect();
    let lost: Vec<_> = ends.iter().filter(|(number, end)| **end <= place && !noted.contains(number)).collect();
    assert!(lost.is_empty(), "the log was damaged at {place} of {length}, and what ended before is lost: {lost:?}");
    assert!(noted.contains(&after), "what is published afterwards is delivered");
    let come: Vec<_> = ends.keys().filter(|number| noted.contains(number)).collect();
    let first = come.len();
    assert!(ends.keys().take(first).eq(come), "what came after the damage is there, and what came before it is not");
    ends.len() - first
}

/// Nobody can mend that; but the server must say so, or go on, and with the file as it was it goes on in any case.
/// Whether it goes on.
fn damage_database(scene: &mut Scene) -> bool {
    scene.kill_server();
    let (file, wal) = (store_file(scene, "topics.db"), store_file(scene, "topics.db-wal"));
    let whole = [(&file, fs::read(&file).unwrap()), (&wal, fs::read(&wal).unwrap())];
    let length = whole[0].1.len() as u64;
    if scene.random.percent(40) {
        cut(&file, scene.random.within(length / 2..length));
    } else {
        for _ in 0..scene.random.within(1..9) {
            flip(&file, scene.random.within(0..length), &mut scene.random);
        }
    }
    scene.spawn();
    let listens = scene.listens();
    let log = scene.server().log();
    assert!(!log.contains("panicked"), "it panicked: {log}");
    assert!(listens || log.contains("[less-cli] ERROR:") && log.contains("topics.db"), "it did not say where: {log}");
    scene.kill_server();
    for (file, content) in whole {
        fs::write(file, content).unwrap();
    }
    scene.start();
    listens
}

fn restart(scene: &mut Scene) {
    processes::signal(scene.server().pid, Signal::TERM);
    eventually("the server ends", || scene.server_mut().has_ended());
    scene.start();
}

fn deploy(project: &Project<'_>, concurrency: u32) {
    let config = format!("topics:\n  items:\n    subscribers:\n      keeper: {{ concurrency: {concurrency} }}\n");
    project.write("less.config", &config);
    project.deploy();
}

fn topic(scene: &Scene) -> String {
    let base = scene.base();
    format!("{}/kept/topics/items", base.rsplit_once('/').unwrap().0)
}

fn store_file(scene: &Scene, name: &str) -> PathBuf {
    scene.home.less_home().join("server").join(name)
}

fn files_in(folder: &Path) -> Vec<PathBuf> {
    fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect()
}

fn rubbish(random: &mut Random, length: u64) -> Vec<u8> {
    (0..length).map(|_| random.next() as u8).collect()
}

fn cut(file: &Path, length: u64) {
    OpenOptions::new().write(true).open(file).unwrap().set_len(length).unwrap();
}

fn flip(file: &Path, at: u64, random: &mut Random) {
    let file = OpenOptions::new().read(true).write(true).open(file).unwrap();
    let mut byte = [0];
    if file.read_at(&mut byte, at).unwrap() == 1 {
        byte[0] ^= 1 << random.within(0..8);
        file.write_all_at(&byte, at).unwrap();
    }
}
