//! Folders written as text.
//!
//! ```text
//! less/apis/orders/orders/post.js      a file
//! less/topics/order_placed/            a folder
//! less/shared/models -> ../../models   a link
//! ! less/topics/a: what is wrong       an expected problem
//! ? less/topics/a: what is odd         an expected warning
//! ```

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;

use less_project::{Problem, Project, discover};
use tempfile::TempDir;

pub(crate) struct Folder {
    dir: TempDir,
    expected: Vec<String>,
}

impl Folder {
    pub(crate) fn new(text: &str) -> Self {
        let (expected, entries): (Vec<&str>, Vec<&str>) = text
            .lines()
            .map(str::trim)
            .filter(|line| !line.is_empty())
            .partition(|line| line.starts_with("! ") || line.starts_with("? "));
        let folder = Self { dir: TempDir::new().unwrap(), expected: expected.into_iter().map(str::to_owned).collect() };
        for entry in entries {
            folder.create(entry);
        }
        folder
    }

    pub(crate) fn with(self, file: &str, text: &str) -> Self {
        fs::write(self.root().join(file), text).unwrap();
        self
    }

    pub(crate) fn root(&self) -> &Path {
        self.dir.path()
    }

    fn create(&self, entry: &str) {
        let (path, target) = entry.split_once(" -> ").map_or((entry, None), |(path, target)| (path, Some(target)));
        let place = self.root().join(path);
        fs::create_dir_all(place.parent().unwrap()).unwrap();
        match target {
            Some(target) => symlink(target, place).unwrap(),
            None if path.ends_with('/') => fs::create_dir_all(place).unwrap(),
            None => fs::write(place, "exports.process = () => {};\n").unwrap(),
        }
    }

    pub(crate) fn discover(&self) -> Result<Project, Vec<Problem>> {
        discover(self.root(), "shop")
    }

    /// Exactly the expected problems, in this order; or none, and exactly the expected warnings.
    #[track_caller]
    pub(crate) fn check(&self) {
        let (mark, said) = match self.discover() {
            Ok(project) => ("?", project.warnings),
            Err(problems) => ("!", problems),
        };
        for problem in &said {
            assert!(!problem.hint.is_empty(), "{problem}");
        }
        let said: Vec<String> =
            said.iter().map(|problem| format!("{mark} {}: {}", problem.path, problem.message)).collect();
        assert_eq!(said.join("\n"), self.expected.join("\n"));
    }
}

#[track_caller]
pub(crate) fn check(text: &str) {
    Folder::new(text).check();
}
