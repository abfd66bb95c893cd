//! All scenarios, in the order in which they are played.

mod kills;

use crate::scenario::Scenario;

pub(crate) const ALL: &[Scenario] = &[Scenario {
    name: "kills",
    about: "kill -9 of the server, of workers, of both, at random points",
    is_short: true,
    python: true,
    run: kills::run,
}];
