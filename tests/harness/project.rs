//! A project's folder, and what the command line says of it.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;

use super::{Home, Ran, eventually_some};

pub struct Project<'h> {
    home: &'h Home,
    pub name: String,
    pub folder: PathBuf,
}

/// A deployment that succeeded.
pub struct Deployed {
    pub ran: Ran,
    urls: BTreeMap<String, String>,
}

#[derive(Debug, Clone)]
pub struct LogLine {
    pub path: String,
    pub stream: String,
    pub invocation: String,
    pub text: String,
}

impl Deployed {
    #[track_caller]
    pub fn url(&self, api: &str) -> &str {
        self.urls.get(api).unwrap_or_else(|| panic!("no URL of {api} in\n{}", self.ran.stdout))
    }
}

/// The module `notes` of projects that name it; `FOLDER` is replaced.
const NOTES: &str = r"
const fs = require('fs');
const file = (name) => `FOLDER/${name}`;
const noted = (name) => fs.existsSync(file(name));

/** Appends one line at once. It begins with its own end of line: a process that is killed may leave half of one. */
exports.note = (name, value) => fs.appendFileSync(file(name), `\n${JSON.stringify(value)}\n`);
/** Appends one byte, for what happens too often to be noted. */
exports.tick = (name) => fs.appendFileSync(file(name), '.');
/** Is there such a note, ours or the test's? */
exports.noted = noted;
/** Resolves once there is. */
exports.until_noted = async (name) => {
  while (!noted(name)) await new Promise((resolve) => setTimeout(resolve, 20));
};
";

/// The same for Python.
const PYTHON_NOTES: &str = r"
import json
import os


def note(name, value):
    '''Appends one line at once. It begins with its own end of line: a process that is killed may leave half of one.'''
    with open(f'FOLDER/{name}', 'ab', buffering=0) as file:
        file.write(b'\n' + json.dumps(value).encode() + b'\n')


def noted(name):
    '''Is there such a note, ours or the test\'s?'''
    return os.path.exists(f'FOLDER/{name}')
";

impl<'h> Project<'h> {
    pub(super) fn create(home: &'h Home, name: &str, files: &[(&str, &str)]) -> Self {
        let folder = home.root().join("projects").join(name);
        fs::create_dir_all(&folder).unwrap();
        let project = Self { home, name: name.to_owned(), folder };
        files.iter().for_each(|(path, text)| project.write(path, text));
        if files.iter().any(|(_, text)| text.contains("'notes'")) {
            let notes = home.root().join("notes");
            project.write("less/shared/notes/index.js", &NOTES.replace("FOLDER", notes.to_str().unwrap()));
        }
        if files.iter().any(|(_, text)| text.contains("from notes import")) {
            let notes = home.root().join("notes");
            project.write("less/shared/notes/__init__.py", &PYTHON_NOTES.replace("FOLDER", notes.to_str().unwrap()));
        }
        project
    }

    /// A copy of a folder that exists, `node_modules` left out.
    pub fn copy_of(home: &'h Home, name: &str, source: &Path) -> Self {
        let project = Self::create(home, name, &[]);
        copy(source, &project.folder);
        project
    }

    /// Copies a folder that exists into the project.
    pub fn copy(&self, source: &Path, into: &str) {
        let into = self.folder.join(into);
        fs::create_dir_all(&into).unwrap();
        copy(source, &into);
    }

    pub fn write(&self, path: &str, text: &str) {
        let file = self.folder.join(path);
        if path.ends_with('/') {
            fs::create_dir_all(&file).unwrap();
        } else {
            fs::create_dir_all(file.parent().unwrap()).unwrap();
            fs::write(file, text).unwrap();
        }
    }

    /// Removes a file or a whole folder.
    pub fn remove(&self, path: &str) {
        let path = self.folder.join(path);
        if path.is_dir() { fs::remove_dir_all(path) } else { fs::remove_file(path) }.unwrap();
    }

    /// `less-cli <args>` in the project's folder.
    pub fn run(&self, args: &[&str]) -> Ran {
        self.home.run_in(&self.folder, args)
    }

