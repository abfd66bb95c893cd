//! Broadcasts cut off: `kill -9` of the server while clients come, hear a while and vanish. Of every connection that a
//! handler was told of, the end is told, too.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use less_tests::harness::{Home, Said, Socket, eventually, for_a_while, http};

use crate::load::Address;
use crate::random::Random;
use crate::scene::Scene;

const CLIENTS: usize = 40;
/// Before a client tries again to connect.
const PAUSE: Duration = Duration::from_millis(20);

/// Files below `notes` with the ids that the handlers were told of.
const CONNECTED: &str = "connected";
const ENDED: &str = "ended";

const HANDLER: &str = "
const fs = require('fs');
exports.process = async ({ connection_id }) => fs.appendFileSync('FILE', `${connection_id}\\n`);
";
const BROADCAST: &str = "
const { sockets } = require('@chuva.io/less');
exports.process = async () => ({ body: await sockets.square.broadcast({ padding: 'x'.repeat(1000) }) });
";

pub(crate) fn run(scene: &mut Scene) {
    for (handler, file) in [("connect", CONNECTED), ("disconnect", ENDED)] {
        let text = HANDLER.replace("FILE", scene.home.note_file(file).to_str().unwrap());
        scene.project.write(&format!("less/sockets/square/{handler}/index.js"), &text);
    }
    scene.project.write("less/apis/square/call/post.js", BROADCAST);
    scene.begin();
    let square = Square::fill(scene);
    scene.calm();
    let rounds = scene.size.rounds(3, 40);
    for _ in 0..rounds {
        for_a_while(scene.random.millis(0..600));
        scene.ledger.expect_recovery();
        scene.kill_server();
        scene.start();
        scene.recovered();
    }
    scene.calm();
    let heard = square.empty();
    let told = every_end_is_told(scene.home);
    scene.finish();
    scene.remark(format!(
        "{} connections, {heard} messages heard, {rounds} kills, {told}",
        ids(scene.home, CONNECTED).len()
    ));
}

/// How many ends were told more than once: as deliveries may be, when the server is killed.
fn every_end_is_told(home: &Home) -> String {
    let connected: BTreeSet<String> = ids(home, CONNECTED).into_keys().collect();
    eventually("the end of every connection is told", || {
        let ended = ids(home, ENDED);
        connected.iter().all(|id| ended.contains_key(id))
    });
    let repeated = ids(home, ENDED).values().filter(|times| **times > 1).count();
    format!("{repeated} ends told again")
}

/// Each id, and how often it is there.
fn ids(home: &Home, file: &str) -> BTreeMap<String, usize> {
    let text = fs::read_to_string(home.note_file(file)).unwrap_or_default();
    let mut ids = BTreeMap::new();
    text.lines().for_each(|id| *ids.entry(id.to_owned()).or_default() += 1);
    ids
}

/// Clients, and somebody who speaks to all of them.
struct Square {
    stop: Arc<AtomicBool>,
    heard: Arc<AtomicU64>,
    clients: Vec<JoinHandle<()>>,
    silence: Arc<AtomicBool>,
    speaker: JoinHandle<()>,
}

impl Square {
    fn fill(scene: &mut Scene) -> Self {
        let (stop, silence, heard) = (Arc::<AtomicBool>::default(), Arc::<AtomicBool>::default(), Arc::default());
        let clients = (0..CLIENTS).map(|n| {
            let random = Random::new(scene.random.next(), &format!("client {n}"));
            let (address, stop, heard) = (scene.address(), stop.clone(), Arc::clone(&heard));
            thread::spawn(move || come_and_go(random, &address, &stop, &heard))
        });
        let clients = clients.collect();
        let (address, silent) = (scene.address(), silence.clone());
        let speaker = thread::spawn(move || {
            while !silent.load(Ordering::Relaxed) {
                let url = format!("{}/apis/square/call", address.lock());
                // A server that is not there reaches nobody.
                http::Request::new("POST", &url).try_send().ok();
                for_a_while(Duration::from_millis(2));
            }
        });
        Self { stop, heard, clients, silence, speaker }
    }

    /// Everybody leaves; how many messages they heard.
    fn empty(self) -> u64 {
        self.stop.store(true, Ordering::Relaxed);
        // Whoever waits for a message still gets one.
        self.clients.into_iter().for_each(|client| client.join().unwrap());
        self.silence.store(true, Ordering::Relaxed);
        self.speaker.join().unwrap();
        self.heard.load(Ordering::Relaxed)
    }
}

/// Hears some messages and vanishes without a word, again and again.
fn come_and_go(mut random: Random, address: &Address, stop: &AtomicBool, heard: &AtomicU64) {
    while !stop.load(Ordering::Relaxed) {
        let url = format!("{}/sockets/square", address.lock().replace("http://", "ws://"));
        let Ok(mut socket) = Socket::try_connect(&url, &[]) else {
            for_a_while(PAUSE);
            continue;
        };
        for _ in 0..random.within(1..200) {
            match socket.hear() {
                Said::Text(_) => heard.fetch_add(1, Ordering::Relaxed),
                Said::Close(..) | Said::Gone => break,
            };
            if stop.load(Ordering::Relaxed) {
                break;
            }
        }
    }
}
