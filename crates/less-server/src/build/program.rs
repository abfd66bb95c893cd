//! How a version's workers are started: the command, its arguments and its whole environment.

use std::ffi::OsString;
use std::path::Path;

use less_project::{Env, Language};

use super::built::Built;
use crate::limits;
use crate::workers::Program;

/// Variables of the deployer that reach handlers unasked, beside those that `less.config` lists.
const BASE_VARIABLES: [&str; 7] = ["PATH", "HOME", "USER", "LANG", "TZ", "TMPDIR", "NODE_ENV"];
/// And those that begin so.
const BASE_PREFIX: &str = "LC_";
/// Whether a variable of the deployer reaches handlers though `less.config` does not list it.
pub fn is_base_variable(name: &str) -> bool {
    BASE_VARIABLES.contains(&name) || name.starts_with(BASE_PREFIX)
}

/// What handlers have when the deployer's environment does not say.
const USUAL: [(&str, &str); 2] = [("PATH", "/usr/local/bin:/usr/bin:/bin"), ("NODE_ENV", "production")];

/// `require` of an ES module, and an ES module in a `.js` without `"type"`, are what we want: no warnings.
const FLAGS: [&str; 2] = ["--disable-warning=ExperimentalWarning", "--disable-warning=MODULE_TYPELESS_PACKAGE_JSON"];
/// Beside the JavaScript heap a Node.js process takes about this much.
const BESIDE_HEAP: u64 = 64 << 20;

/// Traces name the line of the TypeScript, at the price of a slower trace.
const SOURCE_MAPS: &str = "--enable-source-maps";

/// Log lines at once, and text in UTF-8 whatever the locale. Nothing is written beside the sources: a `__pycache__`
/// would be taken for a part of the project.
const PYTHON: [&str; 4] = ["-B", "-u", "-X", "utf8"];
/// By its path and not with `-m`, which would look for modules in the project's root first: a `queue.py` there must not
/// take Python's place.
const PYTHON_WORKER: &str = "less/_worker/main.py";

/// What this machine happens to have installed is no part of a project: it would be missed elsewhere.
const WITHOUT_PACKAGES: &str = "-S";

/// What runs handlers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Runtime {
    Node,
    Python,
}

impl Runtime {
    /// `None` for a language that is compiled.
    pub fn of(language: Language) -> Option<Self> {
        match language {
            Language::JavaScript | Language::TypeScript => Some(Self::Node),
            Language::Python => Some(Self::Python),
            Language::Go | Language::Rust => None,
        }
    }
}

/// A worker of a version, with the version's variables.
pub(crate) fn program(runtime: Runtime, built: &Built, env: &Env) -> Program {
    match runtime {
        Runtime::Node => node(built, env),
        Runtime::Python => python(built, env),
    }
}

fn node(built: &Built, env: &Env) -> Program {
    let heap = (limits::WORKER_BYTES - BESIDE_HEAP) >> 20;
    let mut args: Vec<OsString> = FLAGS.map(Into::into).to_vec();
    args.push(format!("--max-old-space-size={heap}").into());
    if built.facts.typescript {
        args.push(SOURCE_MAPS.into());
    }
    args.push(built.sdks.node.join("worker.cjs").into());
    Program { command: "node".into(), args, env: environment(env, &[]), folder: built.root.clone() }
}

fn python(built: &Built, env: &Env) -> Program {
    let command = built.facts.python.clone().unwrap_or_else(|| "python3".into());
    let mut args: Vec<OsString> = PYTHON.map(Into::into).to_vec();
    if !is_environment(&command) {
        args.push(WITHOUT_PACKAGES.into());
    }
    args.push(built.sdks.python.join(PYTHON_WORKER).into());
    // Our SDK wins over a package of its name, and so do shared modules.
    let path = format!("{}:{}", built.sdks.python.display(), built.root.join("less/shared").display());
    Program { command, args, env: environment(env, &[("PYTHONPATH", &path)]), folder: built.root.clone() }
}

/// Whether this is the Python of a virtual environment, with packages of its own.
fn is_environment(command: &Path) -> bool {
    command.ancestors().nth(2).is_some_and(|folder| folder.join("pyvenv.cfg").is_file())
}

pub(super) fn environment(env: &Env, ours: &[(&str, &str)]) -> Vec<(String, String)> {
    let owned = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
    let mut all: Env = USUAL.iter().map(owned).collect();
    all.extend(env.clone());
    all.extend(ours.iter().map(owned));
    all.into_iter().collect()
}

#[cfg(test)]
mod tests {
    use super::super::built::Facts;
    use super::super::sdk::Sdks;
    use super::*;

    fn built(typescript: bool, python: Option<&str>) -> Built {
        let sdks = Sdks { node: "/sdk/node".into(), python: "/sdk/python".into() };
        Built { root: "/shop".into(), sdks, facts: Facts { typescript, python: python.map(Into::into) } }
    }

    fn line(program: &Program) -> String {
        let args: Vec<_> = program.args.iter().map(|arg| arg.to_string_lossy()).collect();
        format!("{} {}", program.command.display(), args.join(" "))
    }

    #[test]
    fn handlers_get_the_versions_variables_and_nothing_of_the_server() {
        let env = Env::from([("POSTGRES_URL".into(), "p".into()), ("NODE_ENV".into(), "test".into())]);
        let expected = [("NODE_ENV", "test"), ("PATH", "/usr/local/bin:/usr/bin:/bin"), ("POSTGRES_URL", "p")];
        let program = program(Runtime::Node, &built(false, None), &env);
        assert_eq!(program.env, expected.map(|(name, value)| (name.to_owned(), value.to_owned())));
    }

    #[test]
    fn traces_are_mapped_where_there_is_typescript() {
        let line = |typescript| line(&program(Runtime::Node, &built(typescript, None), &Env::new()));
        assert!(!line(false).contains(SOURCE_MAPS), "{}", line(false));
        assert!(line(true).ends_with("--enable-source-maps /sdk/node/worker.cjs"), "{}", line(true));
    }

    #[test]
    fn python_runs_in_the_projects_environment_with_the_path_that_we_choose() {
        let env = Env::from([("PYTHONPATH".into(), "/theirs".into()), ("PYTHONHASHSEED".into(), "0".into())]);
        let venv = tempfile::TempDir::new().unwrap();
        std::fs::write(venv.path().join("pyvenv.cfg"), "").unwrap();
        let own = venv.path().join("bin/python").display().to_string();
        let python = program(Runtime::Python, &built(true, Some(&own)), &env);
        assert_eq!(line(&python), format!("{own} -B -u -X utf8 /sdk/python/less/_worker/main.py"));
        let value = |name: &str| python.env.iter().find(|(other, _)| other == name).map(|(_, value)| value.as_str());
        assert_eq!(value("PYTHONPATH"), Some("/sdk/python:/shop/less/shared"));
        assert_eq!(value("PYTHONHASHSEED"), Some("0"));
        let without = line(&program(Runtime::Python, &built(true, None), &env));
        assert_eq!(without, "python3 -B -u -X utf8 -S /sdk/python/less/_worker/main.py");
    }
}
