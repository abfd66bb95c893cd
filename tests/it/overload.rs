//! More requests than a project takes at once (contract, sections 3 and 16): refused, never piled up.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use less_tests::harness::{Connection, Home, Request, eventually};

/// What a project takes at once.
const AT_ONCE: usize = 1_024;
const MORE: usize = 20;

/// Long enough for all requests to arrive meanwhile.
const WAIT: &str = "
exports.process = async () => {
  await new Promise((resolve) => setTimeout(resolve, 6000));
  return { body: 'served' };
};
";

/// Every connection is a file, on both sides.
fn raise_file_limit() {
    let maximum = getrlimit(Resource::Nofile).maximum;
    setrlimit(Resource::Nofile, Rlimit { current: maximum, maximum }).unwrap();
}

fn flood(url: &str, requests: usize) -> Vec<Connection> {
    let (host, path) = url.strip_prefix("http://").unwrap().split_once('/').unwrap();
    let head = format!("GET /{path} HTTP/1.1\r\nhost: {host}\r\n\r\n");
    let open = |_| {
        let mut connection = Connection::open(url);
        connection.try_write(head.as_bytes()).unwrap();
        connection
    };
    (0..requests).map(open).collect()
}

#[test]
fn requests_beyond_what_fits_get_503_at_once_and_all_others_are_served() {
    raise_file_limit();
    let home = Home::new();
    let project = home.project("shop", &[("less/apis/slow/get.js", WAIT)]);
    let url = project.deploy().url("slow").to_owned();
    let mut connections = flood(&url, AT_ONCE + MORE);
    let (mut served, mut refused) = (0, 0);
    for connection in &mut connections {
        let answer = connection.read_answer(false).unwrap();
        match answer.status {
            200 => served += 1,
            503 => {
                assert!(answer.header("retry-after").is_some(), "a client is told when to come again");
                refused += 1;
            }
            other => panic!("{other}"),
        }
    }
    assert_eq!((served, refused), (AT_ONCE, MORE));
}

#[test]
fn clients_that_hang_up_do_not_make_room_for_more_than_fits() {
    raise_file_limit();
    let home = Home::new();
    let project = home.project("shop", &[("less/apis/slow/get.js", WAIT)]);
    let url = project.deploy().url("slow").to_owned();
    let request = Request::new("GET", &url);
    let connections = flood(&url, AT_ONCE + MORE);
    eventually("the project is full", || connections.iter().any(Connection::has_something_to_read));
    drop(connections);
    assert_eq!(request.send().status, 503, "their handlers still run");
    eventually("there is room once the handlers have ended", || request.send().status == 200);
}
