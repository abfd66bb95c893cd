//! Where a path of a static site leads, beside the rule in its plainest words.
//!
//! Input: the site's files, one a line (`docs/index.html`) · the path of a request.

use std::collections::BTreeSet;

use less_server::{Leads, SitePath};

use crate::input::texts;

pub(crate) fn run(data: &[u8]) {
    let [files, path] = texts(data);
    let files: BTreeSet<&str> = files.lines().collect();
    let leads = |path: &str| {
        SitePath::parse(path).map(|parsed| {
            parsed.lead(|name| {
                assert!(name.split('/').all(can_be_in_a_site), "{path:?} asks for {name:?}");
                files.contains(name)
            })
        })
    };
    let found = leads(&path);
    assert_eq!(found, by_the_rule(&files, &path), "{path:?}");
    if let Some(Leads::Folder(right)) = found {
        assert!(right.starts_with('/') && !right.starts_with("//") && right.is_ascii(), "{right:?}");
        assert!(matches!(leads(&right), Some(Leads::To(_))), "{path:?} was sent to {right:?}");
    }
}

fn can_be_in_a_site(part: &str) -> bool {
    !part.is_empty() && !part.contains('\0') && (!part.starts_with('.') || part == ".well-known")
}

fn by_the_rule(files: &BTreeSet<&str>, path: &str) -> Option<Leads> {
    let path = path.strip_prefix('/')?;
    let names = path.strip_suffix('/').unwrap_or(path);
    let parts = if path.is_empty() { Some(Vec::new()) } else { names.split('/').map(decoded).collect() };
    let parts: Vec<String> = parts?;
    let fine = |(depth, part): (usize, &String)| {
        can_be_in_a_site(part) && !part.contains('/') && (depth == 0 || part != ".well-known")
    };
    if !parts.iter().enumerate().all(fine) {
        return None;
    }
    let name = parts.join("/");
    let page = [parts.as_slice(), &["index.html".to_owned()]].concat().join("/");
    let is_folder = path.is_empty() || path.ends_with('/');
    let is_an_apps =
        parts.last().is_none_or(|last| !last.contains('.')) && parts.first().is_none_or(|first| first != ".well-known");
    Some(match (is_folder, files.contains(&*page)) {
        (true, true) => Leads::To(page),
        (false, _) if files.contains(&*name) => Leads::To(name),
        // Where exactly, is checked by going there.
        (false, true) => SitePath::parse(&format!("/{path}"))?.lead(|asked| asked == page),
        _ if files.contains("404.html") => Leads::NotFound("404.html".into()),
        _ if is_an_apps && files.contains("index.html") => Leads::To("index.html".into()),
        _ => Leads::Nowhere,
    })
}

/// An escape that is none stands for itself; none for what is not UTF-8.
fn decoded(part: &str) -> Option<String> {
    let (mut bytes, mut rest) = (Vec::new(), part.as_bytes());
    while let Some((first, after)) = rest.split_first() {
        let digit = |at: usize| after.get(at).and_then(|byte| char::from(*byte).to_digit(16));
        match (first, digit(0), digit(1)) {
            (b'%', Some(high), Some(low)) => {
                bytes.push(u8::try_from(high * 16 + low).unwrap_or(0));
                rest = &after[2..];
            }
            _ => {
                bytes.push(*first);
                rest = after;
            }
        }
    }
    String::from_utf8(bytes).ok()
}
