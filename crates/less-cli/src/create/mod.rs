//! What `create` and `init` write: from checked names to files, without looking at any folder.
//!
//! ```text
//! Wanted      a resource, every name checked      templates   what is in a handler's file
//! Plan        files, folders and variables        write       puts a plan into a folder, whole or not at all
//! ```

mod start;
mod templates;
pub(crate) mod write;

use less_project::{ProjectName, ResourceName, RoutePath, Verb};

pub(crate) use start::{run_command, starting};
pub(crate) use templates::{Coded, Template};

/// A resource to create.
#[derive(Debug)]
pub(crate) enum Wanted {
    Route { api: ResourceName, path: RoutePath, verb: Verb },
    Socket { name: ResourceName, channels: Vec<ResourceName>, is_new: bool },
    Topic { name: ResourceName, subscribers: Vec<ResourceName>, external: Option<ResourceName> },
    Cron { name: ResourceName, schedule: String },
    Module { name: ResourceName },
    Function { name: ResourceName },
}

/// What is to be written; paths are below the project's folder.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Plan {
    /// Path and text.
    pub(crate) files: Vec<(String, String)>,
    /// That stay empty.
    pub(crate) folders: Vec<String>,
    pub(crate) variables: Vec<Variable>,
}

/// A variable that a resource needs: in `env_vars` of `less.config`, and with a value in `.env`.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Variable {
    pub(crate) name: String,
    /// Another name that is as good, if it is there already.
    pub(crate) or: Option<String>,
    pub(crate) value: String,
}

/// The files of `wanted`, written in `coded`.
pub(crate) fn plan(wanted: &Wanted, coded: Coded) -> Plan {
    match wanted {
        Wanted::Route { api, path, verb } => route(api, path, *verb, coded),
        Wanted::Socket { name, channels, is_new } => socket(name, channels, *is_new, coded),
        Wanted::Topic { name, subscribers, external } => topic(name, subscribers, external.as_ref(), coded),
        Wanted::Cron { name, schedule } => cron(name, schedule, coded),
        Wanted::Module { name } => {
            let text = coded.text(Template::Module, &[("name", name.as_ref())]);
            Plan::of_file(coded.index(&format!("less/shared/{name}")), text)
        }
        Wanted::Function { name } => {
            let text = coded.text(Template::Function, &[("function", &coded.member(name))]);
            Plan::of_file(coded.index(&format!("less/functions/{name}")), text)
        }
    }
}

impl Plan {
    fn of_file(path: String, text: String) -> Self {
        Self { files: vec![(path, text)], ..Self::default() }
    }
}

fn route(api: &ResourceName, path: &RoutePath, verb: Verb, coded: Coded) -> Plan {
    let folders = [&["less".to_owned(), "apis".to_owned(), api.to_string()], path.segments()].concat();
    let file = format!("{}/{}.{}", folders.join("/"), verb.file_stem(), coded.extension());
    let (template, status) = match verb {
        Verb::Get => (Template::Get, "200"),
        Verb::Post => (Template::Body, "201"),
        Verb::Put | Verb::Patch => (Template::Body, "200"),
        Verb::Delete => (Template::Delete, "204"),
    };
    Plan::of_file(file, coded.text(template, &[("route", &format!("{verb} {path}")), ("status", status)]))
}

fn socket(name: &ResourceName, channels: &[ResourceName], is_new: bool, coded: Coded) -> Plan {
    let file = |handler: &str| coded.index(&format!("less/sockets/{name}/{handler}"));
    let mut files = Vec::new();
    if is_new {
        files.push((file("connect"), coded.text(Template::Connect, &[])));
        files.push((file("disconnect"), coded.text(Template::Disconnect, &[])));
    }
    files.extend(channels.iter().map(|channel| {
        let words = [("channel", channel.as_ref()), ("socket", &*coded.member(name))];
        (file(channel.as_ref()), coded.text(Template::Channel, &words))
    }));
    Plan { files, ..Plan::default() }
}

fn topic(name: &ResourceName, subscribers: &[ResourceName], external: Option<&ResourceName>, coded: Coded) -> Plan {
    let folder = match external {
        Some(placeholder) => format!("less/external_topics/{placeholder}/{name}"),
        None => format!("less/topics/{name}"),
    };
    if subscribers.is_empty() {
        return Plan { folders: vec![folder], ..Plan::default() };
    }
    let text = coded.text(Template::Subscriber, &[("topic", name.as_ref())]);
    let files = subscribers.iter().map(|each| (coded.index(&format!("{folder}/{each}")), text.clone()));
    let variables = external.and_then(publisher).into_iter().collect();
    Plan { files: files.collect(), variables, ..Plan::default() }
}

