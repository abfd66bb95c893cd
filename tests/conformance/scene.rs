//! Where a case plays: the project of its section in one language, deployed once for all that share it.

use std::path::PathBuf;
use std::sync::OnceLock;

use less_tests::harness::{Home, Project, Ran, eventually, http, repository};
use serde_json::Value;

use crate::case::Language;

pub(crate) struct Scene {
    pub(crate) language: Language,
    section: &'static str,
    /// Of the server that the cases share: none of them stops it or deploys there again.
    pub(crate) home: Home,
    deployed: OnceLock<Ran>,
}

/// A home of a case's own, for what others must not notice.
pub(crate) struct Stage {
    pub(crate) language: Language,
    pub(crate) home: Home,
    name: &'static str,
}

impl Scene {
    pub(crate) fn new(section: &'static str, language: Language) -> Self {
        Self { language, section, home: Home::new(), deployed: OnceLock::new() }
    }

    /// The section's project, deployed.
    #[track_caller]
    pub(crate) fn project(&self) -> Project<'_> {
        self.deployed();
        self.home.project(self.section, &[])
    }

    /// What `deploy` said.
    #[track_caller]
    pub(crate) fn deployed(&self) -> &Ran {
        let deployed = self.deployed.get_or_init(|| {
            let project = install(&self.home, self.section, self.section, self.language);
            project.run(&["deploy", self.section])
        });
        let Ran { code, stdout, stderr } = deployed;
        assert_eq!(*code, Some(0), "the project {} cannot be deployed:\n{stdout}{stderr}", self.section);
        deployed
    }

    /// An API's address; `topics` and `functions` among them.
    #[track_caller]
    pub(crate) fn url(&self, api: &str) -> String {
        let urls = self.deployed().urls();
        urls.get(api).unwrap_or_else(|| panic!("no URL of {api} among {urls:?}")).clone()
    }

    /// `GET <api>/<path>`, which must be answered with 200.
    #[track_caller]
    pub(crate) fn get(&self, api: &str, path: &str) -> Value {
        http::get(&format!("{}/{path}", self.url(api))).expect(200).json()
    }

    /// `POST <api>/<path>` with JSON, which must be answered with 200.
    #[track_caller]
    pub(crate) fn post(&self, api: &str, path: &str, body: &Value) -> Value {
        http::post(&format!("{}/{path}", self.url(api)), body.to_string()).expect(200).json()
    }

    /// Publishes through the generated topics API; the message's id.
    #[track_caller]
    pub(crate) fn publish(&self, topic: &str, message: &Value) -> Value {
        let answer = http::post(&format!("{}/{topic}", self.url("topics")), message.to_string());
        answer.expect(202).json()["id"].clone()
    }

    /// What handlers noted under `name`, once there are `count`.
    #[track_caller]
    pub(crate) fn notes(&self, name: &str, count: usize) -> Vec<Value> {
        awaited(&self.home, name, count)
    }

    /// A home of this case's own, with a copy of the section's project that nobody has deployed yet.
    pub(crate) fn stage(&self) -> Stage {
        let stage = self.empty_stage(self.section);
        install(&stage.home, self.section, self.section, self.language);
        stage
    }

    /// The same with the least project there is: `less/apis/<name>/get`.
    pub(crate) fn small_stage(&self, name: &'static str) -> Stage {
        let stage = self.empty_stage(name);
        let file = self.language.file(&format!("less/apis/{name}/get"));
        stage.project().write(&file, &self.language.answering("'fine'"));
        stage
    }

    /// The same without any file.
    pub(crate) fn empty_stage(&self, name: &'static str) -> Stage {
        Stage { language: self.language, home: Home::new(), name }
    }
}

impl Stage {
    pub(crate) fn project(&self) -> Project<'_> {
        self.home.project(self.name, &[])
    }

    /// Writes a handler, its file named as its language wants.
    pub(crate) fn handler(&self, path: &str, text: &str) {
        self.project().write(&self.language.file(path), text);
    }

    /// Changes a handler's text.
    #[track_caller]
    pub(crate) fn edit(&self, path: &str, find: &str, replace: &str) {
        let file = self.language.file(path);
        let text = std::fs::read_to_string(self.project().folder.join(&file)).unwrap();
        assert!(text.contains(find), "{file} has no {find:?}");
        self.project().write(&file, &text.replace(find, replace));
    }

    #[track_caller]
    pub(crate) fn notes(&self, name: &str, count: usize) -> Vec<Value> {
        awaited(&self.home, name, count)
    }

    #[track_caller]
    pub(crate) fn publish(&self, topic: &str, message: &Value) -> Value {
        let url = format!("{}/{topic}", self.project().url("topics"));
        http::post(&url, message.to_string()).expect(202).json()["id"].clone()
    }

    /// `build` fails and says each of `words`; its stderr.
    #[track_caller]
    pub(crate) fn build_fails(&self, words: &[&str]) -> String {
        let said = self.project().run(&["build", self.name]).failed_with(1).stderr;
        for word in words {
            assert!(said.to_lowercase().contains(&word.to_lowercase()), "{word:?} is not said:\n{said}");
        }
        said
    }

    /// `build` succeeds; its stderr.
    #[track_caller]
    pub(crate) fn build(&self) -> String {
        self.project().run(&["build", self.name]).succeeded().stderr
    }
}

/// A copy of `projects/<section>/<language>`, with the module `notes` that its handlers write to.
fn install<'h>(home: &'h Home, name: &str, section: &str, language: Language) -> Project<'h> {
    let project = Project::copy_of(home, name, &folder(section, language));
    project.copy(&folder("notes", language), "less/shared/notes");
    project
}

pub(crate) fn folder(project: &str, language: Language) -> PathBuf {
    repository("tests/conformance/projects").join(project).join(language.short())
}

#[track_caller]
fn awaited(home: &Home, name: &str, count: usize) -> Vec<Value> {
    let mut notes = Vec::new();
    eventually(&format!("{count} notes `{name}`"), || {
        notes = home.notes(name);
        notes.len() >= count
    });
    notes
}
