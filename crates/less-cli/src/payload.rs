//! JSON between a person and the server: as it is typed, piped or printed. Its bytes stay as they are, so that large
//! numbers and the order of keys do, too.

use std::fs::File;
use std::io::{IsTerminal, Read, stdin};

use anyhow::{Context, anyhow, bail};
use serde::de::IgnoredAny;

/// More than any limit of a server.
const MOST: u64 = 32 << 20;

/// Where JSON comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Source<'a> {
    Typed(&'a str),
    File(&'a str),
    Stdin,
    /// Stdin that nobody asked for: when nothing comes, nothing was meant.
    Piped,
    Nothing,
}

impl<'a> Source<'a> {
    fn of(given: Option<&'a str>, stdin_is_terminal: bool) -> Self {
        match given {
            Some("-") => Self::Stdin,
            Some(text) => text.strip_prefix('@').map_or(Self::Typed(text), Self::File),
            None if stdin_is_terminal => Self::Nothing,
            None => Self::Piped,
        }
    }
}

/// What is given (JSON text, `@<file>`, `-` for stdin), else what is piped in; none when there is neither. `what` it
/// is: the message.
pub(crate) fn read(given: Option<&str>, what: &str) -> anyhow::Result<Option<String>> {
    let text = match Source::of(given, stdin().is_terminal()) {
        Source::Typed(text) => {
            check(text, what).map_err(|error| anyhow!("{error}\n  hint: {}", hint(text)))?;
            return Ok(Some(text.to_owned()));
        }
        Source::File(path) => {
            let file = File::open(path).with_context(|| format!("cannot read {path}"))?;
            all_of(file).with_context(|| format!("cannot read {path}"))?
        }
        Source::Stdin => all_of(stdin()).context("cannot read stdin")?,
        Source::Piped => match all_of(stdin()).context("cannot read stdin")? {
            text if text.trim().is_empty() => return Ok(None),
            text => text,
        },
        Source::Nothing => return Ok(None),
    };
    check(&text, what)?;
    Ok(Some(text))
}

fn all_of(source: impl Read) -> anyhow::Result<String> {
    let mut text = String::new();
    source.take(MOST + 1).read_to_string(&mut text)?;
    if text.len() as u64 > MOST {
        bail!("it is larger than {} MiB", MOST >> 20);
    }
    Ok(text)
}

fn check(text: &str, what: &str) -> anyhow::Result<()> {
    match serde_json::from_str::<IgnoredAny>(text) {
        Ok(_) => Ok(()),
        Err(_) if text.trim().is_empty() => bail!("the {what} is empty, which is no JSON"),
        Err(error) => bail!("the {what} is not JSON: {error}"),
    }
}

/// The shell takes quotes away, which is what most often goes wrong.
fn hint(text: &str) -> String {
    let is_plain = |c: char| c.is_alphanumeric() || " _-.,:/@".contains(c);
    if !text.is_empty() && text.chars().count() <= 40 && text.chars().all(is_plain) {
        format!("a text has quotes of its own, inside those of the shell: '\"{text}\"'")
    } else {
        "put JSON in single quotes, so that the shell leaves it alone: '{\"id\": 1}'".to_owned()
    }
}

/// The same JSON over several lines, for people.
pub(crate) fn pretty(json: &str) -> String {
    lay_out(json, Layout::Lines)
}

/// The same JSON on one line.
pub(crate) fn on_one_line(json: &str) -> String {
    lay_out(json, Layout::OneLine)
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Layout {
    Lines,
    OneLine,
}

/// `json` is valid.
fn lay_out(json: &str, layout: Layout) -> String {
    let new_line = |out: &mut String, depth| {
        if layout == Layout::Lines {
            out.push('\n');
            out.extend(std::iter::repeat_n("  ", depth));
        }
    };
    let mut out = String::with_capacity(json.len());
    let mut depth = 0;
    let mut rest = json.trim_start();
    while let Some(first) = rest.chars().next() {
        let token = match first {
            '"' => string_len(rest),
            '{' | '[' | '}' | ']' | ',' | ':' => 1,
            _ => rest.find([',', '}', ']', ' ', '\t', '\r', '\n']).unwrap_or(rest.len()),
        };
        let (token, after) = rest.split_at(token);
        rest = after.trim_start();
        match first {
            '{' | '[' => {
                out.push(first);
                depth += 1;
                if !rest.starts_with(['}', ']']) {
                    new_line(&mut out, depth);
                }
            }
            '}' | ']' => {
                depth = depth.saturating_sub(1);
                if !out.ends_with(['{', '[']) {
                    new_line(&mut out, depth);
                }
                out.push(first);
            }
            ',' => {
                out.push(first);
                new_line(&mut out, depth);
            }
            ':' => out.push_str(if layout == Layout::Lines { ": " } else { ":" }),
            _ => out.push_str(token),
        }
    }
    out
}

/// How long the string is that `json` begins with, its quotes included.
fn string_len(json: &str) -> usize {
    let mut escaped = false;
    let end = json.bytes().skip(1).position(|byte| {
        let ends = byte == b'"' && !escaped;
        escaped = byte == b'\\' && !escaped;
        ends
    });
    end.map_or(json.len(), |end| end + 2)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_is_typed_piped_or_in_a_file() {
        assert_eq!(Source::of(Some("{}"), true), Source::Typed("{}"));
        assert_eq!(Source::of(Some("@a.json"), true), Source::File("a.json"));
        assert_eq!(Source::of(Some("-"), true), Source::Stdin);
        assert_eq!(Source::of(None, false), Source::Piped);
        assert_eq!(Source::of(None, true), Source::Nothing);
    }

    #[test]
    fn a_bare_word_is_refused_with_the_way_to_quote_it() {
        let error = read(Some("hello"), "message").unwrap_err().to_string();
        assert!(error.starts_with("the message is not JSON: "), "{error}");
        assert!(
            error.ends_with("\n  hint: a text has quotes of its own, inside those of the shell: '\"hello\"'"),
            "{error}"
        );
        let error = read(Some("{id: 1}"), "message").unwrap_err().to_string();
        assert!(error.contains("single quotes"), "{error}");
        for json in ["\"hello\"", "null", "-1.5e3", " {\"a\": [1]} "] {
            assert_eq!(read(Some(json), "message").unwrap().as_deref(), Some(json));
        }
    }

    #[test]
    fn json_is_laid_out_without_changing_what_it_says() {
        let json = r#" {"b":[1,{"a":12345678901234567890.10}],"e":{ },"l":[ ] , "s":"a\"{,:\\" ,"n":null} "#;
        let expected = r#"{
  "b": [
    1,
    {
      "a": 12345678901234567890.10
    }
  ],
  "e": {},
  "l": [],
  "s": "a\"{,:\\",
  "n": null
}"#;
        assert_eq!(pretty(json), expected);
        let line = r#"{"b":[1,{"a":12345678901234567890.10}],"e":{},"l":[],"s":"a\"{,:\\","n":null}"#;
        assert_eq!(on_one_line(&pretty(json)), line);
        for scalar in ["null", "-1.5", "\"ü \\\" \""] {
            assert_eq!((pretty(scalar), on_one_line(scalar)), (scalar.to_owned(), scalar.to_owned()));
        }
    }
}
