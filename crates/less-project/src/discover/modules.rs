//! `less/shared/<module>/`: code that every handler can load by the module's name.

use serde_json::Value;

use super::names;
use super::walk::Folder;
use crate::problem::Findings;

/// Node.js modules that are found before any other of the same name.
const BUILT_IN: &str = "assert async_hooks buffer child_process cluster console constants crypto dgram \
    diagnostics_channel dns domain events fs http http2 https inspector module net os path perf_hooks process punycode \
    querystring readline repl stream string_decoder sys timers tls trace_events tty url util v8 vm wasi \
    worker_threads zlib";

/// Where npm looks for the packages a project uses.
const DEPENDENCIES: [&str; 4] = ["dependencies", "devDependencies", "optionalDependencies", "peerDependencies"];

/// The names of the modules.
pub(super) fn read(shared: &Folder, package: Option<&Value>, found: &mut Findings) -> Vec<String> {
    names::check_level(shared.folders.iter(), found);
    super::warn_of_files(shared, "a shared module", found);
    for module in &shared.folders {
        let name = module.name.as_str();
        if BUILT_IN.split_whitespace().any(|built_in| built_in == name) {
            let message = format!("`{name}` is a module of Node.js itself, which handlers would get instead");
            found.problem(&module.path, message, "rename it");
        }
        let is_package = |list: &str| package.and_then(|package| package.get(list)?.get(name)).is_some();
        if DEPENDENCIES.iter().any(|list| is_package(list)) {
            let message = format!("hides the package `{name}` of package.json: handlers get this module instead");
            found.warn(&module.path, message, "rename it, unless that is what you want");
        }
    }
    shared.folders.iter().map(|module| module.name.clone()).collect()
}

/// `package.json`, where there is one.
pub(super) fn package(text: &str, found: &mut Findings) -> Option<Value> {
    match serde_json::from_str::<Value>(text) {
        Ok(package) if package.is_object() => Some(package),
        Ok(_) => {
            found.problem("package.json", "is not a JSON object", "npm init -y writes a valid one");
            None
        }
        Err(error) => {
            let message = format!("is not valid JSON: {error}");
            found.problem(format!("package.json:{}", error.line()), message, "correct it, or remove the file");
            None
        }
    }
}
