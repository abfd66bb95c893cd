//! The project that is under load: topics with several subscribers, a chain, one whose first attempt fails, one that
//! writes a value whose event has a subscriber, an ordered topic, and where it is asked for one in Python.
//!
//! A subscriber notes each run that came to its end, in a file outside of the system: a line
//! `<handler> <id> <attempt> <pid> <ms since 1970> <message id>`.

use less_tests::harness::{Home, Project};

/// Deliveries that one subscriber runs at once: it bounds what a fault may repeat.
pub(crate) const CONCURRENCY: u64 = 8;

/// The file below `notes` with a line for each run.
pub(crate) const RUNS: &str = "runs";

/// What is published, and so where it is to arrive.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// To the topic `placed`.
    Placed,
    /// To the topic `lined`, with an ordering key.
    Lined,
}

/// Handlers with what they do beside noting the run.
const HANDLERS: [(&str, &str); 7] = [
    ("placed/first", ""),
    // Bodies of some length are kept in another place; one that is read back wrong is no delivery.
    ("placed/whole", "if (message.padding.length !== message.length) throw new Error(`${message.id} came torn`);"),
    ("placed/fails", "if (context.attempt === 1 && message.id % 8 === 0) throw new Error('the first attempt fails');"),
    ("placed/chain", "await topics.chained.publish({ id: message.id });"),
    ("placed/store", "await kvs.set(`order/${message.id}`, { id: message.id });"),
    ("chained/last", ""),
    ("lined/keeper", ""),
];
const WITNESS: &str = "kvs_created/witness";
const PYTHON: &str = "placed/snake";

/// Publishes each id of the body; answers once all of them are stored.
const PLACE: &str = "
const { topics } = require('@chuva.io/less');
exports.process = async (request) => {
  const { topic, messages, ordering_key } = JSON.parse(request.body);
  const options = ordering_key === undefined ? {} : { ordering_key };
  await Promise.all(messages.map((message) => topics[topic].publish(message, options)));
  return { statusCode: 201 };
};
";
/// Which of the ids in the body have no value.
const MISSING: &str = "
const { kvs } = require('@chuva.io/less');
exports.process = async (request) => {
  const ids = JSON.parse(request.body);
  const found = await Promise.all(ids.map((id) => kvs.get(`order/${id}`)));
  return { body: ids.filter((id, n) => found[n]?.id !== id) };
};
";
/// A record begins a line of its own: the one before may have been torn by a kill.
const LEDGER: &str = r"
const fs = require('fs');
exports.ran = (id, { handler, attempt, message_id }) => fs.appendFileSync(
  'FILE', `\n${handler.slice('topics/'.length)} ${id} ${attempt} ${process.pid} ${Date.now()} ${message_id}\n`);
";
const PYTHON_HANDLER: &str = r#"
import os
import time

def process(message, context):
    line = f'\nplaced/snake {message["id"]} {context.attempt} {os.getpid()} {int(time.time() * 1000)} {context.message_id}\n'
    with open('FILE', 'ab', buffering=0) as file:
        file.write(line.encode())
"#;

/// The project in its folder, not yet deployed. No other server has one of that `name`, in case a port gets another owner.
pub(crate) fn project<'h>(home: &'h Home, name: &str) -> Project<'h> {
    let project = home.project(name, &[]);
    let file = home.note_file(RUNS);
    project.write("less/shared/ledger/index.js", &LEDGER.replace("FILE", file.to_str().unwrap()));
    project.write("less/apis/town/place/post.js", PLACE);
    project.write("less/apis/town/missing/post.js", MISSING);
    for (handler, does) in HANDLERS {
        project.write(&format!("less/topics/{handler}/index.js"), &subscriber("message.id", does));
    }
    let witness = subscriber("Number(message.key.slice('order/'.length))", "");
    project.write(&format!("less/topics/{WITNESS}/index.js"), &witness);
    configure(&project, false);
    project
}

/// Adds the subscriber in Python.
pub(crate) fn add_python(home: &Home, project: &Project) {
    let handler = PYTHON_HANDLER.replace("FILE", home.note_file(RUNS).to_str().unwrap());
    project.write(&format!("less/topics/{PYTHON}/__init__.py"), &handler);
    configure(project, true);
}

fn subscriber(id: &str, does: &str) -> String {
    format!(
        "const {{ topics, kvs }} = require('@chuva.io/less');
const {{ ran }} = require('ledger');
exports.process = async (message, context) => {{
  {does}
  ran({id}, context);
}};
"
    )
}

fn configure(project: &Project, python: bool) {
    let mut config = "topics:\n".to_owned();
    for handler in all(python) {
        let (topic, subscriber) = handler.split_once('/').unwrap();
        if !config.contains(&format!("  {topic}:\n")) {
            config += &format!("  {topic}:\n    subscribers:\n");
        }
        let retry = "retry: { first: 500ms, factor: 2, longest: 5s }";
        config += &format!("      {subscriber}: {{ concurrency: {CONCURRENCY}, timeout: 20s, {retry} }}\n");
    }
    project.write("less.config", &config);
}

/// All subscribers, those of one topic together.
pub(crate) fn all(python: bool) -> Vec<&'static str> {
    let mut all: Vec<_> = HANDLERS.iter().map(|(handler, _)| *handler).chain([WITNESS]).collect();
    all.extend(python.then_some(PYTHON));
    all.sort_unstable();
    all
}

/// The subscribers that a publish is to reach in the end.
pub(crate) fn reached(kind: Kind, python: bool) -> Vec<&'static str> {
    all(python).into_iter().filter(|handler| handler.starts_with("lined/") == (kind == Kind::Lined)).collect()
}
