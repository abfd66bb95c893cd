use less_project::ProjectName;
use tempfile::TempDir;

use super::*;
use crate::home::Home;

fn version(home: &TempDir) -> Version {
    Home::create(home.path()).unwrap().version(&ProjectName::parse("shop").unwrap(), "v1")
}

fn write(root: &Path, name: &str, text: &str) {
    let path = root.join("less/statics").join(name);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, text).unwrap();
}

fn made(version: &Version, of: Of) -> SiteVersion {
    let record = Record::new(of, 1_700_000_000_000);
    write(&record.project(version), "web/index.html", "home");
    write(&record.project(version), "web/a/app.js", "app");
    let made = SiteVersion::make(version, record.clone(), &["web".into()]).unwrap();
    record.write(version).unwrap();
    made
}

fn found(sites: &SiteVersion, path: &str) -> (String, String) {
    match sites.find("web", &SitePath::parse(path).unwrap()) {
        Found::File(located) => (fs::read_to_string(&located.form.file).unwrap(), located.form.tag.clone()),
        other => panic!("{other:?}"),
    }
}

#[test]
fn the_sites_of_a_version_are_found_again_with_the_same_tags() {
    for of in [Of::Deploy, Of::Sites] {
        let home = TempDir::new().unwrap();
        let version = version(&home);
        let made = made(&version, of);
        let opened = SiteVersion::open(&version).unwrap().unwrap();
        assert_eq!((&opened.record, opened.sites().count()), (&made.record, 1));
        for (path, text) in [("/", "home"), ("/a/app.js", "app")] {
            assert_eq!(found(&opened, path), found(&made, path));
            assert_eq!(found(&opened, path).0, text);
        }
        assert!(matches!(opened.find("other", &SitePath::parse("/").unwrap()), Found::Nothing));
    }
}

#[test]
fn a_version_without_a_record_has_no_sites() {
    let home = TempDir::new().unwrap();
    assert!(SiteVersion::open(&version(&home)).unwrap().is_none());
}

#[test]
fn an_index_that_cannot_be_read_is_made_again() {
    let home = TempDir::new().unwrap();
    let version = version(&home);
    let made = made(&version, Of::Sites);
    let index = made.record.folder(&version).join("index.json");
    for damage in ["", "{", r#"{ "format": 7, "sites": {} }"#] {
        fs::write(&index, damage).unwrap();
        let opened = SiteVersion::open(&version).unwrap().unwrap();
        assert_eq!(found(&opened, "/a/app.js"), found(&made, "/a/app.js"), "{damage}");
    }
}

#[test]
fn what_a_newer_server_wrote_is_not_guessed_at() {
    let home = TempDir::new().unwrap();
    let version = version(&home);
    let newer = serde_json::json!({ "format": 2, "id": Uuid::nil(), "of": "deploy", "deployed_at": 0 });
    fs::create_dir_all(version.folder()).unwrap();
    fs::write(version.sites_record(), newer.to_string()).unwrap();
    assert!(format!("{:#}", SiteVersion::open(&version).unwrap_err()).contains("newer version of Less"));
}

#[test]
fn a_compressed_form_of_its_author_is_another_form_of_the_same_file() {
    let home = TempDir::new().unwrap();
    let version = version(&home);
    let record = Record::new(Of::Deploy, 0);
    for name in ["app.js", "app.js.br"] {
        write(&record.project(&version), &format!("web/{name}"), name);
    }
    let sites = SiteVersion::make(&version, record, &["web".into()]).unwrap();
    let Found::File(script) = sites.find("web", &SitePath::parse("/app.js").unwrap()) else { panic!() };
    assert_eq!(script.codings, [Coding::Brotli]);
    let (_, tag) = found(&sites, "/app.js.br");
    assert_ne!(script.form.tag, tag);
}
