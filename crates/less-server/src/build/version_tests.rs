//! With the Node.js of this machine: what handlers of both kinds find in a prepared version.

use std::process::Command;

use less_project::Env;
use tempfile::TempDir;

use super::super::{dependencies, node, sdk};
use super::*;

const COMMONJS: &str = "const { v4 } = require('uuid'); const { topics } = require('@chuva.io/less');
    const { of, path } = require('models'); exports.process = () => `${typeof v4} ${typeof topics} ${of} ${path}`;";
const MODULE: &str = "import { v4 } from 'uuid'; import { topics } from '@chuva.io/less';
    import models from 'models'; export const process = () => `${typeof v4} ${typeof topics} ${models.of} ${models.path}`;";

fn write(root: &Path, name: &str, content: &str) {
    let path = root.join(name);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, content).unwrap();
}

/// What each handler returns, by file.
fn run(root: &Path, files: &[&str]) -> Vec<String> {
    let script = "for (const file of process.argv.slice(1)) {
        const module = await import(file);
        console.log(`${file}: ${(module.process ?? module.default?.process)()}`);
    }";
    let output = Command::new("node")
        .args(["--disable-warning=MODULE_TYPELESS_PACKAGE_JSON", "--input-type=module", "-e", script])
        .args(files.iter().map(|file| root.join(file)))
        .current_dir(root)
        .output()
        .unwrap();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && errors.is_empty(), "{errors}");
    let said = String::from_utf8(output.stdout).unwrap();
    said.lines().map(|line| line.replace(&format!("{}/", root.display()), "")).collect()
}

#[tokio::test]
async fn handlers_of_both_kinds_find_packages_shared_modules_and_the_sdk_whatever_package_json_says() {
    let home = TempDir::new().unwrap();
    let home = home.path().canonicalize().unwrap();
    let sdk = sdk::extract(&home).unwrap().node;
    let node = node::check(&less_project::Env::new()).await.unwrap();
    for (version, kind) in ["module", "commonjs"].into_iter().enumerate() {
        let root = home.join(format!("versions/shop/{version}"));
        write(&root, "package.json", &format!(r#"{{ "type": "{kind}", "dependencies": {{ "uuid": "*" }} }}"#));
        // A package of our name or of a shared module's does not win.
        write(&root, "less/shared/models/package.json", r#"{ "type": "module", "main": "./main.js" }"#);
        write(&root, "less/shared/models/main.js", "exports.of = require('orders').of; exports.path = __filename;");
        write(&root, "less/shared/orders/index.js", "export const of = 'orders';");
        write(&root, "less/apis/a/get.js", COMMONJS);
        write(&root, "less/apis/a/post.js", MODULE);
        write(&root, "less/apis/a/b/get.cjs", COMMONJS);
        write(&root, "less/apis/a/b/post.mjs", MODULE);
        let packages = dependencies::install(&root, &home.join("cache/node"), node, &Env::new(), &|| ()).await.unwrap();
        prepare(&root, &sdk, &["models".into(), "orders".into()], packages.as_deref()).unwrap();
        let files = ["less/apis/a/get.js", "less/apis/a/post.js", "less/apis/a/b/get.cjs", "less/apis/a/b/post.mjs"];
        let main = root.join("less/shared/models/main.js");
        let expected = files.map(|file| format!("{file}: function object orders {}", main.display()));
        assert_eq!(run(&root, &files), expected.map(|line| line.replace(&format!("{}/", root.display()), "")));
    }
}

#[test]
fn packages_lose_their_type_and_name_no_typescript_and_sites_stay_as_they_are() {
    let version = TempDir::new().unwrap();
    let site = r#"{ "type": "module" }"#;
    write(version.path(), "less/statics/site/package.json", site);
    write(version.path(), "less/shared/a/package.json", r#"{"name": "a", "type": "module", "main": "./b.js"}"#);
    write(version.path(), "less/shared/b/package.json", r#"{"main": "src/index.ts"}"#);
    prepare(version.path(), Path::new("/sdk"), &["a".into()], None).unwrap();
    let text = |name: &str| fs::read_to_string(version.path().join(name)).unwrap();
    assert_eq!(text("less/package.json"), "{}\n");
    assert_eq!(text("less/statics/site/package.json"), site);
    assert_eq!(text("less/shared/a/package.json"), "{\n  \"name\": \"a\",\n  \"main\": \"./b.js\"\n}");
    assert_eq!(text("less/shared/b/package.json"), "{\n  \"main\": \"src/index.js\"\n}");
    assert!(!version.path().join("node_modules").exists());
}

#[test]
fn a_package_json_below_less_that_cannot_be_read_is_a_problem() {
    let version = TempDir::new().unwrap();
    write(version.path(), "less/shared/a/package.json", "{ type: 'module' }");
    let result = prepare(version.path(), Path::new("/sdk"), &[], None);
    let Err(super::super::Error::Problems(problems)) = result else { panic!("{result:?}") };
    assert_eq!(problems[0].path, "less/shared/a/package.json:1");
}
