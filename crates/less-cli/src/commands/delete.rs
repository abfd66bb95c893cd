//! `delete`: removes a project, and its data once somebody has said so.

use std::io::{IsTerminal, stdin};
use std::process::ExitCode;

use less_project::ProjectName;
use less_server::control::api::Deleted;

use crate::args::DeleteArgs;
use crate::client::connect;
use crate::printer::{Printer, Speaker};
use crate::resolve::LessHome;

/// What happens to messages, logs and versions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Data {
    Purge,
    Keep,
}

pub(crate) fn delete(args: &DeleteArgs, home: &LessHome, out: &mut Printer) -> anyhow::Result<ExitCode> {
    let name = ProjectName::parse(&args.name)?;
    let client = connect(&home.server())?;
    let data = if args.yes {
        Some(Data::Purge)
    } else if stdin().is_terminal() {
        // An unknown project is told before anything is asked.
        client.resources(&name)?;
        let question = format!("Delete \"{name}\" with its messages and logs? [y]es / [k]eep these / [N]o:");
        decision(&out.ask(&question)?)
    } else {
        Some(Data::Keep)
    };
    let Some(data) = data else {
        out.remark("Nothing was deleted");
        return Ok(ExitCode::FAILURE);
    };
    let deleted = client.delete(&name, data == Data::Purge)?;
    if args.json {
        out.json(&deleted)?;
    } else {
        out.say(Speaker::Cli, &told(&name, &deleted))?;
    }
    if !deleted.purged {
        out.remark(&format!("Its data is kept; remove it with `less-cli delete {name} --yes`"));
    }
    Ok(ExitCode::SUCCESS)
}

fn decision(answer: &str) -> Option<Data> {
    match answer.to_ascii_lowercase().as_str() {
        "y" | "yes" => Some(Data::Purge),
        "k" | "keep" => Some(Data::Keep),
        _ => None,
    }
}

fn told(name: &ProjectName, deleted: &Deleted) -> String {
    let waited = match deleted.waiting {
        0 => String::new(),
        1 => "; 1 delivery was waiting".to_owned(),
        n => format!("; {n} deliveries were waiting"),
    };
    let data = if deleted.purged { " with its data" } else { "" };
    format!("The project \"{name}\" has been deleted{data}{waited}. ✅")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_clear_answer_deletes() {
        assert_eq!(decision("y"), Some(Data::Purge));
        assert_eq!(decision("YES"), Some(Data::Purge));
        assert_eq!(decision("k"), Some(Data::Keep));
        for answer in ["", "n", "no", "shop", "yeah?"] {
            assert_eq!(decision(answer), None, "{answer}");
        }
    }

    #[test]
    fn what_was_lost_is_told() {
        let name = ProjectName::parse("shop").unwrap();
        let purged = told(&name, &Deleted { waiting: 3, purged: true });
        assert_eq!(purged, "The project \"shop\" has been deleted with its data; 3 deliveries were waiting. ✅");
        let kept = told(&name, &Deleted { waiting: 0, purged: false });
        assert_eq!(kept, "The project \"shop\" has been deleted. ✅");
    }
}
