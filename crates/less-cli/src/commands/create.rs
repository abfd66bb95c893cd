//! `create …`: the files of a resource, ready to be built, with a few words about what goes where.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::process::ExitCode;

use anyhow::bail;
use less_project::{BadName, Problem, ResourceName, RoutePath, Schedule, Verb, check_module, closest};

use crate::args::create::{
    CreateArgs, CreateCommand, CronArgs, ExternalArg, LanguageArg, LanguageName, OneArgs, RouteArgs, SocketArgs,
    SubscribersArgs, TopicArgs,
};
use crate::ask::{Form, Question};
use crate::create::write::{Written, write};
use crate::create::{Coded, Wanted, plan};
use crate::printer::Printer;
use crate::project;

const CONSEQUENCE: &str = "nothing was created";

pub(crate) fn create(args: &CreateArgs, here: &Path, out: &mut Printer) -> anyhow::Result<ExitCode> {
    stand_at_the_root(here)?;
    let mut form = Form::new()?;
    let wanted = match &args.what {
        CreateCommand::Route(args) => route(args, &mut form),
        CreateCommand::Socket(args) => socket(args, here, &mut form),
        CreateCommand::Topic(args) => topic(args, &mut form),
        CreateCommand::Subscribers(args) => subscribers(args, &mut form),
        CreateCommand::Cron(args) => cron(args, &mut form),
        CreateCommand::SharedModule(args) => module(args, &mut form),
        CreateCommand::CloudFunction(args) => function(args, &mut form),
    };
    let Some((wanted, coded)) = wanted.filter(|_| form.is_right()) else { return Err(form.refusal(CONSEQUENCE)) };
    drop(form);
    let slip = matches!(args.what, CreateCommand::Subscribers(_)).then(|| misnamed(&wanted, here)).flatten();
    let written = write(here, &plan(&wanted, coded), out)?;
    tell(&written, args.json, out)?;
    slip.iter().for_each(|warning| out.warn(warning));
    Ok(ExitCode::SUCCESS)
}

/// A topic that is not there yet, beside one of almost the same name.
fn misnamed(wanted: &Wanted, here: &Path) -> Option<Problem> {
    let Wanted::Topic { name, external, .. } = wanted else { return None };
    let topics =
        external.as_ref().map_or("less/topics".to_owned(), |project| format!("less/external_topics/{project}"));
    let others: Vec<_> = fs::read_dir(here.join(&topics)).into_iter().flatten().flatten().collect();
    let others: Vec<_> = others.iter().map(|entry| entry.file_name().to_string_lossy().into_owned()).collect();
    if others.iter().any(|other| other == name.as_ref()) {
        return None;
    }
    let meant = closest(name.as_ref(), others.iter().map(String::as_str))?;
    Some(Problem::new(format!("{topics}/{name}"), "is a new topic", format!("did you mean `{meant}`? Then remove it")))
}

/// Within a project, another one is not what is meant.
fn stand_at_the_root(here: &Path) -> anyhow::Result<()> {
    match project::nearby(here).filter(|project| here.starts_with(project)) {
        Some(project) => bail!("this is no project's folder\n  hint: go to it: cd {}", project.display()),
        None => Ok(()),
    }
}

/// The paths, for people and for programs.
pub(super) fn tell(written: &Written, json: bool, out: &mut Printer) -> anyhow::Result<()> {
    if json {
        return out.json(written);
    }
    for path in &written.created {
        let what = if path.ends_with('/') { "Folder" } else { "File" };
        out.queue(&format!("{what} created: {path}"))?;
    }
    for path in &written.changed {
        out.queue(&format!("File changed: {path}"))?;
    }
    out.flush()
}

type Asked = Option<(Wanted, Coded)>;

fn route(args: &RouteArgs, form: &mut Form) -> Asked {
    let api = name(form, args.name.as_deref(), "Name of the API", None);
    let path = Question { option: "--path", text: "Path of the route, such as /orders/{order_id}", default: None };
    let path = form.text(args.path.as_deref(), &path, RoutePath::parse);
    let coded = language(form, args.language);
    let verbs = Verb::ALL.map(|verb| (verb, verb.file_stem()));
    let verb = form.choice(args.verb.map(Verb::from), "--verb", "Verb", &verbs);
    Some((Wanted::Route { api: api?, path: path?, verb: verb? }, coded?))
}

fn socket(args: &SocketArgs, here: &Path, form: &mut Form) -> Asked {
    let name = name(form, args.name.as_deref(), "Name of the socket", Some("realtime_chat"));
    let coded = language(form, args.language);
    let channels: Vec<_> = args.channels.iter().map(|each| form.checked("--channels", channel(each))).collect();
    let (name, channels) = (name?, distinct(channels.into_iter().collect::<Option<_>>()?));
    let is_new = !here.join(format!("less/sockets/{name}")).exists();
    if !is_new && channels.is_empty() {
        let hint = "name the channels to add to it: --channels <channel>…".to_owned();
        let exists = BadName { message: format!("the socket {name} is there already"), hint };
        form.checked::<()>("--name", Err(exists));
    }
    Some((Wanted::Socket { name, channels, is_new }, coded?))
}

