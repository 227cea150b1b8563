//! Rows grouped into leaves of near rows, each with the extent of its values: a search skips a leaf as a whole if it
//! is too far.
//!
//! Leaves are made by halving, as in a k-d tree (Bentley 1975, "Multidimensional binary search trees used for
//! associative searching"), by the feature that contributes most to the distances. Categories and missing values are
//! supported, which indexes of numbers alone do not offer.

use std::ops::Range;

use super::{
    distances::mean,
    encoding::{EncodedRows, Part},
};
use crate::matrix::MISSING;

/// Rows by which the splitting feature is chosen.
const SPREAD_SAMPLE: usize = 256;
/// Bounds are lowered by this factor, more than the rounding error of a quotient.
const SLACK: f32 = 1.0 - 1e-6;

/// Rows in the order of their leaves.
#[derive(Debug)]
pub(crate) struct PackedRows {
    pub rows: EncodedRows,
    /// The position of each row among the rows given.
    pub places: Vec<u32>,
    pub leaves: Vec<Leaf>,
}

#[derive(Debug)]
pub(crate) struct Leaf {
    pub rows: Range<usize>,
    extents: Vec<Extent>,
}

/// The values of one feature in one leaf.
#[derive(Debug)]
struct Extent {
    span: Span,
    /// Whether it is missing in some rows.
    missing: bool,
}

#[derive(Debug)]
enum Span {
    /// It is missing in all rows.
    Nothing,
    Numeric(f32, f32),
    /// Ascending.
    Codes(Vec<u32>),
}

impl PackedRows {
    /// Makes leaves of more than half of `most` rows, and at most `most`.
    pub fn new(rows: &EncodedRows, most: usize) -> Self {
        let mut places: Vec<u32> = (0..u32::try_from(rows.rows).unwrap_or(u32::MAX)).collect();
        let mut ranges = Vec::new();
        halve(rows, &mut places, 0, most.max(1), &mut ranges);
        let order: Vec<usize> = places.iter().map(|place| *place as usize).collect();
        let rows = rows.select(&order);
        let leaf = |range: Range<usize>| Leaf {
            extents: rows.parts.iter().map(|part| extent(part, &range)).collect(),
            rows: range,
        };
        let leaves = ranges.into_iter().map(leaf).collect();
        Self { rows, places, leaves }
    }
}

fn halve(
    rows: &EncodedRows,
    places: &mut [u32],
    start: usize,
    most: usize,
    ranges: &mut Vec<Range<usize>>,
) {
    if places.len() <= most {
        if !places.is_empty() {
            ranges.push(start..start + places.len());
        }
        return;
    }
    let spreads = rows.parts.iter().map(|part| spread(part, places));
    let widest = spreads.enumerate().fold((0, f64::NEG_INFINITY), |best, (index, one)| {
        if one > best.1 { (index, one) } else { best }
    });
    let middle = places.len() / 2;
    match rows.parts.get(widest.0) {
        // NaN is above all numbers, and a missing code above all codes.
        Some(Part::Numeric { values, .. }) => {
            let value = |place: &u32| values[*place as usize];
            places.select_nth_unstable_by(middle, |a, b| {
                value(a).total_cmp(&value(b)).then(a.cmp(b))
            });
        }
        Some(Part::Codes { codes, .. }) => {
            places.select_nth_unstable_by_key(middle, |place| (codes[*place as usize], *place));
        }
        None => {}
    }
    let (low, high) = places.split_at_mut(middle);
    halve(rows, low, start, most, ranges);
    halve(rows, high, start + middle, most, ranges);
}

