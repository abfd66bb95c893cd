//! Everything the load generator holds while one system runs: its connections, the handlers' reports and the accounts.
//!
//! One thread, one epoll: what it costs is taken from the system on the same machine, so it copies nothing, starts no
//! threads and pipelines nothing. [`crate::run`] is one load driven through it.

use std::net::SocketAddr;
use std::os::fd::{AsFd, OwnedFd};
use std::path::Path;
use std::time::Duration;

use anyhow::{Context, Result};
use rustix::event::Timespec;
use rustix::event::epoll::{self, CreateFlags, Event, EventData, EventFlags};
use rustix::time::{Itimerspec, TimerfdClockId, TimerfdFlags, TimerfdTimerFlags, timerfd_create, timerfd_settime};

use crate::completions::Completions;
use crate::connection::Connection;
use crate::ledger::Ledger;

/// Something that wants attention.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ready {
    /// A handlers' process connects.
    Listener,
    /// The time of the next request has come.
    Timer,
    /// A handlers' process reports.
    Reporter(usize),
    /// Connection so-and-so has an answer, or takes more of its request.
    Connection { place: u32, writable: bool },
}

/// The load generator's hold on one system.
pub struct Drive {
    epoll: OwnedFd,
    timer: OwnedFd,
    pub(crate) completions: Completions,
    pub(crate) ledger: Ledger,
    pub(crate) connections: Vec<Connection>,
    address: Option<SocketAddr>,
    events: Vec<Event>,
    pub(crate) buffer: Vec<u8>,
}

const KIND: u32 = 32;
const LISTENER: u64 = 0;
const TIMER: u64 = 1;
const REPORTER: u64 = 2;
const CONNECTION: u64 = 3;

impl Drive {
    /// Listens for the reports of `handlers` runs an order on the socket `path`, before the system starts.
    pub fn listen(path: &Path, handlers: u32) -> Result<Self> {
        let epoll = epoll::create(CreateFlags::CLOEXEC)?;
        let timer = timerfd_create(TimerfdClockId::Monotonic, TimerfdFlags::CLOEXEC | TimerfdFlags::NONBLOCK)?;
        let completions = Completions::listen(path)?;
        epoll::add(&epoll, completions.listener(), EventData::new_u64(LISTENER << KIND), EventFlags::IN)?;
        epoll::add(&epoll, &timer, EventData::new_u64(TIMER << KIND), EventFlags::IN)?;
        Ok(Self {
            epoll,
            timer,
            completions,
            ledger: Ledger::new(handlers),
            connections: Vec::new(),
            address: None,
            events: Vec::with_capacity(256),
            buffer: vec![0; 64 * 1024],
        })
    }

    /// The socket on which handlers report.
    pub fn path(&self) -> &Path {
        self.completions.path()
    }

    /// Where requests go from now on.
    pub fn aim(&mut self, address: SocketAddr) {
        self.connections.clear();
        self.address = Some(address);
    }

    /// Holds exactly `count` open connections, idle ones closed or new ones opened.
    pub(crate) fn connect(&mut self, count: usize) -> Result<()> {
        let address = self.address.context("no system to connect to")?;
        self.connections.truncate(count);
        while self.connections.len() < count {
            let connection = Connection::open(address)?;
            self.watch(self.connections.len(), &connection)?;
            self.connections.push(connection);
        }
        Ok(())
    }

    /// Puts a new connection in the place of one that failed or was closed.
    pub(crate) fn reconnect(&mut self, place: u32) -> Result<()> {
        let connection = self.connections[place as usize].again()?;
        self.watch(place as usize, &connection)?;
        // Closing the old one also ends the watch over it.
        self.connections[place as usize] = connection;
        Ok(())
    }

    fn watch(&self, place: usize, connection: &Connection) -> Result<()> {
        let data = EventData::new_u64(CONNECTION << KIND | place as u64);
        Ok(epoll::add(&self.epoll, connection.stream(), data, EventFlags::IN)?)
    }

    /// Whether to be told when the connection takes more of its request.
    pub(crate) fn watch_writing(&self, place: u32, writing: bool) -> Result<()> {
        let flags = if writing { EventFlags::IN | EventFlags::OUT } else { EventFlags::IN };
        let data = EventData::new_u64(CONNECTION << KIND | u64::from(place));
        Ok(epoll::modify(&self.epoll, self.connections[place as usize].stream(), data, flags)?)
    }

    /// Takes the connections of handlers' processes that wait.
    pub(crate) fn accept(&mut self) -> Result<()> {
        while let Some((number, stream)) = self.completions.accept()? {
            let data = EventData::new_u64(REPORTER << KIND | number as u64);
            epoll::add(&self.epoll, stream.as_fd(), data, EventFlags::IN)?;
        }
        Ok(())
    }

    /// Wakes [`Drive::wait`] at `at` of the monotonic clock.
    pub(crate) fn wake_at(&self, at: u64) -> Result<()> {
        let at = Timespec { tv_sec: i64::try_from(at / 1_000_000_000)?, tv_nsec: i64::try_from(at % 1_000_000_000)? };
        let never = Timespec { tv_sec: 0, tv_nsec: 0 };
        timerfd_settime(&self.timer, TimerfdTimerFlags::ABSTIME, &Itimerspec { it_interval: never, it_value: at })?;
        Ok(())
    }

    /// The timer that has fired is quiet again.
    pub(crate) fn quiet_timer(&self) -> Result<()> {
        match rustix::io::read(&self.timer, &mut [0; 8]) {
            // Set anew since, it is quiet already.
            Ok(_) | Err(rustix::io::Errno::AGAIN) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }

    /// Waits until something is ready, at most `longest`.
    pub(crate) fn wait(&mut self, longest: Duration, ready: &mut Vec<Ready>) -> Result<()> {
        let longest =
            Timespec { tv_sec: i64::try_from(longest.as_secs())?, tv_nsec: i64::from(longest.subsec_nanos()) };
        self.events.clear();
        match epoll::wait(&self.epoll, rustix::buffer::spare_capacity(&mut self.events), Some(&longest)) {
            Ok(_) | Err(rustix::io::Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
        ready.clear();
        ready.extend(self.events.iter().map(|event| {
            let data = event.data.u64();
            let low = data & u64::from(u32::MAX);
            let flags = event.flags;
            match data >> KIND {
                LISTENER => Ready::Listener,
                TIMER => Ready::Timer,
                REPORTER => Ready::Reporter(usize::try_from(low).unwrap_or(usize::MAX)),
                _ => Ready::Connection {
                    place: u32::try_from(low).unwrap_or(u32::MAX),
                    writable: flags.contains(EventFlags::OUT),
                },
            }
        }));
        Ok(())
    }
}
