//! Rows encoded for the distance: numbers scaled by weight and range, categories as codes.

use std::collections::HashMap;

use serde::{Deserialize, Serialize};

use crate::matrix::{MISSING, Matrix, MatrixColumn, Values};

/// The encoding of one feature.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) enum Scale {
    /// (x - low) * factor, computed in halves where the range overflows.
    Numeric {
        low: f64,
        range: f64,
        weight: f64,
    },
    Codes {
        levels: Vec<String>,
        weight: f64,
    },
}

/// The encoding of all features; fitted once, applied to fitted and to new rows.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Encoding {
    /// For each feature of the table; absent if its weight is 0.
    pub scales: Vec<Option<Scale>>,
}

/// One feature of encoded rows.
#[derive(Clone, Debug)]
pub(crate) enum Part {
    /// Scaled so that a difference is the feature's share of the distance; NaN where missing.
    Numeric {
        values: Vec<f32>,
        weight: f32,
    },
    Codes {
        codes: Vec<u32>,
        weight: f32,
    },
}

/// Encoded rows.
#[derive(Clone, Debug)]
pub(crate) struct EncodedRows {
    pub rows: usize,
    /// The features of weight above 0; the weights add up to 1.
    pub parts: Vec<Part>,
    /// The position of each part's feature in the table.
    pub places: Vec<usize>,
    /// Whether any value is missing; the weights of a pair are then those of its common features.
    pub missing: bool,
}

impl Encoding {
    /// Fits ranges to the values present, and takes levels in order of first appearance.
    pub fn fit(matrix: &Matrix) -> Self {
        // Divided by the largest first, so that the sum of large weights is finite.
        let largest = matrix.columns.iter().map(|column| column.weight).fold(0.0, f64::max);
        let total: f64 = matrix.columns.iter().map(|column| column.weight / largest).sum();
        let scale = |column: &MatrixColumn| {
            let weight = column.weight / largest / total;
            // None if no feature has a weight, or if this weight is too small for an f32.
            if !(weight as f32).is_normal() {
                return None;
            }
            Some(match &column.values {
                Values::Numeric(values) => {
                    let present = values.iter().copied().filter(|value| !value.is_nan());
                    let low = present.clone().fold(f64::INFINITY, f64::min);
                    let high = present.fold(f64::NEG_INFINITY, f64::max);
                    // In halves, so that the range of the largest numbers is finite.
                    let range = if low <= high { high / 2.0 - low / 2.0 } else { 0.0 };
                    Scale::Numeric { low: if low.is_finite() { low } else { 0.0 }, range, weight }
                }
                Values::Codes { levels, .. } => Scale::Codes { levels: levels.clone(), weight },
            })
        };
        Self { scales: matrix.columns.iter().map(scale).collect() }
    }

    /// A number outside the fitted range is at most one range away from its border; an unknown category differs
    /// from all fitted ones.
    pub fn apply(&self, matrix: &Matrix) -> EncodedRows {
        let (mut parts, mut places) = (Vec::new(), Vec::new());
        for (place, (scale, column)) in self.scales.iter().zip(&matrix.columns).enumerate() {
            parts.push(match (scale, &column.values) {
                (Some(Scale::Numeric { low, range, weight }), Values::Numeric(values)) => {
                    let one = |value: &f64| scaled(*value, *low, *range, *weight);
                    Part::Numeric {
                        values: values.iter().map(one).collect(),
                        weight: *weight as f32,
                    }
                }
                (
                    Some(Scale::Codes { levels: fitted, weight }),
                    Values::Codes { codes, levels },
                ) => Part::Codes { codes: recoded(codes, levels, fitted), weight: *weight as f32 },
                _ => continue,
            });
            places.push(place);
        }
        let missing = parts.iter().any(Part::lacks_some);
        EncodedRows { rows: matrix.rows, parts, places, missing }
    }
}

