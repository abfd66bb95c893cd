//! Every input in `corpus/` through its target: what once broke, and what reaches far.

use std::collections::BTreeMap;
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};

use parking_lot::Mutex;

/// What each target is at.
static AT: Mutex<BTreeMap<&str, PathBuf>> = Mutex::new(BTreeMap::new());

fn replay(name: &'static str) {
    let target = less_fuzz::target(name).expect("a target");
    // A panic of another thread (the store's writer, a log's) must fail the test, too; and say where.
    std::panic::set_hook(Box::new(|panic| {
        writeln!(std::io::stderr(), "{panic}\nat one of {:#?}", AT.lock()).ok();
        std::process::abort();
    }));
    for input in inputs(name) {
        let bytes = fs::read(&input).expect("an input");
        AT.lock().insert(name, input);
        target(&bytes);
    }
    AT.lock().remove(name);
}

fn inputs(name: &str) -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus").join(name);
    let entries = fs::read_dir(folder).expect("its inputs");
    let mut inputs: Vec<PathBuf> = entries.map(|entry| entry.expect("an input").path()).collect();
    inputs.sort();
    assert!(!inputs.is_empty(), "nothing for {name}");
    inputs
}

macro_rules! replays {
    ($($name:ident)*) => {
        $(#[test]
        fn $name() {
            replay(stringify!($name));
        })*

        #[test]
        fn every_target_has_its_inputs() {
            assert_eq!(less_fuzz::TARGETS.map(|(name, _)| name), [$(stringify!($name)),*]);
        }
    };
}

replays! { config cron frames http logs routes sites snapshot sockets store_bytes store_rows }
