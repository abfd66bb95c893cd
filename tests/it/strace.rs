//! Reads what `strace -f -yy` wrote: which call began and ended where, on which file or socket.

use std::collections::HashMap;
use std::process::{Command, Stdio};

/// One system call. `begun` and `ended` are places in the trace: a call that another one interrupted has two.
#[derive(Debug)]
pub(crate) struct Call {
    pub(crate) begun: usize,
    pub(crate) ended: usize,
    pub(crate) name: String,
    /// What the first argument stands for: `/home/less.db-wal`, `TCP:[…]`, `UNIX-STREAM:[…]`.
    pub(crate) target: String,
    /// The call as it was printed, strings escaped as in C.
    pub(crate) text: String,
}

impl Call {
    pub(crate) fn is_sync(&self) -> bool {
        matches!(self.name.as_str(), "fdatasync" | "fsync")
    }

    pub(crate) fn is_on_write_ahead_log(&self) -> bool {
        self.target.ends_with("-wal")
    }

    pub(crate) fn is_on_socket(&self) -> bool {
        self.target.starts_with("TCP") || self.target.starts_with("UNIX")
    }
}

/// `make test` must work without strace; CI must not.
pub(crate) fn is_here() -> bool {
    let here = Command::new("strace").arg("--version").stdout(Stdio::null()).stderr(Stdio::null()).status().is_ok();
    assert!(here || std::env::var_os("CI").is_none(), "CI needs strace");
    if !here {
        eprintln!("not checked: strace is not installed");
    }
    here
}

/// Calls in the order in which they began. One that never ended is left out.
pub(crate) fn parse(trace: &str) -> Vec<Call> {
    let mut calls = Vec::new();
    let mut open: HashMap<&str, Call> = HashMap::new();
    for (place, line) in trace.lines().enumerate() {
        let Some((thread, rest)) = line.split_once(' ') else { continue };
        let rest = rest.trim_start();
        if rest.starts_with("<... ") {
            if let Some(call) = open.remove(thread) {
                calls.push(Call { ended: place, ..call });
            }
        } else if let Some(call) = begin(place, rest) {
            if rest.ends_with("<unfinished ...>") {
                open.insert(thread, call);
            } else {
                calls.push(call);
            }
        }
    }
    calls.sort_by_key(|call| call.begun);
    calls
}

/// `fdatasync(7</home/less.db-wal>) = 0`
fn begin(place: usize, text: &str) -> Option<Call> {
    let (name, arguments) = text.split_once('(')?;
    let (descriptor, rest) = arguments.split_once('<')?;
    if !descriptor.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    // The name of a socket contains `->`.
    let end = rest.find(">,").or_else(|| rest.find(">)")).or_else(|| rest.find("> "))?;
    let (name, target, text) = (name.to_owned(), rest[..end].to_owned(), text.to_owned());
    Some(Call { begun: place, ended: place, name, target, text })
}

#[test]
fn an_interrupted_call_ends_where_it_is_resumed() {
    let trace = "\
7 sendto(5<TCP:[127.0.0.1:1->127.0.0.1:2]>, \"hi\", 2, 0, NULL, 0) = 2
7 fdatasync(3</h/less.db-wal> <unfinished ...>
8 pwrite64(3</h/less.db-wal>, \"\\0abc\", 4, 0) = 4
7 <... fdatasync resumed>) = 0
8 +++ exited with 0 +++
";
    let calls = parse(trace);
    let seen: Vec<_> = calls.iter().map(|call| (call.name.as_str(), call.begun, call.ended)).collect();
    assert_eq!(seen, [("sendto", 0, 0), ("fdatasync", 1, 3), ("pwrite64", 2, 2)]);
    assert!(calls[0].is_on_socket() && calls[1].is_sync() && calls[1].is_on_write_ahead_log());
    assert_eq!(calls[0].target, "TCP:[127.0.0.1:1->127.0.0.1:2]");
}
