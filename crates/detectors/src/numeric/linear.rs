//! Dense rows in blocks, their moments, and linear maps of them.

use std::ops::Range;

use anomal_core::{Cancel, Result};
use ndarray::{Array2, ArrayView2, ArrayViewMut2, linalg::general_mat_mul};
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use crate::{blocks::BLOCK, dense::Encoder};

/// The most groups of blocks with separate partial sums.
const GROUPS: usize = 16;

/// From this number of columns on, matrix products are faster than loops.
pub(super) const WIDE: usize = 64;

/// Directions with less than this share of the largest variance count as having none.
pub(crate) const NULL: f64 = 1e-9;

/// Rows in blocks, each stored column by column.
#[derive(Clone, Debug)]
pub(crate) struct Dense {
    pub rows: usize,
    pub width: usize,
    blocks: Vec<Vec<f64>>,
}

/// The weighted mean and covariance of rows.
#[derive(Clone, Debug)]
pub(crate) struct Moments {
    /// The sum of the weights.
    pub count: f64,
    pub mean: Vec<f64>,
    /// Divided by the count.
    pub covariance: Array2<f64>,
}

impl Dense {
    /// # Errors
    /// `Cancelled`, between two blocks.
    pub fn from_encoder(encoder: &Encoder<'_>, rows: usize, cancel: &Cancel) -> Result<Self> {
        let block = |block: usize| {
            cancel.check()?;
            let mut columns = Vec::new();
            encoder.columns(&(block * BLOCK..rows.min((block + 1) * BLOCK)), &mut columns);
            Ok(columns)
        };
        let blocks = (0..rows.div_ceil(BLOCK)).into_par_iter().map(block);
        Ok(Self { rows, width: encoder.width(), blocks: blocks.collect::<Result<_>>()? })
    }

    /// The rows mapped by a linear map.
    pub fn map(&self, map: &Affine) -> Self {
        self.map_blocks(map.height(), |columns, rows, out| map.apply(columns, rows, out))
    }

    /// The rows mapped to another number of columns, block by block.
    pub fn map_blocks(
        &self,
        width: usize,
        map: impl Fn(&[f64], usize, &mut Vec<f64>) + Sync + Send,
    ) -> Self {
        let blocks = self.par_blocks().map(|(rows, columns)| {
            let mut out = Vec::new();
            map(columns, rows.len(), &mut out);
            out
        });
        Self { rows: self.rows, width, blocks: blocks.collect() }
    }

    /// Some of the rows, in the order given.
    pub fn select(&self, rows: &[usize]) -> Self {
        let block = |rows: &[usize]| -> Vec<f64> {
            let columns = 0..self.width;
            columns
                .flat_map(|column| rows.iter().map(move |row| self.value(*row, column)))
                .collect()
        };
        let blocks = rows.par_chunks(BLOCK).map(block).collect();
        Self { rows: rows.len(), width: self.width, blocks }
    }

    pub fn value(&self, row: usize, column: usize) -> f64 {
        let block = &self.blocks[row / BLOCK];
        block[column * (block.len() / self.width) + row % BLOCK]
    }

    pub fn row(&self, row: usize) -> Vec<f64> {
        (0..self.width).map(|column| self.value(row, column)).collect()
    }

    /// The blocks in parallel: their rows and columns.
    pub fn par_blocks(&self) -> impl IndexedParallelIterator<Item = (Range<usize>, &[f64])> {
        self.blocks.par_iter().enumerate().map(|(block, columns)| {
            (block * BLOCK..self.rows.min((block + 1) * BLOCK), columns.as_slice())
        })
    }

    /// The blocks in order: their rows and columns.
    pub fn blocks(&self) -> impl Iterator<Item = (Range<usize>, &[f64])> {
        self.blocks.iter().enumerate().map(|(block, columns)| {
            (block * BLOCK..self.rows.min((block + 1) * BLOCK), columns.as_slice())
        })
    }

    /// The squared length of each row.
    pub fn squares(&self) -> Vec<f64> {
        self.squares_around(&vec![0.0; self.width])
    }

