//! Puts the SDKs into the binary: a table of the files of each, so that no list of them is kept by hand.

use std::fmt::Write;
use std::path::{Path, PathBuf};
use std::{env, fs, io};

/// What a worker does not need.
const LEFT_OUT: [&str; 6] = ["test", "tests", "testing", "bench", "node_modules", "__pycache__"];

fn main() -> io::Result<()> {
    let sdk = PathBuf::from(variable("CARGO_MANIFEST_DIR")?).join("../../sdk").canonicalize()?;
    write_table(&sdk.join("node"), &[".js", ".cjs", ".mjs", ".d.ts", "package.json"], "sdk_node.rs")?;
    write_table(&sdk.join("python"), &[".py"], "sdk_python.rs")
}

fn write_table(folder: &Path, ends: &[&str], table_name: &str) -> io::Result<()> {
    let mut table = String::from("&[\n");
    add(folder, "", ends, &mut table)?;
    table.push_str("]\n");
    println!("cargo::rerun-if-changed={}", folder.display());
    fs::write(Path::new(&variable("OUT_DIR")?).join(table_name), table)
}

/// Adds what a worker needs of a folder, in order of names.
fn add(folder: &Path, prefix: &str, ends: &[&str], table: &mut String) -> io::Result<()> {
    let mut entries = fs::read_dir(folder)?.collect::<io::Result<Vec<_>>>()?;
    entries.sort_by_key(fs::DirEntry::file_name);
    for entry in entries {
        let file_name = entry.file_name();
        let Some(name) = file_name.to_str() else { continue };
        let path = entry.path();
        if path.is_dir() {
            if !name.starts_with('.') && !LEFT_OUT.contains(&name) {
                add(&path, &format!("{prefix}{name}/"), ends, table)?;
            }
        } else if ends.iter().any(|end| name.ends_with(end)) {
            writeln!(table, "({:?}, include_bytes!({path:?})),", format!("{prefix}{name}"))
                .map_err(io::Error::other)?;
        }
    }
    Ok(())
}

fn variable(name: &str) -> io::Result<String> {
    env::var(name).map_err(io::Error::other)
}
