//! Section 12: static sites. With the project `sites`, whose handlers only stand beside them.

use less_tests::harness::{Answer, Request, http};

use crate::case::{Case, case};
use crate::scene::{Scene, Stage};

pub(crate) const CASES: &[Case] = &[
    case!(a_site_may_have_any_files, ["1.16"], only [JavaScript] "a site has no language",
        "crates/less-server/src/build/snapshot.rs":
            "(false, \".well-known\") => false,"
            => ""),
    case!(a_folder_of_a_site_is_its_page, ["12.01"], only [JavaScript] "a site has no language",
        "crates/less-server/src/sites/lookup.rs":
            "return Leads::To(index);"
            => "return Leads::Nowhere;"),
    case!(a_file_has_its_type, ["12.02"], only [JavaScript] "a site has no language",
        "crates/less-server/src/sites/kinds.rs":
            "\"{}; charset=utf-8\""
            => "\"{}\""),
    case!(a_file_that_the_client_has_is_not_sent_again, ["12.03"], only [JavaScript] "a site has no language",
        "crates/less-server/src/triggers/http/site/conditions.rs":
            "given == \"*\" || given.strip_prefix(\"W/\").unwrap_or(given) == tag"
            => "given == \"*\""),
    case!(a_file_is_compressed_for_who_takes_that, ["12.04"], only [JavaScript] "a site has no language",
        "crates/less-server/src/triggers/http/site/coding.rs":
            "if weight > best.map_or(0.0, |(_, weight)| weight) {"
            => "if weight > 2.0 {"),
    case!(a_file_whose_name_has_a_hash_is_kept_for_long, ["12.05"], only [JavaScript] "a site has no language",
        "crates/less-server/src/triggers/http/site/mod.rs":
            "if located.lasts { KEEP } else { ASK }"
            => "ASK"),
    case!(the_404_page_is_shown_for_what_is_missing, ["12.06"], only [JavaScript] "a site has no language",
        "crates/less-server/src/sites/lookup.rs":
            "if is_file(not_found) {"
            => "if is_file(\"405.html\") {"),
    case!(an_app_answers_at_all_of_its_paths, ["12.07"], only [JavaScript] "a site has no language",
        "crates/less-server/src/sites/lookup.rs":
            "let has_extension = self.parts.last().is_some_and(|last| last.contains('.'));"
            => "let has_extension = true;"),
    case!(a_site_keeps_an_origin_of_its_own, ["12.08"], only [JavaScript] "a site has no language",
        "crates/less-server/src/sites/ports.rs":
            "kept.insert(site.to_string(), bound.port);"
            => ""),
    case!(sites_are_deployed_without_the_handlers, ["12.10"],
        "crates/less-server/src/projects/deploy.rs":
            "if meta.only_sites"
            => "if false"),
    case!(a_plain_deploy_has_both, ["12.11"],
        "crates/less-server/src/projects/deploy.rs":
            "let old_sites = self.sites.publish(&live.name, sites).await;"
            => "let old_sites = None;\n        drop(sites);"),
    case!(deploy_prints_where_sites_are, ["14.35"], only [JavaScript] "a site has no language",
        "crates/less-server/src/projects/sites.rs":
            "with_times_of_sites(resources.project), websites, problems,"
            => "with_times_of_sites(resources.project), websites: Vec::new(), problems,"),
];

/// `GET` of a path of the site `web`.
#[track_caller]
fn get(scene: &Scene, path: &str) -> Answer {
    http::get(&format!("{}{path}", scene.url("web")))
}

fn a_site_may_have_any_files(scene: &Scene) {
    let stage = scene.empty_stage("files");
    for file in ["get.js", "topics/Index.py", "then.txt", "less.config", ".well-known/security.txt", "a/b/c/d.bin"] {
        stage.project().write(&format!("less/statics/any/{file}"), file);
    }
    let url = stage.project().deploy().url("any").to_owned();
    for file in ["get.js", "topics/Index.py", "then.txt", "less.config", ".well-known/security.txt", "a/b/c/d.bin"] {
        assert_eq!(http::get(&format!("{url}/{file}")).expect(200).text(), file);
    }
}

fn a_folder_of_a_site_is_its_page(scene: &Scene) {
    assert!(get(scene, "/").expect(200).text().contains("<h1>web</h1>"));
    assert!(get(scene, "/docs/").expect(200).text().contains("<h1>docs</h1>"));
    assert_eq!(get(scene, "/docs").expect(301).header("location"), Some("/docs/"));
    assert!(http::get(&scene.url("lost")).expect(200).text().contains("<h1>lost</h1>"));
}

