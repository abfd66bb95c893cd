//! The guide does what it says: every page is played from top to bottom, its files written, its commands typed
//! (`page` says how a page is written). Its links lead somewhere, its numbers and error texts are those of the product.

mod page;
mod shown;
mod story;

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use less_tests::harness::repository;

use page::{Kind, Page};

/// Blocks of all pages that are not run, each with its reason.
const NOT_RUN: usize = 3;

/// The pages with a story to play, each a test of its own.
macro_rules! pages {
    ($($test:ident: $page:literal)*) => {
        const PLAYED: &[&str] = &[$($page),*];
        $(
            #[test]
            fn $test() {
                story::play(&Page::read($page));
            }
        )*
    };
}

pages! {
    the_introduction_is_true: "introduction"
    the_tutorial_goes_from_an_empty_folder_to_a_refused_order: "tutorial"
    handlers_run_as_their_page_says: "handlers"
    routes_answer_as_their_page_says: "routes"
    topics_deliver_as_their_page_says: "topics"
    external_topics_join_projects_as_their_page_says: "external-topics"
    sockets_speak_as_their_page_says: "sockets"
    crons_are_read_as_their_page_says: "crons"
    functions_answer_as_their_page_says: "functions"
    values_are_kept_as_their_page_says: "key-value-store"
    files_are_served_as_their_page_says: "files"
    shared_modules_are_found_as_their_page_says: "shared-modules"
    sites_are_served_as_their_page_says: "static-sites"
    configuration_is_read_as_its_page_says: "configuration"
    this_machine_is_as_the_doctor_says: "this-machine"
    logs_are_printed_as_their_page_says: "logs"
    run_reloads_as_its_page_says: "development"
    generators_create_what_their_page_shows: "generators"
    the_command_line_does_what_its_page_says: "command-line"
    delivery_keeps_what_its_page_promises: "delivery"
    limits_answer_as_their_page_says: "limits"
    operations_work_as_their_page_says: "operations"
    troubles_look_as_their_page_shows: "troubleshooting"
    what_differs_from_the_reference_is_true: "from-the-reference"
    security_is_short: "security"
}

/// Every page that stands in the folder, without those that are links to pages elsewhere.
fn pages() -> Vec<Page> {
    let entries = fs::read_dir(page::folder()).unwrap().map(Result::unwrap);
    let own = entries.filter(|entry| entry.file_type().unwrap().is_file());
    let names = own.filter_map(|entry| Some(entry.file_name().to_str()?.strip_suffix(".md")?.to_owned()));
    names.filter(|name| name != "SUMMARY").map(|name| Page::read(&name)).collect()
}

#[test]
fn every_page_is_played_and_every_block_that_is_not_run_says_why() {
    let mut not_run = Vec::new();
    for page in pages() {
        assert!(PLAYED.contains(&page.name.as_str()), "{}.md has no test in this file", page.name);
        for block in &page.blocks {
            if let Kind::NotRun { reason } = &block.kind {
                not_run.push(format!("{}.md:{}: {reason}", page.name, block.line));
            }
        }
    }
    assert_eq!(not_run.len(), NOT_RUN, "blocks that are not run:\n{}", not_run.join("\n"));
}

#[test]
fn the_summary_names_every_page_once() {
    let summary = fs::read_to_string(page::folder().join("SUMMARY.md")).unwrap();
    let mut named: Vec<String> = links(&summary).into_iter().map(str::to_owned).collect();
    named.sort();
    let files = fs::read_dir(page::folder()).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let mut files: Vec<String> = files.filter(|file| file.ends_with(".md") && file != "SUMMARY.md").collect();
    files.sort();
    assert_eq!(named, files);
}

#[test]
fn every_link_leads_to_a_page_and_a_heading_that_are_there() {
    for page in pages() {
        for link in links(&page.text) {
            let (file, anchor) = link.split_once('#').unwrap_or((link, ""));
            let path = if file.is_empty() { format!("{}.md", page.name) } else { file.to_owned() };
            let target = fs::read_to_string(page::folder().join(&path));
            let target = target.unwrap_or_else(|_| panic!("{}.md links to {path}, which is not there", page.name));
            assert!(anchor.is_empty() || anchors(&target).contains(anchor), "{}.md: no heading for {link}", page.name);
        }
    }
}

/// What Markdown links of a page name; pages of the web excepted.
fn links(text: &str) -> Vec<&str> {
    let ends = text.match_indices("](").map(|(place, _)| &text[place + 2..]);
    let links = ends.filter_map(|rest| rest.split_once(')').map(|(link, _)| link));
    links.filter(|link| !link.contains("://")).collect()
}

