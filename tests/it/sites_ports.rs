//! Where sites are: an origin for each, chosen once; and `run`, which serves the folder that is worked on.

use std::net::TcpListener;

use less_tests::harness::{Foreground, Home, eventually, http};
use rustix::process::Signal;

use crate::site_scene::{get_with, page, site_url, statics};

fn port(url: &str) -> u16 {
    url.rsplit(':').next().unwrap().parse().unwrap()
}

#[test]
fn ports_follow_the_wanted_one_and_stay_when_others_come_and_go() {
    let home = Home::new();
    let base: u16 = http::free_port().parse().unwrap();
    home.run(&["server", "start", "--port", "0", "--site-port", &base.to_string()]).succeeded();
    let project = statics(&home, &[("b/index.html", &page("b")), ("c/index.html", &page("c"))]);
    let deployed = project.deploy();
    let (b, c) = (deployed.url("b").to_owned(), deployed.url("c").to_owned());
    assert!(port(&b) >= base && port(&c) > port(&b), "{b} {c} from {base}");
    project.write("less/statics/a/index.html", &page("a"));
    project.remove("less/statics/b");
    let deployed = project.deploy();
    assert_eq!(deployed.url("c"), c);
    assert!(port(deployed.url("a")) > port(&c), "the port of b is kept for it");
    home.stop_server();
    home.start_server();
    assert_eq!(site_url(&project, "c"), c, "the first choice stays");
    assert_eq!(http::get(&c).expect(200).text(), page("c"));
}

#[test]
fn a_port_that_another_program_took_stays_the_sites_and_is_told() {
    let home = Home::new();
    let project = statics(&home, &[("web/index.html", &page("1")), ("docs/index.html", &page("d"))]);
    let deployed = project.deploy();
    let (web, docs) = (deployed.url("web").to_owned(), deployed.url("docs").to_owned());
    home.stop_server();
    let taken = TcpListener::bind(("127.0.0.1", port(&web))).unwrap();
    home.start_server();
    assert_eq!(http::get(&docs).expect(200).text(), page("d"), "the others are served");
    let told = format!("port {} is taken by", port(&web));
    let listed = home.run(&["list", "resources", "shop"]).succeeded();
    assert!(listed.stderr.contains(&told) && listed.stderr.contains("less/statics/web"), "{}", listed.stderr);
    assert!(!listed.stdout.contains(&web), "{}", listed.stdout);
    let failed = project.run(&["deploy", "shop"]).failed_with(1);
    assert!(failed.stderr.contains(&told) && failed.stderr.contains("hint: stop it"), "{}", failed.stderr);
    assert_eq!(http::get(&docs).expect(200).text(), page("d"));
    drop(taken);
    eventually("the site is served as soon as its port is free", || {
        http::Request::new("GET", &web).try_send().is_ok_and(|answer| answer.text() == page("1"))
    });
    project.deploy();
    assert_eq!(home.run(&["list", "resources", "shop"]).succeeded().stderr, "");
}

fn run(home: &Home, arguments: &[&str]) -> Foreground {
    let folder = home.root().join("projects/shop");
    home.start("run", &folder, &[&["run", "shop", "--port", "0"], arguments].concat())
}

#[test]
fn run_serves_the_folder_that_is_worked_on() {
    let home = Home::new();
    let text = page("1").repeat(100);
    let project = statics(&home, &[("web/index.html", &text), ("web/assets/index-Bx3f9a2c.js", "1")]);
    project.write("less/apis/orders/get.js", "exports.process = async () => ({ body: 'api' });");
    let mut run = run(&home, &["--site-port", &http::free_port()]);
    let url = run.url("web");
    let printed = format!("[less-local]   List of Websites:\n[less-local]     - web: {url}\n");
    assert!(run.stdout().contains(&printed), "{}", run.stdout());
    let first = get_with(&url, &[("accept-encoding", "br, gzip")]).expect(200);
    assert_eq!((first.text(), first.header("content-encoding")), (text, None));
    for path in ["", "/assets/index-Bx3f9a2c.js"] {
        assert_eq!(http::get(&format!("{url}{path}")).expect(200).header("cache-control"), Some("no-cache"), "{path}");
    }
    for version in ["2", "3", "4"] {
        project.write("less/statics/web/index.html", &page(version));
        project.write(&format!("less/statics/web/{version}.txt"), version);
        assert_eq!(http::get(&url).expect(200).text(), page(version), "at once");
        assert_eq!(http::get(&format!("{url}/{version}.txt")).expect(200).text(), version);
    }
    get_with(&url, &[("if-none-match", first.header("etag").unwrap())]).expect(200);
    let now = http::get(&url).expect(200);
    get_with(&url, &[("if-none-match", now.header("etag").unwrap())]).expect(304);
    project.write("less/statics/later/index.html", &page("later"));
    assert_eq!(
        http::get(&run.url("later")).expect(200).text(),
        page("later"),
        "a new site is served without a restart"
    );
    assert_eq!(run.url("web"), url);
    run.signal(Signal::INT);
    assert!(run.ended().success());
}

#[test]
fn run_reloads_code_beside_a_site_of_any_size() {
    let home = Home::new();
    let project = statics(&home, &[("web/index.html", &page("1"))]);
    let api = |text: &str| {
        project.write("less/apis/orders/get.js", &format!("exports.process = async () => ({{ body: '{text}' }});"));
    };
    api("one");
    let film = std::fs::File::create(project.folder.join("less/statics/web/film.mp4")).unwrap();
    film.set_len(300 << 20).unwrap();
    let mut run = run(&home, &["--site-port", "0"]);
    let (url, api_url) = (run.url("web"), run.url("orders"));
    let part = get_with(&format!("{url}/film.mp4"), &[("range", "bytes=-3")]).expect(206);
    assert_eq!(part.header("content-range"), Some("bytes 314572797-314572799/314572800"));
    api("two");
    eventually("the new code runs", || http::get(&api_url).text() == "two");
    assert_eq!(http::get(&url).expect(200).text(), page("1"));
}

#[test]
fn a_project_may_have_nothing_but_sites() {
    let home = Home::new();
    let project = statics(&home, &[("web/index.html", &page("1"))]);
    project.run(&["build", "shop"]).succeeded();
    let mut run = run(&home, &[]);
    assert_eq!(http::get(&run.url("web")).expect(200).text(), page("1"));
    run.signal(Signal::TERM);
    run.ended();
}
