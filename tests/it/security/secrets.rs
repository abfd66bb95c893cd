//! Values of variables: they reach the handlers of their own project, and nobody's eyes.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;

use less_tests::harness::{Home, eventually, http};

const OF_SHOP: &str = "the-shops-own-secret";
const OF_TILL: &str = "the-tills-own-secret";
const OF_SERVER: &str = "what-the-server-was-started-with";

const ENVIRONMENT: &str = "exports.process = async () => ({ body: process.env });";
const PYTHON_ENVIRONMENT: &str = "
import os

def process(request, response):
    response['body'] = dict(os.environ)
    return response
";
/// Beside them, the language's own: `LC_CTYPE` of Python.
const USUAL: [&str; 9] = ["HOME", "LANG", "NODE_ENV", "PATH", "PYTHONPATH", "TMPDIR", "TZ", "USER", "LC_CTYPE"];

fn files_with(folder: &Path, text: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_symlink() {
            continue;
        }
        if path.is_dir() {
            found.extend(files_with(&path, text));
        } else if fs::read(&path).unwrap_or_default().windows(text.len()).any(|part| part == text.as_bytes()) {
            found.push(path);
        }
    }
    found
}

#[test]
fn a_projects_variables_are_its_handlers_alone() {
    let home = Home::new();
    let mut server = home.command(home.root(), &["server", "start", "--port", "0", "--control-port", "0"]);
    server.env("SECRET", OF_SERVER).env("OF_SERVER", OF_SERVER).env("NODE_OPTIONS", "--no-such-flag");
    assert!(server.output().unwrap().status.success());
    let project = |name: &str, value: &str| {
        let dotenv = format!("SECRET={value}\nUNLISTED={value}\n");
        let files = [
            ("less.config", "env_vars: [SECRET]\n"),
            (".env", &dotenv),
            ("less/apis/api/js/get.js", ENVIRONMENT),
            ("less/apis/api/py/get.py", PYTHON_ENVIRONMENT),
            ("less/apis/api/fails/get.js", "exports.process = async () => { throw new Error('not said'); };"),
            ("less/topics/sold/one/index.js", "exports.process = async () => console.log('heard');"),
        ];
        home.project(name, &files)
    };
    let (shop, till) = (project("shop", OF_SHOP), project("till", OF_TILL));
    let mut said = String::new();
    for (project, own) in [(&shop, OF_SHOP), (&till, OF_TILL)] {
        let deployed = project.deploy();
        for language in ["js", "py"] {
            let answer = http::get(&format!("{}/{language}", deployed.url("api"))).expect(200).json();
            let Value::Object(variables) = answer else { panic!("{answer}") };
            assert_eq!(variables["SECRET"], own, "{language}");
            let names: BTreeSet<&str> = variables.keys().map(String::as_str).collect();
            let more: Vec<_> = names.iter().filter(|name| !USUAL.contains(name) && !name.starts_with("LC_")).collect();
            assert_eq!(more, [&"SECRET"], "{language}");
        }
        said += &http::get(&format!("{}/fails", deployed.url("api"))).expect_error(502).to_string();
        http::post(&format!("{}/sold", deployed.url("topics")), "1").expect(202);
        project.logged("topics/sold/one", "heard");
        said += &format!("{}{}", deployed.ran.stdout, deployed.ran.stderr);
    }
    for args in [
        &["list"][..],
        &["list", "--json"],
        &["list", "resources", "shop", "--json"],
        &["server", "status", "--json"],
        &["log", "--project", "shop", "--json"],
    ] {
        said += &home.run(args).succeeded().stdout;
    }
    // A deploy that fails tells what is wrong, not with which values.
    shop.write("less/apis/api/js/get.js", "throw new Error('while it loads');");
    said += &shop.run(&["deploy", "shop"]).failed_with(1).stderr;
    let token = super::token(&home);
    for secret in [OF_SHOP, OF_TILL, OF_SERVER, &token] {
        assert!(!said.contains(secret), "{secret} in {said}");
        for process in home.processes() {
            assert!(!process.command.contains(secret), "{secret} in {}", process.command);
        }
    }
    for (name, secret) in [("shop", OF_SHOP), ("till", OF_TILL)] {
        let found = files_with(&home.less_home(), secret);
        let folder = home.less_home().join("server/versions").join(name);
        assert!(found.len() == 1 && found[0].starts_with(&folder) && found[0].ends_with("env.json"), "{found:?}");
    }
    assert_eq!(files_with(&home.less_home(), OF_SERVER), Vec::<PathBuf>::new());
    assert_eq!(files_with(&home.less_home(), &token).len(), 1, "the token is in its own file only");
    till.run(&["delete", "till", "--yes"]).succeeded();
    eventually("a project's values go with it", || files_with(&home.less_home(), OF_TILL).is_empty());
}

#[test]
fn scripts_of_packages_do_not_see_what_the_server_was_started_with() {
    let home = Home::new();
    let seen = home.note_file("installed");
    let script = format!("require('fs').writeFileSync({:?}, JSON.stringify(process.env));", seen.to_str().unwrap());
    let files = [
        ("less.config", "env_vars: [NPM_TOKEN]\n"),
        (".env", "NPM_TOKEN=of-the-project\n"),
        ("less/apis/shop/get.js", "exports.process = async () => ({ body: require('one').one });"),
        ("package.json", r#"{ "name": "shop", "dependencies": { "one": "file:vendor/one" } }"#),
        (
            "vendor/one/package.json",
            r#"{ "name": "one", "version": "1.0.0", "scripts": { "postinstall": "node seen.js" } }"#,
        ),
        ("vendor/one/seen.js", &script),
        ("vendor/one/index.js", "exports.one = 'one';"),
    ];
    let project = home.project("shop", &files);
    let mut server = home.command(home.root(), &["server", "start", "--port", "0", "--control-port", "0"]);
    server.env("SECRET", OF_SERVER).env("HTTPS_PROXY_PASSWORD", OF_SERVER).env("no_proxy", "localhost");
    assert!(server.output().unwrap().status.success());
    assert_eq!(http::get(project.deploy().url("shop")).expect(200).text(), "one");
    let variables: Value = serde_json::from_str(&fs::read_to_string(&seen).unwrap()).unwrap();
    assert_eq!((&variables["NPM_TOKEN"], &variables["no_proxy"]), (&"of-the-project".into(), &"localhost".into()));
    assert!(!variables.to_string().contains(OF_SERVER), "{variables}");
}