    /// The squared distance of each row from a centre.
    pub fn squares_around(&self, centre: &[f64]) -> Vec<f64> {
        let blocks = self.par_blocks().map(|(rows, columns)| {
            let mut sums = vec![0.0; rows.len()];
            add_squares(columns, centre, &mut sums);
            sums
        });
        blocks.collect::<Vec<_>>().concat()
    }

    /// The moments of all rows, with a weight for each row if given. All are 0 if the weights add up to 0.
    pub fn moments(&self, weights: Option<&[f64]>) -> Moments {
        let all = vec![1.0; if weights.is_none() { self.rows } else { 0 }];
        let weights = weights.unwrap_or(&all);
        let (mean, count) = self.mean(weights);
        let share = if count > 0.0 { count.recip() } else { 0.0 };
        let products = self.grouped(self.width * self.width, |rows, columns, sums| {
            let weights = &weights[rows];
            let n = weights.len();
            let mut centred = columns.to_vec();
            for (column, mean) in centred.chunks_mut(n).zip(&mean) {
                column.iter_mut().for_each(|value| *value -= mean);
            }
            if self.width >= WIDE {
                return add_all_products(&centred, weights, sums);
            }
            let mut weighted = vec![0.0; n];
            for (place, column) in centred.chunks(n).enumerate() {
                for ((weighted, value), weight) in weighted.iter_mut().zip(column).zip(weights) {
                    *weighted = value * weight;
                }
                let sums = &mut sums[place * self.width..][..=place];
                for (sum, other) in sums.iter_mut().zip(centred.chunks(n)) {
                    *sum += dot(&weighted, other);
                }
            }
        });
        let covariance = Array2::from_shape_fn((self.width, self.width), |(a, b)| {
            products[a.max(b) * self.width + a.min(b)] * share
        });
        Moments { count, mean, covariance }
    }

    /// The weighted mean, and the sum of the weights.
    pub fn mean(&self, weights: &[f64]) -> (Vec<f64>, f64) {
        let mut sums = self.grouped(self.width + 1, |rows, columns, sums| {
            let weights = &weights[rows];
            for (sum, column) in sums.iter_mut().zip(columns.chunks(weights.len())) {
                *sum += dot(weights, column);
            }
            sums[self.width] += weights.iter().sum::<f64>();
        });
        let count = sums.pop().unwrap_or(0.0);
        let share = if count > 0.0 { count.recip() } else { 0.0 };
        sums.iter_mut().for_each(|sum| *sum *= share);
        (sums, count)
    }

    /// Adds up over all blocks, in groups that depend on the number of blocks alone.
    pub(super) fn grouped(
        &self,
        sums: usize,
        add: impl Fn(Range<usize>, &[f64], &mut [f64]) + Sync + Send,
    ) -> Vec<f64> {
        let group = self.blocks.len().div_ceil(GROUPS).max(1);
        let groups: Vec<Vec<f64>> = self
            .par_blocks()
            .chunks(group)
            .map(|blocks| {
                let mut own = vec![0.0; sums];
                blocks.into_iter().for_each(|(rows, columns)| add(rows, columns, &mut own));
                own
            })
            .collect();
        let mut all = vec![0.0; sums];
        for own in groups {
            all.iter_mut().zip(own).for_each(|(sum, own)| *sum += own);
        }
        all
    }
}

/// Adds the products of all pairs of columns, with a weight for each row.
fn add_all_products(columns: &[f64], weights: &[f64], sums: &mut [f64]) {
    let width = columns.len() / weights.len();
    let mut weighted = columns.to_vec();
    for column in weighted.chunks_mut(weights.len()) {
        column.iter_mut().zip(weights).for_each(|(value, weight)| *value *= weight);
    }
    let sums = ArrayViewMut2::from_shape((width, width), sums).ok();
    let [weighted, columns] = [&weighted, columns].map(|all| view(width, weights.len(), all));
    if let (Some(weighted), Some(columns), Some(mut sums)) = (weighted, columns, sums) {
        general_mat_mul(1.0, &weighted, &columns.t(), 1.0, &mut sums);
    }
}

