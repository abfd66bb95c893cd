//! Values for the variables a project needs: from the caller's environment, else from `.env`.
//!
//! `.env` is read as usual: `NAME=value` lines, an optional `export `, `#` comments, and values in single quotes
//! or backticks (as they are) or in double quotes (with `\n \r \t \" \\ \$`), all of which may span lines. A later
//! line wins over an earlier one of the same name. `$NAME` in a value is not replaced.

use std::collections::BTreeMap;
use std::iter::Peekable;
use std::str::CharIndices;

use crate::problem::in_order;
use crate::{Env, Problem};

/// The value of every one of `env_vars`, or what is missing and what is wrong with `.env`, all at once.
///
/// A variable that is set to nothing is set.
pub fn resolve(
    env_vars: &[String],
    caller: &BTreeMap<String, String>,
    dotenv: Option<&str>,
) -> Result<Env, Vec<Problem>> {
    let (file, mut problems) = parse_dotenv(dotenv.unwrap_or_default());
    let mut env = Env::new();
    let mut missing = Vec::new();
    for name in env_vars {
        if let Some(value) = caller.get(name).or_else(|| file.get(name)) {
            env.insert(name.clone(), value.clone());
        } else {
            missing.push(name.as_str());
        }
    }
    if !missing.is_empty() {
        let have = if missing.len() == 1 { "has no value" } else { "have no value" };
        let message = format!("{} {have}", missing.join(", "));
        problems.push(Problem::new(
            "less.config",
            message,
            "set every variable of env_vars in the environment or in .env",
        ));
    }
    if problems.is_empty() { Ok(env) } else { Err(in_order(problems)) }
}

/// Whether a shell could set a variable of this name.
pub(crate) fn is_name(name: &str) -> bool {
    !name.starts_with(|c: char| c.is_ascii_digit())
        && !name.is_empty()
        && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
}

/// Everything in the file that can be read, and a problem for each line that cannot.
fn parse_dotenv(text: &str) -> (BTreeMap<String, String>, Vec<Problem>) {
    let text = text.trim_start_matches('\u{feff}').replace("\r\n", "\n");
    let mut values = BTreeMap::new();
    let mut problems = Vec::new();
    let mut rest = text.as_str();
    while !rest.is_empty() {
        let number = text[..text.len() - rest.len()].matches('\n').count() + 1;
        let (line, after_line) = rest.split_once('\n').unwrap_or((rest, ""));
        rest = match assignment(rest, line, after_line) {
            Ok(None) => after_line,
            Ok(Some((name, value, after))) => {
                values.insert(name.to_owned(), value);
                after
            }
            Err((message, hint)) => {
                problems.push(Problem::new(format!(".env:{number}"), message, hint));
                after_line
            }
        };
    }
    (values, problems)
}

type Mistake = (&'static str, &'static str);

/// Name, value, and what comes after; none for a blank line or a comment.
fn assignment<'t>(
    rest: &'t str,
    line: &'t str,
    after_line: &'t str,
) -> Result<Option<(&'t str, String, &'t str)>, Mistake> {
    let content = line.trim();
    if content.is_empty() || content.starts_with('#') {
        return Ok(None);
    }
    let (name, value) = line.split_once('=').ok_or(("is not NAME=value", "write NAME=value, or # before a comment"))?;
    let name = name.trim();
    let name = name.strip_prefix("export ").unwrap_or(name).trim();
    // Names with . and - are of no use to us, but other programs read the file, too.
    if name.is_empty() || !name.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '.' | '-')) {
        return Err(("does not begin with the name of a variable", "a name has letters, digits and _"));
    }
    let value = value.trim_start();
    let Some(quote) = value.chars().next().filter(|c| matches!(c, '"' | '\'' | '`')) else {
        return Ok(Some((name, unquoted(value).to_owned(), after_line)));
    };
    // The value may end some lines below, so it is read from the whole rest of the file.
    let start = line.len() - value.len() + quote.len_utf8();
    let (value, after) =
        quoted(&rest[start..], quote).ok_or(("has a quote that does not end", "end it with the same quote"))?;
    let (tail, after) = after.split_once('\n').unwrap_or((after, ""));
    let tail = tail.trim_start();
    if tail.is_empty() || tail.starts_with('#') {
        Ok(Some((name, value, after)))
    } else {
        Err(("goes on after the closing quote", "quote the whole value, or write \\\" for a quote in double quotes"))
    }
}

