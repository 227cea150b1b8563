//! Splits the documents of a snapshot into slices that are read in parallel and returned in order.
//!
//! A slice is a range of an index's sequence numbers with about a page of documents. Documents are ordered by the name
//! of their index, then by sequence number (the order in which they were written, in any shard), and documents with equal
//! numbers, one per shard, by id. So the order depends neither on the number of parallel slices nor on replicas, merges or
//! a replaced point in time. Since documents are stored in that order, the server reads each block once.

use std::collections::VecDeque;

/// Bytes in a page at most.
const PAGE_BYTES: u64 = 8 << 20;
/// Documents in the first page, when their size is still unknown.
const FIRST: u64 = 64;
/// Documents of more bytes are filtered by the server: selecting fields costs it less than sending all of them.
const LONG: u64 = 4 << 10;

/// The factor by which slices become wider where documents are sparse.
const WIDER: f64 = 8.0;

/// The documents of one index with sequence numbers from `from` to below `to`. `part`: the index in the snapshot.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Slice {
    pub part: usize,
    pub from: i64,
    pub to: i64,
    /// The estimated number of documents per sequence number.
    density: f64,
}

impl Slice {
    /// The whole index.
    pub fn all(part: usize, first: i64, last: i64, documents: u64) -> Self {
        let to = last.saturating_add(1);
        Self { part, from: first, to, density: documents as f64 / width(first, to) }
    }

    /// Splits off the first part, with this many documents if they are spread evenly.
    fn split(self, documents: u64) -> (Self, Option<Self>) {
        #[expect(clippy::cast_possible_truncation, reason = "saturates")]
        let numbers = ((documents as f64 / self.density) as i64).max(1);
        let end = self.from.saturating_add(numbers).min(self.to);
        let rest = (end < self.to).then_some(Self { from: end, ..self });
        (Self { to: end, ..self }, rest)
    }

    /// The rest of the slice after a full page, of which the documents below `end` were used.
    pub fn behind(self, end: i64, taken: usize) -> Option<Self> {
        let density = (taken as f64 / width(self.from, end)).max(self.density);
        (end < self.to).then_some(Self { from: end, density, ..self })
    }
}

fn width(from: i64, to: i64) -> f64 {
    (to.saturating_sub(from).max(1)) as f64
}

/// The size of the next requests, adapted to the pages so far. It affects speed only, not results.
#[derive(Clone, Copy, Debug)]
pub(super) struct Pace {
    documents: u64,
    most: u64,
    /// Whether the server selects the fields.
    pub filtered: bool,
}

impl Pace {
    /// `most`: documents in a page at most.
    pub fn new(most: u64, filtered: bool) -> Self {
        Self { documents: FIRST.min(most), most, filtered }
    }

    /// The number of documents in a slice. Fewer than in a page, since they are not spread evenly.
    fn wanted(self) -> u64 {
        (self.documents.min(self.most) * 9 / 10).max(1)
    }

    /// The number of documents in a page at most.
    pub fn size(self) -> u64 {
        (self.documents + self.documents / 4 + 1).min(self.most).max(1)
    }

    /// Adapts to a page that was requested with `filtered`.
    pub fn update(&mut self, documents: usize, bytes: usize, filtered: bool) {
        if documents == 0 || filtered != self.filtered {
            return;
        }
        let each = (bytes as u64 / documents as u64).max(1);
        if each > LONG && !self.filtered {
            self.filtered = true;
            self.documents = self.documents.min(FIRST);
            return;
        }
        let fit = (PAGE_BYTES / each).max(1);
        self.documents = fit.min(self.documents.saturating_mul(4)).min(self.most);
    }
}

/// Whether a page had far fewer documents than it could have had.
pub(super) fn is_sparse(documents: usize, size: u64) -> bool {
    (documents as u64).saturating_mul(4) < size
}

/// The remaining slices in order, requested or planned.
pub(super) struct Queue<T> {
    entries: VecDeque<QueueEntry<T>>,
    ahead: usize,
}

enum QueueEntry<T> {
    Planned(Slice),
    Asked(T),
}

impl<T> Queue<T> {
    /// `ahead`: the number of requests in flight.
    pub fn new(slices: impl IntoIterator<Item = Slice>, ahead: usize) -> Self {
        Self { entries: slices.into_iter().map(QueueEntry::Planned).collect(), ahead: ahead.max(1) }
    }

    /// Requests the next slices until enough are in flight. The first one always is, since the others wait for it.
    pub fn fill(&mut self, pace: Pace, mut ask: impl FnMut(Slice) -> T) {
        let mut asked =
            self.entries.iter().filter(|place| matches!(place, QueueEntry::Asked(_))).count();
        let mut place = 0;
        while place < self.entries.len() && (asked < self.ahead || place == 0) {
            if let QueueEntry::Planned(slice) = self.entries[place] {
                let (first, rest) = slice.split(pace.wanted());
                self.entries[place] = QueueEntry::Asked(ask(first));
                if let Some(rest) = rest {
                    self.entries.insert(place + 1, QueueEntry::Planned(rest));
                }
                asked += 1;
            }
            place += 1;
        }
    }