/// Values as a matrix, row by row; none if they are not as many.
pub(super) fn view(height: usize, width: usize, values: &[f64]) -> Option<ArrayView2<'_, f64>> {
    ArrayView2::from_shape((height, width), values).ok()
}

/// In lanes that the compiler vectorises.
fn dot(one: &[f64], other: &[f64]) -> f64 {
    const LANES: usize = 8;
    let mut lanes = [0.0; LANES];
    for (one, other) in one.chunks(LANES).zip(other.chunks(LANES)) {
        for ((lane, one), other) in lanes.iter_mut().zip(one).zip(other) {
            *lane += one * other;
        }
    }
    lanes.iter().sum()
}

/// An affine map: a matrix times the difference from the centre.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Affine {
    pub centre: Vec<f64>,
    /// Row by row, each as long as the centre.
    pub matrix: Vec<f64>,
}

impl Affine {
    pub fn new(centre: Vec<f64>, matrix: &Array2<f64>) -> Self {
        Self { centre, matrix: matrix.iter().copied().collect() }
    }

    /// The number of output columns.
    pub fn height(&self) -> usize {
        self.matrix.len().checked_div(self.centre.len()).unwrap_or(0)
    }

    /// Whether the map has this shape and its values are small enough that squares of outputs are finite: it may
    /// come from an untrusted model.
    pub fn is_of(&self, width: usize, height: usize) -> bool {
        let small = |value: &f64| value.abs() <= 1e30;
        self.centre.len() == width
            && Some(self.matrix.len()) == width.checked_mul(height)
            && self.centre.iter().chain(&self.matrix).all(small)
    }

    /// Maps the rows of a block, column by column. A row's result is the same in every block.
    pub fn apply(&self, columns: &[f64], rows: usize, out: &mut Vec<f64>) {
        let mut centred = columns.to_vec();
        for (column, centre) in centred.chunks_mut(rows.max(1)).zip(&self.centre) {
            column.iter_mut().for_each(|value| *value -= centre);
        }
        out.clear();
        out.resize(self.height() * rows, 0.0);
        let width = self.centre.len().max(1);
        if width.min(self.height()) >= WIDE {
            let products = ArrayViewMut2::from_shape((self.height(), rows), out).ok();
            if let (Some(map), Some(columns), Some(mut products)) =
                (view(self.height(), width, &self.matrix), view(width, rows, &centred), products)
            {
                general_mat_mul(1.0, &map, &columns, 0.0, &mut products);
            }
            return;
        }
        for (out, factors) in out.chunks_mut(rows.max(1)).zip(self.matrix.chunks(width)) {
            let mut fours = centred.chunks(4 * rows.max(1)).zip(factors.chunks(4));
            fours.by_ref().for_each(|(columns, factors)| add_products(columns, factors, out));
        }
    }
}

/// Adds the squared distance of each row of a block from a centre.
pub(super) fn add_squares(columns: &[f64], centre: &[f64], sums: &mut [f64]) {
    for (column, centre) in columns.chunks(sums.len()).zip(centre) {
        for (sum, value) in sums.iter_mut().zip(column) {
            *sum += (value - centre) * (value - centre);
        }
    }
}

/// Adds up to four columns times their factors, in order.
fn add_products(columns: &[f64], factors: &[f64], out: &mut [f64]) {
    let rows = out.len();
    if let [one, two, three, four] = *factors {
        let (first, rest) = columns.split_at(rows);
        let (second, rest) = rest.split_at(rows);
        let (third, fourth) = rest.split_at(rows);
        let values = first.iter().zip(second).zip(third).zip(fourth);
        for (out, (((a, b), c), d)) in out.iter_mut().zip(values) {
            *out = *out + a * one + b * two + c * three + d * four;
        }
    } else {
        for (column, factor) in columns.chunks(rows).zip(factors) {
            out.iter_mut().zip(column).for_each(|(out, value)| *out += value * factor);
        }
    }
}
