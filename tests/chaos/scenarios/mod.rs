//! All scenarios, in the order in which they are played.

mod full;
mod io;
mod kills;
mod power;

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
];
