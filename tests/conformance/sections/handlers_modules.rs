//! Sections 2 and 11: modules, packages, and what runs them.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::process::Command;

use less_tests::harness::{Ran, http};
use serde_json::json;

use crate::case::{Case, Python, case};
use crate::scene::{Scene, Stage};

/// With the project `packages`.
pub(crate) const PACKAGES: &[Case] = &[
    case!(the_projects_packages_are_installed_at_build, ["2.18"],
        "crates/less-server/src/build/npm.rs":
            "command.arg(verb)"
            => "command.arg(\"help\")"),
    case!(a_package_that_is_only_an_es_module_can_be_required, ["2.12"], only [JavaScript] "the others have no `require`",
        "crates/less-server/src/build/program.rs":
            "const FLAGS: [&str; 2] = [\"--disable-warning=ExperimentalWarning\""
            => "const FLAGS: [&str; 2] = [\"--no-experimental-require-module\""),
    case!(our_sdk_wins_over_a_package_of_its_name, ["2.15"], only [JavaScript, TypeScript] "the sentence is about node_modules",
        "crates/less-server/src/build/version.rs":
            "    link_sdk(root, sdk)?;\n"
            => ""),
    case!(shared_modules_win_over_packages_with_a_warning, ["2.16"],
        "crates/less-project/src/discover/modules.rs":
            "hides the package `{}`"
            => "is beside the package `{}`"),
    case!(yarn_is_called_where_its_lock_file_is, ["2.19"], only [JavaScript, TypeScript] "npm and yarn are for Node.js",
        "crates/less-server/src/build/npm.rs":
            "Some(\"yarn.lock\") => Self::Yarn,"
            => "Some(\"yarn.lock\") => Self::NpmInstall,"),
    case!(packages_are_installed_once, ["2.21"],
        "crates/less-server/src/build/dependencies.rs":
            "if !node_modules.is_dir() {"
            => "if true {"),
    case!(the_installers_own_error_is_shown, ["2.22"],
        "crates/less-server/src/build/installer.rs":
            "; it said:\\n{output}"
            => ""),
];

/// With the project `shared`.
pub(crate) const SHARED: &[Case] = &[case!(a_shared_module_is_found_by_its_name_in_every_handler, ["11.01", "11.02"],
        "crates/less-server/src/build/version.rs":
            "link(&Path::new(\"../shared\").join(name), &modules.join(name))?;"
            => "link(&Path::new(\"../shared\").join(name), &modules.join(format!(\"{name}s\")))?;")];

/// With the project `handlers`.
pub(crate) const CASES: &[Case] = &[
    case!(syntax_decides_what_a_js_is, ["2.11"], only [JavaScript] "the sentence is about .js",
        "crates/less-server/src/build/version.rs":
            "fs::write(&package, \"{}\\n\")"
            => "fs::write(&package, \"{ \\\"type\\\": \\\"module\\\" }\\n\")"),
    case!(build_checks_the_version_of_node, ["2.13"], only [JavaScript, TypeScript] "Python needs no Node.js",
        "crates/less-server/src/build/node.rs":
            "20 => self.minor >= 19,"
            => "18 => true, 20 => self.minor >= 19,"),
    case!(a_shared_module_with_the_name_of_a_builtin_is_a_problem, ["2.17"],
        "crates/less-project/src/discover/modules.rs":
            "diagnostics_channel dns domain events fs http"
            => "diagnostics_channel dns domain events http"),
];

fn the_projects_packages_are_installed_at_build(scene: &Scene) {
    let told = http::get(&scene.url("packages")).expect(200).json();
    let package = scene.language.pick("only_module", "only_module", "six");
    assert_eq!(told[package], scene.language.pick("a package", "a package", "1.16.0"));
}

fn a_package_that_is_only_an_es_module_can_be_required(scene: &Scene) {
    assert_eq!(http::get(&scene.url("packages")).expect(200).json()["only_module"], "a package");
}

fn our_sdk_wins_over_a_package_of_its_name(scene: &Scene) {
    assert_eq!(http::get(&scene.url("packages")).expect(200).json()["less"], "the system");
}

fn shared_modules_win_over_packages_with_a_warning(scene: &Scene) {
    let module = scene.language.pick("models", "models", "toml");
    assert_eq!(http::get(&scene.url("packages")).expect(200).json()[module], "the project");
    let said = &scene.deployed().stderr;
    let warned =
        said.lines().any(|line| line.contains(&format!("less/shared/{module}")) && line.contains("hides the package"));
    assert!(warned, "no warning of {module}:\n{said}");
}

/// A program of the stage's own, found before all others.
fn program(stage: &Stage, name: &str, script: &str) {
    let file = stage.home.root().join("bin").join(name);
    fs::create_dir_all(file.parent().unwrap()).unwrap();
    fs::write(&file, format!("#!/bin/sh\n{script}\n")).unwrap();
    fs::set_permissions(&file, fs::Permissions::from_mode(0o755)).unwrap();
}

