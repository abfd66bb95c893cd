//! All scenarios, in the order in which they are played.

mod broadcast;
mod clients;
mod clock;
mod deploys;
mod descriptors;
mod full;
mod io;
mod kills;
mod power;
mod stops;
mod tails;
mod tmpfs;
mod traps;
mod uploads;

use crate::scenario::Scenario;

pub(crate) const ALL: &[Scenario] = &[
    Scenario {
        name: "kills",
        about: "kill -9 of the server, of workers, of both, at random points",
        is_short: true,
        python: true,
        run: kills::run,
    },
    Scenario {
        name: "deploys",
        about: "kill -9 of the server while it deploys another version",
        is_short: true,
        python: false,
        run: deploys::run,
    },
    Scenario {
        name: "stops",
        about: "SIGSTOP of the server or of a worker, and SIGCONT later",
        is_short: true,
        python: false,
        run: stops::run,
    },
    Scenario {
        name: "hang",
        about: "a handler that blocks its process for ever, among good neighbours",
        is_short: true,
        python: false,
        run: traps::hang,
    },
    Scenario {
        name: "leak",
        about: "a handler that eats memory until its process is over its limit",
        is_short: false,
        python: false,
        run: traps::leak,
    },
    Scenario {
        name: "crowd",
        about: "10,000 open connections that say nothing",
        is_short: true,
        python: false,
        run: clients::crowd,
    },
    Scenario {
        name: "slow-loris",
        about: "clients that send heads and bodies a byte at a time",
        is_short: false,
        python: false,
        run: clients::slow_loris,
    },
    Scenario {
        name: "leavers",
        about: "clients that publish and hang up before the answer",
        is_short: true,
        python: false,
        run: clients::leavers,
    },
    Scenario {
        name: "broadcast",
        about: "kill -9 of the server under broadcasts, to clients that vanish as well",
        is_short: true,
        python: false,
        run: broadcast::run,
    },
    Scenario {
        name: "uploads",
        about: "uploads cut off by their clients, by kill -9 of the server, by power cuts",
        is_short: true,
        python: false,
        run: uploads::run,
    },
    Scenario {
        name: "descriptors",
        about: "the server has no file descriptor left, also while workers are to be restarted",
        is_short: true,
        python: true,
        run: descriptors::run,
    },
    Scenario {
        name: "power",
        about: "power cuts: of what was not synced, some or nothing is left, torn",
        is_short: true,
        python: false,
        run: power::run,
    },
    Scenario {
        name: "io",
        about: "the disk fails writes, syncs and truncations, and then the power goes",
        is_short: true,
        python: false,
        run: io::run,
    },
    Scenario {
        name: "full",
        about: "a disk that is full, takes parts of writes, or is slow",
        is_short: true,
        python: false,
        run: full::run,
    },
    Scenario {
        name: "tmpfs",
        about: "a disk of a few MiB that is really full, and then has a little room",
        is_short: true,
        python: false,
        run: tmpfs::run,
    },
    Scenario {
        name: "clock",
        about: "the clock of day jumps back and forth by hours",
        is_short: true,
        python: false,
        run: clock::run,
    },
    Scenario {
        name: "tails",
        about: "files with torn ends, rubbish behind them and flipped bits",
        is_short: true,
        python: false,
        run: tails::tails,
    },
    Scenario {
        name: "damage",
        about: "the store's files cut and with flipped bits, where it hurts",
        is_short: true,
        python: false,
        run: tails::damage,
    },
];
