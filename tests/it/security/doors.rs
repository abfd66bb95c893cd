//! Who may come in: pages of other sites, other users of the machine, and paths that lead elsewhere.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::process::Command;

use less_tests::harness::{Connection, Home, Request, http};

use super::{authority, command, control, token};

const ECHO: &str = "exports.process = async (request) => ({ body: JSON.stringify(request.params) });";

#[test]
fn pages_of_other_sites_publish_call_and_command_nothing() {
    let home = Home::new();
    let noting = "const { note } = require('notes'); exports.process = async () => note('ran', 1);";
    let files = [("less/topics/sold/one/index.js", noting), ("less/functions/greet/index.js", noting)];
    let deployed = home.project("shop", &files).deploy();
    let status = format!("{}/status", control(&home));
    for url in [&format!("{}/sold", deployed.url("topics")), &format!("{}/greet", deployed.url("functions")), &status] {
        let method = if *url == status { "GET" } else { "POST" };
        // As a page can send it without asking first.
        let of_page = |origin: &str| {
            let simple = Request::new(method, url).header("content-type", "text/plain").header("origin", origin);
            simple.header("authorization", &format!("Bearer {}", token(&home))).body("1").send()
        };
        let own = format!("http://{}", authority(url));
        let other_port = format!("http://{}1", authority(url));
        let beside = format!("{own}.evil.example");
        for origin in ["http://evil.example", "null", "http://localhost", &other_port, &beside, "file://"] {
            assert_eq!(of_page(origin).expect_error(403)["code"], "foreign_origin", "{url} from {origin}");
        }
        of_page(&own.replace("http:", "https:")).expect_error(403);
        // A name of another site's that leads here (DNS rebinding): its pages' origin and host agree.
        let rebound = Request::new(method, url).header("host", "evil.example").header("origin", "http://evil.example");
        rebound.body("1").send().expect_error(421);
    }
    assert!(home.notes("ran").is_empty());
}

#[test]
fn without_the_token_the_control_api_does_nothing() {
    let home = Home::new();
    let project = home.project("shop", &[("less/apis/shop/get.js", ECHO)]);
    project.deploy();
    let whole = token(&home);
    assert_eq!(whole.len(), 64);
    let base = control(&home);
    for (method, path) in [
        ("GET", "status"),
        ("GET", "projects"),
        ("GET", "projects/shop/log"),
        ("DELETE", "projects/shop?purge=true"),
        ("POST", "projects/shop/deploy"),
        ("POST", "stop"),
    ] {
        let url = format!("{base}/{path}");
        for given in ["", "Bearer", "Bearer ", &whole, &format!("Bearer {}", &whole[1..]), &format!("Basic {whole}")] {
            let answer = Request::new(method, &url).header("authorization", given).send();
            assert_eq!(answer.expect_error(401)["code"], "unauthorized", "{method} {path} with {given:?}");
        }
        let separator = if path.contains('?') { '&' } else { '?' };
        let elsewhere = Request::new(method, &format!("{url}{separator}token={whole}")).header("cookie", &whole);
        elsewhere.send().expect_error(401);
    }
    assert_eq!(project.resources()["apis"][0]["name"], "shop", "the server goes on, and so does the project");
}

