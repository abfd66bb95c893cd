//! Sections 15 and 16, as far as the others need them. With the project `foundation`.

use std::fs;
use std::net::TcpListener;
use std::os::unix::fs::symlink;

use less_tests::harness::{Request, http};
use rustix::process::Signal;
use serde_json::{Value, json};

use crate::case::{Case, case};
use crate::scene::Scene;

pub(crate) const CASES: &[Case] = &[
    case!(a_server_and_a_run_live_side_by_side_in_one_home, ["15.01", "15.02"],
        "crates/less-cli/src/resolve.rs":
            "self.0.join(\"run\").join(name.as_ref())"
            => "self.0.join(\"server\")"),
    case!(two_homes_never_meet, ["15.03"],
        "crates/less-cli/src/resolve.rs":
            "(Some(given), _) => Ok(LessHome(here.join(given))),"
            => "(Some(_), _) => Ok(LessHome(std::env::temp_dir().join(\"../../one-home\"))),"),
    case!(only_this_machine_is_listened_to, ["15.04"],
        "crates/less-server/src/triggers/http/bind.rs":
            "listen(SocketAddr::from((Ipv4Addr::LOCALHOST, port)))?"
            => "listen(SocketAddr::from((Ipv4Addr::UNSPECIFIED, port)))?"),
    case!(run_gives_ports_in_alphabetical_order_and_goes_round_taken_ones, ["15.05", "15.06"],
        "crates/less-server/src/triggers/http/bind.rs":
            "if taken == Taken::NextFree { port.saturating_add(NEXT) } else { port }"
            => "port"),
    case!(paths_mirror_the_folder, ["15.07"],
        "crates/less-server/src/triggers/http/door.rs":
            "Some(\"apis\") => {"
            => "Some(\"api\") => {"),
    case!(a_server_keeps_its_port_or_says_who_cannot, ["15.08"],
        "crates/less-server/src/home.rs":
            "serde_json::from_slice(&fs::read(self.0.join(\"ports.json\")).ok()?).ok()"
            => "None"),
    case!(the_control_api_has_a_port_and_a_token_of_its_own, ["15.09"],
        "crates/less-server/src/control/mod.rs":
            "if !self.is_authorized(request.headers()) {"
            => "if false {"),
    case!(unknown_hosts_and_foreign_pages_are_refused, ["15.10", "15.11"],
        "crates/less-server/src/triggers/http/headers.rs":
            "if is_loopback(host) && is_loopback(target) { Ok(()) } else { Err(Failure::UnknownHost) }"
            => "Ok(())"),
    case!(links_that_lead_out_of_the_project_are_refused, ["16.06"],
        "crates/less-server/src/build/snapshot.rs":
            "Ok(real) if !real.starts_with(&self.root) => {"
            => "Ok(real) if real.as_os_str().is_empty() => {"),
];

fn a_server_and_a_run_live_side_by_side_in_one_home(scene: &Scene) {
    let stage = scene.small_stage("beside");
    let project = stage.project();
    let url = project.deploy().url("beside").to_owned();
    let mut run = stage.home.start("run", &project.folder, &["run", "beside", "--port", &http::free_port()]);
    let of_run = run.url("beside");
    for url in [&url, &of_run] {
        assert_eq!(http::get(url).expect(200).text(), "fine");
    }
    for folder in ["server", "run/beside"] {
        assert!(stage.home.less_home().join(folder).is_dir(), "{folder}");
    }
    let twice = project.run(&["run", "beside", "--port", &http::free_port()]).failed_with(1);
    assert!(twice.stderr.contains("runs already"), "{}", twice.stderr);
    run.signal(Signal::INT);
    run.ended();
    assert_eq!(http::get(&url).expect(200).text(), "fine");
}

fn two_homes_never_meet(scene: &Scene) {
    let stages = [scene.small_stage("apart"), scene.small_stage("apart")];
    let urls = stages.each_ref().map(|stage| stage.project().deploy().url("apart").to_owned());
    assert_ne!(urls[0], urls[1]);
    stages[0].home.run(&["delete", "apart", "--yes"]).succeeded();
    http::get(&urls[0]).expect(404);
    assert_eq!(http::get(&urls[1]).expect(200).text(), "fine");
    stages[0].home.stop_server();
    assert_eq!(http::get(&urls[1]).expect(200).text(), "fine");
}

/// The addresses on which a process listens, as the kernel has them: (hexadecimal address, port).
fn listening(pid: u32) -> Vec<(String, u16)> {
    let sockets: Vec<String> = fs::read_dir(format!("/proc/{pid}/fd"))
        .unwrap()
        .filter_map(|entry| fs::read_link(entry.ok()?.path()).ok()?.to_str().map(str::to_owned))
        .filter_map(|link| Some(link.strip_prefix("socket:[")?.strip_suffix(']')?.to_owned()))
        .collect();
    let mut found = Vec::new();
    for table in ["tcp", "tcp6"] {
        for line in fs::read_to_string(format!("/proc/net/{table}")).unwrap_or_default().lines().skip(1) {
            let fields: Vec<_> = line.split_whitespace().collect();
            // 0A: it listens.
            if fields[3] == "0A" && sockets.iter().any(|inode| inode == fields[9]) {
                let (address, port) = fields[1].split_once(':').unwrap();
                found.push((address.to_owned(), u16::from_str_radix(port, 16).unwrap()));
            }
        }
    }
    found
}

