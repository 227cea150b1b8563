//! The least and largest coordinates of a part of a tree, and how far a row is outside of them.

use super::{
    coordinate::Order,
    rows::{LANES, Lanes, Rows},
};

#[derive(Debug, Default)]
pub(super) struct Bounds {
    low: Vec<Lanes>,
    high: Vec<Lanes>,
}

/// Weighted sums over features, which together fit into 32 bits.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Spans {
    /// How far a row is beyond the bounds.
    pub outside: i32,
    /// How wide they are.
    pub inside: i32,
}

impl Spans {
    pub fn all(self) -> i32 {
        self.outside + self.inside
    }
}

impl Bounds {
    /// Those of one row.
    pub fn set(&mut self, rows: &Rows, slot: u16, order: Order) {
        rows.ordered(rows.lanes(slot), order, &mut self.low);
        self.high.clone_from(&self.low);
    }

    /// Widens them to the rows of the slots.
    pub fn widen(&mut self, rows: &Rows, slots: &[u16], order: Order) {
        if rows.has_categories() {
            self.widen_by(rows, slots, |lanes| order.apply_all(*lanes));
        } else {
            self.widen_by(rows, slots, |lanes| *lanes);
        }
    }

    fn widen_by(&mut self, rows: &Rows, slots: &[u16], of: impl Fn(&Lanes) -> Lanes + Copy) {
        let mut first = 0;
        // So many lanes at once stay in registers.
        while first < rows.width() {
            first += match rows.width() - first {
                1 => self.columns::<1>(first, rows, slots, of),
                2 => self.columns::<2>(first, rows, slots, of),
                3 => self.columns::<3>(first, rows, slots, of),
                _ => self.columns::<4>(first, rows, slots, of),
            };
        }
    }

    /// The same of `N` lanes of each row, which it gives back.
    fn columns<const N: usize>(
        &mut self,
        first: usize,
        rows: &Rows,
        slots: &[u16],
        of: impl Fn(&Lanes) -> Lanes,
    ) -> usize {
        let bounds = self.low[first..].first_chunk_mut::<N>();
        let (Some(lows), Some(highs)) = (bounds, self.high[first..].first_chunk_mut::<N>()) else {
            return N;
        };
        let (mut low, mut high) = (*lows, *highs);
        for slot in slots {
            let Some(row) = rows.lanes(*slot)[first..].first_chunk::<N>() else { continue };
            for (place, lanes) in row.iter().enumerate() {
                for (lane, value) in of(lanes).into_iter().enumerate() {
                    low[place][lane] = low[place][lane].min(value);
                    high[place][lane] = high[place][lane].max(value);
                }
            }
        }
        (*lows, *highs) = (low, high);
        N
    }

    /// Adds how far a row is beyond them in each feature.
    pub fn measure(&self, row: &[Lanes], weights: &[Lanes], beyond: &mut Vec<Lanes>) -> Spans {
        let (mut outside, mut inside) = ([0; LANES], [0; LANES]);
        for (((low, high), row), weights) in self.low.iter().zip(&self.high).zip(row).zip(weights) {
            let mut beyond_of = [0; LANES];
            for (lane, value) in row.iter().enumerate() {
                beyond_of[lane] = (low[lane] - value).max(value - high[lane]).max(0);
                let weight = i32::from(weights[lane]);
                outside[lane] += weight * i32::from(beyond_of[lane]);
                inside[lane] += weight * i32::from(high[lane] - low[lane]);
            }
            beyond.push(beyond_of);
        }
        Spans { outside: outside.iter().sum(), inside: inside.iter().sum() }
    }
}
