//! `publish`: a message to a topic of a project on the server.

use std::process::ExitCode;

use anyhow::bail;
use less_project::ProjectName;

use crate::args::PublishArgs;
use crate::client::{PublishOptions, connect};
use crate::failure::Usage;
use crate::payload;
use crate::printer::Printer;
use crate::resolve::LessHome;

pub(crate) fn publish(args: &PublishArgs, home: &LessHome, out: &mut Printer) -> anyhow::Result<ExitCode> {
    let project = ProjectName::parse(&args.project)?;
    let topic = name(&args.topic, "topics", "less-cli publish <project> <topic> [<message>]")?;
    let client = connect(&home.server())?;
    let Some(message) = payload::read(args.message.as_deref(), "message")? else {
        let hint = "give JSON text or @<file>, or pipe it in";
        let example = format!("less-cli publish {project} {topic} '{{\"id\": 1}}'");
        return Err(Usage(format!("there is no message\n  hint: {hint}: {example}")).into());
    };
    let options = PublishOptions {
        delay: args.delay,
        idempotency_key: args.idempotency_key.clone(),
        ordering_key: args.ordering_key.clone(),
    };
    let published = client.publish(&project, topic, &message, &options)?;
    if args.json {
        out.json(&published)?
    } else {
        out.line(&published.id)?
    }
    Ok(ExitCode::SUCCESS)
}

/// The name of a topic or function, also when it is typed as its folder: `less/topics/order_placed/`.
pub(super) fn name<'a>(given: &'a str, folder: &str, usage: &str) -> anyhow::Result<&'a str> {
    let path = given.trim_matches('/');
    let path = path.strip_prefix("less/").unwrap_or(path);
    let name = path.strip_prefix(folder).and_then(|path| path.strip_prefix('/')).unwrap_or(path);
    if name.is_empty() || !name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_' || c == '-') {
        bail!("{given:?} is no name of one of a project's {folder}\n  hint: {usage}");
    }
    Ok(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_topic_may_be_typed_as_its_folder() {
        for typed in ["order_placed", "topics/order_placed", "less/topics/order_placed/", "/topics/order_placed"] {
            assert_eq!(name(typed, "topics", "").unwrap(), "order_placed");
        }
    }

    #[test]
    fn a_message_in_the_place_of_a_topic_is_told_from_one() {
        for typed in ["{\"id\":1}", "", "a b", "topics/a/b", "@message.json"] {
            let error = name(typed, "topics", "less-cli publish <project> <topic>").unwrap_err().to_string();
            assert!(error.contains("<project> <topic>"), "{error}");
        }
    }
}
