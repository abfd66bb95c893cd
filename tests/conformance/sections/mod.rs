//! The cases, section by section.

mod foundation;
mod foundation_names;
mod handlers;
mod handlers_ends;
mod handlers_isolation;
mod handlers_modules;
mod rest_failures;
mod rest_requests;
mod rest_responses;

use crate::case::Section;

/// In the order of the contract.
pub(crate) const ALL: &[Section] = &[
    Section { project: "foundation", cases: &[foundation::CASES, foundation_names::CASES] },
    Section {
        project: "handlers",
        cases: &[handlers::CASES, handlers_ends::CASES, handlers_isolation::CASES, handlers_modules::CASES],
    },
    Section { project: "packages", cases: &[handlers_modules::PACKAGES] },
    Section { project: "rest", cases: &[rest_requests::CASES, rest_responses::CASES, rest_failures::CASES] },
    Section { project: "shared", cases: &[handlers_modules::SHARED] },
];
