use std::os::unix::fs::symlink;

use tempfile::TempDir;

use super::super::unpack::unpack;
use super::*;

fn project(files: &[(&str, &str)]) -> TempDir {
    let dir = TempDir::new().unwrap();
    for (name, content) in files {
        write(dir.path(), name, content);
    }
    dir
}

fn write(root: &Path, name: &str, content: &str) {
    let path = root.join(name);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, content).unwrap();
}

fn packed(root: &Path) -> Vec<u8> {
    let mut tar = Vec::new();
    pack(root, Path::new("/nowhere"), &mut tar).unwrap();
    tar
}

fn names(tar: &[u8]) -> Vec<String> {
    let mut archive = tar::Archive::new(tar);
    let entries = archive.entries().unwrap();
    entries.map(|entry| entry.unwrap().path().unwrap().display().to_string()).collect()
}

fn problems(root: &Path, most: u64) -> Vec<Problem> {
    let mut out = Vec::new();
    let Err(Error::Problems(problems)) = pack_within(root, None, Scope::Project, &mut out, most) else {
        panic!("no problems")
    };
    assert!(out.is_empty());
    problems
}

#[test]
fn a_snapshot_has_the_project_and_nothing_that_is_made_or_private() {
    let project = project(&[
        ("package.json", "{}"),
        (".npmrc", "x=1"),
        (".env", "SECRET=1"),
        (".git/config", ""),
        ("node_modules/a/index.js", ""),
        ("target/debug/a", ""),
        ("less/apis/a/get.js", "x"),
        ("less/shared/target/index.js", ""),
        ("less/shared/b/node_modules/c/index.js", ""),
        ("less/apis/a/.npmrc", ""),
    ]);
    fs::create_dir_all(project.path().join("less/topics/empty")).unwrap();
    let tar = packed(project.path());
    let expected = [
        ".npmrc",
        "less",
        "less/apis",
        "less/apis/a",
        "less/apis/a/get.js",
        "less/shared",
        "less/shared/b",
        "less/shared/target",
        "less/shared/target/index.js",
        "less/topics",
        "less/topics/empty",
        "package.json",
    ];
    assert_eq!(names(&tar), expected);
}

#[test]
fn what_is_packed_comes_out_again_with_its_modes() {
    let long = format!("less/{}/{}.js", "f".repeat(150), "n".repeat(200));
    let project = project(&[("less/a/get.js", "exports.process = 1"), ("secret.pem", "s"), (&long, "long")]);
    let mode = |root: &Path, name: &str| fs::metadata(root.join(name)).unwrap().permissions().mode() & 0o777;
    fs::set_permissions(project.path().join("secret.pem"), PermissionsExt::from_mode(0o600)).unwrap();
    fs::set_permissions(project.path().join("less/a/get.js"), PermissionsExt::from_mode(0o755)).unwrap();
    let into = TempDir::new().unwrap();
    unpack(packed(project.path()).as_slice(), into.path()).unwrap();
    assert_eq!(fs::read_to_string(into.path().join("less/a/get.js")).unwrap(), "exports.process = 1");
    assert_eq!(fs::read_to_string(into.path().join(long)).unwrap(), "long");
    assert_eq!(mode(into.path(), "secret.pem"), 0o600);
    assert_eq!(mode(into.path(), "less/a/get.js"), 0o644);
    assert_eq!(packed(into.path()), packed(project.path()));
}

#[test]
fn a_link_is_packed_as_what_it_points_to() {
    let project = project(&[("lib/a.js", "a"), ("less/b/get.js", "")]);
    symlink("../../lib", project.path().join("less/b/lib")).unwrap();
    symlink(project.path().join("lib/a.js"), project.path().join("a.js")).unwrap();
    let into = TempDir::new().unwrap();
    unpack(packed(project.path()).as_slice(), into.path()).unwrap();
    for copy in ["a.js", "less/b/lib/a.js"] {
        assert_eq!(fs::read_to_string(into.path().join(copy)).unwrap(), "a");
        assert!(!into.path().join(copy).is_symlink());
    }
}

#[test]
fn every_link_that_cannot_be_deployed_is_named() {
    let project = project(&[("less/a/get.js", "")]);
    for (target, link) in [("/etc/passwd", "b"), ("../..", "less/c"), ("gone", "d"), ("..", "less/a/e")] {
        symlink(target, project.path().join(link)).unwrap();
    }
    let problems = problems(project.path(), 1);
    let told: Vec<_> = problems.iter().map(|problem| (problem.path.as_str(), problem.message.as_str())).collect();
    let expected = [
        ("b", "the link to /etc/passwd leads out of the project"),
        ("d", "the link to gone points to nothing"),
        ("less/a/e", "the link to .. leads to a folder that contains the link"),
        ("less/c", "the link to ../.. leads out of the project"),
    ];
    assert_eq!(told, expected);
}

