//! Shared modules, and what they may be taken for.

use crate::folder::{Folder, check};

#[test]
fn a_shared_module_is_not_called_like_one_of_node() {
    check(
        "less/apis/x/get.js
         less/shared/crypto/index.js
         less/shared/child_process/index.js
         less/shared/test/index.js
         ! less/shared/child_process: `child_process` is a module of Node.js itself, which handlers would get instead
         ! less/shared/crypto: `crypto` is a module of Node.js itself, which handlers would get instead",
    );
}

#[test]
fn a_shared_module_that_hides_a_package_is_odd() {
    Folder::new(
        "less/apis/x/get.js
         less/shared/uuid/index.js
         less/shared/models/index.js
         ? less/shared/uuid: hides the package `uuid` of package.json: handlers get this module instead",
    )
    .with("package.json", "\u{feff}{\n\t\"dependencies\": { \"uuid\": \"^9\" }, \"devDependencies\": null\n}")
    .check();
}

#[test]
fn a_package_json_that_npm_could_not_read_is_a_problem() {
    let broken = Folder::new("less/apis/x/get.js").with("package.json", "{\n  \"name\": oops\n}");
    let problems = broken.discover().unwrap_err();
    assert_eq!(problems.len(), 1);
    assert_eq!(problems[0].path, "package.json:2");
    let list = "less/apis/x/get.js\n! package.json: is not a JSON object";
    Folder::new(list).with("package.json", "[]").check();
}

#[test]
fn a_shared_module_is_not_called_like_one_of_python_or_the_sdk() {
    check(
        "less/functions/x/__init__.py
         less/shared/json/__init__.py
         less/shared/less/__init__.py
         less/shared/crypto/__init__.py
         less/shared/models/tables.py
         ! less/shared/json: `json` is a module of Python itself, and only one of the two can be imported
         ! less/shared/less: `less` is what handlers import topics and functions from",
    );
}

#[test]
fn only_the_languages_of_the_handlers_count() {
    check("less/apis/x/get.js\nless/shared/json/index.js\nless/shared/less/index.js");
    check(
        "less/functions/x/index.ts
         less/functions/y/__init__.py
         less/shared/code/index.ts
         less/shared/fs/index.ts
         ! less/shared/code: `code` is a module of Python itself, and only one of the two can be imported
         ! less/shared/fs: `fs` is a module of Node.js itself, which handlers would get instead",
    );
}

#[test]
fn a_module_that_python_cannot_name_is_odd() {
    let text = "less/external_topics/chat/sent/mail/__init__.py
         less/shared/my-models/__init__.py
         ? less/shared/my-models: Python handlers cannot import it: there is a - in its name";
    check(text);
    assert!(Folder::new(text).discover().unwrap().warnings[0].hint.starts_with("rename it to my_models"));
    check("less/apis/x/get.ts\nless/shared/my-models/index.ts");
}

#[test]
fn a_module_that_hides_a_package_of_python_is_odd() {
    Folder::new(
        "less/apis/x/get.py
         less/shared/requests/__init__.py
         less/shared/my_tools/__init__.py
         less/shared/models/__init__.py
         ? less/shared/my_tools: hides the package `my_tools` of requirements.txt: handlers get this module instead
         ? less/shared/requests: hides the package `requests` of requirements.txt: handlers get this module instead",
    )
    .with("requirements.txt", "# models\nRequests[socks]>=2.8\nmy-tools @ https://host/x.whl\n-r models.txt\n")
    .check();
}
