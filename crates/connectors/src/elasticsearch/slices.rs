//! The documents of a snapshot in slices that are read side by side and given out in order.
//!
//! A slice is a range of an index's sequence numbers, about a page of documents wide. Documents come index by index in
//! the order of the indices' names, in each by sequence number (the order in which they were written, whatever shard
//! they are in), and equal numbers, of which each shard has one, by id. So their order depends neither on how many slices
//! are read at once, nor on replicas, merges or a point in time that had to be replaced; and since documents lie on disk
//! in that order, the server reads each block once.

use std::collections::VecDeque;

/// A page is to have so many bytes at most.
const PAGE_BYTES: u64 = 8 << 20;
/// Documents of the first page: nobody knows yet how long they are.
const FIRST: u64 = 64;
/// Above so many bytes of a document, cutting out the fields that are needed costs the server less than sending all.
const LONG: u64 = 4 << 10;

/// How much wider slices become where documents are few.
const WIDER: f64 = 8.0;

/// Documents of one index (by its place among those of the snapshot) with sequence numbers from `from` to below `to`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Slice {
    pub part: usize,
    pub from: i64,
    pub to: i64,
    /// Documents for each number, as far as is known.
    density: f64,
}

impl Slice {
    /// All of an index.
    pub fn all(part: usize, first: i64, last: i64, documents: u64) -> Self {
        let to = last.saturating_add(1);
        Self { part, from: first, to, density: documents as f64 / width(first, to) }
    }

    /// The first part of it, with so many documents if they are spread evenly, and the rest.
    fn split(self, documents: u64) -> (Self, Option<Self>) {
        #[expect(clippy::cast_possible_truncation, reason = "saturates")]
        let numbers = ((documents as f64 / self.density) as i64).max(1);
        let end = self.from.saturating_add(numbers).min(self.to);
        let rest = (end < self.to).then_some(Self { from: end, ..self });
        (Self { to: end, ..self }, rest)
    }

    /// What is left behind a page that was full, of which the documents below `end` were taken.
    pub fn behind(self, end: i64, taken: usize) -> Option<Self> {
        let density = (taken as f64 / width(self.from, end)).max(self.density);
        (end < self.to).then_some(Self { from: end, density, ..self })
    }
}

fn width(from: i64, to: i64) -> f64 {
    (to.saturating_sub(from).max(1)) as f64
}

/// How much is asked for at once, by what has come so far. It decides nothing but how fast it goes.
#[derive(Clone, Copy, Debug)]
pub(super) struct Pace {
    documents: u64,
    most: u64,
    /// Whether the server is to cut out the fields that are needed.
    pub filtered: bool,
}

impl Pace {
    /// `most`: documents of a page.
    pub fn new(most: u64, filtered: bool) -> Self {
        Self { documents: FIRST.min(most), most, filtered }
    }

    /// How many documents a slice is to have; fewer than a page, since they are not spread quite evenly.
    fn wanted(self) -> u64 {
        (self.documents.min(self.most) * 9 / 10).max(1)
    }

    /// The most that a page may have.
    pub fn size(self) -> u64 {
        (self.documents + self.documents / 4 + 1).min(self.most).max(1)
    }

    /// Learns from a page that was asked for while `filtered` was as told.
    pub fn learn(&mut self, documents: usize, bytes: usize, filtered: bool) {
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

/// What is still to come, in order: slices that are asked for, and some that are not yet.
pub(super) struct Queue<T> {
    places: VecDeque<Place<T>>,
    ahead: usize,
}

enum Place<T> {
    Planned(Slice),
    Asked(T),
}

impl<T> Queue<T> {
    /// `ahead`: how many are asked for before the first of them is taken.
    pub fn new(slices: impl IntoIterator<Item = Slice>, ahead: usize) -> Self {
        Self { places: slices.into_iter().map(Place::Planned).collect(), ahead: ahead.max(1) }
    }

    /// Asks for what is next until enough is on its way. The first one always is: all else waits for it.
    pub fn fill(&mut self, pace: Pace, mut ask: impl FnMut(Slice) -> T) {
        let mut asked = self.places.iter().filter(|place| matches!(place, Place::Asked(_))).count();
        let mut place = 0;
        while place < self.places.len() && (asked < self.ahead || place == 0) {
            if let Place::Planned(slice) = self.places[place] {
                let (first, rest) = slice.split(pace.wanted());
                self.places[place] = Place::Asked(ask(first));
                if let Some(rest) = rest {
                    self.places.insert(place + 1, Place::Planned(rest));
                }
                asked += 1;
            }
            place += 1;
        }
    }

    /// The next one, if [`Queue::fill`] was called before.
    pub fn pop(&mut self) -> Option<T> {
        match self.places.pop_front()? {
            Place::Asked(asked) => Some(asked),
            Place::Planned(slice) => {
                self.places.push_front(Place::Planned(slice));
                None
            }
        }
    }

    /// A slice of that index had far fewer documents than it should: what is next of it is taken in wider ones, since
    /// its numbers may lie far apart.
    pub fn widen(&mut self, part: usize) {
        let planned = self.places.iter_mut().find_map(|place| match place {
            Place::Planned(slice) => Some(slice),
            Place::Asked(_) => None,
        });
        if let Some(slice) = planned.filter(|slice| slice.part == part) {
            slice.density /= WIDER;
        }
    }

    /// What is to come before all else.
    pub fn first(&mut self, slice: Slice) {
        self.places.push_front(Place::Planned(slice));
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Reads documents with these numbers (sorted) as the source does, and tells the most that was on its way.
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
            let on_its_way = queue.places.iter().filter(|p| matches!(p, Place::Asked(_))).count();
            deepest = deepest.max(on_its_way);
            let Some((slice, size)) = queue.pop() else { return (out, deepest, requests) };
            requests += 1;
            let mut page: Vec<i64> =
                numbers.iter().copied().filter(|n| (slice.from..slice.to).contains(n)).collect();
            page.truncate(usize::try_from(size).unwrap());
            pace.learn(page.len(), page.len() * 500, false);
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
            pace.learn(50, 50 * 500, false);
        }
        assert_eq!((pace.wanted(), pace.size(), pace.filtered), (1_800, 2_000, false));
        // Long documents: the fields are cut out, and fewer are asked for.
        pace.learn(10, 100_000, false);
        assert!(pace.filtered && pace.size() < 100);
        pace.learn(1, 50 << 20, true);
        assert_eq!((pace.wanted(), pace.size()), (1, 2));
        // One that was asked for before tells nothing.
        pace.learn(10, 100, false);
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
            // Up to two shards: no number is there more than twice, which is less than a page.
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
