//! The load generator against a fake system that loses an order, runs a handler twice, or stops for a while.
#![cfg(test)]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use less_bench::results::{Measurement, Results};
use tempfile::TempDir;

/// A repository whose only system is the fake one, on a disk, as the benchmark wants it.
struct Repository {
    folder: TempDir,
}

impl Repository {
    fn new() -> Self {
        let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
        let system = folder.path().join("bench/systems/less");
        fs::create_dir_all(&system).unwrap();
        let fake = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fake.mjs");
        fs::copy(fake, system.join("start.mjs")).unwrap();
        fs::write(folder.path().join("bench/systems/systems.json"), r#"{ "less": { "title": "fake" } }"#).unwrap();
        fs::write(folder.path().join("less-cli"), "").unwrap();
        Self { folder }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Measures workflows of the fake system once.
    fn measure(&self, args: &[&str], environment: &[(&str, &str)]) -> (Output, Measurement) {
        self.measure_after("0", args, environment)
    }

    fn measure_after(&self, warm_up: &str, args: &[&str], environment: &[(&str, &str)]) -> (Output, Measurement) {
        let output = Command::new(env!("CARGO_BIN_EXE_less-bench"))
            .args(["workflow", "--rounds", "1", "--seconds", "1", "--warm-up", warm_up, "--patience", "5"])
            .args(args)
            .arg("--root")
            .arg(self.folder.path())
            .arg("--state")
            .arg(self.path("state"))
            .arg("--out")
            .arg(self.path("results.json"))
            .env("LESS_CLI", self.path("less-cli"))
            .envs(environment.iter().copied())
            .output()
            .unwrap();
        let results = Results::read(&self.path("results.json"))
            .unwrap_or_else(|error| panic!("{error:#}: {}", String::from_utf8_lossy(&output.stderr)));
        let measurement = results.measurements.into_iter().next_back().unwrap();
        (output, measurement)
    }
}

fn stderr(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

#[test]
fn a_system_that_completes_everything_passes() {
    let (output, measurement) = Repository::new().measure(&["--in-flight", "16"], &[]);
    assert!(output.status.success(), "{}", stderr(&output));
    assert_eq!(measurement.wrong, None);
    let figures = &measurement.figures;
    assert!(figures["completed"] > 16.0 && figures["complete_per_s"] > 16.0, "{figures:?}");
    assert!(!figures.contains_key("duplicated"), "{figures:?}");
    assert!(figures["workflow_p50_ms"] > 0.0 && figures["front_peak_mib"] > 1.0, "{figures:?}");
}

#[test]
fn a_lost_order_is_named_and_fails_the_run() {
    let lost = ("FAKE_LOSES", "20");
    let (output, measurement) = Repository::new().measure(&["--rate", "1000"], &[lost]);
    assert!(!output.status.success());
    let wrong = measurement.wrong.unwrap();
    assert!(wrong.starts_with("1 of ") && wrong.ends_with(" accepted orders are not complete: 20"), "{wrong}");
    assert!(stderr(&output).contains("WRONG: workflow, less"), "{}", stderr(&output));
}

#[test]
fn an_order_that_is_lost_while_warming_up_is_lost_all_the_same() {
    let args = ["--in-flight", "4"];
    let (output, measurement) = Repository::new().measure_after("0.2", &args, &[("FAKE_LOSES", "0")]);
    assert!(!output.status.success());
    let wrong = measurement.wrong.unwrap();
    assert!(wrong.contains("warmed up") && wrong.ends_with(": 0"), "{wrong}");
}

#[test]
fn a_handler_that_runs_twice_is_counted_and_loses_nothing() {
    let twice = ("FAKE_DUPLICATES", "20");
    let (output, measurement) = Repository::new().measure(&["--rate", "1000"], &[twice]);
    assert!(output.status.success(), "{}", stderr(&output));
    assert!((measurement.figures["duplicated"] - 1.0).abs() < 1e-9, "{:?}", measurement.figures);
}

#[test]
fn a_stall_is_paid_by_every_request_that_it_delayed_not_by_one() {
    let stall = [("FAKE_STALLS", "20")];
    let args = ["--rate", "500"];
    let (_, steady) = Repository::new().measure(&args, &stall);
    // 150 of 500 requests were due during the 300 ms: 99 of 100 is far into them, whatever else the machine does.
    assert!(steady.figures["answer_p99_ms"] > 200.0, "{:?}", steady.figures);
    assert!(steady.figures["completed"] > 50.0, "{:?}", steady.figures);
}

#[test]
fn the_end_of_the_benchmark_is_the_end_of_its_systems() {
    let repository = Repository::new();
    let mut bench = Command::new(env!("CARGO_BIN_EXE_less-bench"))
        .args(["workflow", "--rounds", "1", "--seconds", "60"])
        .arg("--root")
        .arg(repository.folder.path())
        .arg("--state")
        .arg(repository.path("state"))
        .stderr(std::process::Stdio::null())
        .spawn()
        .unwrap();
    let runs = || {
        let all = fs::read_dir("/proc").unwrap().flatten();
        let lines = all.filter_map(|entry| fs::read(entry.path().join("cmdline")).ok());
        let name = repository.path("bench/systems/less/start.mjs");
        lines.filter(|line| String::from_utf8_lossy(line).contains(&*name.to_string_lossy())).count()
    };
    // The guard and the system.
    eventually(|| runs() == 2);
    bench.kill().unwrap();
    bench.wait().unwrap();
    eventually(|| runs() == 0);
}

fn eventually(holds: impl Fn() -> bool) {
    let begun = std::time::Instant::now();
    while !holds() {
        assert!(begun.elapsed().as_secs() < 60, "it has not come to be so");
        std::thread::sleep(std::time::Duration::from_millis(10));
    }
}
