//! `init`: a new project that runs as it is (contract, section 14).

use std::fs;
use std::os::unix::fs::PermissionsExt;

use less_tests::harness::terminal::{DOWN, ENTER, Terminal};
use less_tests::harness::{Home, eventually, http};
use rustix::process::Signal;

#[test]
fn a_new_project_runs_in_every_language_and_its_subscribers_hear_of_an_order() {
    for language in ["js", "ts", "py"] {
        let home = Home::new();
        let ran = home.run(&["init", "my-shop", "-l", language]).succeeded();
        assert!(
            ran.stdout.contains(&format!("File created: my-shop/less/apis/shop/orders/post.{language}\n")),
            "{ran:?}"
        );
        assert!(ran.stdout.contains("  cd my-shop\n  less-cli run\n"), "{}", ran.stdout);
        let folder = home.root().join("my-shop");
        assert!(fs::read_to_string(folder.join(".gitignore")).unwrap().contains("\n.env\n"));
        home.run_in(&folder, &["build", "my-shop"]).succeeded();

        let mut run = home.start("run", &folder, &["run", "--port", &http::free_port()]);
        let orders = format!("{}/orders", run.url("shop"));
        http::post(&orders, "{\"item\": \"cup\"}").expect(202);
        for done in ["confirmed", "prepared"] {
            eventually(done, || run.stdout().contains(done));
        }
        http::post(&orders, "no JSON").expect(400);
        run.signal(Signal::TERM);
        run.ended();
    }
}

#[test]
fn the_commands_to_type_next_are_those_of_the_folder() {
    let home = Home::new();
    let folder = home.root().join("My Shop");
    fs::create_dir(&folder).unwrap();
    let here = home.run_in(&folder, &["init"]).succeeded();
    assert!(here.stdout.contains("File created: less/apis/shop/orders/post.js\n"), "{}", here.stdout);
    assert!(here.stdout.contains("Next:\n  less-cli run my-shop\n"), "{}", here.stdout);
    assert!(fs::read_to_string(folder.join("README.md")).unwrap().starts_with("# my-shop\n"));
    let elsewhere = home.run(&["init", "Other Shop"]).succeeded();
    assert!(elsewhere.stdout.contains("  cd 'Other Shop'\n"), "{}", elsewhere.stdout);
}

#[test]
fn a_folder_that_has_a_project_is_refused_and_stays_as_it_is() {
    let home = Home::new();
    let project = home.project("made", &[("less/topics/heard/", "")]);
    let ran = project.run(&["init"]).failed_with(1);
    assert!(ran.stderr.contains("there is a project here already") && ran.stderr.contains("hint:"), "{}", ran.stderr);
    let inside = home.run_in(&project.folder, &["init", "less/topics/heard/shop"]).failed_with(1);
    assert!(inside.stderr.contains("within the project"), "{}", inside.stderr);
    assert_eq!(fs::read_dir(&project.folder).unwrap().count(), 1);
}

#[test]
fn what_is_in_the_folder_is_kept() {
    let home = Home::new();
    let project = home.project("made", &[("README.md", "mine"), (".gitignore", "dist\n")]);
    let ran = project.run(&["init"]).succeeded();
    assert!(ran.stderr.contains("README.md was there") && ran.stderr.contains("a line `.env`"), "{}", ran.stderr);
    assert_eq!(fs::read_to_string(project.folder.join("README.md")).unwrap(), "mine");
    assert_eq!(fs::read_to_string(project.folder.join(".gitignore")).unwrap(), "dist\n");
}

#[test]
fn a_folder_that_cannot_be_written_is_told_and_left_alone() {
    let home = Home::new();
    let file = home.root().join("file");
    fs::write(&file, "").unwrap();
    fs::set_permissions(&file, fs::Permissions::from_mode(0o600)).unwrap();
    let ran = home.run(&["init", "file/shop", "--json"]).failed_with(1);
    let error = ran.json()["error"].clone();
    assert!(error["message"].as_str().unwrap().contains("file/shop"), "{error}");
}

#[test]
fn programs_get_the_paths_as_json_and_the_language_need_not_be_given() {
    let home = Home::new();
    let made = home.run(&["init", "shop/", "--json"]).succeeded().json();
    let created = made["created"].as_array().unwrap();
    assert!(created.contains(&"shop/less/topics/order_placed/confirm_order/index.js".into()), "{made}");
    assert_eq!(created.len(), 5);
}

#[test]
fn at_a_terminal_the_language_is_asked_for() {
    let home = Home::new();
    let mut terminal = Terminal::start(&home, home.root(), &["init", "shop"]);
    terminal.expect("Language");
    terminal.press(DOWN);
    terminal.press(DOWN);
    terminal.press(ENTER);
    let (code, shown) = terminal.ended();
    assert_eq!(code, Some(0), "{shown}");
    assert!(home.root().join("shop/less/apis/shop/orders/post.py").is_file(), "{shown}");
}
