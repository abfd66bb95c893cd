//! What requirements.txt asks for: itself, the files it names, and what they take from the environment.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use less_project::{Env, Problem};
use sha2::{Digest, Sha256};

use super::super::python::PythonInfo;
use super::super::{Doing, Result};
use super::{FILE, Installer};

/// Options whose value is a file like the one they stand in.
const FILES: [&str; 4] = ["-r", "--requirement", "-c", "--constraint"];
/// Options whose value may be a folder.
const FOLDERS: [&str; 4] = ["-e", "--editable", "-f", "--find-links"];
/// What uv reads beside them.
const UV_SETTINGS: [&str; 2] = ["uv.toml", "pyproject.toml"];
/// Variables that an installer obeys.
const SETTINGS: [&str; 2] = ["PIP_", "UV_"];
const MOST_FILES: usize = 100;

#[derive(Debug)]
pub(super) struct Wanted {
    /// Path and text; no text for one that is not there, of which the installer tells.
    files: BTreeMap<PathBuf, Option<String>>,
    settings: BTreeMap<String, String>,
    uv_settings: Vec<Option<Vec<u8>>>,
    /// Whether an install needs more of the project than these.
    pub(super) is_local: bool,
}

impl Wanted {
    /// `None` for a project without requirements.
    pub(super) fn read(root: &Path, env: &Env) -> Result<Option<Self>> {
        if !root.join(FILE).is_file() {
            return Ok(None);
        }
        let root = &root.canonicalize().doing("open the folder", root)?;
        let uv_settings = UV_SETTINGS.map(|name| fs::read(root.join(name)).ok()).into();
        let mut wanted = Self { files: BTreeMap::new(), settings: BTreeMap::new(), uv_settings, is_local: false };
        wanted.add(root, &PathBuf::from(FILE))?;
        let texts = || wanted.files.values().flatten();
        if texts().all(|text| requirements(text).is_empty()) {
            return Ok(None);
        }
        let bears = |name: &str| {
            SETTINGS.iter().any(|prefix| name.starts_with(prefix))
                || texts().any(|text| text.contains(&format!("${{{name}}}")))
        };
        wanted.settings = env.clone().into_iter().filter(|(name, _)| bears(name)).collect();
        Ok(Some(wanted))
    }

    /// Reads a file and those it names. `path`: relative to `root`, or absolute.
    fn add(&mut self, root: &Path, path: &Path) -> Result<()> {
        // The same file by another name, or a circle, is known by where it really is.
        let real = root.join(path).canonicalize().ok();
        let path = real.as_ref().and_then(|real| real.strip_prefix(root).ok()).unwrap_or(path);
        if self.files.contains_key(path) {
            return Ok(());
        }
        if self.files.len() >= MOST_FILES {
            return Err(Problem::new(FILE, format!("names more than {MOST_FILES} files"), "put them together").into());
        }
        // A device, say, would never end.
        let text = match real.as_ref().filter(|real| real.is_file()) {
            Some(real) => Some(String::from_utf8_lossy(&fs::read(real).doing("read", real)?).into_owned()),
            None => None,
        };
        self.files.insert(path.into(), text.clone());
        for requirement in requirements(text.as_deref().unwrap_or_default()) {
            match refers(&requirement) {
                Refers::Nowhere => {}
                Refers::ToFile(file) => self.add(root, &path.with_file_name(file))?,
                Refers::ToFolder => self.is_local = true,
            }
        }
        Ok(())
    }

    pub(super) fn key(&self, installer: Installer, python: &PythonInfo) -> String {
        let mut hash = Sha256::new();
        let mut add = |name: &str, value: Option<&[u8]>| {
            // One that is missing is not one that is empty.
            let length = value.map_or(-1, |value| i64::try_from(value.len()).unwrap_or(i64::MAX));
            hash.update(format!("{} {name} {length}\n", name.len()));
            hash.update(value.unwrap_or_default());
        };
        add(installer.name(), None);
        add("python", Some(python.version.as_bytes()));
        for (path, text) in &self.files {
            add(&path.to_string_lossy(), text.as_ref().map(String::as_bytes));
        }
        for (name, value) in &self.settings {
            add(name, Some(value.as_bytes()));
        }
        if installer == Installer::Uv {
            for (name, text) in UV_SETTINGS.iter().zip(&self.uv_settings) {
                add(name, text.as_deref());
            }
        }
        hash.finalize()[..16].iter().map(|byte| format!("{byte:02x}")).collect()
    }
}

/// The lines that say something, without comments, those that go on (`\`) put together.
fn requirements(text: &str) -> Vec<String> {
    let whole = text.replace("\r\n", "\n").replace("\\\n", " ");
    let uncommented = |line: &str| {
        let comment = if line.starts_with('#') { Some(0) } else { line.find(" #").or_else(|| line.find("\t#")) };
        line[..comment.unwrap_or(line.len())].trim().to_owned()
    };
    whole.trim_start_matches('\u{feff}').lines().map(uncommented).filter(|line| !line.is_empty()).collect()
}

#[derive(Debug, PartialEq, Eq)]
enum Refers<'t> {
    Nowhere,
    ToFile(&'t str),
    ToFolder,
}