#[test]
fn a_project_that_is_too_large_is_told_its_largest_parts() {
    let project = project(&[
        ("less/statics/site/a.png", &"x".repeat(3 << 20)),
        ("less/statics/site/b/c.png", &"x".repeat(2 << 20)),
        ("data/d.csv", &"x".repeat(4 << 20)),
        ("e.txt", "e"),
    ]);
    let [problem] = problems(project.path(), 1 << 20).try_into().unwrap();
    let expected = "the project is larger than 1 MiB: 9 MiB without node_modules and hidden files; the largest: \
                    less/statics/site (5 MiB), data (4 MiB), e.txt (1 bytes)";
    assert!(problem.message.starts_with(expected), "{}", problem.message);
}

#[test]
fn a_site_has_what_its_build_tool_wrote() {
    let project = project(&[
        ("less/apis/a/get.js", ""),
        ("less/statics/shop/index.html", ""),
        ("less/statics/shop/.well-known/security.txt", ""),
        ("less/statics/shop/.well-known/.hidden", ""),
        ("less/statics/shop/.env", ""),
        ("less/statics/shop/node_modules/a/index.js", ""),
        ("less/statics/shop/assets/node_modules/font.woff2", ""),
        ("less/statics/shop/assets/.well-known/b", ""),
    ]);
    let site = [
        "less/statics",
        "less/statics/shop",
        "less/statics/shop/.well-known",
        "less/statics/shop/.well-known/security.txt",
        "less/statics/shop/assets",
        "less/statics/shop/assets/node_modules",
        "less/statics/shop/assets/node_modules/font.woff2",
        "less/statics/shop/index.html",
    ];
    assert_eq!(names(&packed(project.path()))[4..], site);
    let mut sites = Vec::new();
    pack_sites(project.path(), &mut sites).unwrap();
    assert_eq!(names(&sites), [&["less"], &site[..]].concat());
    let into = TempDir::new().unwrap();
    unpack(&sites[..], into.path()).unwrap();
    assert!(into.path().join("less/statics/shop/index.html").is_file());
}

#[test]
fn what_less_keeps_is_no_part_of_a_project() {
    let project =
        project(&[("less/apis/a/get.js", ""), ("state/server/token", "secret"), ("less/apis/state/get.js", "")]);
    symlink("state", project.path().join("link")).unwrap();
    let mut tar = Vec::new();
    pack(project.path(), &project.path().join("link"), &mut tar).unwrap();
    let expected =
        ["less", "less/apis", "less/apis/a", "less/apis/a/get.js", "less/apis/state", "less/apis/state/get.js"];
    assert_eq!(names(&tar), expected);
}

#[test]
fn the_code_alone_has_the_names_in_sites_and_not_what_they_hold() {
    let project = project(&[
        ("less/apis/a/get.js", "code"),
        ("less/statics/shop/index.html", "page"),
        ("less/statics/shop/assets/app.js", "app"),
    ]);
    let mut code = Vec::new();
    pack_code(project.path(), Path::new("/nowhere"), &mut code).unwrap();
    let into = TempDir::new().unwrap();
    unpack(&code[..], into.path()).unwrap();
    let read = |path: &str| fs::read_to_string(into.path().join(path)).ok();
    assert_eq!(read("less/apis/a/get.js").as_deref(), Some("code"));
    assert_eq!(read("less/statics/shop/index.html").as_deref(), Some(""));
    assert!(into.path().join("less/statics/shop/assets").is_dir() && read("less/statics/shop/assets/app.js").is_none());
}

#[test]
fn a_link_in_a_site_stays_in_the_project() {
    let project = project(&[("less/statics/shop/index.html", "")]);
    symlink("../../../..", project.path().join("less/statics/shop/up")).unwrap();
    symlink("..", project.path().join("less/statics/shop/round")).unwrap();
    let Err(Error::Problems(problems)) = pack_sites(project.path(), Vec::new()) else { panic!("no problems") };
    let told: Vec<&str> = problems.iter().map(|problem| problem.path.as_str()).collect();
    assert_eq!(told, ["less/statics/shop/round", "less/statics/shop/up"]);
}
