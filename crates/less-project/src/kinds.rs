//! What a project may contain, and what of it can run today: a row each, so that enabling a
//! language is a change of one word here.

use crate::closest::distance;
use crate::{Language, Verb};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Apis,
    Topics,
    ExternalTopics,
    Sockets,
    Crons,
    Functions,
    Shared,
    Statics,
}

#[derive(Debug)]
pub(crate) struct KindRow {
    pub(crate) kind: Kind,
    /// Its folder in `less/`.
    pub(crate) folder: &'static str,
    /// What the folders below it stand for, one level after the other. The last level of a kind with
    /// index files holds the handler.
    pub(crate) levels: &'static [&'static str],
}

#[rustfmt::skip]
pub(crate) const KINDS: [KindRow; 8] = [
    KindRow { kind: Kind::Apis, folder: "apis", levels: &["api"] },
    KindRow { kind: Kind::Topics, folder: "topics", levels: &["topic", "subscriber"] },
    KindRow { kind: Kind::ExternalTopics, folder: "external_topics", levels: &["placeholder", "topic", "subscriber"] },
    KindRow { kind: Kind::Sockets, folder: "sockets", levels: &["socket", "channel"] },
    KindRow { kind: Kind::Crons, folder: "crons", levels: &["cron"] },
    KindRow { kind: Kind::Functions, folder: "functions", levels: &["function"] },
    KindRow { kind: Kind::Shared, folder: "shared", levels: &["module"] },
    KindRow { kind: Kind::Statics, folder: "statics", levels: &["site"] },
];

#[derive(Debug)]
pub(crate) struct LanguageRow {
    pub(crate) language: Language,
    pub(crate) name: &'static str,
    pub(crate) extensions: &'static [&'static str],
    /// The handler's file, without extension, where a verb does not name it.
    pub(crate) index: &'static str,
    pub(crate) runs: bool,
}

#[rustfmt::skip]
pub(crate) const LANGUAGES: [LanguageRow; 5] = [
    LanguageRow { language: Language::JavaScript, name: "JavaScript", extensions: &["js", "mjs", "cjs"], index: "index", runs: true },
    LanguageRow { language: Language::TypeScript, name: "TypeScript", extensions: &["ts"], index: "index", runs: true },
    LanguageRow { language: Language::Python, name: "Python", extensions: &["py"], index: "__init__", runs: true },
    LanguageRow { language: Language::Go, name: "Go", extensions: &["go"], index: "index", runs: false },
    LanguageRow { language: Language::Rust, name: "Rust", extensions: &["rs"], index: "index", runs: false },
];

/// Extensions that people expect to work, and what to use instead.
const LOOKALIKES: [(&str, &str); 4] = [("jsx", "js"), ("tsx", "ts"), ("mts", "ts"), ("cts", "ts")];

pub(crate) fn kind_of(folder: &str) -> Option<&'static KindRow> {
    KINDS.iter().find(|row| row.folder == folder)
}

/// `index.js`, `__init__.py`, …: the handler of everything that is no route.
pub(crate) fn index_file(file: &str) -> Option<&'static LanguageRow> {
    let (stem, row) = source_file(file)?;
    (stem == row.index).then_some(row)
}

/// `get.js`, …: the handler of a route.
pub(crate) fn verb_file(file: &str) -> Option<(Verb, &'static LanguageRow)> {
    let (stem, row) = source_file(file)?;
    let verb = Verb::ALL.into_iter().find(|verb| verb.file_stem() == stem)?;
    Some((verb, row))
}

/// A file in one of the languages, without its extension.
pub(crate) fn source_file(file: &str) -> Option<(&str, &'static LanguageRow)> {
    let (stem, extension) = file.rsplit_once('.')?;
    // `index.d.ts` only describes `index`.
    let row = LANGUAGES.iter().find(|row| row.extensions.contains(&extension) && !is_declaration(file))?;
    Some((stem, row))
}

fn is_declaration(file: &str) -> bool {
    file.ends_with(".d.ts")
}

/// Whether a build has made this file, of `beside`, from the TypeScript file of the same name.
pub(crate) fn is_transpiled(file: &str, beside: &[String]) -> bool {
    let source = file.strip_suffix(".js").map(|stem| format!("{stem}.ts"));
    source.is_some_and(|source| !is_declaration(&source) && beside.contains(&source))
}

/// The handler that a file would be in a folder of its own, if it is called like one: `index.py` → `__init__.py`.
pub(crate) fn index_of(file: &str) -> Option<String> {
    let (stem, row) = source_file(file)?;
    let (_, extension) = file.rsplit_once('.')?;
    (stem == row.index || stem == "index").then(|| format!("{}.{extension}", row.index))
}

/// `JavaScript, TypeScript or Python`: what runs today.
pub(crate) fn languages() -> String {
    one_of(|row| row.name.to_owned())
}

/// `index.js, index.ts or __init__.py`
pub(crate) fn index_files() -> String {
    one_of(|row| format!("{}.{}", row.index, row.extensions[0]))
}

