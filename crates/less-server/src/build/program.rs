//! How a version's workers are started: the command, its arguments and its whole environment.

use std::path::Path;

use less_project::{Env, Handler, Language, Project};

use crate::limits;
use crate::workers::Program;

use super::sdk::Sdks;

/// Variables of the deployer that reach handlers unasked, beside those that `less.config` lists.
pub const BASE_VARIABLES: [&str; 7] = ["PATH", "HOME", "USER", "LANG", "TZ", "TMPDIR", "NODE_ENV"];
/// And those that begin so.
pub const BASE_PREFIX: &str = "LC_";
/// What handlers have when the deployer's environment does not say.
const USUAL: [(&str, &str); 2] = [("PATH", "/usr/local/bin:/usr/bin:/bin"), ("NODE_ENV", "production")];

/// `require` of an ES module, and an ES module in a `.js` without `"type"`, are what we want: no warnings.
const FLAGS: [&str; 2] = ["--disable-warning=ExperimentalWarning", "--disable-warning=MODULE_TYPELESS_PACKAGE_JSON"];
/// Beside the JavaScript heap a Node.js process takes about this much.
const BESIDE_HEAP: u64 = 64 << 20;

/// What runs handlers of a language.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Runtime {
    Node,
    Python,
}

impl Runtime {
    /// None: handlers of this language cannot run yet.
    pub fn of(language: Language) -> Option<Self> {
        match language {
            Language::JavaScript | Language::TypeScript => Some(Self::Node),
            Language::Python => Some(Self::Python),
            Language::Go | Language::Rust => None,
        }
    }
}

/// What a worker loads of a handler, and the file its author wrote, if that is another.
pub(crate) fn load_file(handler: &Handler) -> (String, Option<String>) {
    (handler.file.clone(), None)
}

/// How to start a worker of each runtime that the project needs.
pub(crate) fn programs(sdks: &Sdks, root: &Path, _project: &Project, env: &Env) -> Vec<(Runtime, Program)> {
    vec![(Runtime::Node, program(&sdks.node, root, env))]
}

/// A Node.js worker of the project in `root`, with the version's variables.
fn program(sdk: &Path, root: &Path, env: &Env) -> Program {
    let heap = (limits::WORKER_BYTES - BESIDE_HEAP) >> 20;
    let mut args: Vec<_> = FLAGS.map(Into::into).to_vec();
    args.push(format!("--max-old-space-size={heap}").into());
    args.push(sdk.join("worker.cjs").into());
    Program { command: "node".into(), args, env: environment(env), folder: root.into() }
}

fn environment(env: &Env) -> Vec<(String, String)> {
    let mut all: Env = USUAL.into_iter().map(|(name, value)| (name.into(), value.into())).collect();
    all.extend(env.clone());
    all.into_iter().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn handlers_get_the_versions_variables_and_nothing_of_the_server() {
        let env = Env::from([("POSTGRES_URL".into(), "p".into()), ("NODE_ENV".into(), "test".into())]);
        let expected = [("NODE_ENV", "test"), ("PATH", "/usr/local/bin:/usr/bin:/bin"), ("POSTGRES_URL", "p")];
        assert_eq!(environment(&env), expected.map(|(name, value)| (name.to_owned(), value.to_owned())));
    }
}
