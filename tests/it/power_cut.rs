//! The model of a power cut that the fault suite stands on: a program does things to files, the power goes, and what
//! may be left is known.

use std::collections::BTreeSet;
use std::fs;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use less_tests::shim::{Call, Disk, Errno, Fault, How, Kind, Shim, Tree};
use tempfile::TempDir;

/// A folder that is watched, the shim, and a program that does what it is told.
struct Scene {
    root: TempDir,
    shim: Shim,
    before: Disk,
}

const PROBE: &str = include_str!("../chaos/shim/probe.c");

impl Scene {
    fn new(files: &[(&str, &str)]) -> Self {
        let root = tempfile::tempdir().unwrap();
        let home = root.path().join("home");
        fs::create_dir(&home).unwrap();
        files.iter().for_each(|(path, text)| fs::write(home.join(path), text).unwrap());
        fs::write(root.path().join("probe.c"), PROBE).unwrap();
        let gcc = Command::new("gcc")
            .args(["-Wall", "-Werror", "-o", "probe", "probe.c", "-lpthread"])
            .current_dir(&root)
            .status();
        assert!(gcc.unwrap().success());
        Self { shim: Shim::new(&root.path().join("shim")), before: Disk::of(&home), root }
    }

    fn home(&self) -> PathBuf {
        self.root.path().join("home")
    }