fn only_this_machine_is_listened_to(scene: &Scene) {
    scene.project();
    let listening = listening(scene.home.server_pid());
    assert!(listening.len() >= 2, "{listening:?}");
    let loopback = ["0100007F", "00000000000000000000000001000000"];
    assert!(listening.iter().all(|(address, _)| loopback.contains(&address.as_str())), "{listening:?}");
    assert!(listening.iter().any(|(address, _)| address == loopback[0]), "{listening:?}");
}

fn run_gives_ports_in_alphabetical_order_and_goes_round_taken_ones(scene: &Scene) {
    let stage = scene.small_stage("bravo");
    for api in ["alpha", "charlie"] {
        stage.handler(&format!("less/apis/{api}/get"), &scene.language.answering(&format!("'{api}'")));
    }
    let base: u16 = http::free_port().parse().unwrap();
    let taken = TcpListener::bind(("127.0.0.1", base)).unwrap();
    let mut run = stage.home.start("run", &stage.project().folder, &["run", "bravo", "--port", &base.to_string()]);
    let ports = ["alpha", "bravo", "charlie"].map(|api| {
        let url = run.url(api);
        assert_eq!(http::get(&url).expect(200).text(), if api == "bravo" { "fine" } else { api });
        url.rsplit_once(':').unwrap().1.parse::<u16>().unwrap()
    });
    assert!(base < ports[0] && ports.is_sorted(), "{base}: {ports:?}");
    drop(taken);
    run.signal(Signal::INT);
    run.ended();
}

fn paths_mirror_the_folder(scene: &Scene) {
    let gateway = format!("http://localhost:{}", scene_port(scene));
    assert_eq!(scene.url("foundation"), format!("{gateway}/foundation/apis/foundation"));
    assert_eq!(scene.url("topics"), format!("{gateway}/foundation/topics"));
    let at = |path: &str| http::get(&format!("{gateway}{path}")).status;
    assert_eq!(
        (at("/foundation/apis/foundation"), at("/foundation/apis/nobody"), at("/nobody/apis/foundation")),
        (200, 404, 404)
    );
    assert_eq!((at("/foundation"), at("/")), (404, 404));
}

/// The gateway's port.
fn scene_port(scene: &Scene) -> Value {
    scene.project();
    scene.home.server_file()["gateway_port"].clone()
}

fn a_server_keeps_its_port_or_says_who_cannot(scene: &Scene) {
    let stage = scene.small_stage("kept");
    let start = |args: &[&str]| {
        let mut command = stage.home.command(stage.home.root(), &[&["server", "start"], args].concat());
        let output = command.env_remove("LESS_PORT").output().unwrap();
        (output.status.code(), String::from_utf8(output.stderr).unwrap())
    };
    let port = http::free_port();
    assert_eq!(start(&["--port", &port, "--control-port", "0"]).0, Some(0));
    stage.home.stop_server();
    assert_eq!(start(&[]).0, Some(0));
    assert_eq!(stage.home.server_file()["gateway_port"].to_string(), port);
    stage.home.stop_server();
    let taken = TcpListener::bind(format!("127.0.0.1:{port}")).unwrap();
    let (code, said) = start(&[]);
    assert!(code == Some(1) && said.contains(&port), "{code:?} {said}");
    drop(taken);
}

fn the_control_api_has_a_port_and_a_token_of_its_own(scene: &Scene) {
    scene.project();
    let file = scene.home.server_file();
    assert_ne!(file["gateway_port"], file["control_port"]);
    let status = format!("http://localhost:{}/v1/status", file["control_port"]);
    let token = fs::read_to_string(scene.home.less_home().join("server/token")).unwrap();
    let ask =
        |token: &str| Request::new("GET", &status).header("authorization", &format!("Bearer {token}")).send().status;
    assert_eq!((ask(token.trim()), ask("wrong"), http::get(&status).status), (200, 401, 401));
}

fn unknown_hosts_and_foreign_pages_are_refused(scene: &Scene) {
    scene.project();
    let control = format!("http://localhost:{}/v1/status", scene.home.server_file()["control_port"]);
    let token = fs::read_to_string(scene.home.less_home().join("server/token")).unwrap();
    let api = Request::new("GET", &scene.url("foundation"));
    let topic = Request::new("POST", &format!("{}/order_placed", scene.url("topics"))).body("1");
    let control = Request::new("GET", &control).header("authorization", &format!("Bearer {}", token.trim()));
    for request in [&api, &topic, &control] {
        request.clone().header("host", "rebound.example").send().expect_error(421);
    }
    for request in [&topic, &control] {
        assert!(request.send().status < 300);
        request.clone().header("origin", "https://elsewhere.example").send().expect_error(403);
    }
    assert_eq!(
        api.header("origin", "https://elsewhere.example").send().expect(200).json(),
        json!(["hello", "from beside", "from below"])
    );
}

fn links_that_lead_out_of_the_project_are_refused(scene: &Scene) {
    let stage = scene.small_stage("linked");
    fs::write(stage.home.root().join("outside"), "a secret").unwrap();
    symlink(stage.home.root().join("outside"), stage.project().folder.join("less/apis/linked/inside")).unwrap();
    stage.build_fails(&["less/apis/linked/inside", "leads out of the project"]);
    stage.project().remove("less/apis/linked/inside");
    // Beside `less/`, too: all of the folder is deployed.
    symlink(stage.home.root().join("outside"), stage.project().folder.join("data")).unwrap();
    let refused = stage.project().run(&["deploy", "linked"]).failed_with(1).stderr;
    assert!(refused.contains("data: ") && refused.contains("leads out of the project"), "{refused}");
}
