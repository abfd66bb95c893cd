//! What is wrong with what was saved, told once: not again with every save that leaves it as it is. Pure.

use crate::project::Rejected;

/// What was told last, and is not mended.
#[derive(Debug, Default)]
pub(super) struct Trouble(Option<String>);

impl Trouble {
    /// Takes note of an error; whether people have not been told of it.
    pub(super) fn is_new(&mut self, error: &anyhow::Error) -> bool {
        let gist = Some(gist(error));
        let is_new = self.0 != gist;
        self.0 = gist;
        is_new
    }

    /// Nothing is wrong any more; whether something was.
    pub(super) fn is_mended(&mut self) -> bool {
        self.0.take().is_some()
    }
}

/// What makes an error the same as another: its words, those excepted that are new each time (the names of logs and of
/// temporary folders have many digits).
fn gist(error: &anyhow::Error) -> String {
    let text = match error.downcast_ref::<Rejected>() {
        Some(rejected) => rejected.problems.iter().map(|problem| format!("{problem}\n")).collect(),
        None => format!("{error:#}"),
    };
    let is_lasting = |word: &&str| word.bytes().filter(u8::is_ascii_digit).count() <= 8;
    text.split_whitespace().filter(is_lasting).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use less_project::Problem;

    use super::*;

    fn rejected(message: &str) -> anyhow::Error {
        Rejected::new(vec![Problem::new("package.json", message, "")], "the running version goes on").into()
    }

    #[test]
    fn an_error_is_new_once_until_it_changes_or_is_mended() {
        let mut trouble = Trouble::default();
        assert!(!trouble.is_mended());
        let told = ["one", "one", "two", "one"].map(|message| trouble.is_new(&rejected(message)));
        assert_eq!(told, [true, false, true, true]);
        assert!(trouble.is_mended() && !trouble.is_mended());
        assert!(trouble.is_new(&rejected("one")));
    }

    #[test]
    fn the_name_of_an_installers_log_makes_no_other_error() {
        let mut trouble = Trouble::default();
        let error =
            |log: &str| rejected(&format!("`npm ci` failed; it said:\nnpm error 404 no such package\nlog: {log}"));
        assert!(trouble.is_new(&error("/root/.npm/_logs/2026-01-31T09_00_00_000Z-debug-0.log")));
        assert!(!trouble.is_new(&error("/root/.npm/_logs/2026-01-31T09_00_07_123Z-debug-0.log")));
    }
}
