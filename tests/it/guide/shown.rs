//! What a page shows, against what was printed.
//!
//! Ports in the text are the defaults. Which one is meant is learned from the first line that shows it: `http://localhost:4747/…`
//! beside `http://localhost:41873/…`.

use std::collections::BTreeMap;

const ANY: char = '…';
const HOST: &str = "localhost:";

/// The port of the text → the port in use.
#[derive(Debug, Default)]
pub(super) struct Ports(BTreeMap<String, String>);

impl Ports {
    pub(super) fn of_server(in_use: String) -> Self {
        Self([("4747".to_owned(), in_use)].into())
    }

    fn learn(&mut self, default: &str, in_use: &str) {
        self.0.entry(default.to_owned()).or_insert_with(|| in_use.to_owned());
    }

    /// The ports of the text → those in use.
    pub(super) fn in_use(&self, text: &str) -> String {
        exchanged(text, |port| self.0.get(port).cloned())
    }

    fn as_in_text(&self, line: &str) -> String {
        exchanged(line, |port| self.0.iter().find(|(_, in_use)| *in_use == port).map(|(default, _)| default.clone()))
    }

    /// From a line of the text and the first one that looks like it.
    fn learn_from(&mut self, shown: &str, said: &[&str]) {
        let Some(default) = port_of(shown).filter(|port| !self.0.contains_key(*port)) else { return };
        let pattern = exchanged(shown, |_| Some(ANY.to_string()));
        if let Some(in_use) = said.iter().filter(|line| fits(&pattern, line)).find_map(|line| port_of(line)) {
            self.learn(default, in_use);
        }
    }
}

/// Was this printed? `from_start`: more may follow, for the command goes on.
pub(super) fn agrees(shown: &[String], said: &str, ports: &mut Ports, from_start: bool) -> bool {
    let said: Vec<&str> = said.lines().map(str::trim_end).collect();
    shown.iter().for_each(|line| ports.learn_from(line, &said));
    let said: Vec<String> = said.iter().map(|line| ports.as_in_text(line)).collect();
    let said: Vec<&str> = said.iter().map(String::as_str).collect();
    let shown: Vec<&str> = shown.iter().map(|line| line.trim_end()).collect();
    lines_fit(&shown, &said, from_start)
}

fn lines_fit(shown: &[&str], said: &[&str], from_start: bool) -> bool {
    match (shown, said) {
        ([], rest) => from_start || rest.is_empty(),
        (["…", later @ ..], _) => (0..=said.len()).any(|skipped| lines_fit(later, &said[skipped..], from_start)),
        ([line, later @ ..], [first, rest @ ..]) => fits(line, first) && lines_fit(later, rest, from_start),
        (_, []) => false,
    }
}

/// Each `…` is any text.
fn fits(pattern: &str, line: &str) -> bool {
    let Some((start, rest)) = pattern.split_once(ANY) else { return pattern == line };
    let Some(line) = line.strip_prefix(start) else { return false };
    let places = line.char_indices().map(|(place, _)| place).chain([line.len()]);
    places.into_iter().any(|place| fits(rest, &line[place..]))
}

fn port_of(line: &str) -> Option<&str> {
    let (_, rest) = line.split_once(HOST)?;
    let end = rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len());
    (end > 0).then(|| &rest[..end])
}

/// The text with other ports, where there are others.
fn exchanged(text: &str, with: impl Fn(&str) -> Option<String>) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(port) = port_of(rest) {
        let start = rest.find(HOST).map_or(0, |place| place + HOST.len());
        out.push_str(&rest[..start]);
        out.push_str(&with(port).unwrap_or_else(|| port.to_owned()));
        rest = &rest[start + port.len()..];
    }
    out + rest
}

#[test]
fn what_varies_fits_and_what_differs_does_not() {
    let shown = |text: &str| text.lines().map(str::to_owned).collect::<Vec<_>>();
    let fits = |page: &str, said: &str| agrees(&shown(page), said, &mut Ports::default(), false);
    assert!(fits("a … c\n…\nz", "a b c\n1\n2\nz"));
    assert!(fits("a\n…", "a"));
    assert!(!fits("a", "a\nb"));
    assert!(!fits("a … c", "a b"));
    assert!(!fits("…\nz", "a\ny"));
}

#[test]
fn a_port_is_learned_once_and_then_held_to() {
    let mut ports = Ports::default();
    let shown = |text: &str| vec![text.to_owned()];
    assert!(agrees(&shown("- orders: http://localhost:4747/a"), "- orders: http://localhost:41/a", &mut ports, false));
    assert_eq!(
        ports.in_use("curl http://localhost:4747/a localhost:3333"),
        "curl http://localhost:41/a localhost:3333"
    );
    assert!(!agrees(&shown("at http://localhost:4747"), "at http://localhost:42", &mut ports, false));
}
