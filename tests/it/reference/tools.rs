//! A client of the Model Context Protocol: JSON-RPC 2.0, a message a line, over the server's standard streams.

use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{self, Receiver};
use std::thread;
use std::time::Duration;

use serde_json::{Value, json};

use less_tests::harness::{Home, Project};

/// npx and npm are slow on a busy machine; a tool that hangs fails the test all the same.
const PATIENCE: Duration = Duration::from_secs(120);

/// A server with its tools, which runs in a project's folder.
pub(super) struct Tools {
    server: Child,
    requests: ChildStdin,
    answers: Receiver<Value>,
    last: u64,
}

/// An answer that is still to come.
pub(super) struct Pending(u64);

impl Tools {
    pub(super) fn start(home: &Home, program: &Path, project: &Project) -> Self {
        let mut command = Command::new("node");
        command.arg(program).current_dir(&project.folder).stdin(Stdio::piped()).stdout(Stdio::piped());
        home.adopt(&mut command);
        let mut server = command.spawn().unwrap();
        let requests = server.stdin.take().unwrap();
        let lines = BufReader::new(server.stdout.take().unwrap()).lines();
        let (sender, answers) = mpsc::channel();
        thread::spawn(move || {
            // It greets on the same stream, in words.
            for message in lines.map_while(Result::ok).filter_map(|line| serde_json::from_str(&line).ok()) {
                if sender.send(message).is_err() {
                    break;
                }
            }
        });
        let mut tools = Self { server, requests, answers, last: 0 };
        let client = json!({ "name": "a test", "version": "1" });
        let hello = json!({ "protocolVersion": "2025-03-26", "capabilities": {}, "clientInfo": client });
        assert_eq!(tools.request("initialize", &hello)["serverInfo"]["name"], "Less");
        tools.write(&json!({ "jsonrpc": "2.0", "method": "notifications/initialized" }));
        tools
    }

    /// What a tool says when it succeeds.
    #[track_caller]
    pub(super) fn call(&mut self, tool: &str, arguments: &Value) -> String {
        let pending = self.begin(tool, arguments);
        self.end(pending).unwrap_or_else(|error| panic!("{tool} failed: {error}"))
    }

    /// What a tool says when it fails.
    #[track_caller]
    pub(super) fn refused(&mut self, tool: &str, arguments: &Value) -> String {
        let pending = self.begin(tool, arguments);
        self.end(pending).expect_err("the tool succeeded")
    }

    pub(super) fn begin(&mut self, tool: &str, arguments: &Value) -> Pending {
        self.ask("tools/call", &json!({ "name": tool, "arguments": arguments }))
    }

    pub(super) fn end(&mut self, pending: Pending) -> Result<String, String> {
        let result = self.result(pending);
        let text = result["content"][0]["text"].as_str().unwrap_or_else(|| panic!("{result}")).to_owned();
        if result["isError"] == true { Err(text) } else { Ok(text) }
    }

    pub(super) fn request(&mut self, method: &str, params: &Value) -> Value {
        let pending = self.ask(method, params);
        self.result(pending)
    }

    fn ask(&mut self, method: &str, params: &Value) -> Pending {
        self.last += 1;
        self.write(&json!({ "jsonrpc": "2.0", "id": self.last, "method": method, "params": params }));
        Pending(self.last)
    }

    fn write(&mut self, message: &Value) {
        writeln!(self.requests, "{message}").unwrap();
    }

    fn result(&mut self, Pending(id): Pending) -> Value {
        let answer = self.answers.recv_timeout(PATIENCE).expect("the server answers");
        assert_eq!(answer["id"], id, "{answer}");
        answer["result"].clone()
    }
}

impl Drop for Tools {
    fn drop(&mut self) {
        self.server.kill().and_then(|()| self.server.wait()).ok();
    }
}
