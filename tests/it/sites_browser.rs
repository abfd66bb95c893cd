//! A site in a real browser, where that is to be had.

use less_tests::harness::{Browser, Home};

use crate::site_scene::{page, statics};

/// An app as build tools write them: hashed names, root-absolute paths, a router.
const APP: &str = r#"
import { greeting } from "/assets/words-D9wr5g7a.js";
const show = () => {
  document.querySelector("main").textContent = `${greeting} ${location.pathname}`;
};
document.querySelector("a").addEventListener("click", (event) => {
  event.preventDefault();
  history.pushState({}, "", event.target.getAttribute("href"));
  show();
});
addEventListener("popstate", show);
document.querySelector("img").decode().then(() => { document.title = "drawn"; });
show();
"#;

const INDEX: &str = r#"<!doctype html>
<html lang="en">
<meta charset="utf-8">
<link rel="icon" href="data:,">
<link rel="stylesheet" href="/assets/index-Bx3f9a2c.css">
<script type="module" src="/assets/index-Ck4e8f1d.js"></script>
<a href="/users/8">next</a>
<img src="/assets/logo.svg" alt="">
<main></main>
</html>
"#;

#[test]
fn a_single_page_app_opens_at_any_of_its_paths_without_complaints() {
    let home = Home::new();
    let padding = format!("/* {} */", "long enough to be compressed ".repeat(100));
    let project = statics(
        &home,
        &[
            ("app/index.html", INDEX),
            ("app/assets/index-Ck4e8f1d.js", &format!("{APP}{padding}")),
            ("app/assets/words-D9wr5g7a.js", "export const greeting = 'here is';"),
            ("app/assets/index-Bx3f9a2c.css", &format!("main {{ color: rgb(1, 2, 3); }} {padding}")),
            ("app/assets/logo.svg", r#"<svg xmlns="http://www.w3.org/2000/svg" width="4" height="4"/>"#),
        ],
    );
    let url = project.deploy().url("app").to_owned();
    let Some(browser) = Browser::start(&home) else { return };
    let app = browser.open(&format!("{url}/users/7"));
    app.wait_until("document.title === 'drawn'");
    assert_eq!(app.run("document.querySelector('main').textContent"), "here is /users/7");
    assert_eq!(app.run("getComputedStyle(document.querySelector('main')).color"), "rgb(1, 2, 3)");
    app.run("document.querySelector('a').click()");
    app.wait_until(
        "location.pathname === '/users/8' && document.querySelector('main').textContent === 'here is /users/8'",
    );
    app.go_to(&format!("{url}/"));
    app.wait_until("document.title === 'drawn'");
    assert!(app.text().contains("here is /"), "{}", app.text());
    // What has a hash in its name was not asked for again.
    let script =
        "performance.getEntriesByType('resource').find((each) => each.name.includes('index-Ck4e8f1d')).transferSize";
    assert_eq!(app.run(script), 0);
    app.expect_no_errors();
}

#[test]
fn what_a_page_complains_of_is_seen() {
    let home = Home::new();
    let wrong =
        "<script src=/missing.js></script><script>console.error('wrong', 7); throw new Error('thrown')</script>";
    let project =
        statics(&home, &[("web/index.html", &format!("{}{wrong}", page("web"))), ("web/404.html", &page("lost"))]);
    let url = project.deploy().url("web").to_owned();
    let Some(browser) = Browser::start(&home) else { return };
    let lost = browser.open(&format!("{url}/nowhere"));
    assert!(lost.text().contains("lost"), "{}", lost.text());
    let errors = browser.open(&url).errors().join("\n");
    for complaint in ["/missing.js", "wrong\" 7", "Error: thrown"] {
        assert!(errors.contains(complaint), "{complaint} is not among\n{errors}");
    }
}
