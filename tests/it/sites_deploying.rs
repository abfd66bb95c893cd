//! Sites come and go: deploys of all and of sites alone, restarts, deletes (contract, sections 12 and 14).

use std::fs;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use less_tests::harness::{Connection, Home, Project, Request, eventually, http};

use crate::site_scene::{page, site_url, statics};

const API: &str = "exports.process = async () => ({ body: 'api' });";

/// The folder of the only version that is live.
fn version(home: &Home) -> PathBuf {
    let versions = home.less_home().join("server/versions/shop");
    let all: Vec<_> = fs::read_dir(versions).unwrap().map(|entry| entry.unwrap().path()).collect();
    assert_eq!(all.len(), 1, "{all:?}");
    all[0].clone()
}

/// What is kept of sites, one folder for each deploy of them.
fn kept(home: &Home) -> usize {
    fs::read_dir(version(home).join("sites")).unwrap().count()
}

#[track_caller]
fn deploy_sites(project: &Project<'_>) -> String {
    project.run(&["deploy", "--static", "shop"]).succeeded().stdout
}

#[test]
fn a_deploy_has_the_sites_with_the_rest_and_prints_where_they_are() {
    let home = Home::new();
    let project = statics(&home, &[("web/index.html", &page("1")), ("docs/index.html", &page("d"))]);
    project.write("less/apis/orders/get.js", API);
    let deployed = project.deploy();
    let (docs, web) = (deployed.url("docs"), deployed.url("web"));
    let listed = format!("[less-cli]   - Websites URLs\n[less-cli]     - docs: {docs}\n[less-cli]     - web: {web}\n");
    assert!(deployed.ran.stdout.ends_with(&listed), "{}", deployed.ran.stdout);
    let resources = home.run(&["list", "resources", "shop"]).succeeded().stdout;
    assert!(resources.contains(&format!("Websites URLs\n[less-cli]      - docs: {docs}\n")), "{resources}");
    for (url, text) in [(web, page("1")), (docs, page("d")), (deployed.url("orders"), "api".into())] {
        assert_eq!(http::get(url).expect(200).text(), text);
    }
    project.remove("less/statics/docs");
    project.write("less/statics/web/index.html", &page("2"));
    assert_eq!(project.deploy().url("web"), web);
    assert_eq!(http::get(web).expect(200).text(), page("2"));
    assert!(Request::new("GET", docs).try_send().is_err(), "nobody listens any more");
    project.write("less/statics/docs/index.html", &page("again"));
    assert_eq!(project.deploy().url("docs"), docs, "its port was kept");
    eventually("old versions are gone", || {
        fs::read_dir(home.less_home().join("server/versions/shop")).unwrap().count() == 1
    });
}

#[test]
fn sites_are_deployed_alone_and_leave_the_handlers_as_they_are() {
    let home = Home::new();
    let project = statics(&home, &[("web/index.html", &page("1"))]);
    project.write("less/apis/orders/get.js", API);
    project.write("less.config", "env_vars: []\n");
    let url = project.deploy().url("web").to_owned();
    let (workers, folder, log) = (home.workers(), version(&home), project.resources()["project"]["updated_at"].clone());
    // Nothing of this is looked at.
    project.write("less/apis/orders/get.js", "syntax error (");
    project.write("less/apis/orders/posts.js", "");
    project.write("less/nonsense.txt", "");
    project.write("less.config", "env_vars: [MISSING]\nnonsense: 1\n");
    project.write("package.json", "{\"dependencies\": {\"there-is-no-such-package-at-all\": \"1\"}}");
    project.write("less/statics/web/index.html", &page("2"));
    project.write("less/statics/new/index.html", &page("new"));
    let said = deploy_sites(&project);
    let new = site_url(&project, "new");
    let expected = format!(
        "[less-cli] Building... ⚙️\n[less-cli] Build complete ✅\n[less-cli] Deploying... 🚀\n\
         [less-cli] Deployment complete ✅\n[less-cli] Resources\n[less-cli]   - Websites URLs\n\
         [less-cli]     - new: {new}\n[less-cli]     - web: {url}\n"
    );
    assert_eq!(said, expected);
    assert_eq!(http::get(&url).expect(200).text(), page("2"));
    assert_eq!(http::get(&new).expect(200).text(), page("new"));
    assert_eq!(http::get(&project.url("orders")).expect(200).text(), "api");
    assert_eq!((home.workers(), version(&home)), (workers, folder));
    assert_ne!(project.resources()["project"]["updated_at"], log, "it is an update");
    eventually("the sites that were replaced are gone", || kept(&home) == 1);

    home.kill_server();
    home.start_server();
    assert_eq!(http::get(&url).expect(200).text(), page("2"), "after a crash, at the same port");
    assert_eq!(http::get(&new).expect(200).text(), page("new"));
    assert_eq!(http::get(&project.url("orders")).expect(200).text(), "api");
}

#[test]
fn a_project_that_is_not_deployed_yet_gets_its_sites() {
    let home = Home::new();
    let project = statics(&home, &[("web/index.html", &page("1"))]);
    project.write("less/apis/orders/get.js", API);
    assert!(deploy_sites(&project).contains("- web: http://localhost:"));
    let url = site_url(&project, "web");
    assert_eq!(http::get(&url).expect(200).text(), page("1"));
    assert_eq!(home.workers(), [], "no handler was deployed");
    home.stop_server();
    home.start_server();
    assert_eq!(http::get(&url).expect(200).text(), page("1"));
    let deployed = project.deploy();
    assert_eq!(deployed.url("web"), url);
    assert_eq!(http::get(deployed.url("orders")).expect(200).text(), "api");
}

