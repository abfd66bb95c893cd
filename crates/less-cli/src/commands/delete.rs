//! `delete`: removes a project, and its data once somebody has said so, that of `build` and `run` on this machine too.

use std::io::{IsTerminal, stdin};
use std::process::ExitCode;

use less_project::ProjectName;
use less_server::control::api::Deleted;
use serde::Serialize;

use crate::args::DeleteArgs;
use crate::client::{Refused, connect};
use crate::local::{self, Removed};
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
        let question = format!("Delete \"{name}\" with its messages, logs and builds? [y]es / [k]eep these / [N]o:");
        decision(&out.ask(&question)?)
    } else {
        Some(Data::Keep)
    };
    let Some(data) = data else {
        out.remark("Nothing was deleted");
        return Ok(ExitCode::FAILURE);
    };
    let (deleted, unknown) = match client.delete(&name, data == Data::Purge) {
        // Perhaps it was only ever built or run here.
        Err(error) if data == Data::Purge && is_unknown(&error) => (None, Some(error)),
        deleted => (Some(deleted?), None),
    };
    let removed = if data == Data::Purge { local::remove(home, &name)? } else { Removed::default() };
    if let Some(unknown) = unknown.filter(|_| !removed.any()) {
        return Err(unknown);
    }
    if args.json {
        out.json(&Told { deleted: deleted.as_ref(), removed: &removed })?;
    } else {
        for line in told(&name, deleted.as_ref(), &removed) {
            out.say(Speaker::Cli, &line)?;
        }
    }
    if removed.run_is_in_use {
        out.remark(&format!("A `less-cli run` of \"{name}\" goes on; its data is kept"));
    }
    Ok(ExitCode::SUCCESS)
}

fn is_unknown(error: &anyhow::Error) -> bool {
    error.downcast_ref::<Refused>().is_some_and(|refused| refused.code == "unknown_project")
}

/// For programs.
#[derive(Serialize)]
struct Told<'a> {
    /// Nothing of it, when the server did not know the project.
    #[serde(flatten)]
    deleted: Option<&'a Deleted>,
    #[serde(flatten)]
    removed: &'a Removed,
}

fn decision(answer: &str) -> Option<Data> {
    match answer.to_ascii_lowercase().as_str() {
        "y" | "yes" => Some(Data::Purge),
        "k" | "keep" => Some(Data::Keep),
        _ => None,
    }
}

fn told(name: &ProjectName, deleted: Option<&Deleted>, removed: &Removed) -> Vec<String> {
    let mut lines = Vec::new();
    if let Some(deleted) = deleted {
        let waited = match deleted.waiting {
            0 => String::new(),
            1 => "; 1 delivery was waiting".to_owned(),
            n => format!("; {n} deliveries were waiting"),
        };
        let data = if deleted.purged { " with its data" } else { "" };
        lines.push(format!("The project \"{name}\" has been deleted{data}{waited}. ✅"));
        if !deleted.purged {
            lines.push(format!("Its data is kept; remove it with `less-cli delete {name} --yes`."));
        }
    }
    let local = match (removed.build, removed.run) {
        (true, true) => "Its build and the data of its runs on this machine have",
        (true, false) => "Its build on this machine has",
        (false, true) => "The data of its runs on this machine has",
        (false, false) => return lines,
    };
    lines.push(format!("{local} been removed."));
    lines
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
        let nothing = Removed::default();
        let purged = told(&name, Some(&Deleted { waiting: 3, purged: true }), &nothing);
        assert_eq!(purged, ["The project \"shop\" has been deleted with its data; 3 deliveries were waiting. ✅"]);
        let kept = told(&name, Some(&Deleted { waiting: 0, purged: false }), &nothing);
        let way = "Its data is kept; remove it with `less-cli delete shop --yes`.";
        assert_eq!(kept, ["The project \"shop\" has been deleted. ✅", way]);
        let local = told(&name, None, &Removed { build: true, run: true, run_is_in_use: false });
        assert_eq!(local, ["Its build and the data of its runs on this machine have been removed."]);
    }

    #[test]
    fn programs_are_told_all_in_one_object() {
        let deleted = Deleted { waiting: 3, purged: true };
        let told = serde_json::to_value(Told { deleted: Some(&deleted), removed: &Removed::default() }).unwrap();
        assert_eq!(told["waiting"], 3);
        assert_eq!(told["build"], false);
        let told = serde_json::to_value(Told { deleted: None, removed: &Removed::default() }).unwrap();
        assert_eq!((told.get("waiting"), &told["run"]), (None, &serde_json::json!(false)));
    }
}
