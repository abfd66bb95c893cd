//! Text of others, as a terminal may show it: what handlers print and projects contain must not move the cursor,
//! change colours, hide what stands before it, or look like a line of its own.

use std::borrow::Cow;
use std::fmt::Write;

/// One line, whatever is in it: a line end within would let what follows pass for another line.
pub(crate) fn one_line(text: &str) -> Cow<'_, str> {
    escaped(text, |c| matches!(c, '\n' | '\r'))
}

/// For a terminal: what it would obey is written as JSON has it (`\u001b`). Lines and tabs stay.
pub(crate) fn harmless(text: &str) -> Cow<'_, str> {
    escaped(text, |c| match c {
        '\n' | '\t' => false,
        // Characters that turn the direction of writing: what is read is not what is there.
        '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}' => true,
        other => other.is_control(),
    })
}

fn escaped(text: &str, is_escaped: impl Fn(char) -> bool) -> Cow<'_, str> {
    if !text.contains(&is_escaped) {
        return Cow::Borrowed(text);
    }
    let mut shown = String::with_capacity(text.len() + 16);
    for c in text.chars() {
        match c {
            '\n' if is_escaped(c) => shown.push_str("\\n"),
            '\r' if is_escaped(c) => shown.push_str("\\r"),
            c if is_escaped(c) => {
                // All of them have four digits; a String takes everything.
                write!(shown, "\\u{:04x}", u32::from(c)).ok();
            }
            c => shown.push(c),
        }
    }
    Cow::Owned(shown)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_terminal_obeys_nothing_of_it() {
        for (text, shown) in [
            ("plain ü 漢 👍\ttab\nline", "plain ü 漢 👍\ttab\nline"),
            ("\u{1b}[2J\u{1b}]0;title\u{7}", "\\u001b[2J\\u001b]0;title\\u0007"),
            ("100 %\r  0 %\u{8}\u{7f}\0", "100 %\\r  0 %\\u0008\\u007f\\u0000"),
            ("\u{9b}31m \u{85}", "\\u009b31m \\u0085"),
            ("a\u{202e}txt.exe \u{2028}", "a\\u202etxt.exe \\u2028"),
        ] {
            assert_eq!(harmless(text), shown);
        }
    }

    #[test]
    fn a_line_stays_one() {
        assert_eq!(one_line("a\r\nb\u{1b}"), "a\\r\\nb\u{1b}");
    }
}
