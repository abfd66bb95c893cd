//! Where a path of a site leads. Pure: what files there are is asked of the caller.

use percent_encoding::{AsciiSet, CONTROLS, percent_decode_str, utf8_percent_encode};

/// The one hidden folder that is for everybody (RFC 8615).
const WELL_KNOWN: &str = ".well-known";
/// What a part of a path cannot hold as it is.
const ESCAPED: AsciiSet =
    CONTROLS.add(b' ').add(b'"').add(b'#').add(b'%').add(b'/').add(b'<').add(b'>').add(b'?').add(b'\\');

/// A request's path, decoded. No part of it is empty, hidden, `.` or `..`, and none has a `/` or NUL in it: so it names
/// something in the site or nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SitePath {
    parts: Vec<String>,
    /// It ends in `/`.
    is_folder: bool,
}

/// Where a path leads: names are relative to the site's folder, with `/`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Leads {
    To(String),
    /// It is a folder, and its name lacks the `/` that relative links in its page need: the right path.
    Folder(String),
    /// Nothing is there, and the site has a page that says so.
    NotFound(String),
    Nowhere,
}

impl SitePath {
    /// `raw`: as it stands in the request, without the query.
    pub fn parse(raw: &str) -> Option<Self> {
        let below = raw.strip_prefix('/')?;
        if below.is_empty() {
            return Some(Self { parts: Vec::new(), is_folder: true });
        }
        let (names, is_folder) = below.strip_suffix('/').map_or((below, false), |names| (names, true));
        let parts: Option<Vec<String>> = names.split('/').enumerate().map(|(depth, name)| part(name, depth)).collect();
        Some(Self { parts: parts?, is_folder })
    }

    /// Finds what it names: a file, a folder's `index.html`, the site's `404.html`, or else, for paths without an
    /// extension, the page of a single-page app.
    pub fn lead(&self, is_file: impl Fn(&str) -> bool) -> Leads {
        let name = self.parts.join("/");
        let index = if name.is_empty() { "index.html".to_owned() } else { format!("{name}/index.html") };
        if self.is_folder {
            if is_file(&index) {
                return Leads::To(index);
            }
        } else if is_file(&name) {
            return Leads::To(name);
        } else if is_file(&index) {
            return Leads::Folder(self.with_slash());
        }
        let not_found = "404.html";
        let app = "index.html";
        if is_file(not_found) {
            Leads::NotFound(not_found.to_owned())
        } else if self.may_be_of_an_app() && is_file(app) {
            Leads::To(app.to_owned())
        } else {
            Leads::Nowhere
        }
    }

    /// Whoever asks for `logo.png` or for something well known wants that or nothing.
    fn may_be_of_an_app(&self) -> bool {
        let has_extension = self.parts.last().is_some_and(|last| last.contains('.'));
        !has_extension && self.parts.first().is_none_or(|first| first != WELL_KNOWN)
    }

    /// Never begins with `//`, which would lead to another host: no part is empty.
    fn with_slash(&self) -> String {
        let parts =
            self.parts.iter().flat_map(|part| ["/".to_owned(), utf8_percent_encode(part, &ESCAPED).to_string()]);
        parts.chain(["/".to_owned()]).collect()
    }
}

