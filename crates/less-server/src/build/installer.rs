//! Runs what installs packages, in a folder, and tells the author what it said when it fails.
//!
//! The installer has of our environment what installers and compilers are set up with (proxies, registries) and no
//! more, for packages bring scripts along; and the project's variables (tokens that an .npmrc names). It has no terminal,
//! no shell, a time limit, and a process group of its own, which is killed when the install is cancelled.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::path::Path;
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use less_project::{Env, Problem};
use rustix::fs::MemfdFlags;
use rustix::process::{Pid, Signal};
use tokio::process::{Child, Command};

use super::{Doing, Error, Result, is_base_variable};

/// Of the installer's output, so much is told.
const TOLD_LINES: usize = 60;
const TOLD_BYTES: u64 = 32 << 10;

/// One run of an installer.
pub(super) struct Job {
    pub(super) command: Command,
    /// As one would type it.
    pub(super) name: &'static str,
    /// What is to blame when it fails, and what to do then.
    pub(super) file: &'static str,
    pub(super) hint: &'static str,
    /// When there is no such program.
    pub(super) missing: Problem,
}

impl Job {
    pub(super) async fn run(mut self, folder: &Path, env: &Env, time_limit: Duration) -> Result<()> {
        let ours = std::env::vars_os().filter(|(name, _)| name.to_str().is_some_and(is_for_installers));
        self.command.env_clear().envs(ours).envs(env);
        let mut output = File::from(rustix::fs::memfd_create("less-install", MemfdFlags::CLOEXEC).map_err(io_error)?);
        let mut running = match start(&mut self.command, folder, &output) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Err(self.missing.into()),
            started => started.doing("run the installer in", folder)?,
        };
        let ended = tokio::time::timeout(time_limit, running.wait()).await;
        drop(running);
        let failure = match ended {
            Ok(Ok(status)) if status.success() => return Ok(()),
            Ok(Ok(status)) => format!("failed ({status})"),
            Ok(Err(error)) => return Err(error).doing("wait for the installer in", folder),
            Err(_) => format!("did not end within {} s", time_limit.as_secs()),
        };
        Err(self.failed(&failure, &last_lines(&mut output).unwrap_or_default()).into())
    }

    fn failed(self, failure: &str, output: &str) -> Problem {
        let said = if output.is_empty() { String::new() } else { format!("; it said:\n{output}") };
        Problem::new(self.file, format!("`{}` {failure}{said}", self.name), self.hint)
    }
}

/// Beside what handlers get: whom a machine reaches, and how it compiles. In upper case.
const SETTINGS: [&str; 21] = [
    "HTTP_PROXY",
    "HTTPS_PROXY",
    "ALL_PROXY",
    "NO_PROXY",
    "SSL_CERT_FILE",
    "SSL_CERT_DIR",
    "REQUESTS_CA_BUNDLE",
    "CURL_CA_BUNDLE",
    "NODE_EXTRA_CA_CERTS",
    "SSH_AUTH_SOCK",
    "LOGNAME",
    "SHELL",
    "CC",
    "CXX",
    "CFLAGS",
    "CXXFLAGS",
    "LDFLAGS",
    "CPATH",
    "LIBRARY_PATH",
    "LD_LIBRARY_PATH",
    "PKG_CONFIG_PATH",
];
/// And what begins with an installer's own name.
const PREFIXES: [&str; 11] =
    ["NPM_CONFIG_", "YARN_", "PIP_", "UV_", "XDG_", "GIT_", "NVM_", "VOLTA_", "PYENV_", "CARGO_", "RUSTUP_"];

fn is_for_installers(name: &str) -> bool {
    let upper = name.to_ascii_uppercase();
    is_base_variable(name)
        || SETTINGS.contains(&upper.as_str())
        || PREFIXES.iter().any(|prefix| upper.starts_with(prefix))
}

fn io_error(error: rustix::io::Errno) -> Error {
    Error::Io { doing: "make a file in memory".into(), source: error.into() }
}

fn start(command: &mut Command, folder: &Path, output: &File) -> io::Result<Running> {
    let child = command
        .current_dir(folder)
        .stdin(Stdio::null())
        .stdout(output.try_clone()?)
        .stderr(output.try_clone()?)
        .process_group(0)
        .kill_on_drop(true)
        .spawn()?;
    Ok(Running { child })
}