    /// What each step gave.
    fn run(&self, steps: &str) -> Vec<String> {
        self.shim.begin_log();
        let output = self.probe(steps).output().unwrap();
        assert!(output.status.success(), "{} {}", output.status, String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap().lines().map(str::to_owned).collect()
    }

    fn probe(&self, steps: &str) -> Command {
        let mut probe = Command::new(self.root.path().join("probe"));
        probe.args(steps.split_whitespace()).current_dir(self.home()).envs(self.shim.env(&self.home()));
        probe
    }

    /// All that may be left of a file after these steps; none stands for no such file.
    fn left(&self, steps: &str, file: &str) -> BTreeSet<Option<String>> {
        self.run(steps);
        (0..200).map(|seed| text(&self.cut(seed), file)).collect()
    }

    fn cut(&self, seed: u64) -> Tree {
        let mut state = seed;
        let mut draw = || {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            state >> 33
        };
        let mut disk = self.before.clone();
        disk.replay(&self.shim.log(), &mut draw);
        disk.cut(&mut draw)
    }

    /// What the program saw itself is what the model says it saw.
    #[track_caller]
    fn assert_mirrored(&self) {
        let mut disk = self.before.clone();
        disk.replay(&self.shim.log(), &mut || 0);
        assert_eq!(disk.seen(), Tree::of(&self.home()));
    }
}

fn text(tree: &Tree, file: &str) -> Option<String> {
    match tree.0.get(Path::new(file))? {
        less_tests::shim::Entry::File { bytes, .. } => Some(String::from_utf8_lossy(bytes).replace('\0', "_")),
        _ => panic!("{file} is no file"),
    }
}

fn only<const N: usize>(texts: [Option<&str>; N]) -> BTreeSet<Option<String>> {
    texts.into_iter().map(|text| text.map(str::to_owned)).collect()
}

macro_rules! scene {
    ($files:expr) => {
        if Shim::can_be_made() { Scene::new($files) } else { return }
    };
}

#[test]
fn what_was_written_and_not_synced_may_be_lost() {
    let scene = scene!(&[("a", "old")]);
    assert_eq!(scene.left("pwrite a new", "a"), only([Some("old"), Some("new")]));
}

#[test]
fn what_was_synced_stays() {
    for sync in ["sync", "datasync", "syncfs"] {
        let scene = scene!(&[("a", "old")]);
        assert_eq!(scene.left(&format!("pwrite a new {sync} a"), "a"), only([Some("new")]), "{sync}");
    }
}

#[test]
fn a_sync_is_for_its_own_file_and_for_what_came_before_it() {
    let scene = scene!(&[("a", "old"), ("b", "old")]);
    let left = scene.left("pwrite a one sync b sync a pwrite a two pwrite b new", "a");
    assert_eq!(left, only([Some("one"), Some("two")]));
    assert!((0..200).any(|seed| text(&scene.cut(seed), "b").unwrap() == "old"));
}

#[test]
fn of_two_writes_the_second_may_be_there_without_the_first() {
    let scene = scene!(&[("a", "")]);
    let left = scene.left("write a one write a two", "a");
    assert_eq!(left, only([Some(""), Some("one"), Some("onetwo"), Some("___two")]));
}

#[test]
fn a_long_write_is_torn_at_sectors() {
    let scene = scene!(&[("a", "")]);
    let left = scene.left(&format!("write a {}", "x".repeat(1300)), "a");
    let torn = ["x".repeat(512), format!("{}{}", "_".repeat(512), "x".repeat(512))];
    assert!(torn.into_iter().all(|torn| left.contains(&Some(torn))));
    let sectors = |text: &String| text.as_bytes().chunks(512).all(|part| part.iter().all(|byte| *byte == part[0]));
    assert!(left.iter().flatten().all(sectors));
}

#[test]
fn a_new_file_is_there_for_sure_once_its_folder_was_synced() {
    let scene = scene!(&[]);
    assert_eq!(scene.left("write a new sync a", "a"), only([None, Some("new")]));
    let scene = scene!(&[]);
    assert_eq!(scene.left("write a new sync a sync .", "a"), only([Some("new")]));
    let scene = scene!(&[]);
    assert_eq!(scene.left("write a new sync .", "a"), only([Some(""), Some("new")]), "a name is not its content");
}

#[test]
fn a_rename_may_vanish_until_its_folder_is_synced() {
    let steps = "write b new sync b sync . rename b a";
    let scene = scene!(&[("a", "old")]);
    assert_eq!(scene.left(steps, "a"), only([Some("old"), Some("new")]));
    let scene = scene!(&[("a", "old")]);
    assert_eq!(scene.left(&format!("{steps} sync ."), "a"), only([Some("new")]));
}

#[test]
fn a_removed_file_may_come_back_until_its_folder_is_synced() {
    let scene = scene!(&[("a", "old")]);
    assert_eq!(scene.left("unlink a", "a"), only([None, Some("old")]));
    let scene = scene!(&[("a", "old")]);
    assert_eq!(scene.left("unlink a sync .", "a"), only([None]));
}

#[test]
fn a_file_in_a_folder_that_is_lost_is_lost() {
    let scene = scene!(&[]);
    assert_eq!(scene.left("mkdir d write d/a new sync d/a sync d", "d/a"), only([None, Some("new")]));
    let scene = scene!(&[]);
    assert_eq!(scene.left("mkdir d write d/a new sync d/a sync d sync .", "d/a"), only([Some("new")]));
}

#[test]
fn what_a_failed_sync_left_out_no_later_one_writes() {
    let scene = scene!(&[("a", "old")]);
    let (calls, files) = (&[Call::Sync], &[Kind::Other]);
    scene.shim.fail(Fault { calls, files, after: 0, count: 1, how: How::Error(Errno::Io) });
    assert_eq!(scene.run("pwrite a new sync a sync a"), ["0", "5", "0"]);
    let left: BTreeSet<_> = (0..200).map(|seed| text(&scene.cut(seed), "a")).collect();
    assert_eq!(left, only([Some("old"), Some("new")]));
}

#[test]
fn every_call_is_seen() {
    let scene = scene!(&[("old", "text"), ("cut", "text")]);
    let steps = "write a one pwrite a two writev a three append b four append b five new old shorten cut mkdir d
        write d/a six rename d/a d/b mkdir e rmdir e link b l unlink b rename d f write e/x y";
    let given = scene.run(steps);
    assert_eq!(given.iter().filter(|given| *given != "0").collect::<Vec<_>>(), ["9"], "there is no folder e any more");
    scene.assert_mirrored();
    for (call, times) in
        [(Call::Write, 6), (Call::Truncate, 1), (Call::Create, 6), (Call::Rename, 2), (Call::Remove, 2)]
    {
        assert_eq!(scene.shim.seen(call), times, "{call:?}");
    }
}

#[test]
fn a_process_that_is_killed_leaves_no_operation_half_noted() {
    let scene = scene!(&[]);
    for round in 0..20 {
        let mut probe = scene.probe(&format!("busy {round} forever")).stdout(Stdio::piped()).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(probe.stdout.take().unwrap()).read_line(&mut line).unwrap();
        assert_eq!(line, "0\n");
        scene.shim.between_operations(|| {
            probe.kill().unwrap();
            probe.wait().unwrap();
        });
        scene.assert_mirrored();
    }
}

#[test]
fn a_process_that_ends_by_itself_leaves_no_operation_half_noted() {
    let scene = scene!(&[]);
    for round in 0..20 {
        let output = scene.probe(&format!("busy {round}")).output().unwrap();
        assert!(output.status.success());
        scene.assert_mirrored();
    }
}

#[test]
fn faults_hit_the_calls_and_files_they_are_meant_for() {
    let scene = scene!(&[]);
    let fail = |calls: &[Call], files: &[Kind], after, count, how| {
        scene.shim.fail(Fault { calls, files, after, count, how });
    };
    fail(&[Call::Write], &[Kind::Wal], 1, 2, How::Error(Errno::NoSpace));
    let given = scene.run("write x-wal 1 write x.db 1 write x-wal 1 write x-wal 1 write x-wal 1");
    assert_eq!((given.join(" ").as_str(), scene.shim.failed()), ("0 0 28 28 0", 2));
    fail(&[Call::Rename, Call::Truncate, Call::Remove], &[Kind::Other, Kind::Logs], 0, 3, How::Error(Errno::Io));
    assert_eq!(scene.run("write a 1 rename a b shorten a unlink a unlink a").join(" "), "0 5 5 5 0");
    fail(&[Call::Write], &[Kind::Logs], 0, 1, How::Short);
    scene.run("write a.log abcde");
    assert_eq!(fs::read_to_string(scene.home().join("a.log")).unwrap(), "abc");
    scene.assert_mirrored_after_the_last_run();
}

impl Scene {
    /// Each run begins its own log, so only what it touched can be compared.
    #[track_caller]
    fn assert_mirrored_after_the_last_run(&self) {
        let mut disk = self.before.clone();
        disk.replay(&self.shim.log(), &mut || 0);
        assert_eq!(text(&disk.seen(), "a.log"), text(&Tree::of(&self.home()), "a.log"));
    }
}

#[test]
fn the_clock_of_day_jumps_and_the_other_one_goes_on() {
    let scene = scene!(&[]);
    let hours = || -> Vec<i64> { scene.run("hour")[0].split(' ').map(|hour| hour.parse().unwrap()).collect() };
    let before = hours();
    scene.shim.shift_clock(50 * 3600);
    let after = hours();
    assert!((50..=51).contains(&(after[0] - before[0])), "{before:?} {after:?}");
    assert!((0..=1).contains(&(after[1] - before[1])), "{before:?} {after:?}");
}
