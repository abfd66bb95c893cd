//! Adds a variable to `env_vars` in the text of `less.config`, whose comments and layout stay as they are.
//!
//! YAML can be written in too many ways to change them all as text. So the usual ways are tried, and what comes
//! out counts only if it is read as the same configuration with one variable more.

use serde_yaml_ng::{Mapping, Value};

const KEY: &str = "env_vars";

/// The text with `variable` in its list; unchanged if it is there already. None: it must be added by hand.
pub fn list_variable(text: &str, variable: &str) -> Option<String> {
    let before = parse(text)?;
    let listed = listed(&before)?;
    if listed.contains(&variable.into()) {
        return Some(text.to_owned());
    }
    let wanted = [listed, vec![variable.into()]].concat();
    let line_end = if text.contains("\r\n") { "\r\n" } else { "\n" };
    let candidates = [appended(text, variable, line_end)].into_iter().chain(in_block(text, variable, line_end));
    let mut candidates = candidates.chain(in_brackets(text, variable));
    candidates.find(|text| is_only_longer(&before, text, &wanted))
}

fn parse(text: &str) -> Option<Mapping> {
    match serde_yaml_ng::from_str(text).ok()? {
        Value::Null => Some(Mapping::new()),
        Value::Mapping(config) => Some(config),
        _ => None,
    }
}

fn listed(config: &Mapping) -> Option<Vec<Value>> {
    match config.get(KEY) {
        None | Some(Value::Null) => Some(Vec::new()),
        Some(Value::Sequence(items)) => Some(items.clone()),
        Some(_) => None,
    }
}

fn is_only_longer(before: &Mapping, text: &str, wanted: &[Value]) -> bool {
    let Some(mut after) = parse(text) else { return false };
    let is_listed = after.remove(KEY) == Some(Value::Sequence(wanted.to_vec()));
    let mut before = before.clone();
    before.remove(KEY);
    is_listed && after == before
}

/// A list of its own at the end, where there is none.
fn appended(text: &str, variable: &str, line_end: &str) -> String {
    let gap = if text.is_empty() || text.ends_with('\n') { "" } else { line_end };
    format!("{text}{gap}{KEY}:{line_end}  - {variable}{line_end}")
}

/// After the last item of a list with an item a line, or below a key without any.
fn in_block(text: &str, variable: &str, line_end: &str) -> Option<String> {
    let mut lines: Vec<&str> = text.split_inclusive('\n').collect();
    let key = lines.iter().position(|line| line.starts_with("env_vars:"))?;
    let is_item = |line: &&str| line.trim_start().starts_with("- ");
    let is_part = |line: &&str| is_item(line) || line.trim().is_empty() || line.trim_start().starts_with('#');
    let below = lines[key + 1..].iter().take_while(|line| is_part(line)).count();
    let last = lines[key + 1..][..below].iter().rposition(is_item).map_or(key, |item| key + 1 + item);
    let indent = if last == key { "  " } else { &lines[last][..lines[last].len() - lines[last].trim_start().len()] };
    let gap = if lines[last].ends_with('\n') { "" } else { line_end };
    let item = format!("{gap}{indent}- {variable}{line_end}");
    lines.insert(last + 1, &item);
    Some(lines.concat())
}

/// Before the `]` of `env_vars: [A, B]`, wherever there seems to be one.
fn in_brackets(text: &str, variable: &str) -> impl Iterator<Item = String> {
    text.match_indices("env_vars:").filter_map(move |(key, _)| {
        let open = key + text[key..].find('[')?;
        let close = open + text[open..].find(']')?;
        let inner = text[open + 1..close].trim_end();
        let separator = match inner.trim_start() {
            "" => "",
            inner if inner.ends_with(',') => " ",
            _ => ", ",
        };
        let (before, after) = text.split_at(open + 1 + inner.len());
        Some(format!("{before}{separator}{variable}{after}"))
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_variable_is_added_in_the_style_of_the_file() {
        for (before, after) in [
            ("", "env_vars:\n  - NEW\n"),
            ("# ours\n", "# ours\nenv_vars:\n  - NEW\n"),
            ("apis:\n  orders: {}", "apis:\n  orders: {}\nenv_vars:\n  - NEW\n"),
            ("env_vars:\n", "env_vars:\n  - NEW\n"),
            ("env_vars:", "env_vars:\n  - NEW\n"),
            ("env_vars: [] # none yet\n", "env_vars: [NEW] # none yet\n"),
            ("env_vars: [A, B]\napis: {}\n", "env_vars: [A, B, NEW]\napis: {}\n"),
            ("env_vars: [\n  A, # first\n  B,\n]\n", "env_vars: [\n  A, # first\n  B, NEW\n]\n"),
            ("# env_vars: [X]\nenv_vars: [A]\n", "# env_vars: [X]\nenv_vars: [A, NEW]\n"),
            ("{ env_vars: [A] }\n", "{ env_vars: [A, NEW] }\n"),
            ("env_vars:\n- A\n- B # b\n", "env_vars:\n- A\n- B # b\n- NEW\n"),
            (
                "# c\nenv_vars:\n    - A\n\n    # why\n    - B\n\napis: {}\n",
                "# c\nenv_vars:\n    - A\n\n    # why\n    - B\n    - NEW\n\napis: {}\n",
            ),
            ("env_vars:\r\n  - A\r\n", "env_vars:\r\n  - A\r\n  - NEW\r\n"),
            ("env_vars:\n  - A", "env_vars:\n  - A\n  - NEW\n"),
        ] {
            assert_eq!(list_variable(before, "NEW").as_deref(), Some(after), "{before:?}");
        }
    }

    #[test]
    fn what_is_listed_already_is_left_alone() {
        for text in ["env_vars: [NEW]", "env_vars:\n  - \"NEW\"\n", "{env_vars: [A, NEW]}"] {
            assert_eq!(list_variable(text, "NEW").as_deref(), Some(text));
        }
    }

    #[test]
    fn a_file_that_cannot_be_changed_safely_is_not() {
        for text in ["env_vars: A", "[1]", "a: [", "env_vars: &all [A]\nx: *all\n", "{}", "env_vars: [\"]\"]"] {
            assert_eq!(list_variable(text, "NEW"), None, "{text}");
        }
    }

    proptest! {
        #[test]
        fn whatever_comes_out_says_the_same_and_one_variable_more(
            text in "(# x\n|apis: \\{ a: 1 \\}\n|env_vars:|\n| {0,3}- [A-C]+( # y)?\n| \\[[A-C, \n]{0,6}\\]|env_vars: \\[A\\]){0,6}"
        ) {
            if let Some(after) = list_variable(&text, "NEW") {
                let (before, mut after) = (parse(&text).unwrap(), parse(&after).unwrap());
                prop_assert!(listed(&after).unwrap().contains(&"NEW".into()));
                let mut before = before;
                before.remove(KEY);
                after.remove(KEY);
                prop_assert_eq!(before, after);
            }
        }
    }
}
