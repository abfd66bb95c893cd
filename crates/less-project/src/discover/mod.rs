//! From a folder to a project, or to everything that is wrong with it.
//!
//! In: the files of `less/`, `less.config`, `package.json` and `requirements.txt`. Out: a [`Project`] in which every
//! name is checked and every default filled in, or all problems at once. Nothing is kept and no handler is run.

mod apis;
mod crons;
mod leaves;
mod modules;
mod names;
mod sites;
mod sockets;
mod walk;

use std::collections::BTreeSet;
use std::path::Path;

use serde_json::Value;

use crate::closest::{closest, suggestion};
use crate::config::{self, Known};
use crate::kinds::{self, KINDS, Kind, KindRow, LanguageRow};
use crate::problem::{Findings, in_order};
use crate::{
    Api, Cron, ExternalTopic, Function, Language, Problem, Project, ProjectName, RetryPolicy, Site, Socket, Subscriber,
    Topic,
};
use leaves::Leaf;
pub use modules::check_module;
pub use sites::discover_sites;
use walk::{Folder, Walk};

/// To which changes of the key-value store are published.
const KVS_TOPICS: [&str; 3] = ["kvs_created", "kvs_updated", "kvs_deleted"];

/// For whoever starts with nothing.
fn first_step() -> String {
    format!(
        "create less/apis/hello/hello/get.js, which answers GET /hello, or less/topics/<topic>/<subscriber>/index.js; \
         handlers are written in {}",
        kinds::languages()
    )
}

/// Reads the project in `root`. A project with problems is none: all of them are returned, in the order of
/// their paths.
pub fn discover(root: &Path, project: &str) -> Result<Project, Vec<Problem>> {
    read(root, project, false)
}

/// The same of a folder that a build has prepared: `less/node_modules` and `less/package.json` are the build's, and so
/// is `x.js` beside `x.ts`.
pub fn discover_built(root: &Path, project: &str) -> Result<Project, Vec<Problem>> {
    read(root, project, true)
}

fn read(root: &Path, project: &str, built: bool) -> Result<Project, Vec<Problem>> {
    let mut found = Findings::default();
    let name = ProjectName::parse(project).map_err(|bad| found.problem("project", bad.message, bad.hint)).ok();
    let files = match Files::read(root, built, &mut found) {
        Ok(files) => files,
        Err(error) => {
            let message = format!("cannot be read: {error}");
            found.problem(root.display().to_string(), message, "give the folder that contains less/");
            return Err(in_order(found.problems));
        }
    };
    let mut parts = files.less.map(|less| Parts::read(less, &mut found)).unwrap_or_default();
    let before = found.problems.len();
    let config = config::read(&files.config, &parts.known, &mut found);
    // A list that could not be read is one problem, not one more for each of its variables.
    let is_unread = config.env_vars.is_empty() && found.problems.len() > before;
    if let Some(folder) = &parts.cron_folder {
        crons::check(folder, (!is_unread).then_some(&*config.env_vars), &mut found);
    }
    let shared = parts.shared_folder.as_ref().map(|folder| {
        let package = files.package.as_ref();
        let around = modules::Surroundings { languages: parts.languages(), package, requirements: &files.requirements };
        modules::read(folder, &around, &mut found)
    });
    for api in &mut parts.apis {
        config.fill_api(api);
    }
    for topic in &mut parts.topics {
        config.fill_topic(topic);
    }
    for cron in &mut parts.crons {
        config.fill_cron(cron);
    }
    match name {
        Some(name) if found.problems.is_empty() => {
            let Parts { apis, topics, external_topics, sockets, crons, functions, sites, .. } = parts;
            let shared = shared.unwrap_or_default();
            let warnings = in_order(found.warnings);
            Ok(Project {
                name,
                apis,
                topics,
                external_topics,
                sockets,
                crons,
                functions,
                sites,
                shared,
                config,
                warnings,
            })
        }
        Some(_) | None => Err(in_order(found.problems)),
    }
}

