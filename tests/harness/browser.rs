//! A real browser: it opens pages, runs scripts in them, and tells what their console complained of.
//!
//! Chromium without a window, driven by its DevTools protocol over two pipes: it reads from descriptor 3 and writes to
//! descriptor 4, one JSON value after the other, each ended by NUL. So there is no port that others could use.
//!
//! ```ignore
//! let Some(browser) = Browser::start(&home) else { return };
//! let page = browser.open("http://localhost:4800/");
//! page.run("document.querySelector('button').click()");
//! page.wait_until("document.querySelectorAll('li').length === 2");
//! page.expect_no_errors();
//! ```

use std::cell::RefCell;
use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::path::PathBuf;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::thread;
use std::time::Duration;

use serde_json::{Value, json};

use super::{Home, eventually};

/// A browser that says nothing for so long has died.
const PATIENCE: Duration = Duration::from_secs(120);
const NAMES: [&str; 3] = ["chromium", "chromium-browser", "google-chrome"];
/// Nothing but the pages of the test: no network of its own, no first steps, no graphics card.
const FLAGS: [&str; 15] = [
    "--headless",
    "--remote-debugging-pipe",
    "--no-sandbox",
    "--no-zygote",
    "--disable-gpu",
    "--disable-quic",
    "--disable-dev-shm-usage",
    "--disable-extensions",
    "--disable-sync",
    "--disable-component-update",
    "--disable-background-networking",
    "--disable-domain-reliability",
    "--no-first-run",
    "--no-default-browser-check",
    "--no-proxy-server",
];

/// One browser with an empty profile in the home's folder; it ends with this value.
pub struct Browser {
    child: Child,
    talk: RefCell<Talk>,
}

/// One page of it.
pub struct Page<'b> {
    browser: &'b Browser,
    session: String,
}

struct Talk {
    to: ChildStdin,
    from: Receiver<Value>,
    last_call: u64,
    /// What happened in pages, and nobody asked for yet.
    events: Vec<Value>,
}

impl Browser {
    /// None, said on stderr, where there is no Chromium; with `CI` set that is a failure.
    pub fn start(home: &Home) -> Option<Self> {
        let Some(program) = program() else {
            assert!(std::env::var_os("CI").is_none(), "there is no Chromium (Debian: apt-get install chromium)");
            eprintln!("not checked: there is no Chromium");
            return None;
        };
        let profile = home.root().join("browser");
        fs::create_dir(&profile).unwrap();
        // The shell puts the pipes where the browser looks for them.
        let mut command = Command::new("sh");
        command.args(["-c", r#"exec "$0" "$@" 3<&0 4>&1 </dev/null >/dev/null"#]).arg(program).args(FLAGS);
        command.arg(format!("--user-data-dir={}", profile.display())).arg("about:blank");
        home.adopt(&mut command);
        command.env("HOME", &profile).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
        let mut child = command.spawn().unwrap();
        let (to, said) = (child.stdin.take().unwrap(), child.stdout.take().unwrap());
        let talk = Talk { to, from: listen(said), last_call: 0, events: Vec::new() };
        Some(Self { child, talk: RefCell::new(talk) })
    }

    /// A new page; returns once it is loaded with all that it names.
    #[track_caller]
    pub fn open(&self, url: &str) -> Page<'_> {
        let target = self.call(None, "Target.createTarget", &json!({ "url": "about:blank" }));
        let attached =
            self.call(None, "Target.attachToTarget", &json!({ "targetId": target["targetId"], "flatten": true }));
        let page = Page { browser: self, session: attached["sessionId"].as_str().unwrap().to_owned() };
        for domain in ["Runtime", "Log", "Page"] {
            page.call(&format!("{domain}.enable"), &json!({}));
        }
        page.go_to(url);
        page
    }

    #[track_caller]
    fn call(&self, session: Option<&str>, method: &str, params: &Value) -> Value {
        let mut talk = self.talk.borrow_mut();
        talk.last_call += 1;
        let id = talk.last_call;
        let mut call = json!({ "id": id, "method": method, "params": params });
        if let Some(session) = session {
            call["sessionId"] = session.into();
        }
        talk.to.write_all(format!("{call}\0").as_bytes()).expect("the browser lives");
        loop {
            let said =
                talk.from.recv_timeout(PATIENCE).unwrap_or_else(|_| panic!("the browser does not answer {method}"));
            if said["id"] == id {
                assert_eq!(said["error"], Value::Null, "{method} {params}");
                return said["result"].clone();
            }
            talk.events.push(said);
        }
    }
}

impl Page<'_> {
    #[track_caller]
    pub fn go_to(&self, url: &str) {
        let went = self.call("Page.navigate", &json!({ "url": url }));
        assert_eq!(went["errorText"], Value::Null, "{url}");
        self.wait_until(&format!("location.href !== 'about:blank' && document.readyState === 'complete' /* {url} */"));
    }

