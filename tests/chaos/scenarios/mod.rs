//! All scenarios, in the order in which they are played.

mod clients;
mod deploys;
mod descriptors;
mod kills;
mod stops;
mod traps;

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
        name: "descriptors",
        about: "the server has no file descriptor left, also while workers are to be restarted",
        is_short: true,
        python: true,
        run: descriptors::run,
    },
];
