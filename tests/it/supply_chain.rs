//! What is built into Less and into its examples: whose it is, under which licence, and what it does while it is built.
//! A new dependency passes, or somebody has looked at it and written here why it may.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use less_tests::harness::repository;
use serde_json::Value;

/// They ask for a notice at most.
const LICENCES: [&str; 12] = [
    "0BSD",
    "Apache-2.0",
    "Apache-2.0 WITH LLVM-exception",
    "BSD-2-Clause",
    "BSD-3-Clause",
    "BSL-1.0",
    "CC0-1.0",
    "ISC",
    "MIT",
    "Unicode-3.0",
    "Unlicense",
    "Zlib",
];
/// The only place that packages come from; as Cargo.lock names it.
const CRATES: &str = "registry+https://github.com/rust-lang/crates.io-index";
/// Crates in two versions, and why.
const TWICE: [(&str, &str); 3] = [
    ("base64", "tokio-websockets has not moved to 0.23 yet; what it does with it, a handshake, we do ourselves"),
    ("embedded-io", "optional to postcard, which oxc-browserslist needs; named in Cargo.lock, neither is compiled"),
    ("syn", "derive macros move to 3 one after the other; only compile time"),
];
/// Crates with a build script. They ask the compiler what it can, generate or include code, or compile C that they bring
/// along (libsqlite3-sys: SQLite). The test searches them for words of what fetches something; it does not understand them.
const BUILD_SCRIPTS: [&str; 27] = [
    "anyhow",
    "cookie",
    "crc32fast",
    "dragonbox_ecma",
    "getrandom",
    "httparse",
    "icu_locale_fallback_data",
    "icu_normalizer_data",
    "icu_properties_data",
    "icu_segmenter_data",
    "less-server",
    "libc",
    "libsqlite3-sys",
    "mime_guess",
    "num-traits",
    "oxc_sourcemap",
    "parking_lot_core",
    "portable-atomic",
    "proc-macro2",
    "quote",
    "rustix",
    "rustversion",
    "serde",
    "serde_core",
    "serde_json",
    "thiserror",
    "zmij",
];

/// Everything that Cargo.lock names for Linux: what is compiled, and what is optional to it.
fn packages() -> Vec<Value> {
    let mut cargo = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    cargo.args(["metadata", "--locked", "--format-version", "1", "--filter-platform", "x86_64-unknown-linux-gnu"]);
    let output = cargo.current_dir(repository("")).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let metadata: Value = serde_json::from_slice(&output.stdout).unwrap();
    metadata["packages"].as_array().unwrap().clone()
}

fn text<'v>(package: &'v Value, field: &str) -> &'v str {
    package[field].as_str().unwrap_or_default()
}

#[test]
fn every_crate_is_free_to_use_and_from_the_usual_place() {
    let packages = packages();
    assert!(packages.len() > 50, "{} packages", packages.len());
    for package in &packages {
        let (name, licence) = (text(package, "name"), text(package, "license"));
        assert!(is_allowed(licence), "{name} has the licence {licence:?}");
        match package["source"].as_str() {
            Some(source) => assert_eq!(source, CRATES, "{name}"),
            None => assert!(Path::new(text(package, "manifest_path")).starts_with(repository("")), "{name}"),
        }
    }
}

#[test]
fn no_crate_is_there_twice_without_a_reason() {
    let mut versions: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for package in packages() {
        let (name, version) = (text(&package, "name"), text(&package, "version"));
        versions.entry(name.to_owned()).or_default().insert(compatible(version));
    }
    versions.retain(|_, versions| versions.len() > 1);
    let twice: Vec<&str> = versions.keys().map(String::as_str).collect();
    let known = TWICE.map(|(name, _reason)| name);
    assert_eq!(twice, known, "a new one needs a reason in TWICE, one that is gone leaves it: {versions:?}");
}

