//! What is wrong with a project is said whole, at once, and changes nothing (contract, sections 1, 13 and 14).

use less_tests::harness::{Home, Project, Request, http};

const OK: &str = "exports.process = async () => ({ body: 'fine' });";

/// A mistake: its files, and the path that must be named.
const MISTAKES: [(&[(&str, &str)], &str); 12] = [
    (&[("less/apis/shop/users/{id}/get.js", OK), ("less/apis/shop/users/{name}/get.js", OK)], "less/apis/shop/users/{"),
    (&[("less/widgets/one/index.js", OK)], "less/widgets"),
    (&[("less/topics/1st/one/index.js", OK)], "less/topics/1st"),
    (&[("less/topics/orders/near/Index.js", OK)], "less/topics/orders/near/Index.js"),
    (&[("less/topics/orders/two/index.js", OK), ("less/topics/orders/two/index.mjs", OK)], "less/topics/orders/two"),
    (&[("less/apis/topics/get.js", OK)], "less/apis/topics"),
    (&[("less/topics/paid/one/index.js", OK), ("less/topics/Paid/one/index.js", OK)], "less/topics/paid"),
    (&[("less/topics/then/one/index.js", OK)], "less/topics/then"),
    (&[("less/topics/a-b/one/index.js", OK), ("less/topics/a_b/one/index.js", OK)], "less/topics/a_b"),
    (&[("less/apis/office/things/posts.js", OK)], "less/apis/office/things/posts.js"),
    (&[("less/shared/fs/index.js", "")], "less/shared/fs"),
    (&[("less.config", "topcs: {}\n")], "less.config"),
];

fn good(home: &Home) -> Project<'_> {
    home.project("shop", &[("less/apis/shop/get.js", OK)])
}

#[test]
fn every_mistake_is_told_in_one_run_with_its_path_and_a_hint_and_nothing_changes() {
    let home = Home::new();
    let project = good(&home);
    let shop = project.deploy().url("shop").to_owned();
    project.write("less/apis/shop/get.js", "exports.process = async () => ({ body: 'changed' });");
    for (path, text) in MISTAKES.iter().flat_map(|(files, _)| *files) {
        project.write(path, text);
    }
    let ran = project.run(&["deploy", "shop"]).failed_with(1);
    assert!(ran.stderr.contains("[less-cli] ERROR:"), "{}", ran.stderr);
    for (_, path) in MISTAKES {
        assert!(ran.stderr.contains(path), "{path} is not named in\n{}", ran.stderr);
    }
    assert!(ran.stderr.matches("hint:").count() >= MISTAKES.len(), "{}", ran.stderr);
    assert!(!ran.stdout.contains("Deployment complete"), "{}", ran.stdout);
    assert_eq!(http::get(&shop).expect(200).text(), "fine");
}

#[test]
fn each_mistake_alone_fails_the_build() {
    for (files, path) in MISTAKES {
        let home = Home::new();
        let project = good(&home);
        files.iter().for_each(|(path, text)| project.write(path, text));
        let ran = project.run(&["build", "shop"]).failed_with(1);
        assert!(ran.stderr.contains(path) && ran.stderr.contains("hint:"), "{path}:\n{}", ran.stderr);
    }
}

#[test]
fn what_cannot_run_yet_is_refused_with_a_sentence_that_says_so() {
    for (file, text, wanted) in
        [("less/topics/paid/one/index.go", "package main\n", "Go"), ("less/topics/paid/one/index.rs", "", "Rust")]
    {
        let home = Home::new();
        let project = good(&home);
        project.write(file, text);
        let ran = project.run(&["build", "shop"]).failed_with(1);
        let said = ran.stderr.to_lowercase();
        assert!(said.contains(&wanted.to_lowercase()) && said.contains("yet"), "{file}:\n{}", ran.stderr);
    }
}

