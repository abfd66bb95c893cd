//! Black-box tests: the real binary, real Node.js workers, a home of its own for every test.
//!
//! The library holds what the tests share, `flow`, `scene` and `strace` what some of them do; every other file is one
//! topic of the contract.
#![cfg(test)]

mod backlog;
mod commands;
mod deploying;
mod durability_kill;
mod durability_order;
mod flow;
mod food_delivery;
mod http_limits;
mod http_request;
mod http_response;
mod http_routing;
mod isolation;
mod lifecycle;
mod logs;
mod modules;
mod overload;
mod retries;
mod scene;
mod strace;
mod topics;
mod topics_api;
mod validation;
