//! `kill -9` of the server while it deploys another version of the town: the old one or the new one serves, whole.

use std::process::Stdio;
use std::time::{Duration, Instant};

use rustix::process::Signal;

use less_tests::harness::{eventually, for_a_while, http, processes};

use crate::ledger::Of;
use crate::scene::Scene;

/// Two handlers that tell of which version they are.
const VERSIONS: [&str; 2] = ["less/apis/town/version/get.js", "less/apis/other/version/get.js"];

pub(crate) fn run(scene: &mut Scene) {
    write_version(scene, 0);
    let begun = Instant::now();
    scene.begin();
    let usual = begun.elapsed();
    scene.calm();
    let (mut serving, mut switched) = (0, 0);
    let rounds = scene.size.rounds(4, 40);
    for version in 1..=rounds {
        write_version(scene, version);
        let succeeded = killed_deploy(scene, usual);
        let served = served_version(scene);
        let expected: &[usize] = if succeeded { &[version] } else { &[serving, version] };
        assert!(expected.contains(&served), "version {served} serves after {version} was put over {serving}");
        switched += usize::from(served == version);
        serving = served;
    }
    scene.calm();
    scene.finish();
    scene.remark(format!("the new version served after {switched} of {rounds} deploys"));
}

fn write_version(scene: &Scene, version: usize) {
    for file in VERSIONS {
        scene.project.write(file, &format!("exports.process = async () => ({{ body: '{version}' }});\n"));
    }
}

/// Deploys, kills the server in between and starts it again; whether the deploy says that it succeeded.
fn killed_deploy(scene: &mut Scene, usual: Duration) -> bool {
    let mut deploy = scene.home.command(&scene.project.folder, &["deploy", &scene.project.name]);
    let mut deploy = deploy.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    let longest = u64::try_from(usual.as_millis()).unwrap() * 5 / 4;
    for_a_while(scene.random.millis(0..longest));
    scene.ledger.expect_recovery();
    scene.kill_server_only();
    let mut status = None;
    eventually("the deploy ends", || {
        status = deploy.try_wait().unwrap();
        status.is_some()
    });
    // A deploy that found no server any more has started one of its own.
    scene.fault(Of::Server, |scene| {
        let serves = |process: &processes::Process| process.command.contains("server serve");
        let servers = || scene.home.processes().into_iter().filter(serves).collect::<Vec<_>>();
        let killed: Vec<u32> = servers().iter().map(|server| server.pid).collect();
        killed.iter().for_each(|pid| processes::signal(*pid, Signal::KILL));
        // One that is about to end has no command any more, and still its locks.
        let has_ended = |pid: &u32| !processes::lives(*pid);
        eventually("no server is left", || servers().is_empty() && killed.iter().all(has_ended));
    });
    scene.home.assert_no_process_left();
    scene.start();
    scene.recovered();
    status.is_some_and(|status| status.success())
}

/// Both handlers are of the same version.
fn served_version(scene: &Scene) -> usize {
    let of = |api: &str| http::get(&format!("{}/apis/{api}/version", scene.base())).expect(200).text();
    let served = ["town", "other"].map(of);
    assert_eq!(served[0], served[1], "two versions serve side by side");
    served[0].parse().unwrap()
}
