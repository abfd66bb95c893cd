//! Holds a back end to the promises of [`Topics`], as far as one process can see them.
//!
//! It looks through the trait alone. Time stands still unless it is turned; that nothing is due is
//! shown by asking for it while the store answers another question, not by waiting.

mod deliveries;
mod deployments;
mod project;
mod values;

use std::future::{Future, poll_fn};
use std::pin::pin;
use std::task::Poll;

use crate::{Hands, Topics};
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
    deployments::a_closed_store_says_so(topics, hands).await;
}

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