    /// The value of a script's last expression; a promise is waited for.
    #[track_caller]
    pub fn run(&self, script: &str) -> Value {
        let params = json!({ "expression": script, "awaitPromise": true, "returnByValue": true, "userGesture": true });
        let ran = self.call("Runtime.evaluate", &params);
        assert_eq!(ran["exceptionDetails"], Value::Null, "{script}");
        ran["result"]["value"].clone()
    }

    /// Returns once `condition`, a script, is true.
    #[track_caller]
    pub fn wait_until(&self, condition: &str) {
        eventually(condition, || self.run(&format!("Boolean({condition})")) == true);
    }

    /// What is to be read on the page.
    #[track_caller]
    pub fn text(&self) -> String {
        self.run("document.body.innerText").as_str().unwrap_or_default().to_owned()
    }

    /// Everything that the console has complained of: errors that scripts wrote or did not catch, and what could not be
    /// loaded.
    pub fn errors(&self) -> Vec<String> {
        // What happened before is told before the answer.
        self.run("0");
        let talk = self.browser.talk.borrow();
        talk.events.iter().filter(|event| event["sessionId"] == *self.session).filter_map(complaint).collect()
    }

    #[track_caller]
    pub fn expect_no_errors(&self) {
        assert_eq!(self.errors(), [""; 0]);
    }

    #[track_caller]
    fn call(&self, method: &str, params: &Value) -> Value {
        self.browser.call(Some(&self.session), method, params)
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

fn program() -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    let folders: Vec<PathBuf> = std::env::split_paths(&path).collect();
    NAMES.iter().flat_map(|name| folders.iter().map(move |folder| folder.join(name))).find(|program| program.is_file())
}

fn listen(said: ChildStdout) -> Receiver<Value> {
    let (tell, told) = channel();
    thread::spawn(move || {
        let mut said = BufReader::new(said);
        let mut message = Vec::new();
        while said.read_until(0, &mut message).is_ok_and(|read| read > 0) {
            let value = serde_json::from_slice(message.strip_suffix(b"\0").unwrap_or(&message));
            if value.map(|value| tell.send(value)).is_ok_and(|sent| sent.is_err()) {
                return;
            }
            message.clear();
        }
    });
    told
}

fn complaint(event: &Value) -> Option<String> {
    let params = &event["params"];
    match event["method"].as_str()? {
        "Runtime.exceptionThrown" => {
            let details = &params["exceptionDetails"];
            let thrown = details["exception"]["description"].as_str().or(details["text"].as_str());
            Some(format!("not caught: {}", thrown.unwrap_or("?")))
        }
        "Runtime.consoleAPICalled" if matches!(params["type"].as_str(), Some("error" | "assert")) => {
            let values = params["args"].as_array().into_iter().flatten();
            let texts = values.map(|value| match &value["description"] {
                Value::String(text) => text.clone(),
                _ => value["value"].to_string(),
            });
            Some(texts.collect::<Vec<_>>().join(" "))
        }
        "Log.entryAdded" if params["entry"]["level"] == "error" => {
            let entry = &params["entry"];
            Some(format!("{} ({})", entry["text"].as_str()?, entry["url"].as_str().unwrap_or("?")))
        }
        _ => None,
    }
}
