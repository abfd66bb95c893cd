//! A page of the guide as a story: its blocks, in their order.
//!
//! What a page may hold, as plain Markdown:
//!
//! - **A file**: a block under a line that ends with the file's name and a colon: ``Write `less.config`:``.
//! - **Commands**: a block `sh`. Lines that begin with `$ ` are typed; what stands below each is what it prints, with `…`
//!   for what varies, alone on a line for any lines. Nothing below: it only has to succeed. `^C` is Ctrl-C, for
//!   the last command that stays.
//! - **What is not run** says so and why behind its language: `text not run: a drawing`.
//!
//! A block under a line that begins with a language's name (``Python, `less/…`:``) is of the story in that language
//! only. A page with such blocks is several stories, one a language; all other blocks belong to each of them.

use std::fs;

use less_tests::harness::repository;

/// Where the guide is.
pub(super) fn folder() -> std::path::PathBuf {
    repository("docs/guide/src")
}

pub(super) const LANGUAGES: [&str; 3] = ["JavaScript", "TypeScript", "Python"];

pub(super) struct Page {
    pub(super) name: String,
    pub(super) text: String,
    pub(super) blocks: Vec<Block>,
}

#[derive(Debug)]
pub(super) struct Block {
    /// The line of its fence.
    pub(super) line: usize,
    /// Of one story only.
    pub(super) language: Option<&'static str>,
    pub(super) kind: Kind,
}

#[derive(Debug)]
pub(super) enum Kind {
    File { path: String, text: String },
    Commands(Vec<Command>),
    NotRun { reason: String },
}

#[derive(Debug)]
pub(super) struct Command {
    /// None: Ctrl-C.
    pub(super) typed: Option<String>,
    pub(super) shown: Vec<String>,
}

impl Page {
    pub(super) fn read(name: &str) -> Self {
        let path = folder().join(format!("{name}.md"));
        let text = fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        let blocks = blocks(name, &text);
        Self { name: name.to_owned(), text, blocks }
    }

    /// The languages of its stories; none where there is only one story.
    pub(super) fn languages(&self) -> Vec<&'static str> {
        let named = |language: &&str| self.blocks.iter().any(|block| block.language == Some(*language));
        LANGUAGES.into_iter().filter(named).collect()
    }
}

fn blocks(page: &str, text: &str) -> Vec<Block> {
    let mut found = Vec::new();
    // The last line with a text, which says what a block is.
    let mut title = "";
    let mut lines = text.lines().enumerate();
    while let Some((number, line)) = lines.next() {
        let Some(info) = line.strip_prefix("```") else {
            title = if line.trim().is_empty() { title } else { line };
            continue;
        };
        let body: Vec<&str> = lines.by_ref().map(|(_, line)| line).take_while(|line| *line != "```").collect();
        let language = LANGUAGES.into_iter().find(|language| title.starts_with(language));
        let place = format!("{page}.md:{}", number + 1);
        found.push(Block { line: number + 1, language, kind: kind(&place, info, title, &body) });
        title = "";
    }
    found
}

fn kind(place: &str, info: &str, title: &str, body: &[&str]) -> Kind {
    if let Some((_, reason)) = info.split_once(" not run: ") {
        return Kind::NotRun { reason: reason.to_owned() };
    }
    if info == "sh" {
        return Kind::Commands(commands(place, body));
    }
    let named = title.strip_suffix("`:").and_then(|title| title.rsplit_once('`'));
    let (_, path) = named.unwrap_or_else(|| panic!("{place}: neither a file, nor `sh`, nor `not run: <why>`"));
    Kind::File { path: path.to_owned(), text: format!("{}\n", body.join("\n")) }
}

fn commands(place: &str, body: &[&str]) -> Vec<Command> {
    let mut found: Vec<Command> = Vec::new();
    let mut goes_on = false;
    for line in body {
        match (line.strip_prefix("$ "), found.last_mut()) {
            (_, Some(Command { typed: Some(typed), .. })) if goes_on => {
                typed.push('\n');
                typed.push_str(line);
            }
            (Some(typed), _) => found.push(Command { typed: Some(typed.to_owned()), shown: Vec::new() }),
            (None, _) if *line == "^C" => found.push(Command { typed: None, shown: Vec::new() }),
            (None, Some(last)) => last.shown.push((*line).to_owned()),
            (None, None) => panic!("{place}: begins with neither `$ ` nor `^C`"),
        }
        goes_on = found.last().is_some_and(|last| last.shown.is_empty()) && line.ends_with('\\');
    }
    found
}