fn scaled(value: f64, low: f64, range: f64, weight: f64) -> f32 {
    if value.is_nan() {
        return f32::NAN;
    }
    if range == 0.0 {
        // Constant when fitted: another value is one range away.
        return if value == low { 0.0 } else { weight as f32 };
    }
    let share = (value / 2.0 - low / 2.0) / range;
    (share.clamp(-1.0, 2.0) * weight) as f32
}

fn recoded(codes: &[u32], levels: &[String], fitted: &[String]) -> Vec<u32> {
    if levels == fitted {
        return codes.to_vec();
    }
    let places: HashMap<&str, u32> = fitted.iter().map(String::as_str).zip(0..).collect();
    let known: Vec<u32> = levels
        .iter()
        .zip(0..)
        .map(|(level, index): (&String, u32)| {
            // Codes beyond the fitted ones equal none of them.
            places.get(level.as_str()).copied().unwrap_or(FIRST_UNKNOWN - index)
        })
        .collect();
    let code = |code: &u32| if *code == MISSING { MISSING } else { known[*code as usize] };
    codes.iter().map(code).collect()
}

const FIRST_UNKNOWN: u32 = MISSING - 1;

impl EncodedRows {
    /// The sum of all weights: 1 up to rounding.
    pub fn whole(&self) -> f32 {
        self.parts.iter().fold(0.0, |sum, part| sum + part.weight())
    }

    /// Merges equal rows. Returns the distinct rows in order of first appearance, the count of each, and the position
    /// of each row's distinct row. Rows without any value have no common feature and are never equal.
    pub fn distinct(&self) -> (Self, Vec<u32>, Vec<u32>) {
        let mut places: HashMap<Vec<u32>, u32> = HashMap::new();
        let (mut firsts, mut counts, mut of_row) = (Vec::new(), Vec::new(), Vec::new());
        let mut key = Vec::new();
        for row in 0..self.rows {
            key.clear();
            key.extend(self.parts.iter().map(|part| part.key(row)));
            let known = places.get(&key).copied();
            let place = known.unwrap_or(u32::try_from(firsts.len()).unwrap_or(u32::MAX));
            if known.is_none() {
                firsts.push(row);
                counts.push(0);
                let empty = self.parts.iter().zip(&key).all(|(part, key)| part.absent() == *key);
                if !empty {
                    places.insert(key.clone(), place);
                }
            }
            counts[place as usize] += 1;
            of_row.push(place);
        }
        (self.select(&firsts), counts, of_row)
    }

    /// Some of the rows, in the order given.
    pub fn select(&self, rows: &[usize]) -> Self {
        let part = |part: &Part| match part {
            Part::Numeric { values, weight } => Part::Numeric {
                values: rows.iter().map(|row| values[*row]).collect(),
                weight: *weight,
            },
            Part::Codes { codes, weight } => {
                Part::Codes { codes: rows.iter().map(|row| codes[*row]).collect(), weight: *weight }
            }
        };
        Self {
            rows: rows.len(),
            parts: self.parts.iter().map(part).collect(),
            places: self.places.clone(),
            missing: self.missing,
        }
    }
}

impl Part {
    pub fn weight(&self) -> f32 {
        match self {
            Self::Numeric { weight, .. } | Self::Codes { weight, .. } => *weight,
        }
    }

    pub fn lacks_some(&self) -> bool {
        match self {
            Self::Numeric { values, .. } => values.iter().any(|value| value.is_nan()),
            Self::Codes { codes, .. } => codes.contains(&MISSING),
        }
    }

    /// The key of a missing value.
    fn absent(&self) -> u32 {
        match self {
            Self::Numeric { .. } => f32::NAN.to_bits(),
            Self::Codes { .. } => MISSING,
        }
    }

    /// Equal for equal values, and for missing ones.
    fn key(&self, row: usize) -> u32 {
        match self {
            // 0.0 and -0.0 are equal.
            Self::Numeric { values, .. } if values[row].is_nan() => f32::NAN.to_bits(),
            Self::Numeric { values, .. } => (values[row] + 0.0).to_bits(),
            Self::Codes { codes, .. } => codes[row],
        }
    }
}
