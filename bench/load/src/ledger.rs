//! What became of every order: when it was meant to be sent, whether it was accepted, and which handlers have run.
//!
//! In: sends, answers and the handlers' own reports. Out: which orders are complete, lost or ran a handler twice. It is
//! kept for the whole life of a system, so that nothing a warm-up left behind goes unseen.

use std::ops::Range;

/// The accounts of the orders `0..`, each with `handlers` runs to wait for.
pub struct Ledger {
    handlers: u32,
    words: usize,
    orders: Vec<Order>,
    /// A bit for each handler that has run, `words` for each order.
    runs: Vec<u64>,
    /// Runs of a handler that had already run for that order.
    pub duplicated: u64,
    /// Reports of orders that were never sent or of handlers that do not exist.
    pub unknown: u64,
}

/// One order's account.
#[derive(Debug, Clone, Copy)]
pub struct Order {
    /// When it should have been sent.
    pub intended: u64,
    /// The end of the handler that ended last, so far.
    pub last_end: u64,
    /// Who sent it.
    pub place: u32,
    missing: u32,
    /// It was answered with success, so its workflow is owed.
    pub accepted: bool,
    /// Its place does not wait for it any more.
    pub released: bool,
}

impl Order {
    /// Every handler has run.
    pub fn complete(&self) -> bool {
        self.missing == 0
    }
}

impl Ledger {
    /// Orders that are complete once `handlers` different ones have reported.
    pub fn new(handlers: u32) -> Self {
        let words = handlers.div_ceil(64) as usize;
        Self { handlers, words, orders: Vec::new(), runs: Vec::new(), duplicated: 0, unknown: 0 }
    }

    /// The number of the next order.
    pub fn next(&self) -> u64 {
        self.orders.len() as u64
    }

    /// Opens the account of a new order and returns its number.
    pub fn open(&mut self, intended: u64, place: u32) -> u64 {
        let order = Order { intended, last_end: 0, place, missing: self.handlers, accepted: false, released: false };
        self.orders.push(order);
        self.runs.resize(self.runs.len() + self.words, 0);
        self.next() - 1
    }

    /// The account of an order that was opened.
    pub fn order(&mut self, id: u64) -> &mut Order {
        &mut self.orders[index(id)]
    }

    /// Notes that `handler` ended at `end` for order `id`; `true` when that completed it.
    pub fn ran(&mut self, id: u64, handler: u32, end: u64) -> bool {
        let Some(order) = self.orders.get_mut(index(id)).filter(|_| handler < self.handlers) else {
            self.unknown += 1;
            return false;
        };
        let word = &mut self.runs[index(id) * self.words + (handler / 64) as usize];
        let bit = 1 << (handler % 64);
        if *word & bit != 0 {
            self.duplicated += 1;
            return false;
        }
        *word |= bit;
        order.missing -= 1;
        order.last_end = order.last_end.max(end);
        order.missing == 0
    }

    /// The accounts of some orders, with their numbers.
    pub fn orders(&self, range: Range<u64>) -> impl Iterator<Item = (u64, &Order)> {
        range.clone().zip(&self.orders[index(range.start)..index(range.end)])
    }

    /// Orders that were accepted and are not complete.
    pub fn lost(&self, range: Range<u64>) -> Vec<u64> {
        self.orders(range).filter(|(_, order)| order.accepted && !order.complete()).map(|(id, _)| id).collect()
    }
}

fn index(id: u64) -> usize {
    usize::try_from(id).unwrap_or(usize::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_order_is_complete_once_each_of_its_handlers_has_run_whatever_their_sequence() {
        let mut ledger = Ledger::new(8);
        let (first, second) = (ledger.open(10, 0), ledger.open(20, 1));
        for handler in [7, 0, 3, 1, 2, 6, 5] {
            assert!(!ledger.ran(second, handler, u64::from(handler)));
        }
        assert!(!ledger.order(second).complete());
        assert!(ledger.ran(second, 4, 3));
        assert_eq!(ledger.order(second).last_end, 7, "the last end, not the last report's");
        assert!(!ledger.order(first).complete());
    }

    #[test]
    fn what_runs_twice_is_counted_and_completes_nothing() {
        let mut ledger = Ledger::new(2);
        let id = ledger.open(0, 0);
        assert!(!ledger.ran(id, 0, 1));
        assert!(!ledger.ran(id, 0, 2));
        assert_eq!((ledger.duplicated, ledger.order(id).complete()), (1, false));
        assert!(ledger.ran(id, 1, 3));
        assert!(!ledger.ran(id, 1, 4), "it was complete before");
        assert_eq!(ledger.duplicated, 2);
    }

    #[test]
    fn only_accepted_orders_can_be_lost() {
        let mut ledger = Ledger::new(1);
        let ids: Vec<u64> = (0..4).map(|_| ledger.open(0, 0)).collect();
        ledger.order(ids[1]).accepted = true;
        ledger.order(ids[2]).accepted = true;
        ledger.ran(ids[2], 0, 5);
        assert_eq!(ledger.lost(0..4), [1]);
        assert!(ledger.lost(2..4).is_empty());
    }

    #[test]
    fn a_report_of_something_never_sent_is_unknown() {
        let mut ledger = Ledger::new(8);
        let id = ledger.open(0, 0);
        assert!(!ledger.ran(id + 1, 0, 0));
        assert!(!ledger.ran(id, 8, 0));
        assert_eq!(ledger.unknown, 2);
    }

    #[test]
    fn a_thousand_handlers_are_told_apart() {
        let mut ledger = Ledger::new(1_000);
        let ids = [ledger.open(0, 0), ledger.open(0, 0)];
        for handler in 0..999 {
            assert!(!ledger.ran(ids[1], handler, 0));
        }
        assert!(ledger.ran(ids[1], 999, 0));
        assert_eq!(ledger.duplicated, 0);
        assert!(!ledger.order(ids[0]).complete());
    }
}