fn refers(requirement: &str) -> Refers<'_> {
    let is_url = |value: &str| value.contains("://") && !value.contains("file:");
    if let Some(file) = FILES.iter().find_map(|option| value_of(option, requirement)) {
        return if is_url(file) { Refers::Nowhere } else { Refers::ToFile(file) };
    }
    if let Some(folder) = FOLDERS.iter().find_map(|option| value_of(option, requirement)) {
        return if is_url(folder) { Refers::Nowhere } else { Refers::ToFolder };
    }
    if requirement.starts_with('-') || is_url(requirement) {
        return Refers::Nowhere;
    }
    // `requests[socks]>=2; python_version < "3.12"`: nothing of it is a path.
    let name = requirement.split([';', ' ', '[']).next().unwrap_or_default();
    let is_path = requirement.contains("file:")
        || name.starts_with('.')
        || name.contains('/')
        || [".whl", ".zip", ".tar.gz"].iter().any(|archive| name.ends_with(archive));
    if is_path { Refers::ToFolder } else { Refers::Nowhere }
}

/// `-r a`, `-ra`, `--requirement a` and `--requirement=a`.
fn value_of<'t>(option: &str, requirement: &'t str) -> Option<&'t str> {
    let value = requirement.strip_prefix(option)?;
    let is_long = option.starts_with("--");
    let ends = !is_long || value.starts_with(['=', ' ', '\t']);
    ends.then(|| value.trim_start_matches(['=', ' ', '\t']).trim_matches(['"', '\'']))
}

#[cfg(test)]
mod tests {
    use tempfile::TempDir;

    use super::*;

    #[test]
    fn lines_are_read_as_pip_reads_them() {
        let text = "\u{feff}# first\r\nrequests \\\r\n  >=2 # why\n\n  \nurl#egg=a\n";
        assert_eq!(requirements(text), ["requests    >=2", "url#egg=a"]);
    }

    #[test]
    fn what_a_requirement_refers_to() {
        for (requirement, expected) in [
            ("-r other.txt", Refers::ToFile("other.txt")),
            ("-rother.txt", Refers::ToFile("other.txt")),
            ("--requirement=sub/other.txt", Refers::ToFile("sub/other.txt")),
            ("--requirement other.txt", Refers::ToFile("other.txt")),
            ("-c \"limits.txt\"", Refers::ToFile("limits.txt")),
            ("--constraint limits.txt", Refers::ToFile("limits.txt")),
            ("-r https://example.com/r.txt", Refers::Nowhere),
            ("-e .", Refers::ToFolder),
            ("--editable=./lib", Refers::ToFolder),
            ("-e git+https://example.com/a.git#egg=a", Refers::Nowhere),
            ("--find-links wheels", Refers::ToFolder),
            ("--index-url https://example.com/simple", Refers::Nowhere),
            ("--require-hashes", Refers::Nowhere),
            ("requests", Refers::Nowhere),
            ("requests[socks] >= 2; python_version < '3.12'", Refers::Nowhere),
            ("a @ https://example.com/a.zip", Refers::Nowhere),
            ("a @ file:///tmp/a", Refers::ToFolder),
            ("file:lib", Refers::ToFolder),
            ("./lib", Refers::ToFolder),
            ("lib/a", Refers::ToFolder),
            ("a-1.0-py3-none-any.whl", Refers::ToFolder),
        ] {
            assert_eq!(refers(requirement), expected, "{requirement}");
        }
    }

    #[test]
    fn the_key_changes_with_what_is_installed_and_with_nothing_else() {
        let root = TempDir::new().unwrap();
        let write = |name: &str, text: &str| {
            fs::create_dir_all(root.path().join(name).parent().unwrap()).unwrap();
            fs::write(root.path().join(name), text).unwrap();
        };
        let python = |version: &str| PythonInfo {
            version: version.into(),
            executable: "/usr/bin/python3".into(),
            makes_environments: true,
        };
        let key_of = |installer, version, env: &Env| {
            Wanted::read(root.path(), env).unwrap().unwrap().key(installer, &python(version))
        };
        let key = || key_of(Installer::Pip, "3.11.7", &Env::new());
        write("requirements.txt", "requests\n-r sub/more.txt\n--index-url https://${TOKEN}@example.com\n");
        let mut keys = vec![key()];
        write("sub/more.txt", "-c limits.txt\nflask");
        keys.push(key());
        write("sub/limits.txt", "");
        keys.push(key());
        write("sub/limits.txt", "flask<3\n-r ../requirements.txt");
        keys.push(key());
        write("uv.toml", "");
        write("limits.txt", "not this one");
        let env = |name: &str| Env::from([(name.to_owned(), "x".to_owned())]);
        assert_eq!(key_of(Installer::Pip, "3.11.7", &env("OTHER")), keys[3]);
        keys.push(key_of(Installer::Pip, "3.11.7", &env("TOKEN")));
        keys.push(key_of(Installer::Pip, "3.11.7", &env("PIP_INDEX_URL")));
        keys.push(key_of(Installer::Pip, "3.12.7", &Env::new()));
        keys.push(key_of(Installer::Uv, "3.11.7", &Env::new()));
        write("uv.toml", "[pip]");
        keys.push(key_of(Installer::Uv, "3.11.7", &Env::new()));
        assert_eq!(keys.iter().collect::<std::collections::BTreeSet<_>>().len(), keys.len());
    }

    #[test]
    fn nothing_is_wanted_without_requirements() {
        let root = TempDir::new().unwrap();
        assert!(Wanted::read(root.path(), &Env::new()).unwrap().is_none());
        fs::write(root.path().join(FILE), "# later\n\n").unwrap();
        assert!(Wanted::read(root.path(), &Env::new()).unwrap().is_none());
    }
}
