//! A place in a file as it is shown below a message.

/// Longer lines are cut around the place.
const WIDTH: usize = 100;

pub(super) struct Excerpt {
    pub(super) line: usize,
    /// The line, and below it a mark.
    pub(super) text: String,
}

/// `offset` in bytes; behind the end is the end.
pub(super) fn excerpt(source: &str, offset: usize) -> Excerpt {
    let before = &source[..source.floor_char_boundary(offset)];
    let line = before.bytes().filter(|byte| *byte == b'\n').count() + 1;
    let start = before.rfind('\n').map_or(0, |end| end + 1);
    let column = before[start..].chars().count();
    let skipped = column.saturating_sub(WIDTH / 2);
    let shown = source[start..].lines().next().unwrap_or_default().chars().skip(skipped).take(WIDTH);
    let shown: String = shown.map(|c| if c == '\t' { ' ' } else { c }).collect();
    let (margin, indent) = (" ".repeat(line.to_string().len()), " ".repeat(column - skipped));
    Excerpt { line, text: format!("  {line} | {shown}\n  {margin} | {indent}^") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_mark_stands_below_the_place() {
        let source = "let ä = 1;\n\tlet b = ;\r\nlast";
        let place = excerpt(source, source.find(';').unwrap() + 11);
        assert_eq!((place.line, place.text.as_str()), (2, "  2 |  let b = ;\n    |          ^"));
        for (offset, line) in [(0, 1), (5, 1), (source.len(), 3), (source.len() + 9, 3)] {
            assert_eq!(excerpt(source, offset).line, line, "{offset}");
        }
        assert_eq!(excerpt("", 0).text, "  1 | \n    | ^");
    }

    #[test]
    fn a_long_line_is_cut_around_the_place() {
        let text = excerpt(&format!("{}!{}", "a".repeat(5_000), "b".repeat(5_000)), 5_000).text;
        let (line, mark) = text.split_once('\n').unwrap();
        assert_eq!(line.chars().nth(mark.find('^').unwrap()), Some('!'));
        assert!(line.len() < 120, "{line}");
    }
}
