//! TypeScript to what Node.js runs, in this process: no `tsc` is needed, and types are not checked.
//!
//! In: the project unpacked at `root`. Out: for each `.ts` below `less/` a `.js` of the same name beside it, which ends
//! with its source map, so that stack traces name the `.ts`, which stays. Sites (`less/statics`), declarations
//! (`.d.ts`) and packages are left alone. A file is an ES module or CommonJS by its own syntax, as a `.js` is.

mod excerpt;
mod rewrite;
mod script;
mod specifiers;

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::thread;

use less_project::Problem;

use self::script::Source;
use self::specifiers::Specifiers;
use super::{Doing, Error, Result};

/// One file; more is data.
const FILE_BYTES: usize = 2 << 20;
/// Brackets in brackets.
const NESTING: usize = 10_000;
/// The compiler recurses, and a stack that ends would end the server. So much is twice what the worst of files were seen
/// to take: for [`NESTING`] brackets, and for each byte (`A<A<A<`). Only what is used takes memory.
const STACK_BYTES: usize = 64 << 20;
const STACK_PER_BYTE: usize = 2048;

/// Writes the `.js` of every `.ts`, or nothing and all problems of all files. `packages`: the project's `node_modules`,
/// there or not.
/// Returns whether there was any TypeScript. Blocking.
pub(super) fn transpile(root: &Path, packages: &Path) -> Result<bool> {
    let less = root.join("less");
    let mut files = Vec::new();
    collect(&less, &mut files).doing("read the folder", &less)?;
    files.sort();
    let sources = Sources::read(root, &files)?;
    let specifiers = Specifiers { shared: less.join("shared"), packages: packages.into() };
    let scripts = thread::scope(|scope| {
        let thread = thread::Builder::new().name("typescript".into()).stack_size(sources.stack());
        let thread =
            thread.spawn_scoped(scope, || sources.transpile(&specifiers)).doing("start a thread for", &less)?;
        thread.join().unwrap_or_else(|_| Err(io::Error::other("the compiler panicked")).doing("transpile", &less))
    })?;
    for (path, script) in &scripts {
        fs::write(path, script).doing("write", path)?;
    }
    Ok(!scripts.is_empty())
}

fn collect(folder: &Path, files: &mut Vec<PathBuf>) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        if path.is_dir() {
            if name != "node_modules" && !path.ends_with("less/statics") {
                collect(&path, files)?;
            }
        } else if name.ends_with(".ts") && !name.ends_with(".d.ts") {
            files.push(path);
        }
    }
    Ok(())
}

struct Sources {
    /// Name, path and text.
    sources: Vec<(String, PathBuf, String)>,
    problems: Vec<Problem>,
}

impl Sources {
    fn read(root: &Path, files: &[PathBuf]) -> Result<Self> {
        let mut all = Self { sources: Vec::new(), problems: Vec::new() };
        for path in files {
            let name = path.strip_prefix(root).unwrap_or(path).to_string_lossy().into_owned();
            if path.with_extension("js").exists() {
                all.problems.push(same_module(&name));
            }
            match check(&name, fs::read(path).doing("read", path)?) {
                Ok(text) => all.sources.push((name, path.clone(), text)),
                Err(problem) => all.problems.push(problem),
            }
        }
        Ok(all)
    }

    fn stack(&self) -> usize {
        let longest = self.sources.iter().map(|(_, _, text)| text.len()).max();
        STACK_BYTES + longest.unwrap_or(0) * STACK_PER_BYTE
    }

    /// Path and text of every script.
    fn transpile(self, specifiers: &Specifiers) -> Result<Vec<(PathBuf, String)>> {
        let (mut scripts, mut problems) = (Vec::new(), self.problems);
        for (name, path, text) in &self.sources {
            match script::transpile(&Source { name, path, text }, specifiers) {
                Ok(script) => scripts.push((path.with_extension("js"), script)),
                Err(found) => problems.extend(found),
            }
        }
        if problems.is_empty() { Ok(scripts) } else { Err(Error::Problems(problems)) }
    }
}

fn same_module(name: &str) -> Problem {
    let message = format!("{} beside it is the same module", Path::new(name).with_extension("js").display());
    Problem::new(name, message, "keep one of them: a TypeScript file needs no compiled one beside it")
}

/// What must not reach the compiler is a problem.
fn check(name: &str, text: Vec<u8>) -> std::result::Result<String, Problem> {
    if text.len() > FILE_BYTES {
        let message = format!("has {} KiB; a TypeScript file may have {}", text.len() >> 10, FILE_BYTES >> 10);
        return Err(Problem::new(name, message, "divide it, or keep data in a .json file"));
    }
    let Ok(text) = String::from_utf8(text) else {
        return Err(Problem::new(name, "is not UTF-8 text", "save it in UTF-8"));
    };
    match too_deep(&text) {
        Some(line) => {
            let message = format!("brackets are nested deeper than {NESTING}");
            Err(Problem::new(format!("{name}:{line}"), message, "keep data in a .json file"))
        }
        None => Ok(text),
    }
}

/// The line where brackets get too deep. Those in texts and comments count, too: they come in pairs, mostly.
fn too_deep(text: &str) -> Option<usize> {
    let (mut depth, mut line) = (0_usize, 1);
    for byte in text.bytes() {
        match byte {
            b'(' | b'[' | b'{' => depth += 1,
            b')' | b']' | b'}' => depth = depth.saturating_sub(1),
            b'\n' => line += 1,
            _ => {}
        }
        if depth > NESTING {
            return Some(line);
        }
    }
    None
}

#[cfg(test)]
#[path = "tests.rs"]
mod tests;
