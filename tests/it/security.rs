//! Those who mean harm, at every door (`docs/security.md` says which there are): the real binary, and bytes that no
//! ordinary client sends.

mod doors;
mod framing;
mod headers;
mod log_lines;
mod names;
mod privacy;
mod secrets;
mod uploads;

use std::fs;

use less_tests::harness::{Home, Request};

/// `host:port` of a URL.
fn authority(url: &str) -> &str {
    url.trim_start_matches("http://").split('/').next().unwrap()
}

fn token(home: &Home) -> String {
    fs::read_to_string(home.less_home().join("server/token")).unwrap()
}

/// The control API's address.
fn control(home: &Home) -> String {
    format!("http://localhost:{}/v1", home.server_file()["control_port"])
}

/// A request to the control API by somebody who has the token.
fn command(home: &Home, method: &str, path: &str) -> Request {
    let url = format!("{}/{path}", control(home));
    Request::new(method, &url).header("authorization", &format!("Bearer {}", token(home)))
}
