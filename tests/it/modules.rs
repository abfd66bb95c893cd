//! How handlers are loaded (contract, sections 2 and 11): both module systems, shared modules, the SDK, dependencies.

use serde_json::json;

use less_tests::harness::{Home, http};

const COMMON: &str = "
const shared = require('models');
const { topics } = require('@chuva.io/less');
exports.process = async (request, response) => {
  response.body = { system: 'common', name: shared.name, publishes: typeof topics.heard.publish };
  return response;
};
";
const MODULE: &str = "
import shared, { name } from 'models';
import { topics } from '@chuva.io/less';
export const process = async (request, response) => {
  response.body = { system: 'module', name, same: shared.name, publishes: typeof topics.heard.publish };
  return response;
};
";
const ASSIGNED: &str = "
const process = async (request, response) => ({ ...response, body: 'assigned' });
module.exports = { process, middlewares: [] };
";

fn both_systems_work_under(package: &str) {
    let home = Home::new();
    let project = home.project(
        "mixed",
        &[
            ("package.json", package),
            ("less/shared/models/index.js", "exports.name = 'shared';"),
            ("less/topics/heard/", ""),
            ("less/apis/mixed/common/get.js", COMMON),
            ("less/apis/mixed/module/get.js", MODULE),
            ("less/apis/mixed/assigned/get.js", ASSIGNED),
            ("less/apis/mixed/mjs/get.mjs", MODULE),
            ("less/apis/mixed/cjs/get.cjs", COMMON),
        ],
    );
    let api = project.deploy().url("mixed").to_owned();
    let answer = |path: &str| http::get(&format!("{api}/{path}")).expect(200);
    let common = json!({ "system": "common", "name": "shared", "publishes": "function" });
    let module = json!({ "system": "module", "name": "shared", "same": "shared", "publishes": "function" });
    for (path, expected) in [("common", &common), ("cjs", &common), ("module", &module), ("mjs", &module)] {
        assert_eq!(&answer(path).json(), expected, "{path}");
    }
    assert_eq!(answer("assigned").text(), "assigned");
}

