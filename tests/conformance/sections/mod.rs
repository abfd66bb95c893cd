//! The cases, section by section.

mod commands;
mod configuration;
mod crons;
mod delivery;
mod external;
mod files;
mod foundation;
mod foundation_names;
mod functions;
mod handlers;
mod handlers_ends;
mod handlers_isolation;
mod handlers_modules;
mod kvs;
mod rest_failures;
mod rest_requests;
mod rest_responses;
mod run;
mod server;
mod sites;
mod sockets;
mod tools;
mod topics;
mod topics_retries;

use crate::case::Section;

/// In the order of the contract; the cases of one project together.
pub(crate) const ALL: &[Section] = &[
    Section {
        project: "foundation",
        waits: false,
        cases: &[foundation::CASES, foundation_names::CASES, run::CASES, server::CASES, tools::CASES],
    },
    Section {
        project: "handlers",
        waits: false,
        cases: &[handlers::CASES, handlers_ends::CASES, handlers_isolation::CASES, handlers_modules::CASES],
    },
    Section { project: "packages", waits: false, cases: &[handlers_modules::PACKAGES] },
    Section {
        project: "rest",
        waits: false,
        cases: &[rest_requests::CASES, rest_responses::CASES, rest_failures::CASES],
    },
    Section { project: "topics", waits: false, cases: &[topics::CASES, topics_retries::CASES, commands::CASES] },
    Section { project: "delivery", waits: false, cases: &[delivery::CASES] },
    Section { project: "external", waits: false, cases: &[external::CASES] },
    Section { project: "sockets", waits: true, cases: &[sockets::WAITING] },
    Section { project: "sockets", waits: false, cases: &[sockets::CASES] },
    Section { project: "crons", waits: true, cases: &[crons::WAITING] },
    Section { project: "crons", waits: false, cases: &[crons::CASES] },
    Section { project: "functions", waits: false, cases: &[functions::CASES] },
    Section { project: "kvs", waits: false, cases: &[kvs::CASES] },
    Section { project: "files", waits: false, cases: &[files::CASES] },
    Section { project: "shared", waits: false, cases: &[handlers_modules::SHARED] },
    Section { project: "sites", waits: false, cases: &[sites::CASES] },
    Section { project: "configuration", waits: false, cases: &[configuration::CASES] },
];
