use std::sync::atomic::{AtomicBool, Ordering};

use tempfile::TempDir;

use super::super::Error;
use super::*;

fn project(package: &str) -> TempDir {
    let dir = TempDir::new().unwrap();
    fs::write(dir.path().join("package.json"), package).unwrap();
    dir
}

fn key(root: &Path) -> String {
    let node = NodeInfo { major: 20, minor: 20, patch: 0 };
    Wanted::read(root).unwrap().unwrap().key(node)
}

/// The folder to link to, and whether something was installed.
async fn installed(root: &Path, cache: &Path) -> (Result<Option<PathBuf>>, bool) {
    let asked = AtomicBool::new(false);
    let node = super::super::node::check(&less_project::Env::new()).await.unwrap();
    let result = install(root, cache, node, &Env::new(), &|| asked.store(true, Ordering::Relaxed)).await;
    (result, asked.into_inner())
}

fn problem(result: Result<Option<PathBuf>>) -> Problem {
    let Err(Error::Problems(problems)) = result else { panic!("{result:?}") };
    problems[0].clone()
}

#[tokio::test]
async fn packages_are_installed_once_for_projects_that_ask_for_the_same() {
    let cache = TempDir::new().unwrap();
    // The project's own scripts and development packages would make this fail.
    let package = r#"{ "dependencies": { "uuid": "^9" }, "devDependencies": { "less-no-such-package": "1" },
        "scripts": { "prepare": "no-such-tool" } }"#;
    let one = project(&package.replace(r#""less-no-such-package": "1""#, ""));
    let (first, asked) = installed(one.path(), cache.path()).await;
    let node_modules = first.unwrap().unwrap();
    assert!(asked && node_modules.join("uuid/package.json").is_file());

    let other = project(&package.replace("no-such-tool", "another"));
    let (second, asked) = installed(other.path(), cache.path()).await;
    assert_eq!((second.unwrap().unwrap(), asked), (node_modules.clone(), false));

    // `npm install` left a lock file; a project that has it gets the same packages by `npm ci`, in a folder of its own.
    fs::copy(node_modules.with_file_name("package-lock.json"), one.path().join("package-lock.json")).unwrap();
    let (locked, asked) = installed(one.path(), cache.path()).await;
    let locked = locked.unwrap().unwrap();
    assert!(asked && locked != node_modules && locked.join("uuid/package.json").is_file());
    assert_eq!(fs::read_dir(cache.path()).unwrap().count(), 2);
}

#[tokio::test]
async fn two_builds_of_the_same_at_once_get_the_same_folder() {
    let cache = TempDir::new().unwrap();
    let project = project(r#"{ "dependencies": { "uuid": "9.0.1" } }"#);
    let (a, b) = tokio::join!(installed(project.path(), cache.path()), installed(project.path(), cache.path()));
    assert_eq!(a.0.unwrap(), b.0.unwrap());
    assert_eq!(fs::read_dir(cache.path()).unwrap().count(), 1);
}

#[tokio::test]
async fn an_install_that_fails_is_told_in_the_installers_words_and_leaves_nothing() {
    let cache = TempDir::new().unwrap();
    let project = project(r#"{ "dependencies": { "uuid": "^999.0.0" } }"#);
    let problem = problem(installed(project.path(), cache.path()).await.0);
    assert!(problem.message.contains("`npm install` failed") && problem.message.contains("uuid@^999.0.0"), "{problem}");
    assert_eq!(fs::read_dir(cache.path()).unwrap().count(), 0);
}

#[tokio::test]
async fn a_lock_file_that_does_not_fit_is_a_problem() {
    let cache = TempDir::new().unwrap();
    let project = project(r#"{ "dependencies": { "uuid": "^9" } }"#);
    let lock = r#"{ "name": "x", "lockfileVersion": 3, "requires": true, "packages": {} }"#;
    fs::write(project.path().join("package-lock.json"), lock).unwrap();
    let problem = problem(installed(project.path(), cache.path()).await.0);
    assert!(problem.message.contains("`npm ci` failed") && problem.hint.contains("npm install"), "{problem}");
}

#[tokio::test]
async fn a_project_that_refers_to_its_own_folders_is_installed_in_place() {
    let cache = TempDir::new().unwrap();
    let project = project(r#"{ "dependencies": { "mine": "file:./mine" }, "scripts": { "prepare": "no-such-tool" } }"#);
    fs::create_dir(project.path().join("mine")).unwrap();
    fs::write(project.path().join("mine/package.json"), r#"{ "name": "mine", "version": "1.0.0" }"#).unwrap();
    let (result, asked) = installed(project.path(), cache.path()).await;
    assert!(result.unwrap().is_none() && asked);
    assert!(project.path().join("node_modules/mine/package.json").is_file());
}

#[tokio::test]
async fn a_project_without_dependencies_needs_no_installer() {
    let cache = TempDir::new().unwrap();
    for package in ["{}", r#"{ "dependencies": {}, "devDependencies": { "x": "1" } }"#] {
        let (result, asked) = installed(project(package).path(), cache.path()).await;
        assert!(result.unwrap().is_none() && !asked);
    }
    let (result, asked) = installed(TempDir::new().unwrap().path(), cache.path()).await;
    assert!(result.unwrap().is_none() && !asked);
}

#[tokio::test]
async fn what_is_of_less_itself_is_not_installed_also_where_a_lock_file_has_it() {
    let cache = TempDir::new().unwrap();
    let alone = project(
        r#"{ "dependencies": { "@chuva.io/less-cli": "^999.0.0" }, "peerDependencies": { "@chuva.io/less": "file:../x" } }"#,
    );
    let (result, asked) = installed(alone.path(), cache.path()).await;
    assert!(result.unwrap().is_none() && !asked, "nothing is left to install");

    let unlocked =
        r#"{ "dependencies": { "uuid": "9.0.1" }, "devDependencies": { "@chuva.io/less-cli": "^999.0.0" } }"#;
    let (result, _) = installed(project(unlocked).path(), cache.path()).await;
    assert!(result.unwrap().unwrap().join("uuid/package.json").is_file());

    for (field, kind) in [("optionalDependencies", "optional"), ("devDependencies", "dev")] {
        let asked = format!(
            r#""name": "x", "dependencies": {{ "uuid": "9.0.1" }}, "{field}": {{ "@chuva.io/less-cli": "file:../less-cli" }}"#
        );
        let locked = project(&format!("{{ {asked} }}"));
        let lock = format!(
            r#"{{ "name": "x", "lockfileVersion": 3, "requires": true, "packages": {{ "": {{ {asked} }},
                "../less-cli": {{ "name": "@chuva.io/less-cli", "version": "1.0.0", "{kind}": true }},
                "node_modules/@chuva.io/less-cli": {{ "resolved": "../less-cli", "link": true }},
                "node_modules/uuid": {{ "version": "9.0.1" }} }} }}"#
        );
        fs::write(locked.path().join("package-lock.json"), lock).unwrap();
        let node_modules = installed(locked.path(), cache.path()).await.0.unwrap().unwrap();
        assert!(node_modules.join("uuid/package.json").is_file(), "{field}");
        assert!(!node_modules.join("@chuva.io").exists(), "{field}");
    }
}

#[test]
fn the_key_changes_with_what_is_installed_and_with_nothing_else() {
    let project = project(r#"{ "name": "a", "dependencies": { "uuid": "^9" } }"#);
    let first = key(project.path());
    let mut keys = vec![first.clone()];
    let mut write = |name: &str, content: &str| {
        fs::write(project.path().join(name), content).unwrap();
        keys.push(key(project.path()));
    };
    write("package.json", r#"{ "name": "b", "scripts": {}, "dependencies": { "uuid": "^9" } }"#);
    write("package.json", r#"{ "dependencies": { "uuid": "^10" } }"#);
    write("yarn.lock", "# yarn lockfile v1\n");
    write("package-lock.json", "{}");
    write(".npmrc", "legacy-peer-deps=true");
    assert_eq!(keys[1], first);
    keys.remove(0);
    let distinct: std::collections::BTreeSet<_> = keys.iter().collect();
    assert_eq!(distinct.len(), keys.len());
}

#[test]
fn a_lock_file_of_a_newer_yarn_is_refused_with_a_way_out() {
    let project = project(r#"{ "dependencies": { "uuid": "^9" } }"#);
    fs::write(project.path().join("yarn.lock"), "__metadata:\n  version: 8\n").unwrap();
    let Err(Error::Problems(problems)) = Wanted::read(project.path()) else { panic!("no problem") };
    assert!(problems[0].path == "yarn.lock" && problems[0].hint.contains("package-lock.json"));
}

#[test]
fn what_a_crash_left_is_removed_and_what_is_under_construction_is_not() {
    let cache = TempDir::new().unwrap();
    let under_construction = Fresh::make(cache.path()).unwrap();
    let left = cache.path().join(".new-left");
    fs::create_dir(&left).unwrap();
    let now = fs::metadata(&left).unwrap().modified().unwrap();
    fs::File::open(&left).unwrap().set_modified(now - ABANDONED * 2).unwrap();
    Fresh::make(cache.path()).unwrap();
    assert!(!left.exists() && under_construction.0.exists());
}
