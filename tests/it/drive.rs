//! A project with files, and `curl` to send and fetch them.

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use serde_json::Value;

use less_tests::harness::{Home, Project, http};

/// Runs `files[operation](...arguments)` of the body and tells what came of it.
const FILES_JS: &str = "
const { files } = require('@chuva.io/less');
exports.process = async (request) => {
  const [operation, ...given] = JSON.parse(request.body);
  try {
    return { body: { result: (await files[operation](...given)) ?? null } };
  } catch (error) {
    return { body: { code: error.code ?? null, message: error.message } };
  }
};
";
const FILES_PY: &str = "
import json
from less import files

def process(request, response):
    operation, *given = json.loads(request.body)
    try:
        response.body = {'result': getattr(files, operation)(*given)}
    except Exception as error:
        response.body = {'code': getattr(error, 'code', None), 'message': str(error)}
    return response
";
const NOTE: &str = "
const { note } = require('notes');
exports.process = async (event) => note('uploaded', event);
";
pub(crate) const PROJECT: [(&str, &str); 3] = [
    ("less/apis/drive/js/post.js", FILES_JS),
    ("less/apis/drive/py/post.py", FILES_PY),
    ("less/topics/files_uploaded/tell/index.js", NOTE),
];

#[track_caller]
pub(crate) fn ask(project: &Project, language: &str, call: &Value) -> Value {
    http::post(&format!("{}/{language}", project.url("drive")), call.to_string()).expect(200).json()
}

#[track_caller]
pub(crate) fn url(project: &Project, operation: &str, path: &str) -> String {
    let answer = ask(project, "js", &serde_json::json!([operation, path]));
    answer["result"].as_str().unwrap_or_else(|| panic!("{answer}")).to_owned()
}

/// What `curl` saw: the status, the last head, the body.
pub(crate) struct Seen {
    pub(crate) status: u16,
    pub(crate) head: String,
    pub(crate) body: PathBuf,
}

impl Seen {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let of = |line: &&str| line.split_once(':').is_some_and(|(each, _)| each.eq_ignore_ascii_case(name));
        self.head.lines().find(of).and_then(|line| line.split_once(':')).map(|(_, value)| value.trim())
    }

    pub(crate) fn bytes(&self) -> Vec<u8> {
        fs::read(&self.body).unwrap_or_default()
    }

    #[track_caller]
    pub(crate) fn expect(self, status: u16) -> Self {
        let body = self.bytes();
        let text = String::from_utf8_lossy(&body[..body.len().min(500)]);
        assert_eq!(self.status, status, "{}{text}", self.head);
        self
    }

    #[track_caller]
    pub(crate) fn code(&self) -> String {
        let body: Value = serde_json::from_slice(&self.bytes()).unwrap();
        assert!(body["error"].is_string() && body["request_id"].is_string(), "{body}");
        body["code"].as_str().unwrap().to_owned()
    }
}

/// `curl <args>`, to its end.
#[track_caller]
pub(crate) fn curl(home: &Home, args: &[&str]) -> Seen {
    let (head, body) = (home.root().join("head"), home.root().join("body"));
    fs::remove_file(&body).ok();
    let mut curl = Command::new("curl");
    curl.args(["--silent", "--show-error", "--noproxy", "*", "--max-time", "600", "--write-out", "%{http_code}"]);
    let ran = curl.arg("--dump-header").arg(&head).arg("--output").arg(&body).args(args).output().unwrap();
    assert!(ran.status.success(), "curl {args:?}: {}", String::from_utf8_lossy(&ran.stderr));
    let heads = fs::read_to_string(&head).unwrap();
    let last = heads.trim_end().rsplit("\r\n\r\n").next().unwrap_or_default().to_owned();
    Seen { status: String::from_utf8(ran.stdout).unwrap().parse().unwrap(), head: last, body }
}

/// A file of the test's own to send.
pub(crate) fn source(home: &Home, name: &str, bytes: &[u8]) -> String {
    let path = home.root().join(name);
    fs::write(&path, bytes).unwrap();
    path.display().to_string()
}

/// The objects that the server keeps for a project.
pub(crate) fn objects(home: &Home, project: &str) -> usize {
    fs::read_dir(home.less_home().join("server/files").join(project)).map_or(0, Iterator::count)
}
