//! Black-box tests: the real binary, real Node.js workers, a home of its own for every test.
//!
//! The library holds what the tests share, `drive`, `flow`, `load`, `scene`, `site_scene`, `strace` and `terminal` what some
//! of them do; every other file is one topic of the contract.
#![cfg(test)]

mod backlog;
mod commands;
mod create;
mod crons;
mod deploying;
mod drive;
mod durability_kill;
mod durability_order;
mod examples_browser;
mod examples_chat;
mod examples_shop;
mod external_topics;
mod files;
mod files_kept;
mod flow;
mod food_delivery;
mod functions;
mod guide;
mod http_limits;
mod http_request;
mod http_response;
mod http_routing;
mod init;
mod isolation;
mod kvs;
mod lifecycle;
mod load;
mod log_follow;
mod logs;
mod modules;
mod overload;
mod overload_fairness;
mod power_cut;
mod publish_invoke;
mod publish_options;
mod python;
mod python_processes;
mod reference;
mod retries;
mod run_flow;
mod run_reload;
mod run_view;
mod scene;
mod security;
mod site_scene;
mod sites;
mod sites_browser;
mod sites_deploying;
mod sites_ports;
mod sockets;
mod sockets_ends;
mod strace;
mod supply_chain;
mod terminal;
mod tools;
mod topics;
mod topics_api;
mod typescript;
mod validation;
