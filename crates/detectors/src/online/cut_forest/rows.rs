//! The rows of a window, which all trees of a forest share.

use std::sync::Arc;

use super::{
    ROOM,
    coordinate::{Coordinate, LARGEST, Order, is_category},
};
use crate::online::bytes::{Reader, Writer};

/// Coordinates that are compared at once. Rows are filled up with zeros to a multiple of it.
pub(super) const LANES: usize = 8;
pub(super) type Lanes = [Coordinate; LANES];

/// The sum of weights as whole numbers at most: with it, that of weighted differences is one of 32 bits.
const WEIGHTS: f32 = (i32::MAX / LARGEST) as f32;

/// The rows, by their slots.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Rows {
    /// Of each feature: in proportion to what was asked for; at least 1 where that was not 0, and 0 where rows are filled up.
    pub weights: Arc<[Lanes]>,
    features: usize,
    most: usize,
    values: Vec<Lanes>,
    /// Whether one of them is, or was, that of a category, which trees put in orders of their own.
    has_categories: bool,
}

impl Rows {
    /// Of at most so many rows, and bytes.
    pub fn new(weights: &[f32], most: usize, bytes: usize) -> Self {
        let largest = weights.iter().copied().fold(f32::MIN_POSITIVE, f32::max);
        let sum = weights.iter().sum::<f32>().max(f32::MIN_POSITIVE);
        // Each becomes at least 1.
        let room = (WEIGHTS - weights.len() as f32 - 64.0).max(1.0);
        let scale = (f32::from(Coordinate::MAX) / largest).min(room / sum);
        let whole = |weight: &f32| match weight {
            0.0 => 0,
            _ => ((weight * scale) as Coordinate).max(1),
        };
        let features = weights.len();
        let whole: Vec<Coordinate> = weights.iter().map(whole).collect();
        let weights: Arc<[Lanes]> = lanes(&whole).collect();
        Self {
            most: (bytes / size_of_val(&*weights)).clamp(1, most),
            weights,
            features,
            values: Vec::new(),
            has_categories: false,
        }
    }

    /// The lanes of a row.
    pub fn width(&self) -> usize {
        self.weights.len()
    }

    pub fn features(&self) -> usize {
        self.features
    }

    /// Bytes on the heap.
    #[cfg(test)]
    pub fn bytes(&self) -> usize {
        (self.values.capacity() + self.weights.len()) * size_of::<Lanes>()
    }

    pub fn most(&self) -> usize {
        self.most
    }

    pub fn has_categories(&self) -> bool {
        self.has_categories
    }

    /// A row as a tree of an order has it.
    pub fn ordered(&self, row: &[Lanes], order: Order, to: &mut Vec<Lanes>) {
        to.clear();
        to.extend_from_slice(row);
        if self.has_categories {
            to.as_flattened_mut().iter_mut().for_each(|value| *value = order.apply(*value));
        }
    }

    /// `slot` is at most behind the last one.
    pub fn put(&mut self, slot: usize, row: &[Coordinate]) {
        self.has_categories |= row.iter().any(|value| is_category(*value));
        let (start, width) = (slot * self.width(), self.width());
        if self.values.len() == start {
            if self.values.capacity() < start + width {
                self.values.reserve_exact(width * ROOM);
            }
            self.values.resize(start + width, [0; LANES]);
        }
        for (place, values) in self.values[start..].iter_mut().zip(lanes(row)) {
            *place = values;
        }
    }

    pub fn lanes(&self, slot: u16) -> &[Lanes] {
        let start = usize::from(slot) * self.width();
        &self.values[start..start + self.width()]
    }

    pub fn write(&self, to: &mut Writer) {
        for row in self.values.chunks(self.width().max(1)) {
            let values = &row.as_flattened()[..self.features];
            values.iter().for_each(|value| to.count(value.cast_unsigned()));
        }
    }

    pub fn read(&mut self, from: &mut Reader<'_>, rows: usize) -> Option<()> {
        self.values.reserve_exact(rows * self.width());
        for slot in 0..rows {
            let value = |from: &mut Reader<'_>| from.count().map(u16::cast_signed);
            let row: Vec<Coordinate> =
                (0..self.features).map(|_| value(from)).collect::<Option<_>>()?;
            self.put(slot, &row);
        }
        Some(())
    }
}

/// A row as it is compared; at least one, also without features.
pub(super) fn lanes(row: &[Coordinate]) -> impl Iterator<Item = Lanes> {
    let width = row.len().div_ceil(LANES).max(1);
    (0..width).map(|place| {
        let mut lanes = [0; LANES];
        let values = row.iter().skip(place * LANES);
        lanes.iter_mut().zip(values).for_each(|(lane, value)| *lane = *value);
        lanes
    })
}
