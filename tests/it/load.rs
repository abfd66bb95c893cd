//! Clients that send one request after the other, for tests of overload.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use less_tests::harness::{Connection, Request, for_a_while};

/// After a refusal, a client that was told to come again does so.
const PAUSE: Duration = Duration::from_millis(100);

/// Every connection is a file, on both sides.
pub(crate) fn raise_file_limit() {
    let maximum = getrlimit(Resource::Nofile).maximum;
    setrlimit(Resource::Nofile, Rlimit { current: maximum, maximum }).unwrap();
}

/// Clients at work until they are stopped.
pub(crate) struct Load {
    stop: Arc<AtomicBool>,
    clients: Vec<JoinHandle<Seen>>,
}

/// What came back.
#[derive(Debug, Default)]
pub(crate) struct Seen {
    /// How long each took that was served, sorted.
    pub(crate) served: Vec<Duration>,
    pub(crate) refused: usize,
}

impl Load {
    pub(crate) fn start(clients: usize, request: &Request) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let client = |_| {
            let (stop, request) = (Arc::clone(&stop), request.clone());
            thread::Builder::new().stack_size(256 << 10).spawn(move || one(&request, &stop)).unwrap()
        };
        Self { clients: (0..clients).map(client).collect(), stop }
    }

    /// Lets each finish its last request.
    pub(crate) fn stop(self) -> Seen {
        self.stop.store(true, Ordering::Relaxed);
        let mut all = Seen::default();
        for seen in self.clients.into_iter().map(|client| client.join().unwrap()) {
            all.served.extend(seen.served);
            all.refused += seen.refused;
        }
        all.served.sort_unstable();
        all
    }
}

impl Seen {
    /// So many percent were served within this.
    pub(crate) fn percentile(&self, percent: usize) -> Duration {
        self.served[(self.served.len() * percent / 100).min(self.served.len() - 1)]
    }
}

fn one(request: &Request, stop: &AtomicBool) -> Seen {
    let (mut seen, mut connection) = (Seen::default(), Connection::open(&request.url()));
    while !stop.load(Ordering::Relaxed) {
        let begun = Instant::now();
        let answer = connection.send(request);
        match answer.status {
            200 => seen.served.push(begun.elapsed()),
            503 => {
                assert!(answer.header("retry-after").is_some(), "a client is told when to come again");
                seen.refused += 1;
                for_a_while(PAUSE);
            }
            other => panic!("{other}: {}", answer.text()),
        }
    }
    seen
}