fn part(name: &str, depth: usize) -> Option<String> {
    let name = percent_decode_str(name).decode_utf8().ok()?;
    let is_hidden = name.starts_with('.') && !(depth == 0 && name == WELL_KNOWN);
    let is_plain = !name.is_empty() && !is_hidden && !name.contains(['/', '\0']);
    is_plain.then(|| name.into_owned())
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;

    use proptest::prelude::*;

    use super::*;

    fn leads(files: &[&str], path: &str) -> Option<Leads> {
        Some(SitePath::parse(path)?.lead(|name| files.contains(&name)))
    }

    fn to(name: &str) -> Option<Leads> {
        Some(Leads::To(name.into()))
    }

    #[test]
    fn files_and_the_pages_of_folders_are_found() {
        let files = ["index.html", "app.js", "docs/index.html", "docs/a b.html", "caf\u{e9}.html", ".well-known/x"];
        for (path, name) in [
            ("/", "index.html"),
            ("/index.html", "index.html"),
            ("/app.js", "app.js"),
            ("/docs/", "docs/index.html"),
            ("/docs/a%20b.html", "docs/a b.html"),
            ("/caf%C3%A9.html", "caf\u{e9}.html"),
            ("/.well-known/x", ".well-known/x"),
        ] {
            assert_eq!(leads(&files, path), to(name), "{path}");
        }
    }

    #[test]
    fn a_folder_without_its_slash_is_sent_to_the_right_path() {
        let files = ["index.html", "docs/index.html", "a b/%/index.html"];
        assert_eq!(leads(&files, "/docs"), Some(Leads::Folder("/docs/".into())));
        assert_eq!(leads(&files, "/a%20b/%25"), Some(Leads::Folder("/a%20b/%25/".into())));
    }

    #[test]
    fn what_is_not_there_is_the_404_page_else_the_app_where_there_is_no_extension() {
        let with_page = ["index.html", "404.html"];
        for path in ["/missing", "/missing/", "/missing.js", "/index.html/"] {
            assert_eq!(leads(&with_page, path), Some(Leads::NotFound("404.html".into())), "{path}");
        }
        let app = ["index.html", "assets/x.js"];
        for path in ["/users/7", "/users/7/", "/assets", "/assets/", "/%E2%82%AC"] {
            assert_eq!(leads(&app, path), to("index.html"), "{path}");
        }
        for path in ["/missing.js", "/assets/x.js/", "/v1.2/", "/.well-known/x", "/.well-known"] {
            assert_eq!(leads(&app, path), Some(Leads::Nowhere), "{path}");
        }
        assert_eq!(leads(&["app.js"], "/"), Some(Leads::Nowhere));
    }

    #[test]
    fn no_path_leads_out_of_the_site_or_to_hidden_files() {
        for path in [
            "",
            "x",
            "*",
            "//",
            "//evil.example/docs",
            "/a//b",
            "/..",
            "/../secret",
            "/a/../../secret",
            "/%2e%2e/secret",
            "/%2E%2E%2Fsecret",
            "/..%2fsecret",
            "/a%2fb",
            "/%2fetc%2fpasswd",
            "/a%00.html",
            "/.",
            "/.env",
            "/.git/config",
            "/a/.hidden",
            "/%2eenv",
            "/.well-known/.x",
            "/a/.well-known",
            "/%ff",
        ] {
            assert_eq!(SitePath::parse(path), None, "{path}");
        }
    }

    proptest! {
        #[test]
        fn whatever_is_asked_names_only_what_can_be_in_a_site(
            path in "(/|%2e|%2E|\\.|%2f|%00|%5c|\\\\|a|b c|%|%C3|%A9|\\.well-known|index\\.html|\\PC){0,12}",
            found in "[a-z/. ]{0,8}",
        ) {
            let asked = RefCell::new(Vec::new());
            let Some(parsed) = SitePath::parse(&format!("/{path}")) else { return Ok(()) };
            let leads = parsed.lead(|name| {
                asked.borrow_mut().push(name.to_owned());
                name.ends_with(&found)
            });
            for name in asked.into_inner() {
                let plain = |part: &str| !part.is_empty() && !part.contains('\0') && (!part.starts_with('.') || part == WELL_KNOWN);
                prop_assert!(name.split('/').all(plain), "{path:?} asks for {name:?}");
            }
            if let Leads::Folder(right) = leads {
                prop_assert!(!right.starts_with("//") && right.is_ascii(), "{right:?}");
                let again = SitePath::parse(&right).map(|path| path.lead(|name| name.ends_with(&found)));
                prop_assert!(matches!(again, Some(Leads::To(_))), "{path:?} was sent to {right:?}");
            }
        }
    }
}
