//! `less/shared/<module>/`: code that every handler can load by the module's name.

use std::collections::BTreeSet;

use serde_json::Value;

use super::names;
use super::walk::Folder;
use crate::name::BadName;
use crate::problem::Findings;
use crate::{Language, ResourceName};

/// Node.js modules that are found before any other of the same name.
const NODE: &str = "assert async_hooks buffer child_process cluster console constants crypto dgram \
    diagnostics_channel dns domain events fs http http2 https inspector module net os path perf_hooks process punycode \
    querystring readline repl stream string_decoder sys timers tls trace_events tty url util v8 vm wasi \
    worker_threads zlib";

/// Python's standard library, as of 3.11: the last with those that later ones have dropped.
const PYTHON: &str = "abc aifc antigravity argparse array ast asynchat asyncio asyncore atexit audioop base64 bdb binascii bisect \
    builtins bz2 cProfile calendar cgi cgitb chunk cmath cmd code codecs codeop collections colorsys compileall \
    concurrent configparser contextlib contextvars copy copyreg crypt csv ctypes curses dataclasses datetime dbm \
    decimal difflib dis distutils doctest email encodings ensurepip enum errno faulthandler fcntl filecmp fileinput \
    fnmatch fractions ftplib functools gc genericpath getopt getpass gettext glob graphlib grp gzip hashlib heapq \
    hmac html http idlelib imaplib imghdr imp importlib inspect io ipaddress itertools json keyword lib2to3 \
    linecache locale logging lzma mailbox mailcap marshal math mimetypes mmap modulefinder msilib msvcrt \
    multiprocessing netrc nis nntplib nt ntpath nturl2path numbers opcode operator optparse os ossaudiodev pathlib \
    pdb pickle pickletools pipes pkgutil platform plistlib poplib posix posixpath pprint profile pstats pty pwd \
    py_compile pyclbr pydoc pydoc_data pyexpat queue quopri random re readline reprlib resource rlcompleter runpy \
    sched secrets select selectors shelve shlex shutil signal site smtpd smtplib sndhdr socket socketserver spwd \
    sqlite3 sre_compile sre_constants sre_parse ssl stat statistics string stringprep struct subprocess sunau \
    symtable sys sysconfig syslog tabnanny tarfile telnetlib tempfile termios textwrap this threading time timeit \
    tkinter token tokenize tomllib trace traceback tracemalloc tty turtle turtledemo types typing unicodedata \
    unittest urllib uu uuid venv warnings wave weakref webbrowser winreg winsound wsgiref xdrlib xml xmlrpc zipapp \
    zipfile zipimport zlib zoneinfo";

/// What Python handlers import to publish, and more.
const PYTHON_SDK: &str = "less";

const DASH: &str = "Python handlers cannot import it: there is a - in its name";

/// Where npm looks for the packages a project uses.
const DEPENDENCIES: [&str; 4] = ["dependencies", "devDependencies", "optionalDependencies", "peerDependencies"];

/// What else a module may be taken for.
pub(super) struct Surroundings<'a> {
    /// Of the handlers; a module only has to get along with these.
    pub(super) languages: BTreeSet<Language>,
    pub(super) package: Option<&'a Value>,
    pub(super) requirements: &'a str,
}

/// The names of the modules.
pub(super) fn read(shared: &Folder, around: &Surroundings<'_>, found: &mut Findings) -> Vec<String> {
    names::check_level(shared.folders.iter(), found);
    super::warn_of_files(shared, "a shared module", found);
    let node = [Language::JavaScript, Language::TypeScript].iter().any(|language| around.languages.contains(language));
    for module in &shared.folders {
        if node {
            check_for_node(module, around.package, found);
        }
        if around.languages.contains(&Language::Python) {
            check_for_python(module, around.requirements, found);
        }
    }
    shared.folders.iter().map(|module| module.name.clone()).collect()
}

fn check_for_node(module: &Folder, package: Option<&Value>, found: &mut Findings) {
    let name = module.name.as_str();
    if let Err(bad) = name_for_node(name) {
        found.problem(&module.path, bad.message, bad.hint);
    }
    let is_package = |list: &str| package.and_then(|package| package.get(list)?.get(name)).is_some();
    if DEPENDENCIES.iter().any(|list| is_package(list)) {
        hides(module, "package.json", found);
    }
}