fn anchors(text: &str) -> BTreeSet<String> {
    let headings = text.lines().filter(|line| line.starts_with('#')).map(|line| line.trim_start_matches('#').trim());
    let kept = |c: &char| c.is_alphanumeric() || ['-', '_', ' '].contains(c);
    headings.map(|heading| heading.to_lowercase().chars().filter(kept).collect::<String>().replace(' ', "-")).collect()
}

/// A heading of the page on troubles quotes an error, `…` for what varies: every other part of it is in the source.
#[test]
fn every_error_that_the_guide_explains_is_one_of_the_product() {
    let mut source = String::new();
    for folder in ["crates", "sdk/node", "sdk/python/less"] {
        read_all(&repository(folder), &mut source);
    }
    let source = plain(&source);
    let page = Page::read("troubleshooting");
    let quoted: Vec<&str> =
        page.text.lines().filter_map(|line| line.strip_prefix("### `")?.strip_suffix('`')).collect();
    assert!(!quoted.is_empty());
    let mut missing = Vec::new();
    for error in quoted {
        let parts = error.split('…').map(|part| plain(part.trim()));
        missing.extend(parts.filter(|part| !source.contains(part)).map(|part| format!("{error}: {part}")));
    }
    assert!(missing.is_empty(), "in no file of the product:\n{}", missing.join("\n"));
}

fn read_all(folder: &Path, into: &mut String) {
    for entry in fs::read_dir(folder).unwrap().map(Result::unwrap) {
        let (path, kind) = (entry.path(), entry.file_type().unwrap());
        let is_code = path.extension().is_some_and(|end| ["rs", "cjs", "mjs", "py"].iter().any(|one| end == *one));
        if kind.is_dir() && entry.file_name() != "node_modules" {
            read_all(&path, into);
        } else if kind.is_file() && is_code {
            into.push_str(&fs::read_to_string(path).unwrap());
        }
    }
}

/// Without comments; texts that go over several lines of code, and quotes within quotes, look like any other.
fn plain(text: &str) -> String {
    let code = text.lines().filter(|line| !["//", "# "].iter().any(|mark| line.trim_start().starts_with(mark)));
    let text = code.collect::<Vec<_>>().join("\n").replace("\\\n", " ").replace('\\', "");
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[test]
fn the_page_of_limits_has_every_limit_of_the_server() {
    let code = fs::read_to_string(repository("crates/less-server/src/limits.rs")).unwrap();
    let page = Page::read("limits").text;
    let constants = code.lines().filter_map(|line| line.split_once("const ")?.1.split_once(" = "));
    let missing: Vec<String> = constants
        .map(|(name, value)| (name, value.trim_end_matches(';')))
        .filter(|(name, value)| !INNER.iter().any(|inner| name.starts_with(inner)) && !page.contains(&in_words(value)))
        .map(|(name, value)| format!("{name}: {}", in_words(value)))
        .collect();
    assert!(missing.is_empty(), "limits.md does not have {missing:?}");
}

/// Limits that nobody meets, or that the page words in another way (a year, a hundred years).
const INNER: [&str; 15] = [
    "SITE_KNOWN",
    "TTL",
    "DELAY",
    "FEWEST_CONNECTIONS",
    "OTHER_FILES",
    "REQUESTS_WAITING",
    "WORKERS_WAITING",
    "WORKERS_WITH_WAITING",
    "EXIT",
    "RETIRE",
    "BODY_BYTES_PER_SECOND",
    "SOCKET_LAST_WORDS",
    "TRANSFER_PIECE",
    "SWEEP_FILES",
    "COMPRESSING",
];

/// `256 << 10`, `7 * 24 * 3600` seconds, `10_000`: as the code has it, and as the page says it.
fn in_words(value: &str) -> String {
    if let Some((number, power)) = value.split_once(" << ") {
        let unit = ["KiB", "MiB", "GiB"][power.parse::<usize>().unwrap() / 10 - 1];
        return format!("{number} {unit}");
    }
    let Some(seconds) = value.strip_prefix("Duration::from_secs(").and_then(|rest| rest.strip_suffix(')')) else {
        return value.replace('_', ",");
    };
    match seconds.split(" * ").map(|factor| factor.parse::<u64>().unwrap()).product() {
        seconds if seconds >= 86_400 => format!("{} days", seconds / 86_400),
        3_600 => "1 hour".to_owned(),
        seconds => format!("{seconds} s"),
    }
}

#[test]
fn the_page_of_limits_has_every_code_that_a_client_may_see() {
    let code = fs::read_to_string(repository("crates/less-server/src/triggers/http/failure.rs")).unwrap();
    let page = Page::read("limits").text;
    let faces = code.lines().filter(|line| line.contains("=> (StatusCode::"));
    let codes: Vec<&str> = faces.filter_map(|line| line.split('"').nth(1)).collect();
    assert!(codes.len() > 10, "{codes:?}");
    for code in codes {
        assert!(page.contains(&format!("`{code}`")), "limits.md does not have {code}");
    }
}
