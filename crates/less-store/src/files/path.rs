//! Names of files: parsed once, at the edge.

use std::fmt;
use std::sync::Arc;

/// What a file is called in its project: `invoices/2026/7.pdf`.
///
/// Always 1 to 1,024 bytes of UTF-8 without control characters and backslashes; its segments (between `/`) are neither
/// empty nor `.` nor `..`. So it is relative, and means the same to everybody who reads it as a path.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct FilePath(Arc<str>);

/// Why a text is no [`FilePath`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BadPath {
    #[error("a path has 1 to {most} bytes, not {size}", most = FilePath::MOST_BYTES)]
    Length { size: usize },
    #[error("a path must not begin with a slash: write it relative to the project's files")]
    Absolute,
    #[error("a path must not have an empty segment: one slash between two names, none at the end")]
    EmptySegment,
    #[error("a path must not have a segment that is . or ..")]
    Dots,
    #[error("a path must not have control characters or backslashes")]
    Character,
}

impl FilePath {
    pub const MOST_BYTES: usize = 1024;
    const PUBLIC: &str = "public/";

    pub fn parse(given: &str) -> Result<Self, BadPath> {
        if given.is_empty() || given.len() > Self::MOST_BYTES {
            return Err(BadPath::Length { size: given.len() });
        }
        if given.starts_with('/') {
            return Err(BadPath::Absolute);
        }
        if given.chars().any(|c| c.is_control() || c == '\\') {
            return Err(BadPath::Character);
        }
        for segment in given.split('/') {
            match segment {
                "" => return Err(BadPath::EmptySegment),
                "." | ".." => return Err(BadPath::Dots),
                _ => {}
            }
        }
        Ok(Self(given.into()))
    }

    /// Whether everybody may read it.
    pub fn is_public(&self) -> bool {
        self.0.starts_with(Self::PUBLIC)
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for FilePath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use std::path::{Component, Path};

    use proptest::prelude::*;

    use super::*;

    #[test]
    fn what_could_mean_another_place_is_refused() {
        for (given, why) in [
            ("", BadPath::Length { size: 0 }),
            ("/etc/passwd", BadPath::Absolute),
            ("//a", BadPath::Absolute),
            ("..", BadPath::Dots),
            ("a/../b", BadPath::Dots),
            ("./a", BadPath::Dots),
            ("a/.", BadPath::Dots),
            ("a//b", BadPath::EmptySegment),
            ("a/", BadPath::EmptySegment),
            ("a\0b", BadPath::Character),
            ("a\nb", BadPath::Character),
            ("a\u{85}b", BadPath::Character),
            ("..\\a", BadPath::Character),
        ] {
            assert_eq!(FilePath::parse(given), Err(why), "{given:?}");
        }
        let size = FilePath::MOST_BYTES + 1;
        assert_eq!(FilePath::parse(&"é".repeat(size / 2 + 1)), Err(BadPath::Length { size: size + 1 }));
    }

    #[test]
    fn any_other_name_is_a_name() {
        let longest = "x".repeat(FilePath::MOST_BYTES);
        for given in ["a", "a/b.txt", "...", ".hidden", "a b?&%2e%2e#", "é/\u{1F355}", "~", "C:", &longest] {
            assert_eq!(FilePath::parse(given).map(|path| path.to_string()).as_deref(), Ok(given));
        }
    }

    #[test]
    fn only_what_lies_in_the_folder_public_is_public() {
        let is_public = |path: &str| FilePath::parse(path).unwrap().is_public();
        assert!(is_public("public/a") && is_public("public/a/b"));
        assert!(!is_public("public") && !is_public("publicly/a") && !is_public("Public/a") && !is_public("a/public/b"));
    }

    proptest! {
        #[test]
        fn what_is_parsed_stays_below_the_folder_that_it_is_put_in(given in r"(\.|/|\\|a|\x00|%2e|é){0,12}") {
            if let Ok(path) = FilePath::parse(&given) {
                prop_assert_eq!(path.as_str(), &given);
                let mut components = Path::new(path.as_str()).components();
                prop_assert!(components.all(|each| matches!(each, Component::Normal(_))));
                prop_assert_eq!(Path::new(path.as_str()).components().count(), given.split('/').count());
            }
        }
    }
}
