//! What the tests of sites share.

use std::io::Write;
use std::process::{Command, Stdio};

use less_tests::harness::{Answer, Home, Project, Request};

/// A project that has nothing but sites; paths are below `less/statics`.
pub(crate) fn statics<'h>(home: &'h Home, files: &[(&str, &str)]) -> Project<'h> {
    let project = home.project("shop", &[]);
    files.iter().for_each(|(path, text)| project.write(&format!("less/statics/{path}"), text));
    project
}

/// A page that says `text`.
pub(crate) fn page(text: &str) -> String {
    format!("<!doctype html><link rel=icon href=data:,><title>{text}</title><h1>{text}</h1>\n")
}

#[track_caller]
pub(crate) fn get_with(url: &str, headers: &[(&str, &str)]) -> Answer {
    let request = Request::new("GET", url);
    headers.iter().fold(request, |request, (name, value)| request.header(name, value)).send()
}

/// What a body is that came with this `content-encoding`, as Node.js reads it.
#[track_caller]
pub(crate) fn decoded(answer: &Answer) -> Vec<u8> {
    let read = match answer.header("content-encoding") {
        None => return answer.body.clone(),
        Some("br") => "brotliDecompressSync",
        Some("gzip") => "gunzipSync",
        Some(other) => panic!("nobody asked for {other}"),
    };
    let script = format!("process.stdout.write(require('zlib').{read}(require('fs').readFileSync(0)))");
    let mut node = Command::new("node");
    let mut node = node.args(["-e", &script]).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    node.stdin.take().unwrap().write_all(&answer.body).unwrap();
    let read = node.wait_with_output().unwrap();
    assert!(read.status.success());
    read.stdout
}

/// Where the project's site is now.
#[track_caller]
pub(crate) fn site_url(project: &Project<'_>, site: &str) -> String {
    let resources = project.resources();
    let sites = resources["websites"].as_array().unwrap();
    let found = sites.iter().find(|each| each["name"] == site);
    found.unwrap_or_else(|| panic!("no site {site} in {resources}"))["url"].as_str().unwrap().to_owned()
}
