//! The part of a page that the tool writes, between two marks; everything else on it is people's.

use anyhow::{Context, Result};

const BEGIN: &str = "<!-- figures: written by less-bench report -->\n";
const END: &str = "<!-- figures: end -->\n";

/// The page with `section` between its marks.
pub(super) fn with_figures(page: &str, section: &str) -> Result<String> {
    let begin = page.find(BEGIN).with_context(|| format!("a line {} is missing", BEGIN.trim()))? + BEGIN.len();
    let end = page[begin..].find(END).with_context(|| format!("a line {} is missing", END.trim()))? + begin;
    Ok(format!("{}{section}{}", &page[..begin], &page[end..]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_between_the_marks_changes() {
        let page = format!("# Performance\nprose\n{BEGIN}old\nfigures\n{END}more prose\n");
        let once = with_figures(&page, "new\n").unwrap();
        assert_eq!(once, format!("# Performance\nprose\n{BEGIN}new\n{END}more prose\n"));
        assert_eq!(with_figures(&once, "new\n").unwrap(), once);
        assert!(with_figures("# Performance\n", "new\n").unwrap_err().to_string().contains("figures"));
    }
}