/// `get.js, get.ts or get.py`
pub(crate) fn files_called(stem: &str) -> String {
    one_of(|row| format!("{stem}.{}", row.extensions[0]))
}

fn one_of(name: impl Fn(&LanguageRow) -> String) -> String {
    let names: Vec<String> = LANGUAGES.iter().filter(|row| row.runs).map(name).collect();
    match names.split_last() {
        Some((last, others)) if !others.is_empty() => format!("{} or {last}", others.join(", ")),
        Some(_) | None => names.concat(),
    }
}

/// What `file` should be called if it was meant as the handler of a route.
pub(crate) fn meant_as_verb(file: &str) -> Option<String> {
    let (stem, extension, _) = roughly_source(file)?;
    let named = |verb: &str| format!("{verb}.{extension}");
    if matches!(stem.as_str(), "process" | "index") {
        return Some(named("get"));
    }
    let verb = Verb::ALL.into_iter().find(|verb| is_slip(&stem, verb.file_stem()))?;
    Some(named(verb.file_stem()))
}

/// What `file` should be called if it was meant as the handler of anything else.
pub(crate) fn meant_as_index(file: &str) -> Option<String> {
    let (stem, extension, row) = roughly_source(file)?;
    let named = format!("{}.{extension}", row.index);
    let bare = stem.trim_matches('_');
    let other_name = matches!(bare, "process" | "handler" | "main" | "init");
    let is_verb = Verb::ALL.into_iter().any(|verb| is_slip(&stem, verb.file_stem()));
    (other_name || is_verb || is_slip(bare, "index")).then_some(named)
}

/// Like [`source_file`], but in any case and with the extensions people mix up.
fn roughly_source(file: &str) -> Option<(String, String, &'static LanguageRow)> {
    let lower = file.to_lowercase();
    let (stem, extension) = lower.rsplit_once('.').filter(|_| !is_declaration(&lower))?;
    let right = LOOKALIKES.iter().find(|(wrong, _)| *wrong == extension).map_or(extension, |(_, right)| right);
    let row = LANGUAGES.iter().find(|row| row.extensions.contains(&right))?;
    Some((stem.to_owned(), right.to_owned(), row))
}

/// The word itself (then the case or the extension was wrong), two letters swapped, one too many or, in a long
/// word, one missing. Not one replaced: `host.js`, `set.js` and `path.js` are good names of helpers.
fn is_slip(given: &str, word: &str) -> bool {
    let differing = given.chars().zip(word.chars()).filter(|(a, b)| a != b).count();
    let is_slip = match given.len().checked_sub(word.len()) {
        Some(0) => differing == 2,
        Some(1) => true,
        Some(_) => false,
        None => matches!(word, "delete" | "index"),
    };
    given == word || (is_slip && distance(given, word) == 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn handler_files_are_named_exactly() {
        assert!(index_file("index.js").is_some_and(|row| row.language == Language::JavaScript));
        assert!(index_file("__init__.py").is_some_and(|row| row.language == Language::Python));
        assert!(verb_file("delete.rs").is_some_and(|(verb, _)| verb == Verb::Delete));
        for file in
            ["Index.js", "index.py", "__init__.js", "get", "GET.js", "posts.js", "get.jsx", "get.d.ts", ".js", ""]
        {
            assert!(index_file(file).is_none() && verb_file(file).is_none(), "{file}");
        }
    }

    #[test]
    fn what_was_meant_is_guessed_from_a_slip() {
        let verbs = [("posts.js", "post.js"), ("GET.mjs", "get.mjs"), ("get.jsx", "get.js"), ("psot.py", "post.py")];
        for (given, meant) in
            verbs.into_iter().chain([("process.py", "get.py"), ("Index.js", "get.js"), ("delet.go", "delete.go")])
        {
            assert_eq!(meant_as_verb(given).as_deref(), Some(meant), "{given}");
        }
        let indexes = [
            ("Index.js", "index.js"),
            ("process.py", "__init__.py"),
            ("index.py", "__init__.py"),
            ("_init_.py", "__init__.py"),
        ];
        for (given, meant) in
            indexes.into_iter().chain([("idnex.ts", "index.ts"), ("post.js", "index.js"), ("index.tsx", "index.ts")])
        {
            assert_eq!(meant_as_index(given).as_deref(), Some(meant), "{given}");
        }
    }

    #[test]
    fn the_names_of_ordinary_helpers_are_no_slips() {
        for file in [
            "host.js",
            "path.js",
            "set.js",
            "net.js",
            "out.js",
            "match.js",
            "schema.js",
            "README.md",
            "post.json",
            "__init__.py",
        ] {
            assert_eq!(meant_as_verb(file), None, "{file}");
        }
        for file in ["schema.js", "indices.js", "util.py", "index.json", "index.html", "index.d.ts", "inde.d.ts"] {
            assert_eq!(meant_as_index(file), None, "{file}");
        }
    }
}
