//! `less/statics`: a folder for each site, with any files.

use std::path::Path;

use super::walk::{Folder, Walk};
use super::{names, warn_of_files};
use crate::problem::{Findings, in_order};
use crate::{Problem, ProjectName, Site, Statics};

/// The sites; what is wrong with one is told, and it is among them all the same.
pub(super) fn read(statics: &Folder, found: &mut Findings) -> Vec<Site> {
    names::check_level(statics.folders.iter(), found);
    warn_of_files(statics, "a static site", found);
    for site in &statics.folders {
        if site.files.is_empty() && site.folders.is_empty() {
            found.warn(&site.path, "this site is empty", "put its files there, or let its build write them there");
        } else if !site.files.iter().any(|file| file == "index.html") {
            found.warn(&site.path, "this site has no index.html", format!("create {}", site.join("index.html")));
        }
    }
    statics.folders.iter().map(|site| Site { name: site.name.clone() }).collect()
}

/// Reads the sites of the project in `root` and nothing else of it. Without any there is a problem.
pub fn discover_sites(root: &Path, project: &str) -> Result<Statics, Vec<Problem>> {
    let mut found = Findings::default();
    let project = ProjectName::parse(project).map_err(|bad| found.problem("project", bad.message, bad.hint)).ok();
    let sites = match Walk::new(root, false, &mut found).map(|mut walk| walk.statics()) {
        Ok(statics) => statics.map(|statics| read(&statics, &mut found)).unwrap_or_default(),
        Err(error) => {
            let message = format!("cannot be read: {error}");
            found.problem(root.display().to_string(), message, "give the folder that contains less/");
            return Err(in_order(found.problems));
        }
    };
    if sites.is_empty() {
        // What lies there, but at the wrong place, is probably why.
        found.problems.append(&mut found.warnings);
        found.problem("less/statics", "there is no static site", "create less/statics/<site>/index.html");
    }
    match project {
        Some(project) if found.problems.is_empty() => {
            Ok(Statics { project, sites, warnings: in_order(found.warnings) })
        }
        Some(_) | None => Err(in_order(found.problems)),
    }
}
