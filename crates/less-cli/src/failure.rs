//! Why a command failed, for programs: with `--json` stdout has one JSON object in the place of the result,
//!
//! ```text
//! {"error": {"code": "…", "message": "…", "hint": "…", "problems": [{"path": "…", "message": "…", "hint": "…"}]}}
//! ```
//! with an empty hint where there is none, and `problems` only for a project that was refused. Codes: `usage` (the
//! command line is wrong, exit code 2), `invalid_project`, those of the server, else `failed`.

use std::fmt;

use less_project::Problem;
use serde::Serialize;

use crate::client::Refused;
use crate::project::Rejected;

/// The command line lacks something.
#[derive(Debug)]
pub(crate) struct Usage(pub(crate) String);

/// The exit code of a command line that is wrong.
const USAGE: u8 = 2;

pub(crate) fn exit_code(error: &anyhow::Error) -> u8 {
    if error.is::<Usage>() { USAGE } else { 1 }
}

#[derive(Debug, Serialize)]
pub(crate) struct Failure {
    error: Told,
}

#[derive(Debug, Serialize)]
struct Told {
    code: String,
    message: String,
    hint: String,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    problems: Vec<Problem>,
}

impl Failure {
    pub(crate) fn of(error: &anyhow::Error) -> Self {
        if let Some(rejected) = error.downcast_ref::<Rejected>() {
            return Self::new("invalid_project", &rejected.outcome, rejected.problems.clone());
        }
        let refused = error.downcast_ref::<Refused>().map(|refused| refused.code.as_str());
        let code = match (exit_code(error), refused) {
            (_, Some(code)) if !code.is_empty() => code,
            (USAGE, _) => "usage",
            _ => "failed",
        };
        Self::new(code, &format!("{error:#}"), Vec::new())
    }

    /// Of a command line that was not understood; clap's words, without what is for people only.
    pub(crate) fn of_usage(usage: &clap::Error) -> Self {
        let text = usage.to_string();
        let first = text.split("\n\n").next().unwrap_or_default();
        Self::new("usage", first.trim().trim_start_matches("error: "), Vec::new())
    }

    fn new(code: &str, text: &str, problems: Vec<Problem>) -> Self {
        let (message, hint) = text.split_once("\n  hint: ").unwrap_or((text, ""));
        Self { error: Told { code: code.to_owned(), message: message.to_owned(), hint: hint.to_owned(), problems } }
    }
}

impl fmt::Display for Usage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Usage {}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn told(error: &anyhow::Error) -> Value {
        serde_json::to_value(Failure::of(error)).unwrap()["error"].clone()
    }

    #[test]
    fn a_program_is_told_what_is_wrong_and_what_to_do_apart() {
        let error = anyhow::anyhow!("no server is running\n  hint: start it").context("cannot list");
        assert_eq!(
            told(&error),
            json!({ "code": "failed", "message": "cannot list: no server is running", "hint": "start it" })
        );
        let usage = Usage("the option --name is missing\n  hint: give it".into()).into();
        assert_eq!((told(&usage)["code"].clone(), exit_code(&usage)), (json!("usage"), 2));
    }

    #[test]
    fn a_program_is_told_every_problem_of_a_project() {
        let problem = Problem::new("less/x", "wrong", "right it");
        let told = told(&Rejected::new(vec![problem], "nothing was built").into());
        assert_eq!(told["message"], "1 problem; nothing was built");
        assert_eq!(told["problems"], json!([{ "path": "less/x", "message": "wrong", "hint": "right it" }]));
    }
}