    /// The next request, if [`Queue::fill`] was called before.
    pub fn pop(&mut self) -> Option<T> {
        match self.entries.pop_front()? {
            QueueEntry::Asked(asked) => Some(asked),
            QueueEntry::Planned(slice) => {
                self.entries.push_front(QueueEntry::Planned(slice));
                None
            }
        }
    }

    /// Makes the next slices of this index wider, after one with far fewer documents than expected: the numbers may be
    /// far apart.
    pub fn widen(&mut self, part: usize) {
        let planned = self.entries.iter_mut().find_map(|place| match place {
            QueueEntry::Planned(slice) => Some(slice),
            QueueEntry::Asked(_) => None,
        });
        if let Some(slice) = planned.filter(|slice| slice.part == part) {
            slice.density /= WIDER;
        }
    }

    /// Puts a slice in front of all others.
    pub fn first(&mut self, slice: Slice) {
        self.entries.push_front(QueueEntry::Planned(slice));
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Reads documents with these numbers (sorted) as the source does. Returns them, the most requests in flight, and
    /// the number of requests.
    fn read(numbers: &[i64], most: u64, ahead: usize) -> (Vec<i64>, usize, usize) {
        let (Some(first), Some(last)) = (numbers.first(), numbers.last()) else {
            return (Vec::new(), 0, 0);
        };
        let all = Slice::all(0, *first, *last, numbers.len() as u64);
        let mut queue = Queue::new([all], ahead);
        let mut pace = Pace::new(most, false);
        let (mut out, mut deepest, mut requests) = (Vec::new(), 0, 0);
        loop {
            queue.fill(pace, |slice| (slice, pace.size()));
            let on_its_way =
                queue.entries.iter().filter(|p| matches!(p, QueueEntry::Asked(_))).count();
            deepest = deepest.max(on_its_way);
            let Some((slice, size)) = queue.pop() else { return (out, deepest, requests) };
            requests += 1;
            let mut page: Vec<i64> =
                numbers.iter().copied().filter(|n| (slice.from..slice.to).contains(n)).collect();
            page.truncate(usize::try_from(size).unwrap());
            pace.update(page.len(), page.len() * 500, false);
            if is_sparse(page.len(), size) {
                queue.widen(slice.part);
            }
            if page.len() as u64 == size {
                let cut = *page.last().unwrap();
                let end = if page[0] == cut { cut + 1 } else { cut };
                page.retain(|n| *n < end);
                if let Some(rest) = slice.behind(end, page.len()) {
                    queue.first(rest);
                }
            }
            out.extend(page);
        }
    }

    #[test]
    fn a_page_is_about_as_large_as_wanted() {
        let mut pace = Pace::new(2_000, false);
        assert_eq!(pace.size(), 81);
        for _ in 0..5 {
            pace.update(50, 50 * 500, false);
        }
        assert_eq!((pace.wanted(), pace.size(), pace.filtered), (1_800, 2_000, false));
        // Long documents: fields are selected, and fewer documents requested.
        pace.update(10, 100_000, false);
        assert!(pace.filtered && pace.size() < 100);
        pace.update(1, 50 << 20, true);
        assert_eq!((pace.wanted(), pace.size()), (1, 2));
        // A page that was requested before is ignored.
        pace.update(10, 100, false);
        assert_eq!(pace.size(), 2);
    }

    #[test]
    fn each_number_once_and_in_order() {
        let even: Vec<i64> = (0..20_000).collect();
        for ahead in [1, 4, 64] {
            let (out, deepest, requests) = read(&even, 500, ahead);
            assert_eq!((out, deepest), (even.clone(), ahead));
            assert!((44..120).contains(&requests), "{requests}");
        }
        // All but a few far away from the others.
        let mut skewed: Vec<i64> = (1_000_000..1_005_000).collect();
        skewed.extend([0, 9_000_000_000, i64::MAX - 1]);
        skewed.sort_unstable();
        let (out, deepest, requests) = read(&skewed, 100, 8);
        assert_eq!(out, skewed);
        assert!(deepest <= 9 && requests < 300, "{deepest} {requests}");
    }

    proptest! {
        #[test]
        fn whatever_the_numbers_are(
            mut numbers in proptest::collection::vec(0_i64..5_000, 0..600), most in 2_u64..200, ahead in 1_usize..9,
        ) {
            // Up to two shards: each number occurs at most twice, which is less than a page.
            numbers.sort_unstable();
            let mut last = (-1, 0);
            numbers.retain(|n| {
                last = if *n == last.0 { (*n, last.1 + 1) } else { (*n, 1) };
                last.1 <= 1
            });
            let (out, deepest, _) = read(&numbers, most, ahead);
            prop_assert_eq!(out, numbers);
            prop_assert!(deepest <= ahead + 1);
        }
    }
}
