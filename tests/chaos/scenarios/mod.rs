//! All scenarios, in the order in which they are played.

mod clock;
mod full;
mod io;
mod kills;
mod power;
mod tails;
mod tmpfs;

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
