//! Which Node.js is there, and whether it can run handlers.

use std::ffi::OsStr;
use std::io;
use std::process::{Output, Stdio};
use std::time::Duration;

use less_project::{Env, Problem};
use tokio::process::Command;

use super::program::environment;

const ANSWER_TIME: Duration = Duration::from_secs(20);
const HINT: &str = "install Node.js 20.19 or newer (nodejs.org) and make sure that `node --version` shows it";

/// A Node.js that can run handlers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct NodeInfo {
    pub major: u32,
    pub minor: u32,
    pub patch: u32,
}

/// Asks the `node` in the version's PATH, which will run its handlers, for its version.
pub async fn check(env: &Env) -> Result<NodeInfo, Problem> {
    check_program("node".as_ref(), env).await
}

async fn check_program(program: &OsStr, env: &Env) -> Result<NodeInfo, Problem> {
    // As a worker has it, so that the answer is the worker's.
    let mut asked = Command::new(program);
    let asked =
        asked.env_clear().envs(environment(env, &[])).arg("--version").stdin(Stdio::null()).kill_on_drop(true).output();
    match tokio::time::timeout(ANSWER_TIME, asked).await {
        Err(_) => Err(problem("`node --version` does not answer")),
        Ok(Err(error)) if error.kind() == io::ErrorKind::NotFound => {
            Err(problem("Node.js is needed to run JavaScript handlers, and there is no `node` in PATH"))
        }
        Ok(Err(error)) => Err(problem(&format!("`node --version` cannot be run: {error}"))),
        Ok(Ok(answer)) => judge(&answer),
    }
}

fn judge(answer: &Output) -> Result<NodeInfo, Problem> {
    let text = String::from_utf8_lossy(&answer.stdout);
    let node = parse(text.trim()).ok_or_else(|| problem(&format!("`node --version` fails ({})", answer.status)))?;
    match node.requires_modules() {
        true => Ok(node),
        false => Err(problem(&format!("Node.js {} cannot `require` ES modules, which handlers may do", text.trim()))),
    }
}

impl NodeInfo {
    /// Since 20.19, 22.12 and 23 (it was behind a flag before): many packages are ES modules only.
    fn requires_modules(self) -> bool {
        match self.major {
            20 => self.minor >= 19,
            22 => self.minor >= 12,
            major => major >= 23,
        }
    }
}

fn parse(text: &str) -> Option<NodeInfo> {
    let mut numbers = text.strip_prefix('v')?.splitn(3, '.');
    let major = numbers.next()?.parse().ok()?;
    let minor = numbers.next()?.parse().ok()?;
    // `v24.0.0-nightly…` is as good as 24.0.0.
    let patch = numbers.next()?.split(['-', '+']).next()?.parse().ok()?;
    Some(NodeInfo { major, minor, patch })
}

fn problem(message: &str) -> Problem {
    Problem::new("node", message, HINT)
}

#[cfg(test)]
mod tests {
    use std::os::unix::process::ExitStatusExt;
    use std::process::ExitStatus;

    use super::*;

    fn says(text: &str) -> Result<NodeInfo, Problem> {
        judge(&Output { status: ExitStatus::from_raw(0), stdout: text.into(), stderr: Vec::new() })
    }

    #[test]
    fn a_node_that_cannot_require_es_modules_is_refused() {
        for good in ["v20.19.0\n", "v20.20.2", "v22.12.0", "v23.0.0", "v24.1.0-nightly2025"] {
            assert!(says(good).is_ok(), "{good}");
        }
        for bad in ["v18.20.4", "v20.18.9", "v21.7.3", "v22.11.0", "", "20.19.0", "v20"] {
            let problem = says(bad).unwrap_err();
            assert!(problem.hint.contains("20.19"), "{bad}: {problem}");
        }
    }

    #[tokio::test]
    async fn a_missing_node_is_told_and_the_present_one_is_found() {
        let problem = check_program("no-such-node".as_ref(), &Env::new()).await.unwrap_err();
        assert!(problem.message.contains("there is no `node` in PATH"), "{problem}");
        assert!(check(&Env::new()).await.unwrap().major >= 20);
    }
}