fn a_file_has_its_type(scene: &Scene) {
    for (path, kind) in [("/", "text/html; charset=utf-8"), ("/app.js", "text/javascript; charset=utf-8")] {
        assert_eq!(get(scene, path).expect(200).header("content-type"), Some(kind));
    }
}

fn a_file_that_the_client_has_is_not_sent_again(scene: &Scene) {
    let tag = get(scene, "/app.js").expect(200).header("etag").unwrap().to_owned();
    let request = Request::new("GET", &format!("{}/app.js", scene.url("web")));
    request.clone().header("if-none-match", &tag).send().expect(304);
    request.header("if-none-match", "\"other\"").send().expect(200);
}

fn a_file_is_compressed_for_who_takes_that(scene: &Scene) {
    let request = Request::new("GET", &format!("{}/app.js", scene.url("web")));
    let plain = request.send().expect(200);
    for coding in ["br", "gzip"] {
        let answer = request.clone().header("accept-encoding", coding).send().expect(200);
        assert_eq!(answer.header("content-encoding"), Some(coding));
        assert!(answer.body.len() < plain.body.len() / 2);
    }
    assert_eq!(plain.header("content-encoding"), None);
}

fn a_file_whose_name_has_a_hash_is_kept_for_long(scene: &Scene) {
    let caching = |path: &str| get(scene, path).expect(200).header("cache-control").map(str::to_owned);
    assert_eq!(caching("/assets/index-Bx3f9a2c.js").as_deref(), Some("public, max-age=31536000, immutable"));
    assert_eq!(caching("/app.js").as_deref(), Some("no-cache"));
}

fn the_404_page_is_shown_for_what_is_missing(scene: &Scene) {
    for path in ["/missing", "/missing.js"] {
        let answer = http::get(&format!("{}{path}", scene.url("lost"))).expect(404);
        assert!(answer.text().contains("nothing is here"), "{path}");
    }
}

fn an_app_answers_at_all_of_its_paths(scene: &Scene) {
    assert!(get(scene, "/users/7").expect(200).text().contains("<h1>web</h1>"));
    get(scene, "/missing.js").expect_error(404);
}

fn a_site_keeps_an_origin_of_its_own(scene: &Scene) {
    let stage = scene.stage();
    let deployed = stage.project().deploy();
    let (web, lost) = (deployed.url("web").to_owned(), deployed.url("lost").to_owned());
    assert_ne!(web, lost);
    assert!([&web, &lost].iter().all(|url| url.starts_with("http://localhost:")), "{web} {lost}");
    stage.home.stop_server();
    stage.home.start_server();
    assert!(http::get(&web).expect(200).text().contains("<h1>web</h1>"));
    assert_eq!(stage.project().deploy().url("lost"), lost);
}

/// A handler, and a site beside it.
fn both<'s>(scene: &Scene, stage: &'s Stage) -> less_tests::harness::Project<'s> {
    let project = stage.project();
    stage.handler("less/apis/both/get", &scene.language.answering("'first'"));
    project.write("less/statics/web/index.html", "first");
    project
}

fn sites_are_deployed_without_the_handlers(scene: &Scene) {
    let stage = scene.small_stage("both");
    let project = both(scene, &stage);
    let url = project.deploy().url("web").to_owned();
    let workers = stage.home.workers();
    stage.handler("less/apis/both/get", "this is no program (");
    project.write("package.json", "{ this is no JSON");
    project.write("requirements.txt", "no such package at all");
    project.write("less/statics/web/index.html", "second");
    project.run(&["deploy", "--static", "both"]).succeeded();
    assert_eq!(http::get(&url).expect(200).text(), "second");
    assert_eq!(http::get(&project.url("both")).expect(200).text(), "first");
    assert_eq!(stage.home.workers(), workers);
}

fn a_plain_deploy_has_both(scene: &Scene) {
    let stage = scene.small_stage("both");
    let project = both(scene, &stage);
    let url = project.deploy().url("web").to_owned();
    project.write("less/statics/web/index.html", "second");
    stage.handler("less/apis/both/get", &scene.language.answering("'second'"));
    let deployed = project.deploy();
    for url in [url.as_str(), deployed.url("both")] {
        assert_eq!(http::get(url).expect(200).text(), "second");
    }
}

fn deploy_prints_where_sites_are(scene: &Scene) {
    let printed = format!(
        "[less-cli]   - Websites URLs\n[less-cli]     - lost: {}\n[less-cli]     - web: {}\n",
        scene.url("lost"),
        scene.url("web")
    );
    assert!(scene.deployed().stdout.contains(&printed), "{}", scene.deployed().stdout);
}
