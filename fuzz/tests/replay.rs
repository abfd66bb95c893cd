//! Every input in `corpus/` through its target: what once broke, and what reaches far.

use std::fs;
use std::path::{Path, PathBuf};

fn replay(name: &str) {
    let target = less_fuzz::target(name).unwrap();
    // A panic of another thread (the store's writer, a log's) must fail the test, too.
    std::panic::set_hook(Box::new(|panic| {
        eprintln!("{panic}");
        std::process::abort();
    }));
    for input in inputs(name) {
        eprintln!("{}", input.display());
        target(&fs::read(&input).unwrap());
    }
}

fn inputs(name: &str) -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus").join(name);
    let mut inputs: Vec<PathBuf> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
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

replays! { config cron frames http logs routes snapshot store_bytes store_rows }