fn channel(given: &str) -> Result<ResourceName, BadName> {
    if ["connect", "disconnect"].contains(&given) {
        let message = format!("`{given}` cannot be a channel");
        let hint = "choose another name; the handler of that name runs when a client comes or goes".to_owned();
        return Err(BadName { message, hint });
    }
    ResourceName::parse(given)
}

fn topic(args: &TopicArgs, form: &mut Form) -> Asked {
    let name = name(form, args.name.as_deref(), "Name of the topic", Some("user_created"));
    let external = external(&args.external, form);
    // Only a subscriber makes a topic of another project known here.
    let subscribers = match (&args.subscribers[..], &args.external.external) {
        ([], None) => Some(Vec::new()),
        (given, _) => subscriber_names(form, given, "--subscribers"),
    };
    // An empty folder is in no language.
    let needs_none = subscribers.as_ref().is_some_and(Vec::is_empty) && args.language.language.is_none();
    let coded = if needs_none { Some(Coded::JavaScript) } else { language(form, args.language) };
    Some((Wanted::Topic { name: name?, subscribers: subscribers?, external: external? }, coded?))
}

fn subscribers(args: &SubscribersArgs, form: &mut Form) -> Asked {
    let subscribers = subscriber_names(form, &args.names, "--names");
    let topic = Question { option: "--topic", text: "Name of the topic", default: Some("user_created") };
    let name = form.text(args.topic.as_deref(), &topic, ResourceName::parse);
    let external = external(&args.external, form);
    let coded = language(form, args.language);
    Some((Wanted::Topic { name: name?, subscribers: subscribers?, external: external? }, coded?))
}

fn cron(args: &CronArgs, form: &mut Form) -> Asked {
    let name = name(form, args.one.name.as_deref(), "Name of the cron", Some("generate_report"));
    let schedule = Schedule::parse(&args.schedule, None);
    let schedule = schedule.map_err(|bad| BadName { message: bad.to_string(), hint: bad.hint });
    let schedule = form.checked("--schedule", schedule);
    let coded = language(form, args.one.language);
    schedule?;
    Some((Wanted::Cron { name: name?, schedule: args.schedule.clone() }, coded?))
}

fn module(args: &OneArgs, form: &mut Form) -> Asked {
    let name = name(form, args.name.as_deref(), "Name of the module", Some("orm_models"));
    let (name, coded) = (name?, language(form, args.language)?);
    form.checked("--name", check_module(&name, coded.language()))?;
    Some((Wanted::Module { name }, coded))
}

fn function(args: &OneArgs, form: &mut Form) -> Asked {
    let name = name(form, args.name.as_deref(), "Name of the function", Some("add_numbers"));
    let coded = language(form, args.language);
    Some((Wanted::Function { name: name? }, coded?))
}

fn name(form: &mut Form, given: Option<&str>, text: &str, default: Option<&str>) -> Option<ResourceName> {
    form.text(given, &Question { option: "--name", text, default }, ResourceName::parse)
}

fn subscriber_names(form: &mut Form, given: &[String], option: &'static str) -> Option<Vec<ResourceName>> {
    let text = "Names of the subscribers, with spaces between them";
    let question = Question { option, text, default: Some("send_welcome_email send_to_analytics") };
    form.texts(given, &question, ResourceName::parse).map(distinct)
}

/// Each once.
fn distinct(names: Vec<ResourceName>) -> Vec<ResourceName> {
    let mut seen = BTreeSet::new();
    names.into_iter().filter(|name| seen.insert(name.clone())).collect()
}

/// The inner one is none for a topic of this project.
fn external(args: &ExternalArg, form: &mut Form) -> Option<Option<ResourceName>> {
    match args.external.as_deref() {
        None => Some(None),
        Some(given) => form.checked("--external-topic", ResourceName::parse(given)).map(Some),
    }
}

pub(super) fn language(form: &mut Form, given: LanguageArg) -> Option<Coded> {
    let choices = Coded::ALL.map(|coded| (coded, coded.title()));
    match given.language {
        None => form.choice(None, "--language", "Language", &choices),
        Some(given) => form.checked("--language", coded(given)),
    }
}

pub(super) fn coded(given: LanguageName) -> Result<Coded, BadName> {
    let name = if given == LanguageName::Go { "Go" } else { "Rust" };
    Coded::of(given.into()).ok_or_else(|| BadName {
        message: format!("{name} handlers cannot run yet"),
        hint: "choose js, ts or py: handlers in different languages work together".to_owned(),
    })
}
