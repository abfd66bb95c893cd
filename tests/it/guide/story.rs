//! Plays one story of a page: in an empty folder, with a home of its own, by the real command line in a real shell.

use std::fs::{self, File};
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Stdio};

use less_tests::harness::{Home, eventually, http, processes};
use rustix::process::Signal;

use super::page::{Command, Kind, Page};
use super::shown::{self, Ports};

/// What a terminal shows for a moment only, and files for ever.
const STEPS: [&str; 9] = [
    "Checking the project",
    "Installing dependencies",
    "Packing the project",
    "Sending the project to the server",
    "Starting a local server",
    "Starting workers",
    "Stopping; running handlers finish first",
    "Switching to the new version",
    "Waiting for the server, which does not answer",
];

/// Plays all stories of a page.
pub(super) fn play(page: &Page) {
    let languages = page.languages();
    let stories = if languages.is_empty() { vec![None] } else { languages.into_iter().map(Some).collect() };
    stories.into_iter().for_each(|language| Story::begin(page, language).play());
}

struct Story<'p> {
    page: &'p Page,
    language: Option<&'static str>,
    shell: Shell,
    ports: Ports,
    /// The last command that stays.
    stays: Option<Stays>,
    /// What was typed last, and what came of it: for whom a test fails.
    last: String,
    /// Last, for its end is the end of all processes.
    home: Home,
}

/// A command that goes on while others are typed.
struct Stays {
    pid: u32,
    output: PathBuf,
    /// Of the output: what was shown before.
    seen: usize,
}

impl<'p> Story<'p> {
    fn begin(page: &'p Page, language: Option<&'static str>) -> Self {
        let home = Home::new();
        // One port for the whole story, whether or not the server is restarted in it.
        let port = http::free_port();
        let shell = Shell::start(&home, &port);
        let ports = Ports::of_server(port);
        Self { page, language, shell, ports, stays: None, last: String::new(), home }
    }

    fn play(mut self) {
        let (page, language) = (self.page, self.language);
        for block in page.blocks.iter().filter(|block| block.language.is_none() || block.language == language) {
            let place = format!("{}.md:{} ({})", page.name, block.line, language.unwrap_or("the only story"));
            match &block.kind {
                Kind::File { path, text } => self.write(path, text),
                Kind::Commands(commands) => commands.iter().for_each(|command| self.perform(&place, command)),
                Kind::NotRun { .. } => {}
            }
        }
    }

    fn write(&mut self, path: &str, text: &str) {
        let file = self.shell.folder().join(path);
        fs::create_dir_all(file.parent().unwrap()).unwrap();
        fs::write(file, text).unwrap();
    }

    fn perform(&mut self, place: &str, Command { typed, shown }: &Command) {
        let Some(typed) = typed else { return self.interrupt(place, shown) };
        let command = self.ports.in_use(typed).replace("~/.less", self.home.less_home().to_str().unwrap());
        if stays(typed) {
            return self.start(place, &command, shown);
        }
        let what = format!("{place}: $ {typed}\n{}", shown.join("\n"));
        if only_looks(typed) {
            eventually(&what, || self.goes_as_shown(&command, shown));
        } else {
            assert!(self.goes_as_shown(&command, shown), "not as the page shows it: {what}");
        }
    }

    fn goes_as_shown(&mut self, command: &str, shown: &[String]) -> bool {
        let (code, said) = self.shell.run(command);
        let said = without_steps(&said);
        self.last = format!("$ {command}\nexit code {code}, printed:\n{said}");
        // What a page shows as an error has to be one.
        let wanted = i32::from(shown.iter().any(|line| line.contains("ERROR:")));
        code == wanted && (shown.is_empty() || shown::agrees(shown, &said, &mut self.ports, false))
    }

    /// Starts a command that stays, and waits for what it shows.
    fn start(&mut self, place: &str, command: &str, shown: &[String]) {
        let (pid, output) = self.shell.start_background(command);
        self.stays = Some(Stays { pid, output, seen: 0 });
        self.see(place, shown);
    }

