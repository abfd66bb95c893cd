//! The sentences of the contract, as the file `index` lists them, and whether every one has its case.
//!
//! A line is `# <number> <title>` (a section), `<id> | <sentence>`, or `<id> | <sentence> | not here: <why>` for what
//! cannot be seen from outside or does not exist yet.

use std::collections::BTreeSet;

use less_tests::harness::repository;

use crate::case::{Case, Language, Languages};

const INDEX: &str = include_str!("index");

pub(crate) struct Sentence {
    pub(crate) id: &'static str,
    /// Why no case can see it.
    pub(crate) not_here: Option<&'static str>,
}

pub(crate) struct Chapter {
    pub(crate) title: &'static str,
    pub(crate) sentences: Vec<Sentence>,
}

pub(crate) fn read() -> Vec<Chapter> {
    let mut chapters: Vec<Chapter> = Vec::new();
    for line in INDEX.lines().filter(|line| !line.is_empty()) {
        if let Some(title) = line.strip_prefix("# ") {
            chapters.push(Chapter { title, sentences: Vec::new() });
            continue;
        }
        let mut parts = line.splitn(3, " | ");
        let (id, _sentence, rest) = (parts.next().unwrap(), parts.next(), parts.next());
        let not_here = rest.map(|rest| rest.strip_prefix("not here: ").unwrap_or_else(|| panic!("{id}: {rest}")));
        let chapter = chapters.last_mut().expect("a title before the first sentence");
        chapter.sentences.push(Sentence { id, not_here });
    }
    chapters
}

/// Why `language` has no case for the sentence, where it has none.
pub(crate) fn exception(cases: &[Case], id: &str, language: Language) -> Option<&'static str> {
    let of_id: Vec<_> = cases.iter().filter(|case| case.ids.contains(&id)).collect();
    if of_id.iter().any(|case| case.languages.has(language)) {
        return None;
    }
    of_id.iter().find_map(|case| match case.languages {
        Languages::Only(_, why) => Some(why),
        Languages::All => None,
    })
}

/// Everything that is wrong with the suite itself; found without running anything.
pub(crate) fn complaints(chapters: &[Chapter], cases: &[Case]) -> Vec<String> {
    let mut complaints = Vec::new();
    let sentences: Vec<_> = chapters.iter().flat_map(|chapter| &chapter.sentences).collect();
    for pair in sentences.windows(2).filter(|pair| place(pair[0].id) >= place(pair[1].id)) {
        complaints.push(format!("{} comes after {} in the index", pair[1].id, pair[0].id));
    }
    let known: BTreeSet<_> = sentences.iter().map(|sentence| sentence.id).collect();
    let held: BTreeSet<_> = cases.iter().flat_map(|case| case.ids).copied().collect();
    complaints.extend(held.difference(&known).map(|id| format!("{id} has a case, but is not in the index")));
    for sentence in &sentences {
        match (held.contains(sentence.id), sentence.not_here) {
            (false, None) => complaints.push(format!("{} has no case", sentence.id)),
            (true, Some(_)) => complaints.push(format!("{} has a case, but the index says: not here", sentence.id)),
            (true, None) | (false, Some(_)) => {}
        }
    }
    let mut names = BTreeSet::new();
    for case in cases {
        if !names.insert(case.name) {
            complaints.push(format!("two cases are named {}", case.name));
        }
        let fault = case.fault.complaint(&repository(""));
        complaints.extend(fault.map(|what| format!("the fault of {} has rotted: {what}", case.name)));
    }
    complaints
}

/// `4.07` → (4, 7)
fn place(id: &str) -> (u32, u32) {
    let (section, sentence) = id.split_once('.').unwrap_or_else(|| panic!("{id} is no id"));
    (section.parse().unwrap(), sentence.parse().unwrap())
}
