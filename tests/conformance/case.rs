//! What a case is: a fact about the contract, told once and run once per language.

use std::path::Path;

use crate::scene::Scene;

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Language {
    JavaScript,
    TypeScript,
    Python,
}

pub(crate) use Language::{JavaScript, Python, TypeScript};

impl Language {
    pub(crate) const ALL: [Self; 3] = [JavaScript, TypeScript, Python];

    /// As in file names and arguments; also the folder of its projects.
    pub(crate) fn short(self) -> &'static str {
        self.pick("js", "ts", "py")
    }

    pub(crate) fn parse(short: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|language| language.short() == short)
    }

    pub(crate) fn pick<T>(self, javascript: T, typescript: T, python: T) -> T {
        match self {
            JavaScript => javascript,
            TypeScript => typescript,
            Python => python,
        }
    }

    /// A handler's file, from its folder or, for a route, its verb: `less/topics/a/b` → `less/topics/a/b/index.js`,
    /// `less/apis/a/get` → `less/apis/a/get.js`.
    pub(crate) fn file(self, handler: &str) -> String {
        let last = handler.rsplit('/').next().unwrap_or_default();
        if ["get", "post", "put", "patch", "delete"].contains(&last) {
            format!("{handler}.{}", self.short())
        } else {
            format!("{handler}/{}", self.pick("index.js", "index.ts", "__init__.py"))
        }
    }

    /// The smallest handler there is; `answer` is a route's body, in single quotes where it is a string.
    pub(crate) fn answering(self, answer: &str) -> String {
        match self {
            JavaScript => format!("exports.process = async () => ({{ body: {answer} }});\n"),
            TypeScript => format!("export const process = async () => ({{ body: {answer} }});\n"),
            Python => format!("def process(request, response):\n    return {{'body': {answer}}}\n"),
        }
    }

    /// The smallest handler that is no route.
    pub(crate) fn doing_nothing(self) -> &'static str {
        self.pick(
            "exports.process = async (message) => {};\n",
            "export const process = async (message: unknown) => {};\n",
            "def process(message):\n    pass\n",
        )
    }

    /// As [`Self::doing_nothing`], for crons.
    pub(crate) fn taking_nothing(self) -> &'static str {
        self.pick(
            "exports.process = async () => {};\n",
            "export const process = async () => {};\n",
            "def process():\n    pass\n",
        )
    }
}

/// For whom a sentence makes sense.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Languages {
    All,
    /// The others have no such thing, and why.
    Only(&'static [Language], &'static str),
}

impl Languages {
    pub(crate) fn has(self, language: Language) -> bool {
        match self {
            Self::All => true,
            Self::Only(languages, _) => languages.contains(&language),
        }
    }
}

/// A mistake in the product that turns the case red in at least one language.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Fault {
    /// Below `crates/` or `sdk/`.
    pub(crate) file: &'static str,
    /// Occurs there exactly once.
    pub(crate) find: &'static str,
    pub(crate) replace: &'static str,
}

impl Fault {
    /// What is wrong with it, if the product has changed since.
    pub(crate) fn complaint(&self, repository: &Path) -> Option<String> {
        let Ok(text) = std::fs::read_to_string(repository.join(self.file)) else {
            return Some(format!("{} cannot be read", self.file));
        };
        match text.matches(self.find).count() {
            _ if !self.file.starts_with("crates/") && !self.file.starts_with("sdk/") => {
                Some(format!("{} is no part of the product", self.file))
            }
            _ if self.find == self.replace => Some("it changes nothing".to_owned()),
            1 => None,
            count => Some(format!("{:?} occurs {count} times in {}", self.find, self.file)),
        }
    }
}

#[derive(Debug, Clone, Copy)]
pub(crate) struct Case {
    /// The sentences that it holds the product to.
    pub(crate) ids: &'static [&'static str],
    /// A fact, with underscores.
    pub(crate) name: &'static str,
    pub(crate) languages: Languages,
    pub(crate) fault: Fault,
    pub(crate) run: fn(&Scene),
}

/// A chapter of the contract, and the project that its cases share.
pub(crate) struct Section {
    /// A folder of `projects/`.
    pub(crate) project: &'static str,
    /// Its cases do little but wait: all begin at once, beside the others.
    pub(crate) waits: bool,
    pub(crate) cases: &'static [&'static [Case]],
}

/// `case!(function, ["4.01"], "file" : "find" => "replace")`, with `only [Python] "why",` before the file where other
/// languages have no such thing.
macro_rules! case {
    ($run:ident, $ids:expr, only [$($language:ident),+] $why:literal, $file:literal : $find:literal => $replace:literal) => {
        case!(@ $run, $ids, $crate::case::Languages::Only(&[$($crate::case::Language::$language),+], $why), $file, $find, $replace)
    };
    ($run:ident, $ids:expr, $file:literal : $find:literal => $replace:literal) => {
        case!(@ $run, $ids, $crate::case::Languages::All, $file, $find, $replace)
    };
    (@ $run:ident, $ids:expr, $languages:expr, $file:literal, $find:literal, $replace:literal) => {
        $crate::case::Case {
            ids: &$ids,
            name: stringify!($run),
            languages: $languages,
            fault: $crate::case::Fault { file: $file, find: $find, replace: $replace },
            run: $run,
        }
    };
}
pub(crate) use case;
