//! The sites of `run`: the folder that is worked on, looked at anew for every request, so that changes are visible at once.
//!
//! Nothing is kept and nothing compressed. Links are followed as long as they stay in the project, as a deploy does.
//! Everything here blocks.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::UNIX_EPOCH;

use super::lookup::{Leads, SitePath};
use super::{Form, Found, Located};

/// `project`: the folder that contains `less/`.
pub(super) fn find(project: &Path, site: &str, path: &SitePath) -> Found {
    // It may be a link, and may have been moved since the last request.
    let Ok(project) = project.canonicalize() else { return Found::Nothing };
    let place = project.join("less/statics").join(site);
    match path.lead(|name| file(&project, &place, name).is_some()) {
        Leads::To(name) => {
            located(&project, &place, name).map_or(Found::Nothing, |located| Found::File(Arc::new(located)))
        }
        Leads::NotFound(name) => {
            located(&project, &place, name).map_or(Found::Nothing, |located| Found::NotFoundPage(Arc::new(located)))
        }
        Leads::Folder(path) => Found::Folder(path),
        Leads::Nowhere => Found::Nothing,
    }
}

/// Where a file really is, if that is in the project, and would be deployed.
fn file(project: &Path, place: &Path, name: &str) -> Option<PathBuf> {
    if name.starts_with("node_modules/") {
        return None;
    }
    let real = place.join(name).canonicalize().ok()?;
    (real.starts_with(project) && real.is_file()).then_some(real)
}

fn located(project: &Path, place: &Path, name: String) -> Option<Located> {
    let file = file(project, place, &name)?;
    let metadata = fs::metadata(&file).ok()?;
    let modified = metadata.modified().unwrap_or(UNIX_EPOCH);
    let tag = format!("\"{:x}-{:x}.{:x}\"", metadata.len(), metadata.mtime(), metadata.mtime_nsec());
    let form = Form { file, bytes: metadata.len(), tag, coding: None };
    Some(Located::new(name, form, Vec::new(), modified, false))
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    fn found(project: &Path, path: &str) -> Option<String> {
        match find(project, "web", &SitePath::parse(path)?) {
            Found::File(located) => Some(fs::read_to_string(&located.form.file).unwrap()),
            Found::Folder(path) => Some(path),
            Found::NotFoundPage(_) | Found::Nothing => None,
        }
    }

    #[test]
    fn links_lead_anywhere_in_the_project_and_nowhere_else() {
        let outside = tempfile::tempdir().unwrap();
        let project = outside.path().join("project");
        fs::create_dir_all(project.join("less/statics/web")).unwrap();
        fs::create_dir_all(project.join("dist/docs")).unwrap();
        fs::write(outside.path().join("secret"), "secret").unwrap();
        fs::write(project.join("dist/app.js"), "app").unwrap();
        fs::write(project.join("dist/docs/index.html"), "docs").unwrap();
        for (link, target) in [
            ("app.js", "../../../dist/app.js"),
            ("docs", "../../../dist/docs"),
            ("secret", "../../../../secret"),
            ("up", "../../../.."),
            ("node_modules", "../../../dist"),
            ("gone", "nowhere"),
            ("loop", "loop"),
        ] {
            symlink(target, project.join("less/statics/web").join(link)).unwrap();
        }
        assert_eq!(found(&project, "/app.js").as_deref(), Some("app"));
        assert_eq!(found(&project, "/docs/").as_deref(), Some("docs"));
        assert_eq!(found(&project, "/docs").as_deref(), Some("/docs/"));
        for path in ["/secret", "/up/secret", "/node_modules/app.js", "/up/", "/up", "/gone", "/loop", "/"] {
            assert_eq!(found(&project, path), None, "{path}");
        }
    }

    #[test]
    fn a_change_is_seen_at_once_and_has_another_tag() {
        let project = tempfile::tempdir().unwrap();
        let site = project.path().join("less/statics/web");
        fs::create_dir_all(&site).unwrap();
        let tag = |text: &str| {
            fs::write(site.join("index.html"), text).unwrap();
            match find(project.path(), "web", &SitePath::parse("/").unwrap()) {
                Found::File(located) => (located.form.tag.clone(), located.form.bytes),
                other => panic!("{other:?}"),
            }
        };
        let (one, other) = (tag("one"), tag("other"));
        assert_ne!(one.0, other.0);
        assert_eq!((one.1, other.1), (3, 5));
    }
}
