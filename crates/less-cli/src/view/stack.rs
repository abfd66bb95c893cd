//! What a handler threw, as people want to see it: where in their own files first. Pure.

/// An error's text, taken apart.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Error<'a> {
    /// `less/topics/a/b/index.js:7:9`: the innermost place in the author's own files.
    pub(super) place: Option<String>,
    /// What it says; a message may have several lines.
    pub(super) message: Vec<&'a str>,
    /// How it got there.
    pub(super) frames: Vec<&'a str>,
}

/// Takes the text apart that a worker sent: `Error: no\n    at f (less/…:7:9)`, or a traceback of Python.
pub(super) fn error(text: &str) -> Error<'_> {
    if text.starts_with("Traceback ") { python(text) } else { node(text) }
}

/// The innermost frame comes first.
fn node(text: &str) -> Error<'_> {
    let is_frame = |line: &&str| line.starts_with("    at ");
    let message = text.lines().take_while(|line| !is_frame(line)).collect();
    let frames: Vec<&str> = text.lines().skip_while(|line| !is_frame(line)).collect();
    Error { place: frames.iter().find_map(|frame| place_in_node(frame)), message, frames }
}

/// `    at process (less/apis/shop/get.js:3:9)` → `less/apis/shop/get.js:3:9`
fn place_in_node(frame: &str) -> Option<String> {
    let from = frame.find("less/")?;
    let rest = &frame[from..];
    let is_own = (frame[..from].ends_with(['(', ' '])) && !rest.contains("node_modules/");
    is_own.then(|| rest.trim_end_matches(')').to_owned())
}

/// The innermost frame comes last, and then the message.
fn python(text: &str) -> Error<'_> {
    let lines: Vec<&str> = text.lines().collect();
    let end = lines.iter().rposition(|line| line.starts_with(' ')).map_or(0, |last| last + 1);
    let place = lines[..end].iter().rev().find_map(|line| place_in_python(line));
    Error { place, message: lines[end..].to_vec(), frames: lines[..end].to_vec() }
}

/// `  File "less/apis/shop/get.py", line 3, in process` → `less/apis/shop/get.py:3`
fn place_in_python(frame: &str) -> Option<String> {
    let (file, rest) = frame.trim_start().strip_prefix("File \"")?.split_once("\", line ")?;
    let line = rest.split(',').next()?;
    file.starts_with("less/").then(|| format!("{file}:{line}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_authors_own_file_is_found_in_both_languages() {
        let node = "TypeError: x is not a function\nat all\n    at parse (node_modules/yaml/index.js:1:2)\n    at charge (less/shared/pay/index.js:3:9)\n    at exports.process (less/topics/a/b/index.js:7:9)";
        let found = error(node);
        assert_eq!(found.place.as_deref(), Some("less/shared/pay/index.js:3:9"));
        assert_eq!((found.message, found.frames.len()), (vec!["TypeError: x is not a function", "at all"], 3));

        let python = "Traceback (most recent call last):\n  File \"less/topics/a/b/__init__.py\", line 7, in process\n    charge(order)\n  File \"/usr/lib/python3.11/json/decoder.py\", line 337, in decode\n    obj, end = self.raw_decode(s)\nValueError: no\nmoney";
        let found = error(python);
        assert_eq!(found.place.as_deref(), Some("less/topics/a/b/__init__.py:7"));
        assert_eq!((found.message, found.frames.len()), (vec!["ValueError: no", "money"], 5));
    }

    #[test]
    fn what_has_no_stack_is_its_message() {
        for text in ["Error: a string", "", "Traceback "] {
            let found = error(text);
            assert_eq!((found.place, found.frames), (None, vec![]), "{text}");
            assert_eq!(found.message.join("\n"), text);
        }
        assert_eq!(error("Error: see less/x\n    at async native").place, None);
    }
}
