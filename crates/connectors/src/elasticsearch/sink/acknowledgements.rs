//! Which writes of a stream are durable: requests end in any order, and a request has documents of several writes.

use std::collections::VecDeque;

use super::{
    bulk::BulkBody,
    outcome::{DeliveryOutcome, RejectedDocument},
};

#[derive(Default)]
pub(super) struct Acknowledgements {
    /// The requests in the order of their documents, from the first one on that has not ended.
    requests: VecDeque<SentRequest>,
    /// The number of the first of them.
    first: u64,
    /// Documents before this number have an outcome.
    settled: u64,
    /// The documents among them that were refused, in order.
    rejected: VecDeque<RejectedDocument>,
    /// For each write that is not durable: the number of the document behind its last one.
    writes: VecDeque<u64>,
    /// The writes that are durable.
    durable: u64,
}

struct SentRequest {
    /// The number of the document behind its last one.
    end: u64,
    outcome: Option<DeliveryOutcome>,
}

impl Acknowledgements {
    /// A write has ended with the document before this number.
    pub fn written(&mut self, documents: u64) {
        self.writes.push_back(documents);
    }

    /// A request is sent, which follows those before it. Returns its number.
    pub fn begin(&mut self, body: &BulkBody) -> u64 {
        let end = body.items.last().map_or(self.settled, |item| item.number + 1);
        self.requests.push_back(SentRequest { end, outcome: None });
        self.first + self.requests.len() as u64 - 1
    }

    /// Each document of a request has an outcome.
    pub fn end(&mut self, request: u64, outcome: DeliveryOutcome) {
        let place = usize::try_from(request - self.first).unwrap_or(usize::MAX);
        if let Some(request) = self.requests.get_mut(place) {
            request.outcome = Some(outcome);
        }
        while let Some(request) = self.requests.front_mut()
            && let Some(outcome) = request.outcome.take()
        {
            self.settled = request.end;
            let mut rejected = outcome.rejected;
            rejected.sort_by_key(|document| document.number);
            self.rejected.extend(rejected);
            self.requests.pop_front();
            self.first += 1;
        }
    }

    /// The number of writes that are durable, and the refused documents of those that have become so.
    pub fn settle(&mut self) -> (u64, Vec<RejectedDocument>) {
        let mut end = 0;
        while let Some(write) = self.writes.pop_front_if(|write| *write <= self.settled) {
            self.durable += 1;
            end = write;
        }
        let mut rejected = Vec::new();
        while let Some(document) = self.rejected.pop_front_if(|document| document.number < end) {
            rejected.push(document);
        }
        (self.durable, rejected)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{super::bulk::BulkItem, *};

    fn refused(number: u64) -> RejectedDocument {
        RejectedDocument {
            row: number,
            partition: None,
            status: 400,
            kind: String::new(),
            reason: String::new(),
            document: Vec::new(),
            number,
        }
    }

    proptest! {
        /// Whatever the sizes of writes and requests and the order in which they end: a write is durable once all documents
        /// up to it have an outcome, and each refused document comes once, in order, with its write.
        #[test]
        fn writes_are_durable_in_order(
            writes in prop::collection::vec(0_u64..5, 1..20),
            sizes in prop::collection::vec(1_u64..7, 30),
            order in prop::collection::vec(any::<prop::sample::Index>(), 60),
        ) {
            let mut books = Acknowledgements::default();
            let mut ends = Vec::new();
            for write in writes {
                ends.push(ends.last().unwrap_or(&0) + write);
                books.written(*ends.last().unwrap());
            }
            let total = *ends.last().unwrap();
            let (mut next, mut open) = (0, Vec::new());
            for size in sizes {
                let items = (next..total.min(next + size)).map(|number| BulkItem { number, ..BulkItem::default() });
                let items: Vec<BulkItem> = items.collect();
                next += items.len() as u64;
                if !items.is_empty() {
                    let body = BulkBody { items, ..BulkBody::default() };
                    open.push((books.begin(&body), body));
                }
            }
            let (mut known, mut found) = (vec![false; usize::try_from(total).unwrap()], Vec::new());
            for place in order {
                if !open.is_empty() {
                    let (request, body) = open.swap_remove(place.index(open.len()));
                    let numbers = body.items.iter().map(|item| item.number);
                    numbers.clone().for_each(|number| known[usize::try_from(number).unwrap()] = true);
                    let rejected = numbers.rev().filter(|number| number % 3 == 0).map(refused).collect();
                    books.end(request, DeliveryOutcome { rejected, ..DeliveryOutcome::default() });
                }
                let (durable, rejected) = books.settle();
                found.extend(rejected.iter().map(|document| document.number));
                let settled = known.iter().take_while(|known| **known).count() as u64;
                let expected = ends.iter().filter(|end| **end <= settled).count() as u64;
                // A write without documents in the middle of a request waits for the whole request.
                prop_assert!(durable <= expected);
                if open.is_empty() {
                    prop_assert_eq!(durable, ends.len() as u64);
                }
                let end = durable.checked_sub(1).map_or(0, |last| ends[usize::try_from(last).unwrap()]);
                prop_assert_eq!(&found, &(0..end).filter(|number| number % 3 == 0).collect::<Vec<_>>());
            }
        }
    }
}