/// A placeholder that could be a project's name stands for that project. Another one needs a variable that says which.
fn publisher(placeholder: &ResourceName) -> Option<Variable> {
    ProjectName::parse(placeholder.as_ref()).err()?;
    let name = placeholder.as_ref().to_ascii_uppercase().replace('-', "_");
    let value = placeholder.as_ref().to_ascii_lowercase();
    Some(Variable { name, or: None, value })
}

fn cron(name: &ResourceName, schedule: &str, coded: Coded) -> Plan {
    let [variable, or] = name.cron_variables();
    let text = coded.text(Template::Cron, &[("name", name.as_ref()), ("variable", &variable)]);
    let files = vec![(coded.index(&format!("less/crons/{name}")), text)];
    let variables = vec![Variable { name: variable, or: Some(or), value: schedule.to_owned() }];
    Plan { files, variables, ..Plan::default() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(given: &str) -> ResourceName {
        ResourceName::parse(given).unwrap()
    }

    fn paths(wanted: &Wanted, coded: Coded) -> Vec<String> {
        let Plan { files, folders, .. } = plan(wanted, coded);
        files.into_iter().map(|(path, _)| path).chain(folders.into_iter().map(|folder| folder + "/")).collect()
    }

    #[test]
    fn each_resource_has_its_place() {
        let route = |path| Wanted::Route { api: name("shop"), path: RoutePath::parse(path).unwrap(), verb: Verb::Put };
        let topic = |subscribers: &[&str], external: Option<&str>| Wanted::Topic {
            name: name("paid"),
            subscribers: subscribers.iter().copied().map(name).collect(),
            external: external.map(name),
        };
        let socket = |is_new| Wanted::Socket { name: name("chat"), channels: vec![name("room")], is_new };
        for (wanted, expected) in [
            (route("/orders/{id}"), &["less/apis/shop/orders/{id}/put.py"][..]),
            (route("/"), &["less/apis/shop/put.py"]),
            (topic(&[], None), &["less/topics/paid/"]),
            (topic(&["a", "b"], None), &["less/topics/paid/a/__init__.py", "less/topics/paid/b/__init__.py"]),
            (topic(&["a"], Some("till")), &["less/external_topics/till/paid/a/__init__.py"]),
            (
                socket(true),
                &[
                    "less/sockets/chat/connect/__init__.py",
                    "less/sockets/chat/disconnect/__init__.py",
                    "less/sockets/chat/room/__init__.py",
                ],
            ),
            (socket(false), &["less/sockets/chat/room/__init__.py"]),
            (Wanted::Cron { name: name("x"), schedule: String::new() }, &["less/crons/x/__init__.py"]),
            (Wanted::Module { name: name("x") }, &["less/shared/x/__init__.py"]),
            (Wanted::Function { name: name("x") }, &["less/functions/x/__init__.py"]),
        ] {
            assert_eq!(paths(&wanted, Coded::Python), expected);
        }
    }

    #[test]
    fn no_word_of_a_template_is_left_open() {
        let path = RoutePath::parse("/a/{id}").unwrap();
        let routes = Verb::ALL.map(|verb| Wanted::Route { api: name("a"), path: path.clone(), verb });
        let others = [
            Wanted::Socket { name: name("a"), channels: vec![name("b")], is_new: true },
            Wanted::Topic { name: name("a"), subscribers: vec![name("b")], external: None },
            Wanted::Cron { name: name("a"), schedule: String::new() },
            Wanted::Module { name: name("a") },
            Wanted::Function { name: name("a") },
        ];
        for coded in Coded::ALL {
            let plans = routes.iter().chain(&others).map(|wanted| plan(wanted, coded));
            for (path, text) in plans.chain([starting("shop", true, coded)]).flat_map(|plan| plan.files) {
                assert!(!text.contains("{{") && text.ends_with('\n'), "{path}: {text}");
            }
        }
    }

    #[test]
    fn a_cron_needs_its_variable_and_an_external_topic_only_where_its_placeholder_is_no_project() {
        let cron = plan(&Wanted::Cron { name: name("dailyReport"), schedule: "rate(1 day)".into() }, Coded::JavaScript);
        let (variable, or) = ("CRON_DAILY_REPORT".to_owned(), Some("CRON_DAILYREPORT".to_owned()));
        assert_eq!(cron.variables, [Variable { name: variable, or, value: "rate(1 day)".into() }]);
        assert_eq!(publisher(&name("chat-api")), None);
        let variable = publisher(&name("Chat-Api")).unwrap();
        assert_eq!((variable.name.as_str(), variable.value.as_str()), ("CHAT_API", "chat-api"));
    }
}
