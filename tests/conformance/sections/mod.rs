//! The cases, section by section.

mod rest_failures;
mod rest_requests;
mod rest_responses;

use crate::case::Section;

/// In the order of the contract.
pub(crate) const ALL: &[Section] =
    &[Section { project: "rest", cases: &[rest_requests::CASES, rest_responses::CASES, rest_failures::CASES] }];
