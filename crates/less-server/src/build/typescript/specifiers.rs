//! What TypeScript lets one write after `from`, as Node.js wants it.
//!
//! `./helper`, `./helper.ts` and `./folder` are found by TypeScript and by `require`, but an ES module must name the
//! file: `./helper.js`, `./folder/index.js`. The same with files of shared modules and packages (`models/user`).

use std::fs;
use std::path::{Path, PathBuf};

pub(super) struct Specifiers {
    /// `less/shared`; a folder in it is a module by its name.
    pub(super) shared: PathBuf,
    /// The project's `node_modules`.
    pub(super) packages: PathBuf,
}

/// What a specifier is given to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Given {
    /// `import`, `export … from`, `import()`: in both kinds of modules.
    Import,
    /// `require()`, which looks for extensions and folders itself, but takes a `.ts` for JavaScript.
    Require,
}

impl Specifiers {
    /// The specifier to use instead; `None` when it is good as it is, or names nothing that is there.
    pub(super) fn instead(&self, given: Given, specifier: &str, folder: &Path) -> Option<String> {
        let is_relative =
            specifier == "." || specifier == ".." || specifier.starts_with("./") || specifier.starts_with("../");
        let target = if is_relative { folder.join(specifier) } else { self.in_module(specifier)? };
        match without_ts(specifier) {
            Some(stem) if is_relative && target.is_file() => Some(format!("{stem}.js")),
            _ if given == Given::Import => completed(specifier, &target),
            _ => None,
        }
    }

    /// The file that is meant by `models/user` or `@scope/package/file`, without its extension.
    fn in_module(&self, specifier: &str) -> Option<PathBuf> {
        let is_bare = !specifier.contains([':', '\\', '?']) && !specifier.starts_with(['.', '/', '#']);
        let slashes = if specifier.starts_with('@') { 1 } else { 0 };
        let (end, _) = specifier.match_indices('/').nth(slashes).filter(|_| is_bare)?;
        let (module, file) = (&specifier[..end], &specifier[end + 1..]);
        let shared = self.shared.join(module);
        let folder = if shared.is_dir() { shared } else { self.packages.join(module) };
        // Then the names of its files are not what is meant.
        (!file.is_empty() && !has_exports(&folder)).then(|| folder.join(file))
    }
}

fn without_ts(specifier: &str) -> Option<&str> {
    specifier.strip_suffix(".ts").filter(|stem| !stem.ends_with(".d"))
}

fn completed(specifier: &str, target: &Path) -> Option<String> {
    let names_folder = specifier.ends_with('/') || specifier.ends_with('.');
    if !names_folder {
        if target.is_file() {
            return None;
        }
        if ["ts", "js"].iter().any(|extension| with_more(target, extension).is_file()) {
            return Some(format!("{specifier}.js"));
        }
    }
    let has_index = ["index.ts", "index.js"].iter().any(|index| target.join(index).is_file());
    has_index.then(|| format!("{}/index.js", specifier.trim_end_matches('/')))
}

/// `user.service` → `user.service.ts`: what follows a dot need not be an extension.
fn with_more(target: &Path, extension: &str) -> PathBuf {
    let mut name = target.to_owned().into_os_string();
    name.push(".");
    name.push(extension);
    name.into()
}

fn has_exports(folder: &Path) -> bool {
    let text = fs::read(folder.join("package.json")).unwrap_or_default();
    serde_json::from_slice::<serde_json::Value>(&text).is_ok_and(|package| package.get("exports").is_some())
}

#[cfg(test)]
mod tests {
    use tempfile::TempDir;

    use super::Given::{Import, Require};
    use super::*;

    const FILES: [&str; 15] = [
        "less/apis/a/get.ts",
        "less/apis/a/helper.ts",
        "less/apis/a/plain.js",
        "less/apis/a/both.ts",
        "less/apis/a/both/index.ts",
        "less/apis/a/user.service.ts",
        "less/apis/a/types.d.ts",
        "less/apis/a/data.json",
        "less/apis/a/folder/index.ts",
        "less/apis/b.js/index.js",
        "less/shared/models/user.ts",
        "less/shared/models/sub/index.js",
        "less/shared/closed/user.ts",
        "packages/dayjs/plugin/utc.js",
        "packages/@scope/package/file.js",
    ];

    #[test]
    fn specifiers_become_what_node_finds() {
        let root = TempDir::new().unwrap();
        for file in FILES {
            let path = root.path().join(file);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, "").unwrap();
        }
        fs::write(root.path().join("less/shared/closed/package.json"), r#"{"exports": "./user.ts"}"#).unwrap();
        let specifiers = Specifiers { shared: root.path().join("less/shared"), packages: root.path().join("packages") };
        let instead = |given, specifier| specifiers.instead(given, specifier, &root.path().join("less/apis/a"));
        for (given, specifier, expected) in [
            (Import, "./helper", Some("./helper.js")),
            (Import, "./helper.ts", Some("./helper.js")),
            (Import, "./helper.js", None),
            (Import, "../a/helper", Some("../a/helper.js")),
            (Import, "./plain", Some("./plain.js")),
            (Import, "./plain.js", None),
            (Import, "./both", Some("./both.js")),
            (Import, "./both/", Some("./both/index.js")),
            (Import, "./folder", Some("./folder/index.js")),
            (Import, "./folder/", Some("./folder/index.js")),
            (Import, "./folder/.", Some("./folder/./index.js")),
            (Import, "./folder/index", Some("./folder/index.js")),
            (Import, "../b.js", Some("../b.js/index.js")),
            (Import, "./user.service", Some("./user.service.js")),
            (Import, "./data.json", None),
            (Import, "./types", None),
            (Import, "./types.d.ts", None),
            (Import, "./missing", None),
            (Import, "./missing.ts", None),
            (Import, ".", None),
            (Import, "models", None),
            (Import, "models/user", Some("models/user.js")),
            (Import, "models/sub", Some("models/sub/index.js")),
            (Import, "models/missing", None),
            (Import, "closed/user", None),
            (Import, "dayjs/plugin/utc", Some("dayjs/plugin/utc.js")),
            (Import, "dayjs/plugin/utc.js", None),
            (Import, "@scope/package", None),
            (Import, "@scope/package/file", Some("@scope/package/file.js")),
            (Import, "node:fs/promises", None),
            (Import, "fs/promises", None),
            (Import, "#internal/a", None),
            (Import, "/helper", None),
            (Import, "", None),
            (Require, "./helper", None),
            (Require, "./helper.ts", Some("./helper.js")),
            (Require, "./folder", None),
            (Require, "models/user", None),
        ] {
            assert_eq!(instead(given, specifier).as_deref(), expected, "{given:?} {specifier}");
        }
        let folder = root.path().join("less/apis/a/folder");
        assert_eq!(specifiers.instead(Import, ".", &folder).as_deref(), Some("./index.js"));
        fs::create_dir(folder.join("inner")).unwrap();
        assert_eq!(specifiers.instead(Import, "..", &folder.join("inner")).as_deref(), Some("../index.js"));
    }
}