fn check_for_python(module: &Folder, requirements: &str, found: &mut Findings) {
    let name = module.name.as_str();
    if let Err(bad) = name_for_python(name) {
        found.problem(&module.path, bad.message, bad.hint);
    }
    if name.contains('-') {
        let hint = format!("rename it to {}, unless only handlers in other languages use it", name.replace('-', "_"));
        found.warn(&module.path, DASH, hint);
    }
    let plain = |name: &str| name.to_lowercase().replace(['-', '.'], "_");
    if requirements.lines().filter_map(requirement).any(|package| plain(package) == plain(name)) {
        hides(module, "requirements.txt", found);
    }
}

/// Whether handlers in `language` can load a module of this name that is written in it.
pub fn check_module(module: &ResourceName, language: Language) -> Result<(), BadName> {
    let name = module.as_ref();
    match language {
        Language::JavaScript | Language::TypeScript => name_for_node(name),
        Language::Python if name.contains('-') => {
            Err(BadName::new(format!("`{name}`: {DASH}"), format!("call it {}", name.replace('-', "_"))))
        }
        Language::Python => name_for_python(name),
        Language::Go | Language::Rust => Ok(()),
    }
}

fn name_for_node(name: &str) -> Result<(), BadName> {
    if NODE.split_whitespace().any(|built_in| built_in == name) {
        let message = format!("`{name}` is a module of Node.js itself, which handlers would get instead");
        return Err(BadName::new(message, "rename it"));
    }
    Ok(())
}

fn name_for_python(name: &str) -> Result<(), BadName> {
    if PYTHON.split_whitespace().any(|built_in| built_in == name) {
        let message = format!("`{name}` is a module of Python itself, and only one of the two can be imported");
        return Err(BadName::new(message, "rename it"));
    }
    if name == PYTHON_SDK {
        let message = format!("`{name}` is what handlers import topics and functions from");
        return Err(BadName::new(message, "rename it"));
    }
    Ok(())
}

fn hides(module: &Folder, list: &str, found: &mut Findings) {
    let message = format!("hides the package `{}` of {list}: handlers get this module instead", module.name);
    found.warn(&module.path, message, "rename it, unless that is what you want");
}

/// `requests[socks] >= 2.8 ; …` → `requests`; none for options, addresses and comments.
fn requirement(line: &str) -> Option<&str> {
    let end = line.trim().find(|c: char| !c.is_ascii_alphanumeric() && !matches!(c, '-' | '_' | '.'));
    let (name, rest) = line.trim().split_at(end.unwrap_or(line.trim().len()));
    let is_name = name.starts_with(|c: char| c.is_ascii_alphanumeric()) && !rest.starts_with([':', '/']);
    is_name.then_some(name)
}

/// `package.json`, where there is one.
pub(super) fn package(text: &str, found: &mut Findings) -> Option<Value> {
    match serde_json::from_str::<Value>(text) {
        Ok(package) if package.is_object() => Some(package),
        Ok(_) => {
            found.problem("package.json", "is not a JSON object", "npm init -y writes a valid one");
            None
        }
        Err(error) => {
            let message = format!("is not valid JSON: {error}");
            found.problem(format!("package.json:{}", error.line()), message, "correct it, or remove the file");
            None
        }
    }
}

#[cfg(test)]
mod tests {
    use super::requirement;

    #[test]
    fn a_requirement_begins_with_its_package() {
        for (line, package) in [
            ("requests", Some("requests")),
            ("  Requests[socks]>=2.8 ; python_version < '4' # why", Some("Requests")),
            ("my-models @ https://host/x.whl", Some("my-models")),
            ("zope.interface==1", Some("zope.interface")),
            ("-r more.txt", None),
            ("# requests", None),
            ("https://host/x.whl", None),
            ("./local", None),
            ("", None),
        ] {
            assert_eq!(requirement(line), package, "{line}");
        }
    }
}