#[test]
fn a_deploy_of_sites_that_fails_changes_nothing() {
    let home = Home::new();
    let project = statics(&home, &[("web/index.html", &page("1"))]);
    let url = project.deploy().url("web").to_owned();
    project.write("less/statics/web/index.html", &page("2"));
    project.write("less/statics/my site/index.html", "");
    let failed = project.run(&["deploy", "--static", "shop"]).failed_with(1);
    assert!(failed.stderr.contains("less/statics/my site") && failed.stderr.contains("hint:"), "{}", failed.stderr);
    assert_eq!(http::get(&url).expect(200).text(), page("1"));
    project.remove("less/statics");
    let none = project.run(&["deploy", "--static", "shop"]).failed_with(1);
    assert!(none.stderr.contains("create less/statics/<site>/index.html"), "{}", none.stderr);
    assert_eq!(http::get(&url).expect(200).text(), page("1"));
}

#[test]
fn all_sites_switch_at_once_and_no_request_fails_meanwhile() {
    let home = Home::new();
    let write = |project: &Project<'_>, version: u32| {
        for site in ["a", "b"] {
            project.write(&format!("less/statics/{site}/v.txt"), &format!("{version:04}"));
        }
    };
    let project = statics(&home, &[]);
    write(&project, 0);
    let deployed = project.deploy();
    let (a, b) = (format!("{}/v.txt", deployed.url("a")), format!("{}/v.txt", deployed.url("b")));
    let stop = AtomicBool::new(false);
    thread::scope(|scope| {
        let reader = scope.spawn(|| {
            let (mut to_a, mut to_b) = (Connection::open(&a), Connection::open(&b));
            let mut read = 0;
            while !stop.load(Ordering::Relaxed) {
                let of_a = to_a.send(&Request::new("GET", &a)).expect(200).text();
                let of_b = to_b.send(&Request::new("GET", &b)).expect(200).text();
                assert!(of_b >= of_a, "b has {of_b} after a had {of_a}");
                read += 1;
            }
            read
        });
        for version in 1..=6 {
            write(&project, version);
            deploy_sites(&project);
            assert_eq!(http::get(&a).expect(200).text(), format!("{version:04}"));
        }
        stop.store(true, Ordering::Relaxed);
        assert!(reader.join().unwrap() > 6);
    });
}

#[test]
fn what_is_being_read_is_read_to_its_end_and_then_removed() {
    let home = Home::new();
    let project = statics(&home, &[("web/index.html", &page("1"))]);
    project.write("less/apis/orders/get.js", API);
    let film: String = (0..2_000_000).map(|n| format!("{n:07}\n")).collect();
    project.write("less/statics/web/film.txt", &film);
    project.deploy();
    deploy_sites(&project);
    eventually("only the new sites are left", || kept(&home) == 1);
    let url = format!("{}/film.txt", site_url(&project, "web"));
    let mut slow = Connection::open(&url);
    slow.try_write(b"GET /film.txt HTTP/1.1\r\nhost: localhost\r\n\r\n").unwrap();
    eventually("it comes", || slow.has_something_to_read());
    project.write("less/statics/web/film.txt", "short");
    deploy_sites(&project);
    assert_eq!(http::get(&url).expect(200).text(), "short");
    assert_eq!(kept(&home), 2, "somebody still reads the old ones");
    assert_eq!(slow.read_answer(false).unwrap().text(), film);
    eventually("nobody reads them any more", || kept(&home) == 1);
}

#[test]
fn sites_are_served_though_the_handlers_do_not_start_and_what_was_cut_short_is_swept() {
    let home = Home::new();
    let project = statics(&home, &[("web/index.html", &page("1"))]);
    let needs =
        format!("if (!require('fs').existsSync('{}')) throw new Error('gone');\n", home.note_file("up").display());
    project.write("less/apis/orders/get.js", &format!("{needs}{API}"));
    home.give_note("up");
    let url = project.deploy().url("web").to_owned();
    home.stop_server();
    fs::remove_file(home.note_file("up")).unwrap();
    let half = version(&home).join("sites/half");
    fs::create_dir(&half).unwrap();
    home.start_server();
    assert_eq!(http::get(&url).expect(200).text(), page("1"));
    assert_eq!(site_url(&project, "web"), url);
    assert!(!half.exists());
    project.write("less/statics/web/index.html", &page("2"));
    deploy_sites(&project);
    assert_eq!(http::get(&url).expect(200).text(), page("2"));
    home.give_note("up");
    eventually("the handlers start after all", || {
        home.run(&["list", "resources", "shop"]).succeeded().stdout.contains("- orders: ")
    });
    assert_eq!(http::get(&project.url("orders")).expect(200).text(), "api");
    assert_eq!(http::get(&url).expect(200).text(), page("2"));
}

#[test]
fn delete_takes_sites_away_and_only_with_the_data_their_ports() {
    let home = Home::new();
    let project = statics(&home, &[("web/index.html", &page("1"))]);
    let url = project.deploy().url("web").to_owned();
    home.run(&["delete", "shop"]).succeeded();
    assert!(Request::new("GET", &url).try_send().is_err());
    assert!(!home.less_home().join("server/versions/shop").exists());
    assert_eq!(project.deploy().url("web"), url);
    let ports = || fs::read_to_string(home.less_home().join("server/site-ports.json")).unwrap();
    assert!(ports().contains("shop/web"));
    home.run(&["delete", "shop", "--yes"]).succeeded();
    assert!(Request::new("GET", &url).try_send().is_err());
    assert!(!ports().contains("shop/web"), "{}", ports());
}
