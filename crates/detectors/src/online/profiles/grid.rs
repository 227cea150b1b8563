//! The bins of a number.

use crate::online::bytes::{Reader, Writer};

/// The place of values that are missing, behind the bins.
pub(super) const MISSING: usize = 24;
/// Bins between the least and the largest number of those that place them; four are below, and four above.
const INNER: usize = 16;
/// How far the outer bins reach, in spans of the inner ones.
const OUTER: [f64; 3] = [1.0, 4.0, 16.0];

/// At most 24 bins.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Grid {
    /// The lower edges of all but the first bin, ascending.
    edges: Vec<f64>,
}

impl Grid {
    /// Bins that have about as many of these numbers each, and further ones outside. Numbers of few values have one each.
    pub fn of(numbers: impl Iterator<Item = f64>) -> Self {
        let mut numbers: Vec<f64> = numbers.filter(|number| number.is_finite()).collect();
        numbers.sort_unstable_by(f64::total_cmp);
        let (Some(least), Some(largest)) = (numbers.first().copied(), numbers.last().copied())
        else {
            return Self { edges: vec![0.0] };
        };
        let mut distinct = numbers.clone();
        distinct.dedup();
        let between = |a: f64, b: f64| a + (b - a) / 2.0;
        let inner: Vec<f64> = if distinct.len() <= INNER {
            distinct.windows(2).map(|pair| between(pair[0], pair[1])).collect()
        } else {
            (1..INNER).map(|part| numbers[part * numbers.len() / INNER]).collect()
        };
        let span = if largest > least { largest - least } else { largest.abs().max(1.0) };
        let below = OUTER.iter().rev().map(|spans| least - spans * span).chain([least]);
        let above =
            [largest.next_up()].into_iter().chain(OUTER.map(|spans| largest + spans * span));
        let mut edges: Vec<f64> = below.chain(inner).chain(above).collect();
        edges.retain(|edge| edge.is_finite());
        edges.sort_unstable_by(f64::total_cmp);
        edges.dedup();
        Self { edges }
    }

    /// The bin of a number that is not NaN, below [`MISSING`].
    pub fn bin(&self, number: f64) -> usize {
        self.edges.partition_point(|edge| *edge <= number)
    }

    /// Where a number is among the bins, `0..=1`: it rises with the number within a bin, too.
    pub fn rank(&self, number: f64) -> f64 {
        let bin = self.bin(number);
        let within = match (bin.checked_sub(1).map(|below| self.edges[below]), self.edges.get(bin))
        {
            (Some(low), Some(high)) => (number - low) / (high - low),
            // Outside of all, each is as far as any other.
            _ => 0.5,
        };
        (bin as f64 + within) / (self.edges.len() + 1) as f64
    }

    pub fn write(&self, to: &mut Writer) {
        to.length(self.edges.len());
        self.edges.iter().for_each(|edge| to.real(*edge));
    }

    pub fn read(from: &mut Reader<'_>) -> Option<Self> {
        let edges = (0..from.length()?).map(|_| from.real()).collect::<Option<Vec<f64>>>()?;
        (edges.len() < MISSING && edges.is_sorted()).then_some(Self { edges })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn numbers_are_spread_over_the_inner_bins() {
        let grid = Grid::of((0..1_000).map(|i| f64::from(i * i)));
        let mut counts = [0; MISSING];
        for i in 0..1_000 {
            counts[grid.bin(f64::from(i * i))] += 1;
        }
        assert_eq!((&counts[..4], &counts[20..]), ([0; 4].as_slice(), [0; 4].as_slice()));
        assert!(counts[4..20].iter().all(|count| (60..=65).contains(count)), "{counts:?}");
        let bins =
            [f64::NEG_INFINITY, -1.0, 0.0, 998_001.0, 998_002.0, 3e6, 9e6, 1e12, f64::INFINITY];
        assert_eq!(bins.map(|number| grid.bin(number)), [0, 3, 4, 19, 20, 21, 22, 23, 23]);
    }

    #[test]
    fn few_values_have_a_bin_each() {
        let grid = Grid::of([2.0, 1.0, 1.0, 7.0].into_iter());
        let bins = [1.0, 2.0, 7.0].map(|number| grid.bin(number));
        assert_eq!(bins, [4, 5, 6]);
        assert_eq!((grid.bin(0.0), grid.bin(8.0)), (3, 7));
        let constant = Grid::of([5.0; 9].into_iter());
        assert_eq!([4.9, 5.0, 5.1].map(|number| constant.bin(number)), [3, 4, 5]);
        assert_eq!(Grid::of(std::iter::empty()).bin(-3.0), 0);
    }

    #[test]
    fn ranks_rise_with_numbers() {
        let grid = Grid::of((0..1_000).map(|i| f64::from(i * i)));
        let ranks: Vec<f64> =
            (-9_i32..1_009).map(|i| grid.rank(f64::from(i * i * i.signum()))).collect();
        assert!(ranks.is_sorted() && ranks.iter().all(|rank| (0.0..=1.0).contains(rank)));
        let inner = grid.rank(250_000.0) - grid.rank(249_000.0);
        assert!((0.0005..0.003).contains(&inner), "{inner}");
        assert_eq!(grid.rank(f64::INFINITY), grid.rank(1e300));
        assert_eq!(Grid::of(std::iter::empty()).rank(-3.0), 0.25);
    }

    proptest! {
        #[test]
        fn any_numbers_have_a_bin(numbers in prop::collection::vec(any::<f64>(), 0..60), probe: f64) {
            let grid = Grid::of(numbers.into_iter());
            prop_assert!(grid.edges.len() < MISSING);
            if !probe.is_nan() {
                prop_assert!(grid.bin(probe) < MISSING);
                prop_assert!((0.0..=1.0).contains(&grid.rank(probe)));
            }
            let mut to = Writer::new(1);
            grid.write(&mut to);
            let bytes = to.into_bytes();
            prop_assert_eq!(Grid::read(&mut Reader::new(&bytes, 1).unwrap()), Some(grid));
        }
    }
}