/// A process and its group; dropped before its end, all of it is killed.
struct Running {
    child: Child,
}

impl Running {
    async fn wait(&mut self) -> io::Result<ExitStatus> {
        self.child.wait().await
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // No id once it was waited for: then its number may be another's.
        let group = self.child.id().and_then(|pid| i32::try_from(pid).ok()).and_then(Pid::from_raw);
        if let Some(group) = group {
            // Gone already is as good.
            rustix::process::kill_process_group(group, Signal::KILL).ok();
        }
    }
}

fn last_lines(output: &mut File) -> io::Result<String> {
    let length = output.metadata()?.len();
    output.seek(SeekFrom::Start(length.saturating_sub(TOLD_BYTES)))?;
    let mut bytes = Vec::new();
    output.read_to_end(&mut bytes)?;
    let text = String::from_utf8_lossy(&bytes);
    let lines: Vec<&str> = text.trim_end().lines().collect();
    Ok(lines[lines.len().saturating_sub(TOLD_LINES)..].join("\n"))
}

#[cfg(test)]
mod tests {
    use std::io::{BufRead, BufReader};

    use tempfile::TempDir;

    use super::*;

    fn job(program: &str, args: &[&str]) -> Job {
        let mut command = Command::new(program);
        command.args(args);
        let missing = Problem::new("package.json", "there is no `npm`", "install it");
        Job { command, name: "npm install", file: "package.json", hint: "correct it", missing }
    }

    fn shell(script: &str) -> Job {
        job("sh", &["-c", script])
    }

    async fn run(job: Job, time_limit: Duration) -> Result<()> {
        job.run(TempDir::new().unwrap().path(), &Env::new(), time_limit).await
    }

    fn problem(result: Result<()>) -> Problem {
        let Err(Error::Problems(problems)) = result else { panic!("{result:?}") };
        problems[0].clone()
    }

    #[tokio::test]
    async fn a_failure_is_told_with_the_end_of_its_output() {
        let script = "seq 1 100; echo 'no such package' >&2; exit 3";
        let result = run(shell(script), Duration::from_secs(60)).await;
        let message = problem(result).message;
        assert!(message.starts_with("`npm install` failed (exit status: 3); it said:\n42\n"), "{message}");
        assert!(message.ends_with("\n100\nno such package"), "{message}");
    }

    #[tokio::test]
    async fn an_installer_that_is_not_there_is_told() {
        let result = run(job("no-such-npm", &[]), Duration::from_secs(60)).await;
        assert_eq!(problem(result).message, "there is no `npm`");
    }

    #[tokio::test]
    async fn an_installer_that_takes_too_long_is_told() {
        let result = run(shell("sleep 1000"), Duration::from_millis(50)).await;
        assert!(problem(result).message.contains("`npm install` did not end within"));
    }

    #[test]
    fn scripts_of_packages_see_the_machines_settings_and_not_its_other_variables() {
        for name in ["PATH", "HOME", "LC_ALL", "https_proxy", "NO_PROXY", "npm_config_registry", "PIP_INDEX_URL", "CC"]
        {
            assert!(is_for_installers(name), "{name}");
        }
        for name in ["AWS_SECRET_ACCESS_KEY", "DATABASE_URL", "GITHUB_TOKEN", "LESS_HOME", "PATHS"] {
            assert!(!is_for_installers(name), "{name}");
        }
    }

    #[tokio::test]
    async fn a_cancelled_install_leaves_no_process() {
        let (dir, env) = (TempDir::new().unwrap(), Env::new());
        let held = dir.path().join("held");
        rustix::fs::mkfifoat(rustix::fs::CWD, &held, rustix::fs::Mode::from(0o600)).unwrap();
        let (tell, started) = tokio::sync::oneshot::channel();
        let reader = tokio::task::spawn_blocking(move || {
            let mut held = BufReader::new(File::open(held).unwrap());
            held.read_line(&mut String::new()).unwrap();
            tell.send(()).unwrap();
            // Ends when the last process that holds the pipe is gone.
            held.read_to_end(&mut Vec::new()).unwrap()
        });
        let job = shell("exec 9>held; echo started >&9; sleep 1000 & sleep 1000");
        tokio::select! {
            result = job.run(dir.path(), &env, Duration::from_secs(900)) => panic!("{result:?}"),
            started = started => started.unwrap(),
        }
        assert_eq!(reader.await.unwrap(), 0);
    }
}
