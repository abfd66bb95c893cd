//! A bad handler costs others no more than the contract says (section 2). Every test sets the same scene:
//! twenty neighbours in flight on the worker that is struck, and another route that must go on answering.

use crate::scene::Fate::{Lost, Spared};
use crate::scene::{delivery, request};

#[test]
fn a_request_that_throws_costs_nobody_anything() {
    request("throws", 502, Spared);
}

#[test]
fn a_request_that_never_resolves_costs_nobody_anything() {
    request("never_resolves", 504, Spared);
}

#[test]
fn a_request_that_returns_20_mb_costs_nobody_anything() {
    request("returns_20_mb", 502, Spared);
}

#[test]
fn a_request_that_prints_a_million_lines_costs_nobody_anything() {
    request("prints_a_million_lines", 200, Spared);
}

#[test]
fn a_rejection_that_nobody_hears_costs_nobody_anything() {
    // It is its invocation that fails, not the process.
    request("rejects_in_a_timer", 502, Spared);
}

#[test]
fn a_request_that_loops_before_its_await_costs_its_worker() {
    request("loops_before_its_await", 504, Lost);
}

#[test]
fn a_request_that_loops_after_its_await_costs_its_worker() {
    request("loops_after_its_await", 504, Lost);
}

#[test]
fn a_request_that_exits_costs_its_worker() {
    request("exits", 502, Lost);
}

#[test]
fn a_request_that_exits_in_a_timer_is_answered_and_costs_its_worker() {
    request("exits_in_a_timer", 200, Lost);
}

#[test]
fn a_request_that_eats_buffers_until_the_limit_costs_its_worker() {
    request("eats_buffers", 502, Lost);
}

#[test]
fn a_request_that_eats_its_heap_costs_its_worker() {
    request("eats_its_heap", 502, Lost);
}

#[test]
fn a_request_that_crashes_its_process_costs_its_worker() {
    request("segfaults", 502, Lost);
}

#[test]
fn a_delivery_that_throws_costs_nobody_anything() {
    delivery("throws", 2, Spared);
}

#[test]
fn a_delivery_that_never_resolves_costs_nobody_anything() {
    delivery("never_resolves", 2, Spared);
}

#[test]
fn a_delivery_that_loops_before_its_await_costs_its_worker_and_finds_its_end() {
    delivery("loops_before_its_await", 2, Lost);
}

#[test]
fn a_delivery_that_loops_after_its_await_costs_its_worker_and_finds_its_end() {
    delivery("loops_after_its_await", 2, Lost);
}

#[test]
fn a_delivery_that_exits_costs_its_worker_and_finds_its_end() {
    delivery("exits", 2, Lost);
}

#[test]
fn a_delivery_that_exits_in_a_timer_is_done_and_costs_its_worker() {
    delivery("exits_in_a_timer", 1, Lost);
}

#[test]
fn a_delivery_that_eats_buffers_costs_its_worker_and_finds_its_end() {
    delivery("eats_buffers", 2, Lost);
}

#[test]
fn a_delivery_that_crashes_its_process_costs_its_worker_and_finds_its_end() {
    delivery("segfaults", 2, Lost);
}
