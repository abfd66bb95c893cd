//! Makes an unpacked project's folder one in which Node finds what handlers import.
//!
//! ```text
//! <root>/node_modules                      → the dependency cache
//! <root>/less/package.json                   {}: the syntax of a .js below decides what it is
//! <root>/less/node_modules/@chuva.io/less  → the SDK, so it wins over a package of this name
//! <root>/less/node_modules/<shared>        → ../shared/<shared>, likewise
//! ```
//! Node resolves links to what they point to: the SDK and every package are loaded once, from where they really are.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use super::package_json::PackageJson;
use super::{Doing, Result};

/// Prepares the project in `root`, fresh from its snapshot. Nothing is synced: that is for whoever makes it count.
///
/// `shared` are the folders of `less/shared`; `node_modules` is what [`super::dependencies::install`] returned.
pub(super) fn prepare(root: &Path, sdk: &Path, shared: &[String], node_modules: Option<&Path>) -> Result<()> {
    let less = root.join("less");
    for entry in read_dir(&less)? {
        // Sites are served as they are.
        if entry.is_dir() && !entry.ends_with("statics") {
            correct_packages(root, &entry)?;
        }
    }
    let package = less.join("package.json");
    fs::write(&package, "{}\n").doing("write", &package)?;
    let modules = less.join("node_modules");
    link_sdk(root, sdk)?;
    for name in shared {
        link(&Path::new("../shared").join(name), &modules.join(name))?;
    }
    if let Some(packages) = node_modules {
        link(packages, &root.join("node_modules"))?;
    }
    Ok(())
}

/// Links the SDK, instead of the one that an earlier version of this server linked.
pub(super) fn link_sdk(root: &Path, sdk: &Path) -> Result<()> {
    let scope = root.join("less/node_modules/@chuva.io");
    fs::create_dir_all(&scope).doing("make the folder", &scope)?;
    let at = scope.join("less");
    match fs::read_link(&at) {
        Ok(linked) if linked == sdk => return Ok(()),
        Ok(_) => fs::remove_file(&at).doing("remove", &at)?,
        Err(_) => {}
    }
    link(sdk, &at)
}

fn link(target: &Path, at: &Path) -> Result<()> {
    symlink(target, at).doing("make the link", at)
}

fn read_dir(folder: &Path) -> Result<Vec<PathBuf>> {
    let entries = fs::read_dir(folder).and_then(|entries| entries.map(|entry| Ok(entry?.path())).collect());
    entries.doing("read the folder", folder)
}

/// Takes `"type"` out of every package.json below, so that it does not decide what a `.js` is, and makes a `"main"` in
/// TypeScript the `.js` that was made of it.
fn correct_packages(root: &Path, folder: &Path) -> Result<()> {
    for path in read_dir(folder)? {
        if path.is_dir() {
            correct_packages(root, &path)?;
        } else if path.ends_with("package.json") {
            correct_package(root, &path)?;
        }
    }
    Ok(())
}

fn correct_package(root: &Path, path: &Path) -> Result<()> {
    let name = path.strip_prefix(root).unwrap_or(path).to_string_lossy();
    let package = PackageJson::parse(&fs::read(path).doing("read", path)?, &name)?;
    let main = package.text("main").and_then(|main| Some(format!("{}.js", main.strip_suffix(".ts")?)));
    if package.get("type").is_none() && main.is_none() {
        return Ok(());
    }
    let package = package.without("type");
    let package = match main {
        Some(main) => package.with_text("main", &main),
        None => package,
    };
    fs::write(path, package.to_text()).doing("write", path)
}

#[cfg(test)]
#[path = "version_tests.rs"]
mod tests;
