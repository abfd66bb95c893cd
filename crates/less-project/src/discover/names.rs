//! Names of resources: each by itself, and beside its siblings.

use std::collections::BTreeMap;

use super::walk::Folder;
use crate::name;
use crate::problem::Findings;

/// Checks the folders of one level, each of which names a resource.
pub(super) fn check_level<'a>(folders: impl Iterator<Item = &'a Folder> + Clone, found: &mut Findings) {
    for folder in folders.clone() {
        if let Err(bad) = name::check(&folder.name) {
            found.problem(&folder.path, bad.message, bad.hint);
        }
    }
    check_siblings(folders, found);
}

/// Two names that people, handlers or file systems would take for one.
pub(super) fn check_siblings<'a>(folders: impl Iterator<Item = &'a Folder>, found: &mut Findings) {
    let mut seen: BTreeMap<String, &str> = BTreeMap::new();
    for folder in folders {
        let name = folder.name.as_str();
        let alike = if name::param(name).is_some() { "{}".into() } else { name.to_lowercase().replace('-', "_") };
        let Some(first) = seen.get(&alike) else {
            seen.insert(alike, name);
            continue;
        };
        if alike == "{}" {
            let message = format!("answers the same paths as `{first}` beside it");
            found.problem(&folder.path, message, "keep one; a path may have only one name for a variable");
        } else if first.to_lowercase() == name.to_lowercase() {
            let message = format!("differs from `{first}` beside it in capital letters only");
            found.problem(&folder.path, message, "rename one; many file systems take them for one");
        } else {
            let message = format!("is taken for `{first}` beside it: handlers may write - as _");
            found.problem(&folder.path, message, "rename one");
        }
    }
}
