//! Uploads are cut off: by clients that hang up in the middle, by `kill -9` of the server, by power cuts. Every file is whole
//! at any time, what was acknowledged is there, and of the rest nothing stays.

use std::collections::BTreeMap;
use std::fs;
use std::io::{Read, Write};

use serde_json::{Value, json};

use less_tests::harness::{Request, eventually, for_a_while, http};

use crate::machine::Machine;
use crate::scenarios::clients::{PATIENCE, connect};
use crate::scene::Scene;

/// Gives the URLs of a file, or all there are.
const FILES: &str = "
const { files } = require('@chuva.io/less');
exports.process = async (request) => {
  const path = JSON.parse(request.body);
  if (path === null) return { body: await files.list() };
  return { body: { put: await files.create_upload_url(path), get: await files.get_url(path) } };
};
";
const PATHS: u64 = 4;
/// Of a file: so many times its number, 8 bytes each.
const NUMBERS: std::ops::Range<u64> = 1..300_000;

/// The numbers of files that a path may have.
#[derive(Default)]
struct Possible {
    acknowledged: Option<u64>,
    /// Sent whole, and nobody heard what came of them: they may be kept at any time.
    unheard: Vec<u64>,
}

pub(crate) fn run(scene: &mut Scene) {
    scene.project.write("less/apis/town/files/post.js", FILES);
    let mut machine = Machine::below(scene);
    scene.begin();
    let mut possible: BTreeMap<String, Possible> = BTreeMap::new();
    let mut cuts = [0; 3];
    for number in 1..=scene.size.rounds(24, 400) as u64 {
        let path = format!("uploads/{}", scene.random.within(0..PATHS));
        match scene.random.within(0..4) {
            0 | 1 => {
                put(scene, &path, number);
                possible.entry(path).or_default().acknowledged = Some(number);
            }
            kind => {
                let cut = match (kind, &mut machine) {
                    (2, _) => Cut::Client,
                    (_, Some(machine)) if scene.random.percent(50) => Cut::Power(machine),
                    _ => Cut::Kill,
                };
                cuts[cut.place()] += 1;
                if cut_off(scene, &path, number, cut) {
                    possible.entry(path).or_default().unheard.push(number);
                }
            }
        }
        look(scene, &possible);
    }
    scene.recover();
    nothing_is_left_over(scene);
    scene.finish();
    if let Some(machine) = machine {
        machine.assert_mirrored();
    }
    let unheard: usize = possible.values().map(|possible| possible.unheard.len()).sum();
    let [clients, kills, power] = cuts;
    scene.remark(format!(
        "cut off: {clients} by clients, {kills} by kill -9, {power} by power cuts; {unheard} of them sent whole"
    ));
}

enum Cut<'m> {
    Client,
    Kill,
    Power(&'m mut Machine),
}

impl Cut<'_> {
    fn place(&self) -> usize {
        match self {
            Self::Client => 0,
            Self::Kill => 1,
            Self::Power(_) => 2,
        }
    }
}

fn bytes(scene: &mut Scene, number: u64) -> Vec<u8> {
    let count = usize::try_from(scene.random.within(NUMBERS)).unwrap();
    number.to_le_bytes().repeat(count)
}

fn url(scene: &Scene, path: &str, verb: &str) -> String {
    let mut urls = Value::Null;
    eventually("a handler gives URLs", || {
        let request = Request::new("POST", &format!("{}/apis/town/files", scene.base())).body(json!(path).to_string());
        urls =
            request.try_send().ok().filter(|answer| answer.status == 200).map_or(Value::Null, |answer| answer.json());
        urls.is_object()
    });
    urls[verb].as_str().unwrap().replace("localhost", "127.0.0.1")
}

fn put(scene: &mut Scene, path: &str, number: u64) {
    let bytes = bytes(scene, number);
    Request::new("PUT", &url(scene, path, "put")).body(bytes).send().expect(200);
}

/// Whether all of it was sent.
fn cut_off(scene: &mut Scene, path: &str, number: u64, cut: Cut) -> bool {
    let (bytes, url) = (bytes(scene, number), url(scene, path, "put"));
    let (host, target) = url.strip_prefix("http://").unwrap().split_once('/').unwrap();
    let head = format!("PUT /{target} HTTP/1.1\r\nhost: {host}\r\ncontent-length: {}\r\n\r\n", bytes.len());
    let sent = match scene.random.within(0..3) {
        0 => bytes.len(),
        _ => usize::try_from(scene.random.within(0..bytes.len() as u64)).unwrap(),
    };
    let mut stream = connect(&url, PATIENCE).unwrap();
    stream.write_all(head.as_bytes()).unwrap();
    stream.write_all(&bytes[..sent]).unwrap();
    for_a_while(scene.random.millis(0..30));
    if !matches!(cut, Cut::Client) {
        scene.ledger.expect_recovery();
        scene.kill_server();
        if let Cut::Power(machine) = cut {
            machine.assert_mirrored();
            machine.lose_power();
        }
        scene.start();
        scene.recovered();
    }
    // An answer that is here already is not read.
    drop(stream);
    sent == bytes.len()
}

/// Every file is whole, and one of those that may be there.
fn look(scene: &Scene, possible: &BTreeMap<String, Possible>) {
    for (path, Possible { acknowledged, unheard }) in possible {
        let answer = http::get(&url(scene, path, "get"));
        if answer.status == 404 {
            assert_eq!(*acknowledged, None, "{path} is not there");
            continue;
        }
        let body = answer.expect(200).body;
        let mut first = [0; 8];
        (&body[..]).read_exact(&mut first).unwrap();
        let number = u64::from_le_bytes(first);
        assert!(body.chunks(8).all(|each| each == first), "{path} is not whole");
        let is_possible = *acknowledged == Some(number) || unheard.contains(&number);
        assert!(is_possible, "{path} is {number}, and should be {acknowledged:?} or one of {unheard:?}");
    }
}

/// What is on the disk is what is listed.
fn nothing_is_left_over(scene: &Scene) {
    let listed = || {
        let answer = http::post(&format!("{}/apis/town/files", scene.base()), "null").expect(200).json();
        answer.as_array().unwrap().len()
    };
    let folder = scene.home.less_home().join("server/files").join(&scene.project.name);
    let objects = || fs::read_dir(&folder).map_or(0, Iterator::count);
    eventually("nothing is left over of uploads", || objects() == listed());
}