    /// Ctrl-C, and what is shown from then on.
    fn interrupt(&mut self, place: &str, shown: &[String]) {
        let stays = self.stays.as_mut().unwrap_or_else(|| panic!("{place}: ^C, and nothing runs"));
        stays.seen = fs::read_to_string(&stays.output).unwrap().len();
        let pid = stays.pid;
        processes::signal(pid, Signal::INT);
        eventually(&format!("{place}: it ends after Ctrl-C"), || !processes::lives(pid));
        if !shown.is_empty() {
            self.see(place, shown);
        }
        self.stays = None;
    }

    fn see(&mut self, place: &str, shown: &[String]) {
        let Self { stays: Some(stays), ports, last, .. } = self else { return };
        eventually(&format!("{place}: it prints\n{}", shown.join("\n")), || {
            *last = without_steps(&fs::read_to_string(&stays.output).unwrap()[stays.seen..]);
            shown::agrees(shown, last, ports, true)
        });
    }
}

impl Drop for Story<'_> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("the last command:\n{}", self.last);
        }
    }
}

/// A command that goes on until it is told to stop.
fn stays(typed: &str) -> bool {
    typed.starts_with("less-cli run") || typed.ends_with(" --follow")
}

/// A command that may be typed again until it shows what a person waits for.
fn only_looks(typed: &str) -> bool {
    ["less-cli log ", "less-cli list"].iter().any(|command| typed.starts_with(command))
}

fn without_steps(said: &str) -> String {
    let is_step = |line: &str| {
        let step = line.strip_prefix("[less-cli] ");
        step.is_some_and(|step| STEPS.iter().any(|known| step.starts_with(known)))
    };
    said.lines().filter(|line| !is_step(line)).fold(String::new(), |all, line| all + line + "\n")
}

/// One bash for the whole story, so that `cd` and `export` last.
struct Shell {
    _bash: Child,
    input: ChildStdin,
    answers: BufReader<ChildStdout>,
    outputs: PathBuf,
    started: usize,
}

impl Shell {
    fn start(home: &Home, port: &str) -> Self {
        let outputs = home.root().join("tmp");
        // curl shows a meter where it prints to no terminal.
        fs::write(home.root().join(".curlrc"), "silent\nshow-error\n").unwrap();
        let mut bash = std::process::Command::new("bash");
        bash.args(["--norc", "--noprofile"]).current_dir(home.root().join("projects"));
        home.adopt(&mut bash);
        bash.env("PATH", path_with_less_cli(home)).env("CURL_HOME", home.root()).env("LESS_PORT", port);
        let errors = File::create(outputs.join("bash.err")).unwrap();
        bash.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(errors);
        let mut bash = bash.spawn().unwrap();
        let (input, answers) = (bash.stdin.take().unwrap(), BufReader::new(bash.stdout.take().unwrap()));
        Self { _bash: bash, input, answers, outputs, started: 0 }
    }

    fn run(&mut self, command: &str) -> (i32, String) {
        let output = self.output();
        let answer = self.ask(&format!("{{ {command}\n}} >'{}' 2>&1 </dev/null; echo $?", output.display()));
        (answer.parse().unwrap(), fs::read_to_string(output).unwrap())
    }

    fn start_background(&mut self, command: &str) -> (u32, PathBuf) {
        let output = self.output();
        File::create(&output).unwrap();
        let answer = self.ask(&format!("set -m; {command} >'{}' 2>&1 </dev/null & echo $!", output.display()));
        (answer.parse().unwrap(), output)
    }

    fn folder(&mut self) -> PathBuf {
        PathBuf::from(self.ask("pwd"))
    }

    fn output(&mut self) -> PathBuf {
        self.started += 1;
        self.outputs.join(format!("{}.out", self.started))
    }

    fn ask(&mut self, line: &str) -> String {
        writeln!(self.input, "{line}").unwrap();
        let mut answer = String::new();
        self.answers.read_line(&mut answer).unwrap();
        answer.trim_end().to_owned()
    }
}

/// A folder with `less-cli` in front of the usual ones.
fn path_with_less_cli(home: &Home) -> String {
    let folder = home.root().join("bin");
    fs::create_dir(&folder).unwrap();
    let binary = home.command(Path::new("/"), &[]).get_program().to_owned();
    std::os::unix::fs::symlink(binary, folder.join("less-cli")).unwrap();
    format!("{}:{}", folder.display(), std::env::var("PATH").unwrap_or_default())
}
