//! Holds a back end to the promises of [`Topics`], as far as one process can see them.
//!
//! It looks through the trait alone. Time stands still unless it is turned; that nothing is due is
//! shown by asking for it while the store answers another question, not by waiting.

mod connections;
mod crons;
mod deliveries;
mod deployments;
mod files;
mod order;
mod others;
mod project;
mod repeats;
mod values;

use std::future::{Future, poll_fn};
use std::pin::pin;
use std::task::Poll;
use std::time::Duration;

use crate::{Hands, Topics};
pub use connections::check_connections;
pub use files::check_files;
pub use values::check_values;

/// Panics with the promise that is not kept. `hands` turn the clock that the back end was opened with.
/// At its end the back end is closed.
pub async fn check(topics: &dyn Topics, hands: &Hands) {
    deliveries::an_unknown_topic_is_refused(topics, hands).await;
    deliveries::a_topic_without_subscribers_takes_messages(topics, hands).await;
    deliveries::every_subscriber_gets_its_own(topics, hands).await;
    deliveries::a_long_payload_arrives_as_it_was(topics, hands).await;
    deliveries::a_claimed_one_is_with_one_claimer(topics, hands).await;
    deliveries::a_dropped_claim_has_claimed_nothing(topics, hands).await;
    deliveries::a_waiting_claim_is_woken(topics, hands).await;
    deliveries::a_failed_one_waits_until_it_is_due(topics, hands).await;
    deliveries::what_was_not_its_fault_counts_no_attempt(topics, hands).await;
    deliveries::a_buried_one_is_a_dead_letter(topics, hands).await;
    deliveries::an_expired_one_is_buried(topics, hands).await;
    deployments::a_live_version_is_on_record(topics, hands).await;
    deployments::what_waits_for_a_gone_subscriber_resumes(topics, hands).await;
    deployments::a_new_subscriber_gets_what_comes_after(topics, hands).await;
    deployments::hurried_retries_are_due(topics, hands).await;
    deployments::a_removed_project_keeps_what_waits(topics, hands).await;
    deployments::a_purged_project_leaves_nothing(topics, hands).await;
    others::a_subscriber_may_be_there_before_the_topic(topics, hands).await;
    others::what_one_project_does_leaves_the_others_alone(topics, hands).await;
    others::a_purged_publisher_leaves_what_waits_for_others(topics, hands).await;
    order::a_delayed_message_waits_for_its_time(topics, hands).await;
    order::what_is_delayed_expires_later(topics, hands).await;
    order::of_one_key_there_is_one_at_a_time(topics, hands).await;
    order::the_next_of_a_key_has_its_own_delay(topics, hands).await;
    order::an_expired_one_lets_the_next_of_its_key_begin(topics, hands).await;
    order::a_subscriber_that_returns_goes_on_in_order(topics, hands).await;
    order::a_purge_blocks_no_key(topics, hands).await;
    repeats::one_key_makes_one_message(topics, hands).await;
    repeats::a_key_is_one_topics(topics, hands).await;
    repeats::a_refused_publish_has_used_no_key(topics, hands).await;
    repeats::a_later_attempt_publishes_nothing_again(topics, hands).await;
    repeats::what_is_settled_publishes_nothing(topics, hands).await;
    repeats::an_origin_outlives_a_key(topics, hands).await;
    crons::a_scheduled_time_comes_once(topics, hands).await;
    crons::a_run_beside_another_is_left_out(topics, hands).await;
    crons::a_cron_that_is_gone_does_not_tick(topics, hands).await;
    crons::a_cron_keeps_how_far_it_came(topics, hands).await;
    deployments::a_closed_store_says_so(topics, hands).await;
}

/// How long a store is asked for what it does in its own time.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);

/// Whether a future that should not resolve stays pending until `other` has resolved.
pub(crate) async fn pending<T>(future: impl Future<Output = T>, other: impl Future) -> Result<(), T> {
    let mut future = pin!(future);
    tokio::select! {
        biased;
        unexpected = &mut future => return Err(unexpected),
        _ = other => {}
    }
    // Once more: a quick store may have done all of `other`, and what the future waited for, since it looked.
    poll_fn(|context| match future.as_mut().poll(context) {
        Poll::Ready(unexpected) => Poll::Ready(Err(unexpected)),
        Poll::Pending => Poll::Ready(Ok(())),
    })
    .await
}

/// Waits for all of them at once; what they are, in no order.
pub(crate) async fn all<F: Future>(futures: Vec<F>) -> Vec<F::Output> {
    let mut futures: Vec<_> = futures.into_iter().map(Box::pin).collect();
    let mut outputs = Vec::new();
    poll_fn(|context| {
        futures.retain_mut(|future| match future.as_mut().poll(context) {
            Poll::Ready(output) => {
                outputs.push(output);
                false
            }
            Poll::Pending => true,
        });
        if futures.is_empty() { Poll::Ready(()) } else { Poll::Pending }
    })
    .await;
    outputs
}
