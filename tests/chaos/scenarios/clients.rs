//! Clients that do no good: too many, too slow, or gone before they are answered.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use less_tests::harness::{Connection, Request, eventually, for_a_while};

use crate::load::{self, Ids};
use crate::scene::Scene;
use crate::town::Kind;

const CROWD: usize = 10_000;
/// Connections that the server keeps.
const PLACES: usize = 8_192;
/// For a connection; the server's queue may be full for a moment.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);
/// Slow clients of each kind.
const SLOW: usize = 300;
const A_BYTE_EVERY: Duration = Duration::from_millis(500);

pub(crate) fn crowd(scene: &mut Scene) {
    raise_file_limit();
    scene.begin();
    scene.calm();
    let mut crowd: Vec<_> = (0..CROWD).map(|_| connect(&scene.base(), PATIENCE).unwrap()).collect();
    // Those who were there are served as before.
    scene.acknowledge_some();
    let mut refused = 0;
    eventually("whoever found no place is sent away", || {
        crowd.retain(|stream| {
            let told = read(stream);
            refused += usize::from(told.as_ref().is_some_and(|told| told.starts_with(b"HTTP/1.1 503")));
            told.is_none()
        });
        crowd.len() <= PLACES
    });
    if !scene.size.is_short {
        eventually("whoever says nothing is sent away later", || {
            crowd.retain(|stream| read(stream).is_none());
            crowd.is_empty()
        });
    }
    drop(crowd);
    scene.recover();
    scene.finish();
    scene.remark(format!("{refused} of {CROWD} were told 503"));
}

pub(crate) fn slow_loris(scene: &mut Scene) {
    raise_file_limit();
    scene.begin();
    scene.calm();
    let (host, path) = scene.base().strip_prefix("http://").unwrap().split_once('/').map(own).unwrap();
    let head = format!("POST /{path}/topics/placed HTTP/1.1\r\nhost: {host}\r\n");
    let body = format!("{head}content-length: 10000\r\n\r\n");
    let mut slow: Vec<Connection> = Vec::new();
    for begun in [&head, &body].into_iter().flat_map(|begun| std::iter::repeat_n(begun, SLOW)) {
        let mut connection = Connection::open(&scene.base());
        connection.try_write(begun.as_bytes()).unwrap();
        slow.push(connection);
    }
    let mut told = 0;
    eventually("every slow client is sent away", || {
        slow.retain_mut(|connection| {
            let is_over = connection.has_something_to_read();
            if is_over {
                told += usize::from(connection.read_answer(false).is_ok_and(|answer| answer.status == 408));
            } else {
                connection.try_write(b"x").ok();
            }
            !is_over
        });
        for_a_while(A_BYTE_EVERY);
        slow.is_empty()
    });
    assert_eq!(told, 2 * SLOW, "every one of them is told why");
    scene.recover();
    scene.calm();
    scene.finish();
}

pub(crate) fn leavers(scene: &mut Scene) {
    scene.begin();
    let ids = scene.ids();
    let mut returned = 0;
    for _ in 0..scene.size.rounds(200, 4_000) {
        returned += usize::from(leave(scene, &ids));
    }
    scene.recover();
    scene.finish();
    scene.remark(format!("{returned} came back with the same idempotency key"));
}

/// Sends a publish, or a part of it, and hangs up; whether the client came back to ask again.
fn leave(scene: &mut Scene, ids: &Ids) -> bool {
    let id = load::next(ids);
    let body = load::order(&mut scene.random, id).to_string();
    let url = format!("{}/topics/placed", scene.base());
    let (host, path) = url.strip_prefix("http://").unwrap().split_once('/').unwrap();
    let request = format!(
        "POST /{path} HTTP/1.1\r\nhost: {host}\r\nidempotency-key: leaver {id}\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    );
    let sent = match scene.random.within(0..3) {
        0 => usize::try_from(scene.random.within(1..request.len() as u64)).unwrap(),
        _ => request.len(),
    };
    let mut stream = connect(&url, PATIENCE).unwrap();
    stream.write_all(&request.as_bytes()[..sent]).unwrap();
    if scene.random.percent(50) {
        for_a_while(scene.random.millis(0..4));
    }
    drop(stream);
    let comes_back = scene.random.percent(50);
    if comes_back {
        let again = Instant::now();
        let request = Request::new("POST", &url).header("idempotency-key", &format!("leaver {id}")).body(body);
        request.send().expect(202);
        scene.ledger.acknowledge(id, Kind::Placed, again);
    }
    comes_back
}

/// A connection to the server of `url`, unless that takes longer than `patience`.
pub(crate) fn connect(url: &str, patience: Duration) -> std::io::Result<TcpStream> {
    let host = url.strip_prefix("http://").unwrap().split('/').next().unwrap();
    let address: SocketAddr = host.parse().unwrap();
    let stream = TcpStream::connect_timeout(&address, patience)?;
    stream.set_nodelay(true)?;
    Ok(stream)
}

/// What the server said before it ended this connection; `None` while it is open.
fn read(mut stream: &TcpStream) -> Option<Vec<u8>> {
    stream.set_nonblocking(true).unwrap();
    let mut said = Vec::new();
    match stream.read_to_end(&mut said) {
        Err(error) if error.kind() == std::io::ErrorKind::WouldBlock && said.is_empty() => None,
        Ok(_) | Err(_) => Some(said),
    }
}

/// Every connection is a file, on both sides.
pub(crate) fn raise_file_limit() {
    let maximum = getrlimit(Resource::Nofile).maximum;
    setrlimit(Resource::Nofile, Rlimit { current: maximum, maximum }).unwrap();
}

fn own((host, path): (&str, &str)) -> (String, String) {
    (host.to_owned(), path.to_owned())
}
