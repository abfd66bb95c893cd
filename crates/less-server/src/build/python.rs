//! Which Python is there, and whether it can run handlers.

use std::ffi::OsStr;
use std::io;
use std::path::PathBuf;
use std::process::{Output, Stdio};
use std::time::Duration;

use less_project::{Env, Problem};
use tokio::process::Command;

use super::program::environment;

const ANSWER_TIME: Duration = Duration::from_secs(20);
const OLDEST: (u32, u32) = (3, 9);
const HINT: &str = "install Python 3.9 or newer (python.org) and make sure that `python3 --version` shows it";
/// Its version, where it really is (a `python3` in PATH may be a script that chooses one), and whether it has all that
/// makes a virtual environment: some systems divide it into packages. Links are followed: `python3` may be another one
/// after an upgrade.
const QUESTION: &str = "import os, sys, importlib.util as util
print('%d.%d.%d' % sys.version_info[:3])
print(os.path.realpath(sys.executable) if sys.prefix == sys.base_prefix else sys.executable)
print(all(util.find_spec(name) for name in ('venv', 'ensurepip')))";

/// A Python that can run handlers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PythonInfo {
    /// `3.11.7`
    pub version: String,
    pub executable: PathBuf,
    pub makes_environments: bool,
}

/// Asks the `python3` in the version's PATH.
pub async fn check(env: &Env) -> Result<PythonInfo, Problem> {
    check_program("python3".as_ref(), env).await
}

async fn check_program(program: &OsStr, env: &Env) -> Result<PythonInfo, Problem> {
    // As a worker has it, so that the answer is the worker's; `-I`: nothing of this folder bears on it.
    let mut asked = Command::new(program);
    let asked = asked
        .env_clear()
        .envs(environment(env, &[]))
        .args(["-I", "-c", QUESTION])
        .stdin(Stdio::null())
        .kill_on_drop(true)
        .output();
    match tokio::time::timeout(ANSWER_TIME, asked).await {
        Err(_) => Err(problem("`python3` does not answer")),
        Ok(Err(error)) if error.kind() == io::ErrorKind::NotFound => {
            Err(problem("Python is needed to run Python handlers, and there is no `python3` in PATH"))
        }
        Ok(Err(error)) => Err(problem(&format!("`python3` cannot be run: {error}"))),
        Ok(Ok(answer)) => judge(&answer),
    }
}

fn judge(answer: &Output) -> Result<PythonInfo, Problem> {
    let text = String::from_utf8_lossy(&answer.stdout);
    let lines: Vec<&str> = text.lines().collect();
    let (Some(found), [version, executable, makes_environments]) = (parse(&text), lines.as_slice()) else {
        let said = String::from_utf8_lossy(&answer.stderr);
        return Err(problem(&format!("`python3` fails ({}): {}", answer.status, said.trim())));
    };
    if found < OLDEST {
        return Err(problem(&format!("Python {version} is too old to run handlers")));
    }
    Ok(PythonInfo {
        version: (*version).into(),
        executable: executable.into(),
        makes_environments: *makes_environments == "True",
    })
}

/// Major and minor.
fn parse(text: &str) -> Option<(u32, u32)> {
    let mut numbers = text.splitn(3, '.');
    Some((numbers.next()?.parse().ok()?, numbers.next()?.parse().ok()?))
}

fn problem(message: &str) -> Problem {
    Problem::new("python3", message, HINT)
}

#[cfg(test)]
mod tests {
    use std::os::unix::process::ExitStatusExt;
    use std::process::ExitStatus;

    use super::*;

    fn says(text: &str) -> Result<PythonInfo, Problem> {
        let (stdout, stderr) = (text.into(), b"no encodings".to_vec());
        judge(&Output { status: ExitStatus::from_raw(0), stdout, stderr })
    }

    #[test]
    fn a_python_that_is_too_old_or_does_not_work_is_refused() {
        for version in ["3.9.0", "3.11.7", "3.14.0", "4.0.1"] {
            let python = says(&format!("{version}\n/usr/bin/python3\nFalse\n")).unwrap();
            assert!(python.version == version && !python.makes_environments);
        }
        for (answer, told) in [
            ("3.8.19\n/usr/bin/python3\nTrue\n", "Python 3.8.19 is too old"),
            ("2.7.18\n/usr/bin/python3\nTrue\n", "too old"),
            ("", "fails (exit status: 0): no encodings"),
            ("Python 3.11.7", "fails"),
            ("3.11.7", "fails"),
        ] {
            let problem = says(answer).unwrap_err();
            assert!(problem.message.contains(told) && problem.hint.contains("3.9"), "{answer}: {problem}");
        }
    }

    #[tokio::test]
    async fn a_missing_python_is_told_and_the_present_one_is_found() {
        let problem = check_program("no-such-python".as_ref(), &Env::new()).await.unwrap_err();
        assert!(problem.message.contains("there is no `python3` in PATH"), "{problem}");
        assert!(check(&Env::new()).await.unwrap().executable.is_file());
    }
}