/// Up to a comment, which begins with a `#` that is first or follows a space.
fn unquoted(value: &str) -> &str {
    let mut before = ' ';
    for (i, c) in value.char_indices() {
        if c == '#' && before.is_whitespace() {
            return value[..i].trim_end();
        }
        before = c;
    }
    value.trim_end()
}

/// The value up to its closing quote, and what follows the quote.
fn quoted(text: &str, quote: char) -> Option<(String, &str)> {
    let mut value = String::new();
    let mut chars = text.char_indices().peekable();
    while let Some((i, c)) = chars.next() {
        if c == quote {
            return Some((value, &text[i + c.len_utf8()..]));
        }
        value.push(if c == '\\' && quote == '"' { escape(&mut chars) } else { c });
    }
    None
}

/// What stands for the backslash just read; before an unknown letter it stands for itself.
fn escape(chars: &mut Peekable<CharIndices<'_>>) -> char {
    let meant = match chars.peek() {
        Some((_, 'n')) => '\n',
        Some((_, 'r')) => '\r',
        Some((_, 't')) => '\t',
        Some((_, c @ ('"' | '\\' | '$'))) => *c,
        Some(_) | None => return '\\',
    };
    chars.next();
    meant
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn map(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
        pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
    }

    fn names(names: &[&str]) -> Vec<String> {
        names.iter().map(|name| (*name).to_owned()).collect()
    }

    #[test]
    fn the_environment_wins_over_the_file_and_only_listed_variables_are_taken() {
        let caller = map(&[("A", "env"), ("SECRET", "x")]);
        let env = resolve(&names(&["A", "B"]), &caller, Some("A=file\nB=file\nC=file\n")).unwrap();
        assert_eq!(env, map(&[("A", "env"), ("B", "file")]));
    }

    #[test]
    fn all_missing_variables_are_named_at_once() {
        let problems = resolve(&names(&["A", "B", "C"]), &map(&[("B", "")]), None).unwrap_err();
        assert_eq!(problems.len(), 1);
        assert_eq!(problems[0].message, "A, C have no value");
    }

    #[test]
    fn a_file_is_read_as_usual() {
        let text = r#"
# a comment
A=1
  B = two words  # comment
export C='as $it is\n # here'
D="line\nnext \"quoted\" \x \\" # comment
E=
F=#none
G=a#b
H=postgres://u:p@h/db?x=1
I="one
two"
J=`it's "both"`
A=last
"#;
        let (values, problems) = parse_dotenv(text);
        assert_eq!(problems, []);
        let expected = [
            ("A", "last"),
            ("B", "two words"),
            ("C", "as $it is\\n # here"),
            ("D", "line\nnext \"quoted\" \\x \\"),
            ("E", ""),
            ("F", ""),
            ("G", "a#b"),
            ("H", "postgres://u:p@h/db?x=1"),
            ("I", "one\ntwo"),
            ("J", "it's \"both\""),
        ];
        assert_eq!(values, map(&expected));
    }

    #[test]
    fn windows_line_ends_are_no_part_of_a_value() {
        assert_eq!(parse_dotenv("\u{feff}A=1\r\nB='x\r\ny'\r\n").0, map(&[("A", "1"), ("B", "x\ny")]));
    }

    #[test]
    fn each_malformed_line_is_a_problem_with_its_number() {
        let text = "A=1\nnothing\nB='open\n=x\nC D=1\nE=\"x\"y\nF=2\n";
        let problems = resolve(&names(&["A", "F"]), &BTreeMap::new(), Some(text)).unwrap_err();
        let paths: Vec<&str> = problems.iter().map(|problem| problem.path.as_str()).collect();
        assert_eq!(paths, [".env:2", ".env:3", ".env:4", ".env:5", ".env:6"]);
    }

    proptest! {
        #[test]
        fn no_file_panics(text in "([A-C=\"'`#\\\\ \n\r]|export |é|.)*") {
            let _ = parse_dotenv(&text);
        }

        #[test]
        fn a_value_in_single_quotes_is_read_as_it_is(value in "[^'\r]*") {
            let (values, problems) = parse_dotenv(&format!("A='{value}'\nB=1"));
            prop_assert_eq!(problems, vec![]);
            prop_assert_eq!(&values["A"], &value);
            prop_assert_eq!(&values["B"], "1");
        }
    }
}
