//! Puts the Node SDK into the binary: a table of its files, so that no list of them is kept by hand.

use std::fmt::Write;
use std::path::{Path, PathBuf};
use std::{env, fs, io};

fn main() -> io::Result<()> {
    let root = PathBuf::from(variable("CARGO_MANIFEST_DIR")?).join("../../sdk/node").canonicalize()?;
    let mut table = String::from("&[\n");
    add(&root, "", &mut table)?;
    table.push_str("]\n");
    println!("cargo::rerun-if-changed={}", root.display());
    fs::write(Path::new(&variable("OUT_DIR")?).join("sdk_node.rs"), table)
}

/// Adds what a worker needs of a folder, in order of names: not the tests and their means.
fn add(folder: &Path, prefix: &str, table: &mut String) -> io::Result<()> {
    let mut entries = fs::read_dir(folder)?.collect::<io::Result<Vec<_>>>()?;
    entries.sort_by_key(fs::DirEntry::file_name);
    for entry in entries {
        let file_name = entry.file_name();
        let Some(name) = file_name.to_str() else { continue };
        let path = entry.path();
        if path.is_dir() && !name.starts_with('.') && !["test", "testing", "node_modules"].contains(&name) {
            add(&path, &format!("{prefix}{name}/"), table)?;
        } else if [".js", ".cjs", ".mjs", "package.json"].iter().any(|end| name.ends_with(end)) {
            writeln!(table, "({:?}, include_bytes!({path:?})),", format!("{prefix}{name}"))
                .map_err(io::Error::other)?;
        }
    }
    Ok(())
}

fn variable(name: &str) -> io::Result<String> {
    env::var(name).map_err(io::Error::other)
}
