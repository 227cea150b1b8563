//! Encodes the rows of a table.

use std::{collections::HashMap, ops::Range};

use super::{Kind, Part};
use crate::{
    constants::{ConstantLookup, Departures},
    matrix::{MISSING, MatrixColumn, Values},
};

/// The greatest distance from the mean in standard deviations: sums of its squares are finite.
const FARTHEST: f64 = 1e60;
/// The column of a level that has no column.
const NONE: u32 = u32::MAX;

/// An encoding bound to a table.
pub(crate) struct Encoder<'a> {
    sources: Vec<Source<'a>>,
    width: usize,
    constants: ConstantLookup<'a>,
}

pub(super) enum Source<'a> {
    Numeric {
        values: &'a [f64],
        unit: f64,
        mean: f64,
        deviation: f64,
        factor: f64,
    },
    /// The column of each of the table's codes; for each column its values for rows with its level and without.
    Codes {
        codes: &'a [u32],
        columns: Vec<u32>,
        values: Vec<(f64, f64)>,
    },
}

impl<'a> Source<'a> {
    pub(super) fn new(part: &'a Part, column: &'a MatrixColumn) -> Option<Self> {
        let factor = part.factor;
        Some(match (&part.kind, &column.values) {
            (Kind::Numeric { unit, mean, deviation }, Values::Numeric(values)) => {
                let (unit, mean, deviation) = (*unit, *mean, *deviation);
                Self::Numeric { values, unit, mean, deviation, factor }
            }
            (
                Kind::Levels { levels: fitted, skip_first, shares, scale },
                Values::Codes { codes, levels },
            ) => {
                let skipped = u32::from(*skip_first);
                let named = fitted.iter().zip(0..);
                let places: HashMap<&str, u32> = named
                    .map(|(level, place): (&String, u32)| {
                        (level.as_str(), place.checked_sub(skipped).unwrap_or(NONE))
                    })
                    .collect();
                let others = fitted.len() - skipped as usize;
                let others = if shares.len() > others { others as u32 } else { NONE };
                let column = |level: &String| places.get(level.as_str()).copied().unwrap_or(others);
                let value = |share: &f64| part.with_and_without(*scale, *share);
                let columns = levels.iter().map(column).collect();
                Self::Codes { codes, columns, values: shares.iter().map(value).collect() }
            }
            _ => return None,
        })
    }

    /// Writes its columns for some rows, one after the other.
    fn write(&self, rows: &Range<usize>, out: &mut [f64]) {
        match self {
            Self::Numeric { values, unit, mean, deviation, factor } => {
                for (out, value) in out.iter_mut().zip(&values[rows.clone()]) {
                    let standard = (value / unit - mean) / deviation;
                    let near = standard.clamp(-FARTHEST, FARTHEST) * factor;
                    *out = if near.is_nan() { 0.0 } else { near };
                }
            }
            Self::Codes { codes, columns, values } => {
                let codes = &codes[rows.clone()];
                for ((column, out), (with, without)) in
                    (0..).zip(out.chunks_mut(rows.len().max(1))).zip(values)
                {
                    for (out, code) in out.iter_mut().zip(codes) {
                        *out = match *code {
                            MISSING => 0.0,
                            code if columns[code as usize] == column => *with,
                            _ => *without,
                        };
                    }
                }
            }
        }
    }

    fn width(&self) -> usize {
        match self {
            Self::Numeric { .. } => 1,
            Self::Codes { values, .. } => values.len(),
        }
    }
}

impl<'a> Encoder<'a> {
    pub(super) fn new(
        sources: Vec<Source<'a>>,
        width: usize,
        constants: ConstantLookup<'a>,
    ) -> Self {
        Self { sources, width, constants }
    }

    pub fn width(&self) -> usize {
        self.width
    }

    /// The rows with other values than the constants.
    pub fn departures(&self, rows: &Range<usize>) -> Departures {
        self.constants.departures(rows)
    }

    /// Encodes rows column by column: the first column of all rows, then the second.
    pub fn columns(&self, rows: &Range<usize>, out: &mut Vec<f64>) {
        out.clear();
        out.resize(self.width * rows.len(), 0.0);
        let mut rest = out.as_mut_slice();
        for source in &self.sources {
            let (own, others) = rest.split_at_mut(source.width() * rows.len());
            source.write(rows, own);
            rest = others;
        }
    }

    /// Encodes rows row by row.
    pub fn rows(&self, rows: &Range<usize>, out: &mut Vec<f64>) {
        let mut columns = Vec::new();
        self.columns(rows, &mut columns);
        out.clear();
        out.reserve(columns.len());
        for row in 0..rows.len() {
            out.extend((0..self.width).map(|column| columns[column * rows.len() + row]));
        }
    }
}