#[test]
fn every_build_script_is_a_known_one_and_has_no_word_of_fetching_anything() {
    let builds = |package: &&Value| {
        let targets = package["targets"].as_array().unwrap();
        targets.iter().any(|target| target["kind"].as_array().unwrap().contains(&"custom-build".into()))
    };
    let packages = packages();
    let names: BTreeSet<&str> = packages.iter().filter(builds).map(|package| text(package, "name")).collect();
    assert_eq!(names, BUILD_SCRIPTS.into(), "read a new one's build.rs, then add it to BUILD_SCRIPTS");
    for package in packages.iter().filter(builds) {
        let targets = package["targets"].as_array().unwrap().iter();
        for script in targets.filter(|target| target["kind"][0] == "custom-build") {
            let path = text(script, "src_path");
            let source = fs::read_to_string(path).unwrap();
            let loads = ["TcpStream", "ureq", "reqwest", "curl", "wget", "download"];
            let found: Vec<_> = loads.iter().filter(|word| source.contains(**word)).collect();
            assert_eq!(found, [&""; 0], "{path}");
        }
    }
}

/// The versions that a newer one of them may replace: `1`, `0.4`.
fn compatible(version: &str) -> String {
    let parts: Vec<&str> = version.split('.').collect();
    if parts[0] == "0" { parts[..2].join(".") } else { parts[0].to_owned() }
}

/// Whether an SPDX expression leaves a way to use it: `(MIT OR Apache-2.0) AND Unicode-3.0`. Some old ones have `/`
/// for `OR`.
fn is_allowed(expression: &str) -> bool {
    let spaced =
        expression.replace('/', " OR ").replace('(', " ( ").replace(')', " ) ").replace(" WITH ", "\u{a0}WITH\u{a0}");
    let words: Vec<&str> = spaced.split(' ').filter(|word| !word.is_empty()).collect();
    let mut words = words.into_iter().peekable();
    let allowed = any(&mut words);
    allowed && words.next().is_none()
}

type Words<'w> = std::iter::Peekable<std::vec::IntoIter<&'w str>>;

fn any(words: &mut Words<'_>) -> bool {
    let mut allowed = all(words);
    while words.next_if_eq(&"OR").is_some() {
        allowed |= all(words);
    }
    allowed
}

fn all(words: &mut Words<'_>) -> bool {
    let mut allowed = one(words);
    while words.next_if_eq(&"AND").is_some() {
        allowed &= one(words);
    }
    allowed
}

fn one(words: &mut Words<'_>) -> bool {
    match words.next() {
        Some("(") => any(words) & words.next_if_eq(&")").is_some(),
        Some(licence) => LICENCES.contains(&licence.replace('\u{a0}', " ").as_str()),
        None => false,
    }
}

#[test]
fn a_licence_is_read_as_it_is_meant() {
    for expression in ["MIT", "MIT/GPL-3.0", "GPL-3.0 OR (MIT AND ISC)", "Apache-2.0 WITH LLVM-exception OR X", "(MIT)"]
    {
        assert!(is_allowed(expression), "{expression}");
    }
    for expression in ["", "GPL-3.0", "MIT AND GPL-3.0", "(MIT OR ISC) AND X", "MIT WITH X", "(MIT", "MIT)", "MIT ISC"]
    {
        assert!(!is_allowed(expression), "{expression}");
    }
}

#[test]
fn the_examples_packages_are_pinned_by_hash_and_run_nothing_while_they_are_installed() {
    let locks = files(&repository("examples"), "package-lock.json");
    assert!(!locks.is_empty());
    for lock in locks {
        let read: Value = serde_json::from_slice(&fs::read(&lock).unwrap()).unwrap();
        let packages = read["packages"].as_object().unwrap();
        for (name, package) in packages.iter().filter(|(name, _)| !name.is_empty()) {
            let told = format!("{name} in {}", lock.display());
            assert!(text(package, "integrity").starts_with("sha512-"), "{told} is not pinned");
            assert_eq!(package["hasInstallScript"], Value::Null, "{told} runs a script");
            let from = text(package, "resolved");
            assert!(from.is_empty() || from.starts_with("https://registry.npmjs.org/"), "{told} comes from {from}");
        }
    }
    for manifest in files(&repository("sdk"), "package.json") {
        let package: Value = serde_json::from_slice(&fs::read(&manifest).unwrap()).unwrap();
        assert_eq!(package["dependencies"], Value::Null, "{}", manifest.display());
        for script in ["preinstall", "install", "postinstall", "prepare"] {
            assert_eq!(package["scripts"][script], Value::Null, "{script} in {}", manifest.display());
        }
    }
}

fn files(folder: &Path, name: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() && !path.ends_with("node_modules") {
            found.extend(files(&path, name));
        } else if path.ends_with(name) {
            found.push(path);
        }
    }
    found
}
