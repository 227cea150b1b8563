//! Numbers in ascending order, of which some come and go between two times at which all are needed.

/// What came and went since all were put in order is kept apart, so that few numbers move for each.
#[derive(Clone, Debug, Default)]
pub(super) struct Ordered {
    /// As they were then. All three ascend, and what was removed is among the others.
    settled: Vec<f64>,
    added: Vec<f64>,
    removed: Vec<f64>,
}

/// Where a number is among others.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Place {
    /// How many are below it, and how many are equal.
    pub below: usize,
    pub equal: usize,
    /// The next one below it, and the next one above; infinite where there is none.
    pub low: f64,
    pub high: f64,
}

impl Ordered {
    /// Of finite numbers.
    pub fn new(numbers: impl Iterator<Item = f64>) -> Self {
        let mut settled: Vec<f64> = numbers.collect();
        settled.sort_unstable_by(f64::total_cmp);
        Self { settled, added: Vec::new(), removed: Vec::new() }
    }

    pub fn place(&self, number: f64) -> Place {
        let parts = [&self.settled, &self.added, &self.removed];
        let from = parts.map(|part| part.partition_point(|known| *known < number));
        let mut to = from;
        for (part, to) in parts.iter().zip(&mut to) {
            if part.get(*to) == Some(&number) {
                *to += part[*to..].partition_point(|known| *known <= number);
            }
        }
        let [low, low_added, low_gone] = [0, 1, 2].map(|part| before(parts[part], from[part]));
        let [high, high_added, high_gone] = [0, 1, 2].map(|part| behind(parts[part], to[part]));
        let (low, high) = (low.max(low_added), high.min(high_added));
        let count = |places: [usize; 3]| places[0] + places[1] - places[2];
        Place {
            below: count(from),
            equal: count(to) - count(from),
            low: if low == low_gone { self.last_below(number) } else { low },
            high: if high == high_gone { self.first_above(number) } else { high },
        }
    }

    /// The last one below a number, where those next to it may have gone.
    fn last_below(&self, mut number: f64) -> f64 {
        loop {
            let of = |part: &[f64]| before(part, part.partition_point(|known| *known < number));
            number = of(&self.settled).max(of(&self.added));
            if number == f64::NEG_INFINITY || self.has(number) {
                return number;
            }
        }
    }

    fn first_above(&self, mut number: f64) -> f64 {
        loop {
            let of = |part: &[f64]| behind(part, part.partition_point(|known| *known <= number));
            number = of(&self.settled).min(of(&self.added));
            if number == f64::INFINITY || self.has(number) {
                return number;
            }
        }
    }

    /// Whether not as many have gone as came.
    fn has(&self, number: f64) -> bool {
        let of = |part: &[f64]| {
            let from = part.partition_point(|known| *known < number);
            part[from..].partition_point(|known| *known <= number)
        };
        of(&self.settled) + of(&self.added) > of(&self.removed)
    }

    pub fn add(&mut self, number: f64) {
        insert(&mut self.added, number);
    }

    /// One that is there.
    pub fn remove(&mut self, number: f64) {
        insert(&mut self.removed, number);
    }

    /// All of them.
    pub fn settle(&mut self) -> &[f64] {
        let mut all = Vec::with_capacity(self.settled.len() + self.added.len());
        let mut removed = self.removed.drain(..).peekable();
        let mut push = |number: f64| {
            if removed.next_if(|gone| *gone == number).is_none() {
                all.push(number);
            }
        };
        let mut added = self.added.drain(..).peekable();
        for known in self.settled.drain(..) {
            while let Some(number) = added.next_if(|number| *number <= known) {
                push(number);
            }
            push(known);
        }
        added.for_each(push);
        self.settled = all;
        &self.settled
    }
}

/// The number before a place.
fn before(part: &[f64], place: usize) -> f64 {
    place.checked_sub(1).map_or(f64::NEG_INFINITY, |place| part[place])
}

fn behind(part: &[f64], place: usize) -> f64 {
    part.get(place).copied().unwrap_or(f64::INFINITY)
}

fn insert(numbers: &mut Vec<f64>, number: f64) {
    let place = numbers.partition_point(|known| *known < number);
    numbers.insert(place, number);
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn it_is_as_a_sorted_list(steps in prop::collection::vec((0_u8..20, any::<bool>()), 0..200)) {
            let mut ordered = Ordered::new([5.0, 1.0, 5.0].into_iter());
            let mut known = vec![1.0, 5.0, 5.0];
            for (turn, (number, settles)) in steps.into_iter().enumerate() {
                if turn % 3 == 0 && !known.is_empty() {
                    let gone = known.remove(usize::from(number) % known.len());
                    ordered.remove(gone);
                } else {
                    insert(&mut known, f64::from(number));
                    ordered.add(f64::from(number));
                }
                for probe in [f64::from(number) - 0.5, f64::from(number), 100.0] {
                    let below = known.partition_point(|one| *one < probe);
                    let equal = known[below..].partition_point(|one| *one <= probe);
                    let (low, high) = (before(&known, below), behind(&known, below + equal));
                    prop_assert_eq!(ordered.place(probe), Place { below, equal, low, high });
                }
                if settles {
                    prop_assert_eq!(ordered.settle(), known.as_slice());
                }
            }
        }
    }
}