/// What is read; an absent file is an empty one.
struct Files {
    less: Option<Folder>,
    config: String,
    package: Option<Value>,
    requirements: String,
}

impl Files {
    fn read(root: &Path, built: bool, found: &mut Findings) -> std::io::Result<Self> {
        let mut walk = Walk::new(root, built, found)?;
        let less = walk.less();
        let mut text = |name| walk.text(name);
        let (config, package, requirements) = (text("less.config"), text("package.json"), text("requirements.txt"));
        if config.is_none() {
            walk.warn_of_other_configs();
        }
        Ok(Self {
            less,
            config: config.unwrap_or_default(),
            package: package.and_then(|text| modules::package(&text, found)),
            requirements: requirements.unwrap_or_default(),
        })
    }
}

/// What the folders of `less/` hold.
#[derive(Default)]
struct Parts {
    apis: Vec<Api>,
    topics: Vec<Topic>,
    external_topics: Vec<ExternalTopic>,
    sockets: Vec<Socket>,
    crons: Vec<Cron>,
    functions: Vec<Function>,
    sites: Vec<Site>,
    cron_folder: Option<Folder>,
    shared_folder: Option<Folder>,
    /// What `less.config` may speak of, invalid handlers included: one mistake is one problem.
    known: Known,
}

impl Parts {
    fn read(less: Folder, found: &mut Findings) -> Self {
        let is_empty = less.folders.iter().all(|kind| kind.folders.is_empty());
        check_children(&less, found);
        let mut parts = Self::default();
        for folder in less.folders {
            if let Some(row) = kinds::kind_of(&folder.name) {
                parts.read_kind(row, folder, found);
            }
        }
        if is_empty && found.problems.is_empty() {
            found.problem("less", "there is nothing in less/ that could run", first_step());
            // What lies there, but at the wrong place, is probably why.
            found.problems.append(&mut found.warnings);
        }
        parts
    }

    fn read_kind(&mut self, row: &'static KindRow, folder: Folder, found: &mut Findings) {
        match row.kind {
            Kind::Apis => {
                self.known.apis = names_in(&folder);
                self.apis = apis::read(&folder, found);
            }
            Kind::Topics => {
                self.known.topics = folder.folders.iter().map(|topic| (topic.name.clone(), names_in(topic))).collect();
                let leaves = leaves::read(row, &folder, found);
                self.topics = folder.folders.iter().map(|folder| topic(folder, &leaves, found)).collect();
            }
            Kind::Shared => self.shared_folder = Some(folder),
            Kind::Statics => self.sites = sites::read(&folder, found),
            Kind::Crons => {
                self.known.crons = names_in(&folder);
                self.crons = leaves::read(row, &folder, found).into_iter().map(cron).collect();
                self.cron_folder = Some(folder);
            }
            Kind::ExternalTopics => {
                self.external_topics = external_topics(&leaves::read(row, &folder, found));
            }
            Kind::Functions => {
                self.functions = leaves::read(row, &folder, found).into_iter().map(function).collect();
            }
            Kind::Sockets => {
                let leaves = leaves::read(row, &folder, found);
                self.sockets = folder.folders.iter().map(|folder| sockets::read(folder, &leaves, found)).collect();
            }
        }
    }

    /// Of the handlers.
    fn languages(&self) -> BTreeSet<Language> {
        let routes = self.apis.iter().flat_map(|api| &api.routes).map(|route| &route.handler);
        let topics = self.topics.iter().flat_map(|topic| &topic.subscribers);
        let subscribers = topics.chain(self.external_topics.iter().flat_map(|topic| &topic.subscribers));
        let handlers = routes.chain(subscribers.map(|subscriber| &subscriber.handler));
        let handlers = handlers.chain(self.crons.iter().map(|cron| &cron.handler));
        let handlers = handlers.chain(self.sockets.iter().flat_map(Socket::handlers));
        handlers
            .chain(self.functions.iter().map(|function| &function.handler))
            .map(|handler| handler.language)
            .collect()
    }
}

