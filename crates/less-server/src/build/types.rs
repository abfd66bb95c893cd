//! What an editor needs to know of a project: the only files that Less writes into its author's folder.
//!
//! In: the texts, which follow from the project. Out: `less-env.d.ts`, replaced when it differs, and `tsconfig.json`,
//! never replaced. Nothing that runs needs either.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::Path;

/// Replaced whenever it differs.
pub const DECLARATIONS: &str = "less-env.d.ts";
/// Written where there is none.
pub const TSCONFIG: &str = "tsconfig.json";

/// Writes what is not there yet. Returns the names of the files that were written.
pub fn write(project: &Path, declarations: &str, tsconfig: &str) -> io::Result<Vec<&'static str>> {
    let mut written = Vec::new();
    let path = project.join(DECLARATIONS);
    // Untouched when it is the same, for whoever watches the folder.
    if fs::read(&path).ok().as_deref() != Some(declarations.as_bytes()) {
        fs::write(&path, declarations)?;
        written.push(DECLARATIONS);
    }
    match File::create_new(project.join(TSCONFIG)) {
        Ok(mut file) => {
            file.write_all(tsconfig.as_bytes())?;
            written.push(TSCONFIG);
        }
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
        Err(error) => return Err(error),
    }
    Ok(written)
}

#[cfg(test)]
mod tests {
    use tempfile::TempDir;

    use super::*;

    #[test]
    fn declarations_follow_the_project_and_the_authors_settings_stay() {
        let project = TempDir::new().unwrap();
        let text = |name: &str| fs::read_to_string(project.path().join(name)).unwrap();
        assert_eq!(write(project.path(), "one", "{}").unwrap(), [DECLARATIONS, TSCONFIG]);
        assert!(write(project.path(), "one", "{}").unwrap().is_empty());
        fs::write(project.path().join(TSCONFIG), "mine").unwrap();
        assert_eq!(write(project.path(), "two", "{ \"new\": 1 }").unwrap(), [DECLARATIONS]);
        assert_eq!((text(DECLARATIONS).as_str(), text(TSCONFIG).as_str()), ("two", "mine"));
    }

    #[test]
    fn a_folder_that_cannot_be_written_is_an_error() {
        assert!(write(Path::new("/proc/self"), "", "").is_err());
    }
}