#[test]
fn no_path_leads_out_of_a_project() {
    let home = Home::new();
    let files = [
        ("less/apis/shop/things/{id}/get.js", ECHO),
        ("less/apis/shop/fixed/get.js", ECHO),
        ("less/topics/sold/one/index.js", "exports.process = async () => {};"),
    ];
    let api = home.project("shop", &files).deploy().url("shop").to_owned();
    // What stands for one segment is the handler's to look at, and nothing else is done with it.
    for (segment, id) in [
        ("..", ".."),
        ("%2e%2e", ".."),
        ("..%2f..%2ftoken", "../../token"),
        ("%2fetc%2fpasswd", "/etc/passwd"),
        ("%00", "\0"),
        ("a%0d%0ab", "a\r\nb"),
        ("%252e%252e", "%2e%2e"),
        ("..%5c..", "..\\.."),
    ] {
        let params = http::get(&format!("{api}/things/{segment}")).expect(200).json();
        assert_eq!(params, serde_json::json!({ "id": id }), "{segment}");
    }
    let gateway = format!("http://{}", authority(&api));
    for path in [
        "/../token",
        "/%2e%2e/token",
        "//etc/passwd",
        "/shop/../../token",
        "/shop/apis/../apis/shop/fixed",
        "/shop/apis/shop/../shop/fixed",
        "/shop/apis/shop/%2e%2e/shop/fixed",
        "/shop/apis/shop/things/../fixed",
        "/shop/apis/shop/fixed%2f",
        "/shop/apis/shop%2ffixed",
        "/shop%2fapis/shop/fixed",
        "/shop/apis/shop/things/%ff",
        "/shop/apis/shop/things/%",
        "/shop\\apis\\shop",
    ] {
        let answer = http::get(&format!("{gateway}{path}"));
        assert!(!answer.text().contains(&token(&home)), "{path}");
        answer.expect_error(404);
    }
    let file = http::get(&format!("{gateway}/shop/files/%2e%2e/%2e%2e/token")).expect_error(400);
    assert_eq!(file["code"], "bad_path");
    let posted = http::post(&format!("{gateway}/shop/topics/../topics/sold"), "1").expect_error(404);
    assert_eq!(posted["code"], "unknown_topic");
    for path in ["projects/..", "projects/%2e%2e", "projects/shop%2f..", "projects/../status", "projects/shop/../shop"]
    {
        let status = command(&home, "GET", path).send().status;
        assert!(matches!(status, 400 | 404), "{status} for {path}");
    }
    let log = |path: &str| command(&home, "GET", &format!("projects/shop/log?path={path}")).send();
    for path in ["../../token", "%2e%2e%2ftoken", "/etc/passwd", "%00", "apis/shop/../shop"] {
        assert_eq!(log(path).expect(404).json()["code"], "unknown_handler", "{path}");
    }
}

/// What somebody else on this machine would try. Prints what worked.
const INTRUDER: &str = r"
import encodings.idna, os, socket, sys
home, port, *pids = sys.argv[1:]
os.setgroups([]); os.setgid(65534); os.setuid(65534)

def works(what, attempt):
    try:
        attempt()
    except (OSError, AssertionError):
        return
    print(what)

works('list', lambda: os.listdir(home))
for name in ('token', 'topics.db', 'server.json', 'server.log', 'lock', 'versions', 'logs', 'sdk'):
    works('read ' + name, lambda: os.stat(os.path.join(home, name)))
works('write', lambda: open(os.path.join(home, 'new'), 'w'))
for pid in pids:
    works('environ', lambda: open(f'/proc/{pid}/environ').read())
    works('memory', lambda: open(f'/proc/{pid}/mem', 'rb'))
    works('folder', lambda: os.listdir(f'/proc/{pid}/cwd/'))
    works('descriptors', lambda: os.listdir(f'/proc/{pid}/fd'))
    works('kill', lambda: os.kill(int(pid), 0))

def command():
    with socket.create_connection(('127.0.0.1', int(port))) as it:
        it.sendall(b'POST /v1/stop HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n')
        assert it.recv(20).split()[1] != b'401'

works('command', command)
print('tried')
";

#[test]
fn another_user_of_the_machine_reads_changes_and_commands_nothing() {
    if !rustix::process::geteuid().is_root() {
        eprintln!("skipped: only root can become another user");
        return;
    }
    let home = Home::new();
    let files = [("less/apis/shop/get.js", ECHO), ("less/apis/shop/post.py", "def process(request, response): pass")];
    home.project("shop", &files).deploy();
    // What stands around it may be open.
    for folder in [home.root(), &home.less_home()] {
        fs::set_permissions(folder, fs::Permissions::from_mode(0o755)).unwrap();
    }
    let mut pids: Vec<String> = home.workers().iter().map(|worker| worker.pid.to_string()).collect();
    assert!(pids.len() >= 2, "workers of both languages run");
    pids.push(home.server_pid().to_string());
    let mut intruder = Command::new("python3");
    intruder.args(["-I", "-c", INTRUDER]).arg(home.less_home().join("server"));
    let ran = intruder.arg(home.server_file()["control_port"].to_string()).args(pids).output().unwrap();
    let (tried, said) = (String::from_utf8(ran.stdout).unwrap(), String::from_utf8_lossy(&ran.stderr).into_owned());
    assert_eq!(tried, "tried\n", "{said}");
}

#[test]
fn many_who_only_open_connections_keep_no_command_out() {
    let home = Home::new();
    home.start_server();
    let base = control(&home);
    let idle: Vec<_> = (0..300).map(|_| Connection::open(&base)).collect();
    home.run(&["server", "status"]).succeeded();
    drop(idle);
}
