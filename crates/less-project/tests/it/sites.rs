//! Static sites: folders of `less/statics`, with any files.

use less_project::{Problem, Site, discover_sites};

use crate::folder::{Folder, check};

#[test]
fn a_site_is_a_folder_with_any_files() {
    let folder = Folder::new(
        "less/statics/shop/index.html
         less/statics/shop/assets/index-Bx3f9a2c.js
         less/statics/shop/get.js
         less/statics/docs/index.html
         less/statics/docs/then/Index.js",
    );
    folder.check();
    let sites = folder.discover().unwrap().sites;
    assert_eq!(sites, ["docs", "shop"].map(|name| Site { name: name.into() }));
}

#[test]
fn what_is_probably_not_meant_is_a_warning() {
    check(
        "less/statics/README.md
         less/statics/index.html
         less/statics/app/main.js
         less/statics/built-later/.gitkeep
         ? less/statics/app: this site has no index.html
         ? less/statics/built-later: this site is empty
         ? less/statics/index.html: a static site is a folder, not a file",
    );
}

#[test]
fn the_folder_for_sites_may_be_empty() {
    check("less/apis/x/get.js\nless/statics/.gitkeep");
}

#[test]
fn sites_are_named_like_everything_else() {
    check(
        "less/statics/my-site/index.html
         less/statics/my_site/index.html
         less/statics/2024/index.html
         less/statics/Shop/index.html
         less/statics/shop/index.html
         ! less/statics/2024: `2024` is not a valid name
         ! less/statics/my_site: is taken for `my-site` beside it: handlers may write - as _
         ! less/statics/shop: differs from `Shop` beside it in capital letters only",
    );
}

fn sites_of(folder: &Folder) -> Result<Vec<String>, Vec<Problem>> {
    discover_sites(folder.root(), "shop").map(|found| found.sites.into_iter().map(|site| site.name).collect())
}

#[test]
fn the_sites_alone_are_read_whatever_the_rest_is() {
    let folder = Folder::new(
        "less/statics/shop/index.html
         less/apis/x/posts.js
         less/misplaced.js
         less/topics/a/b -> nowhere",
    )
    .with("less.config", "env_vars: [MISSING");
    assert!(folder.discover().is_err());
    assert_eq!(sites_of(&folder).unwrap(), ["shop"]);
}

#[test]
fn without_a_site_there_is_nothing_to_read() {
    for (folder, told) in [
        ("README.md", "less/statics: there is no static site"),
        ("less/apis/x/get.js", "less/statics: there is no static site"),
        ("less/statics/.gitkeep", "less/statics: there is no static site"),
        ("less/statics", "less/statics: is a file, not a folder"),
        ("less/statics/index.html", "less/statics/index.html: a static site is a folder, not a file"),
        ("less/statics/a b/index.html", "less/statics/a b: `a b` is not a valid name"),
        ("less/statics/a -> ../../..", "less/statics/a: is a link that leads out of the project"),
    ] {
        let problems = sites_of(&Folder::new(folder)).unwrap_err();
        let said: Vec<String> =
            problems.iter().map(|problem| format!("{}: {}", problem.path, problem.message)).collect();
        assert!(said.iter().any(|said| said == told), "{folder}: {said:?}");
        assert!(problems.iter().all(|problem| !problem.hint.is_empty()), "{problems:?}");
    }
}