    #[track_caller]
    pub fn deploy(&self) -> Deployed {
        let ran = self.run(&["deploy", &self.name]).succeeded();
        let urls = ran.urls();
        Deployed { ran, urls }
    }

    /// `list resources`, as data.
    #[track_caller]
    pub fn resources(&self) -> Value {
        self.home.run(&["list", "resources", &self.name, "--json"]).succeeded().json()
    }

    /// An API's URL now: a restarted server on free ports has another one.
    #[track_caller]
    pub fn url(&self, api: &str) -> String {
        self.url_among("apis", api)
    }

    /// A socket's, the same.
    #[track_caller]
    pub fn socket_url(&self, socket: &str) -> String {
        self.url_among("sockets", socket)
    }

    #[track_caller]
    fn url_among(&self, kind: &str, name: &str) -> String {
        let resources = self.resources();
        let found = resources[kind].as_array().unwrap().iter().find(|each| each["name"] == name);
        found.unwrap_or_else(|| panic!("no {name} among the {kind} of {resources}"))["url"].as_str().unwrap().to_owned()
    }

    /// Unsettled deliveries of all subscribers.
    pub fn waiting(&self) -> u64 {
        self.unsettled(|_| true)
    }

    /// Unsettled deliveries of one subscriber.
    pub fn waiting_for(&self, handler: &str) -> u64 {
        self.unsettled(|each| each == handler)
    }

    fn unsettled(&self, of: impl Fn(&str) -> bool) -> u64 {
        let resources = self.resources();
        let waiting = resources["waiting"].as_array().unwrap().iter();
        waiting
            .filter(|each| of(each["handler"].as_str().unwrap()))
            .map(|each| each["deliveries"].as_u64().unwrap())
            .sum()
    }

    /// `log --path`, as people see it.
    #[track_caller]
    pub fn log(&self, path: &str) -> String {
        self.home.run(&["log", "--project", &self.name, "--path", path]).succeeded().stdout
    }

    /// The first log line of `path` that contains `text`, once it is there.
    #[track_caller]
    pub fn logged(&self, path: &str, text: &str) -> String {
        eventually_some(&format!("a line with {text:?} in the log of {path}"), || {
            self.log(path).lines().find(|line| line.contains(text)).map(str::to_owned)
        })
    }

    /// All lines of the project's log, as data.
    #[track_caller]
    pub fn log_lines(&self) -> Vec<LogLine> {
        let ran = self.home.run(&["log", "--project", &self.name, "--json"]).succeeded();
        ran.json_lines().iter().map(LogLine::read).collect()
    }
}

impl Ran {
    /// The addresses that `deploy` printed, by name.
    pub fn urls(&self) -> BTreeMap<String, String> {
        self.stdout.lines().filter_map(named_url).collect()
    }
}

impl LogLine {
    fn read(value: &Value) -> Self {
        let text = |name: &str| value[name].as_str().unwrap_or_else(|| panic!("no {name} in {value}")).to_owned();
        Self { path: text("path"), stream: text("stream"), invocation: text("invocation"), text: text("text") }
    }
}

/// `    - orders: http://…` names a URL, whoever says so in front of it (`[less-cli] `).
fn named_url(line: &str) -> Option<(String, String)> {
    let said = line.strip_prefix('[').and_then(|rest| rest.split_once("] ")).map_or(line, |(_, said)| said);
    let (name, url) = said.trim().strip_prefix("- ")?.split_once(": ")?;
    (url.starts_with("http://") || url.starts_with("ws://")).then(|| (name.to_owned(), url.to_owned()))
}

/// The URL that `output` gives to `name`.
pub(super) fn url_of(output: &str, name: &str) -> Option<String> {
    output.lines().filter_map(named_url).find_map(|(each, url)| (each == name).then_some(url))
}

fn copy(from: &Path, to: &Path) {
    for entry in fs::read_dir(from).unwrap().map(Result::unwrap).filter(|entry| entry.file_name() != "node_modules") {
        let target = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            fs::create_dir_all(&target).unwrap();
            copy(&entry.path(), &target);
        } else {
            fs::copy(entry.path(), target).unwrap();
        }
    }
}