/// The approximate contribution of the feature to the distance of two of the rows.
fn spread(part: &Part, places: &[u32]) -> f64 {
    let step = places.len().div_ceil(SPREAD_SAMPLE);
    let some = places.iter().step_by(step).map(|place| *place as usize);
    match part {
        Part::Numeric { values, .. } => {
            let values: Vec<f64> = some
                .map(|place| f64::from(values[place]))
                .filter(|value| !value.is_nan())
                .collect();
            let n = values.len().max(1) as f64;
            let centre = values.iter().sum::<f64>() / n;
            // The mean difference of two normal values, from the mean absolute deviation.
            std::f64::consts::SQRT_2
                * values.iter().map(|value| (value - centre).abs()).sum::<f64>()
                / n
        }
        Part::Codes { codes, weight } => {
            let mut codes: Vec<u32> = some.map(|place| codes[place]).collect();
            codes.sort_unstable();
            let n = codes.len() as f64;
            let same: f64 =
                codes.chunk_by(|a, b| a == b).map(|run| (run.len() as f64 / n).powi(2)).sum();
            f64::from(*weight) * (1.0 - same)
        }
    }
}

fn extent(part: &Part, range: &Range<usize>) -> Extent {
    match part {
        Part::Numeric { values, .. } => {
            let values = &values[range.clone()];
            let missing = values.iter().any(|value| value.is_nan());
            // `min` and `max` ignore NaN.
            let low = values.iter().copied().fold(f32::INFINITY, f32::min);
            let high = values.iter().copied().fold(f32::NEG_INFINITY, f32::max);
            Extent {
                span: if low <= high { Span::Numeric(low, high) } else { Span::Nothing },
                missing,
            }
        }
        Part::Codes { codes, .. } => {
            let mut codes = codes[range.clone()].to_vec();
            codes.sort_unstable();
            codes.dedup();
            let missing = codes.pop_if(|code| *code == MISSING).is_some();
            Extent {
                span: if codes.is_empty() { Span::Nothing } else { Span::Codes(codes) },
                missing,
            }
        }
    }
}

/// A lower bound of a distance, added up feature by feature in the order of distances, so that rounding keeps it
/// below them.
#[derive(Default)]
struct DistanceBound {
    sum: f32,
    total: f32,
}

impl DistanceBound {
    /// `sure` says that all pairs have the feature in common; else it may be in their means or not.
    fn add(&mut self, gap: f32, weight: f32, sure: bool) {
        self.sum += if sure { gap } else { 0.0 };
        self.total += weight;
    }

    fn value(&self, whole: f32) -> f32 {
        mean(self.sum, self.total, whole) * SLACK
    }
}

impl Leaf {
    /// A lower bound of the distances between this leaf's rows, which are in `rows`, and the other's.
    pub fn bound(&self, rows: &EncodedRows, other: &Self, whole: f32) -> f32 {
        let mut bound = DistanceBound::default();
        for ((here, there), part) in self.extents.iter().zip(&other.extents).zip(&rows.parts) {
            let gap = match (&here.span, &there.span) {
                (Span::Numeric(low, high), Span::Numeric(from, to)) => {
                    (from - high).max(low - to).max(0.0)
                }
                (Span::Codes(here), Span::Codes(there)) => {
                    let (few, many) =
                        if here.len() < there.len() { (here, there) } else { (there, here) };
                    let shared = few.iter().any(|code| many.binary_search(code).is_ok());
                    if shared { 0.0 } else { part.weight() }
                }
                _ => continue,
            };
            bound.add(gap, part.weight(), !here.missing && !there.missing);
        }
        bound.value(whole)
    }

    /// A lower bound of the distances between row `row` of `rows` and this leaf's rows.
    pub fn bound_of_row(&self, rows: &EncodedRows, row: usize, whole: f32) -> f32 {
        let mut bound = DistanceBound::default();
        for (extent, part) in self.extents.iter().zip(&rows.parts) {
            let gap = match (&extent.span, part) {
                (Span::Numeric(low, high), Part::Numeric { values, .. })
                    if !values[row].is_nan() =>
                {
                    (low - values[row]).max(values[row] - high).max(0.0)
                }
                (Span::Codes(known), Part::Codes { codes, weight }) if codes[row] != MISSING => {
                    if known.binary_search(&codes[row]).is_ok() {
                        0.0
                    } else {
                        *weight
                    }
                }
                _ => continue,
            };
            bound.add(gap, part.weight(), !extent.missing);
        }
        bound.value(whole)
    }
}