fn names_in(folder: &Folder) -> Vec<String> {
    folder.folders.iter().map(|inner| inner.name.clone()).collect()
}

/// What stands in `less/` itself.
fn check_children(less: &Folder, found: &mut Findings) {
    let kinds = || KINDS.iter().map(|row| row.folder);
    for folder in less.folders.iter().filter(|folder| kinds::kind_of(&folder.name).is_none()) {
        let message = format!("less/ has no place for a folder `{}`", folder.name);
        found.problem(&folder.path, message, suggestion(&folder.name, kinds()));
    }
    for file in less.files.iter().filter(|file| !file.starts_with("README")) {
        if kinds::kind_of(file).is_some() {
            found.problem(less.join(file), "is a file, not a folder", "remove it, and create the folder");
        } else {
            found.problem(
                less.join(file),
                "less/ has no place for this file",
                "move it into the folder of a handler, or out of less/",
            );
        }
    }
}

fn topic(folder: &Folder, leaves: &[Leaf], found: &mut Findings) -> Topic {
    let subscribers: Vec<Subscriber> =
        leaves.iter().filter(|leaf| leaf.names[0] == folder.name).map(subscriber).collect();
    if subscribers.is_empty() {
        let (path, files) = (&folder.path, kinds::index_files());
        let hint = format!("create a folder {path}/<subscriber>/ with {files}, unless nobody needs to hear of it yet");
        found.warn(&folder.path, "this topic has no subscribers: what is published to it goes nowhere", hint);
    }
    if folder.name.to_lowercase().starts_with("kvs")
        && !KVS_TOPICS.contains(&&*folder.name)
        && let Some(meant) = closest(&folder.name, KVS_TOPICS)
    {
        let message = "changes of the key-value store are not published to a topic of this name";
        found.warn(&folder.path, message, format!("did you mean `{meant}`?"));
    }
    Topic { name: folder.name.clone(), retention: config::RETENTION, subscribers }
}

fn subscriber(leaf: &Leaf) -> Subscriber {
    Subscriber {
        name: leaf.names[leaf.names.len() - 1].clone(),
        handler: leaf.handler.clone(),
        timeout: config::TIMEOUT,
        concurrency: config::CONCURRENCY,
        retry: RetryPolicy::default(),
    }
}

/// Leaves come in the order of their paths, so those of one topic stand together.
fn external_topics(leaves: &[Leaf]) -> Vec<ExternalTopic> {
    let same_topic = |one: &Leaf, other: &Leaf| one.names[..2] == other.names[..2];
    let of_topic = |leaves: &[Leaf]| ExternalTopic {
        placeholder: leaves[0].names[0].clone(),
        topic: leaves[0].names[1].clone(),
        subscribers: leaves.iter().map(subscriber).collect(),
    };
    leaves.chunk_by(same_topic).map(of_topic).collect()
}

fn cron(leaf: Leaf) -> Cron {
    Cron { name: leaf.names.concat(), handler: leaf.handler, timeout: config::TIMEOUT, timezone: None }
}

fn function(leaf: Leaf) -> Function {
    Function { name: leaf.names.concat(), handler: leaf.handler, timeout: config::TIMEOUT }
}

/// Files where only folders mean something.
fn warn_of_files(folder: &Folder, what: &str, found: &mut Findings) {
    for file in folder.files.iter().filter(|file| !file.starts_with("README")) {
        let message = format!("{what} is a folder, not a file");
        let place = match kinds::source_file(file) {
            Some((stem, row)) => format!("{stem}/{}.{}", row.index, file.rsplit_once('.').map_or("", |(_, end)| end)),
            None => format!("<name>/{file}"),
        };
        found.warn(folder.join(file), message, format!("move it to {}/{place}", folder.path));
    }
}

fn refuse_language(file: &str, row: &LanguageRow, found: &mut Findings) {
    if !row.runs {
        found.problem(
            file,
            format!("{} handlers cannot run yet", row.name),
            format!("write it in {} for now", kinds::languages()),
        );
    }
}