#[test]
fn a_valid_build_says_so() {
    let home = Home::new();
    let ran = good(&home).run(&["build", "shop"]).succeeded();
    assert!(ran.stdout.contains("[less-local] Resources built with success ✅"), "{}", ran.stdout);
}

#[test]
fn a_folder_without_less_and_an_empty_one_are_problems_that_say_what_to_create() {
    let home = Home::new();
    for files in [&[][..], &[("less/", "")]] {
        let ran = home.project("empty", files).run(&["build", "empty"]).failed_with(1);
        assert!(ran.stderr.contains("less/") && ran.stderr.contains("hint:"), "{}", ran.stderr);
    }
}

#[test]
fn a_handler_one_level_too_high_is_a_warning() {
    let home = Home::new();
    let project = good(&home);
    project.write("less/topics/paid/index.js", OK);
    let ran = project.run(&["build", "shop"]).succeeded();
    assert!(ran.stderr.contains("less/topics/paid/index.js") && ran.stderr.contains("hint:"), "{}", ran.stderr);
}

#[test]
fn hidden_files_readmes_and_files_beside_handlers_are_no_problem() {
    let home = Home::new();
    let project = good(&home);
    for path in ["less/README.md", "less/.gitkeep", "less/apis/shop/schema.js", "less/apis/shop/lib/deep/file.js"] {
        project.write(path, "");
    }
    project.run(&["build", "shop"]).succeeded();
}

#[test]
fn only_pages_of_the_configured_origins_may_read_an_api() {
    let home = Home::new();
    let project = good(&home);
    project.write("less.config", "apis: { shop: { cors: { origins: [\"https://shop.example\"] } } }\n");
    let url = project.deploy().url("shop").to_owned();
    let allowed = |origin: &str| {
        let answer = Request::new("GET", &url).header("Origin", origin).send();
        answer.header("access-control-allow-origin").map(str::to_owned)
    };
    assert_eq!(allowed("https://shop.example").as_deref(), Some("https://shop.example"));
    assert_eq!(allowed("https://evil.example"), None);
    project.write("less.config", "apis: { shop: { cors: { origins: [shop] } } }\n");
    let said = project.run(&["build", "shop"]).failed_with(1).stderr;
    assert!(said.contains("less.config:1") && said.contains("hint:"), "{said}");
}

#[test]
fn variables_of_the_clouds_prefix_are_refused() {
    let home = Home::new();
    let project = good(&home);
    project.write("less.config", "env_vars: [AWS_SECRET]\n");
    let ran = project.run(&["build", "shop"]).failed_with(1);
    assert!(ran.stderr.contains("AWS_SECRET"), "{}", ran.stderr);
}

#[test]
fn a_bad_project_name_is_refused() {
    let home = Home::new();
    for name in ["Shop", "1shop", "../shop", "a b", &"a".repeat(64)] {
        let ran = good(&home).run(&["deploy", name]);
        assert!(matches!(ran.code, Some(1 | 2)) && !ran.stdout.contains("complete"), "{name}: {ran:?}");
    }
}

#[test]
fn wrong_usage_ends_with_2() {
    let home = Home::new();
    for arguments in
        [&["deploy"][..], &["nonsense"], &["deploy", "shop", "--nonsense"], &["log", "--path", "topics/a/b"]]
    {
        let ran = home.run(arguments).failed_with(2);
        assert!(!ran.stderr.is_empty() && ran.stdout.is_empty(), "{ran:?}");
    }
}

#[test]
fn what_does_not_exist_ends_with_1() {
    let home = Home::new();
    good(&home).deploy();
    for arguments in [
        &["log", "--project", "nobody", "--path", "topics/a/b"][..],
        &["list", "resources", "nobody"],
        &["delete", "nobody", "--yes"],
    ] {
        let ran = home.run(arguments).failed_with(1);
        assert!(ran.stderr.contains("[less-cli] ERROR:") && ran.stderr.contains("nobody"), "{ran:?}");
    }
}