fn with_programs(stage: &Stage, args: &[&str]) -> Command {
    let mut command = stage.home.command(&stage.project().folder, args);
    let path = format!("{}:{}", stage.home.root().join("bin").display(), std::env::var("PATH").unwrap());
    command.env("PATH", path);
    command
}

fn ran(mut command: Command) -> Ran {
    let output = command.output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    Ran { code: output.status.code(), stdout: text(output.stdout), stderr: text(output.stderr) }
}

fn yarn_is_called_where_its_lock_file_is(scene: &Scene) {
    let stage = scene.empty_stage("yarned");
    stage.project().write("package.json", r#"{ "name": "yarned", "dependencies": { "thing": "1.0.0" } }"#);
    stage.project().write("yarn.lock", "# yarn lockfile v1\n");
    let handler = scene.language.pick(
        "exports.process = async () => ({ body: require('thing').owner });",
        "import { owner } from 'thing';\nexport const process = async () => ({ body: owner });",
        "",
    );
    stage.handler("less/apis/yarned/get", handler);
    let install =
        "mkdir -p node_modules/thing && echo \"exports.owner = '$(basename $0) $1'\" > node_modules/thing/index.js";
    program(&stage, "yarn", install);
    let url = ran(with_programs(&stage, &["deploy", "yarned"])).succeeded().urls()["yarned"].clone();
    assert_eq!(http::get(&url).expect(200).text(), "yarn install");
}

/// Writes what the project depends on: a small package of the registry.
fn depend(stage: &Stage, version: &str) {
    if stage.language == Python {
        stage.project().write("requirements.txt", &format!("six=={version}\n"));
    } else {
        let package = json!({ "name": "dependent", "dependencies": { "uuid": version } });
        stage.project().write("package.json", &package.to_string());
    }
}

fn packages_are_installed_once(scene: &Scene) {
    let stage = scene.small_stage("dependent");
    depend(&stage, scene.language.pick("9.0.1", "9.0.1", "1.16.0"));
    stage.build();
    // From now on nothing can be installed.
    if scene.language != Python {
        program(&stage, "npm", "exit 1");
    }
    let build = || {
        let mut command = with_programs(&stage, &["build", "dependent"]);
        let nowhere = ["PIP_INDEX_URL", "UV_DEFAULT_INDEX"].map(|name| (name, "http://127.0.0.1:9/"));
        command.envs(nowhere).env("PIP_RETRIES", "0").env("PIP_FIND_LINKS", "/dev/null").env("UV_OFFLINE", "1");
        ran(command)
    };
    stage.handler("less/apis/dependent/get", &scene.language.answering("'changed'"));
    build().succeeded();
    depend(&stage, scene.language.pick("9.0.0", "9.0.0", "1.15.0"));
    build().failed_with(1);
}

fn the_installers_own_error_is_shown(scene: &Scene) {
    let stage = scene.small_stage("wanting");
    depend(&stage, "999.0.0");
    let said = stage.build_fails(&["999.0.0"]);
    let words = scene.language.pick("notarget", "notarget", "no matching distribution");
    assert!(said.to_lowercase().contains(words), "{said}");
}

fn a_shared_module_is_found_by_its_name_in_every_handler(scene: &Scene) {
    let text = "hello from models";
    assert_eq!(http::get(&scene.url("shared")).expect(200).text(), text);
    if scene.language == crate::case::JavaScript {
        assert_eq!(http::get(&format!("{}/modern", scene.url("shared"))).expect(200).text(), text);
    }
    scene.publish("asked", &json!(1));
    assert_eq!(scene.notes("text", 1)[0], text);
}

fn syntax_decides_what_a_js_is(scene: &Scene) {
    for kind in ["module", "commonjs"] {
        let stage = scene.stage();
        stage.project().write("package.json", &json!({ "name": "handlers", "type": kind }).to_string());
        let url = stage.project().deploy().url("styles").to_owned();
        for (path, text) in [("exports", "exports.process"), ("export_const", "export const")] {
            assert_eq!(http::get(&format!("{url}/{path}")).expect(200).text(), text, "in a package of type {kind}");
        }
    }
}

fn build_checks_the_version_of_node(scene: &Scene) {
    let stage = scene.small_stage("ancient");
    program(&stage, "node", "echo v18.20.4");
    let said = ran(with_programs(&stage, &["build", "ancient"])).failed_with(1).stderr;
    assert!(said.contains("v18.20.4") && said.contains("20.19"), "{said}");
}

fn a_shared_module_with_the_name_of_a_builtin_is_a_problem(scene: &Scene) {
    let stage = scene.small_stage("builtin");
    let name = scene.language.pick("fs", "fs", "json");
    stage.project().write(&scene.language.file(&format!("less/shared/{name}")), "");
    stage.build_fails(&[&format!("less/shared/{name}")]);
}