#[test]
fn both_module_systems_work_under_a_commonjs_package() {
    both_systems_work_under(r#"{ "name": "mixed", "type": "commonjs" }"#);
}

#[test]
fn both_module_systems_work_under_an_es_module_package() {
    both_systems_work_under(r#"{ "name": "mixed", "type": "module" }"#);
}

#[test]
fn both_module_systems_work_under_a_package_that_does_not_say() {
    both_systems_work_under(r#"{ "name": "mixed" }"#);
}

#[test]
fn shared_modules_use_one_another_and_files_beside_a_handler_can_be_imported() {
    let home = Home::new();
    let project = home.project(
        "layers",
        &[
            ("less/shared/base/index.js", "exports.greeting = 'hello';"),
            ("less/shared/models/index.js", "exports.text = `${require('base').greeting} from ${require('./deep/part')}`;"),
            ("less/shared/models/deep/part.js", "module.exports = 'models';"),
            ("less/apis/layers/schema.js", "exports.wanted = 'id';"),
            (
                "less/apis/layers/get.js",
                "const { wanted } = require('./schema');
                 exports.process = async (request, response) => ({ ...response, body: [require('models').text, wanted] });",
            ),
        ],
    );
    let answer = http::get(project.deploy().url("layers")).expect(200);
    assert_eq!(answer.json(), json!(["hello from models", "id"]));
}

#[test]
fn our_sdk_and_shared_modules_win_over_packages_of_the_same_name() {
    let home = Home::new();
    let package = r#"{ "dependencies": { "@chuva.io/less": "npm:uuid@^9", "models": "npm:uuid@^9", "uuid": "^9" } }"#;
    let project = home.project(
        "vendored",
        &[
            ("package.json", package),
            ("less/shared/models/index.js", "exports.ours = true;"),
            ("less/topics/heard/", ""),
            (
                "less/apis/vendored/get.js",
                "const packages = { less: require('@chuva.io/less'), models: require('models'), uuid: require('uuid') };
                 exports.process = async (request, response) => {
                   response.body = Object.fromEntries(Object.entries(packages).map(([name, it]) => [name, 'v4' in it]));
                   return response;
                 };",
            ),
        ],
    );
    let deployed = project.deploy();
    assert!(deployed.ran.stderr.contains("models"), "a warning names the module:\n{}", deployed.ran.stderr);
    let theirs = http::get(deployed.url("vendored")).expect(200).json();
    assert_eq!(theirs, json!({ "less": false, "models": false, "uuid": true }));
}

#[test]
fn a_dependency_that_does_not_exist_fails_the_deployment_with_the_installers_words() {
    let home = Home::new();
    let package = r#"{ "name": "wanting", "dependencies": { "uuid": "999.0.0" } }"#;
    let handler = ("less/apis/wanting/get.js", "exports.process = async () => ({});");
    let project = home.project("wanting", &[("package.json", package), handler]);
    let ran = project.run(&["deploy", "wanting"]).failed_with(1);
    assert!(ran.stderr.contains("uuid") && ran.stderr.contains("999.0.0"), "{}", ran.stderr);
}

#[test]
fn a_handler_that_cannot_be_loaded_fails_the_deployment_with_its_file() {
    let home = Home::new();
    for (text, wanted) in [
        ("exports.process = async ( => {};", "Unexpected token"),
        ("require('no-such-module'); exports.process = async () => {};", "no-such-module"),
        ("exports.proces = async () => {};", "process"),
        ("throw new Error('at load');", "at load"),
    ] {
        let project = home.project("broken", &[("less/apis/broken/things/get.js", text)]);
        let ran = project.run(&["deploy", "broken"]).failed_with(1);
        assert!(ran.stderr.contains("less/apis/broken/things/get.js"), "{}", ran.stderr);
        assert!(ran.stderr.contains(wanted), "{}", ran.stderr);
        let built = project.run(&["build", "broken"]).failed_with(1);
        assert!(built.stderr.contains(wanted), "`build` says so too: {}", built.stderr);
    }
}

#[test]
fn a_handler_that_ends_its_process_while_it_is_loaded_is_named() {
    let home = Home::new();
    let files = [
        ("less/apis/shop/get.js", "exports.process = async () => ({ body: 'fine' });"),
        ("less/apis/shop/post.js", "process.exit(3); exports.process = async () => {};"),
    ];
    let failed = home.project("shop", &files).run(&["deploy", "shop"]).failed_with(1);
    assert!(failed.stderr.contains("less/apis/shop/post.js: ends its process while it is loaded"), "{}", failed.stderr);
}

#[test]
fn a_middleware_under_a_wrong_name_is_not_left_out_without_a_word() {
    let home = Home::new();
    let handler = "exports.middleware = [() => {}]; exports.process = async () => ({ body: 'secret' });";
    let failed = home.project("shop", &[("less/apis/shop/get.js", handler)]).run(&["deploy", "shop"]).failed_with(1);
    assert!(failed.stderr.contains("did you mean 'middlewares'?"), "{}", failed.stderr);
}

#[test]
fn handlers_see_the_variables_that_are_listed_and_no_others() {
    let home = Home::new();
    let project = home.project(
        "variables",
        &[
            ("less.config", "env_vars: [GREETING, FROM_FILE]\n"),
            (".env", "GREETING=from the file\nFROM_FILE=yes\nNOT_LISTED=secret\n"),
            (
                "less/apis/variables/get.js",
                "exports.process = async (request, response) => ({ ...response, body: { ...process.env } });",
            ),
        ],
    );
    let mut command = home.command(&project.folder, &["deploy", "variables"]);
    let deployed = command.env("GREETING", "from the caller").env("CALLERS_SECRET", "x").output().unwrap();
    assert!(deployed.status.success(), "{}", String::from_utf8_lossy(&deployed.stderr));
    let seen = http::get(&project.url("variables")).expect(200).json();
    assert_eq!((&seen["GREETING"], &seen["FROM_FILE"]), (&json!("from the caller"), &json!("yes")));
    assert_eq!(seen["NODE_ENV"], "production");
    for name in ["NOT_LISTED", "CALLERS_SECRET", "LESS_HOME", "LESS_PORT"] {
        assert!(seen.get(name).is_none(), "{name} reached a handler");
    }
}

#[test]
fn all_missing_variables_are_named_at_once() {
    let home = Home::new();
    let handler = ("less/apis/a/get.js", "exports.process = async () => ({});");
    let project = home.project("lacking", &[("less.config", "env_vars: [FIRST_ONE, SECOND_ONE]\n"), handler]);
    let ran = project.run(&["deploy", "lacking"]).failed_with(1);
    assert!(ran.stderr.contains("FIRST_ONE") && ran.stderr.contains("SECOND_ONE"), "{}", ran.stderr);
}
