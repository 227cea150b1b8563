//! The values of a feature as numbers: levels in descending frequency, or bins of equal width; then missing values,
//! then unknown ones. Each has a term by its rarity.

use std::collections::HashMap;

use anomal_core::{Cancel, Result};
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use crate::{
    binning::{SPECIAL, Scale},
    detectors::marginal::tails::rarities,
    matrix::{MISSING, Matrix, MatrixColumn, Values},
};

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Bins {
    kind: Kind,
    /// Divided by the largest weight.
    pub weight: f64,
    /// The term of each bin.
    pub terms: Vec<f64>,
}

#[derive(Debug, Serialize, Deserialize)]
enum Kind {
    Numeric(Scale),
    Levels(Vec<String>),
}

impl Bins {
    /// Bins for each feature of a table.
    ///
    /// # Errors
    /// `Cancelled`, between two features.
    pub fn fit(matrix: &Matrix, bins: usize, cancel: &Cancel) -> Result<Vec<Self>> {
        let largest = matrix.columns.iter().map(|column| column.weight).fold(0.0, f64::max);
        let from_column = |column: &MatrixColumn| {
            cancel.check()?;
            Ok(Self::from_column(column, bins, column.weight / largest))
        };
        matrix.columns.par_iter().map(from_column).collect()
    }

    fn from_column(column: &MatrixColumn, bins: usize, weight: f64) -> Self {
        let (kind, counts) = match &column.values {
            Values::Numeric(values) => {
                let scale = Scale::from_values(values, bins);
                (Kind::Numeric(scale), scale.counts(values, bins))
            }
            Values::Codes { codes, levels } => {
                let mut counts = vec![0; levels.len() + 1];
                for code in codes {
                    counts[if *code == MISSING { levels.len() } else { *code as usize }] += 1;
                }
                let missing = counts[levels.len()];
                let mut found: Vec<(usize, &String)> =
                    counts.into_iter().zip(levels).filter(|(count, _)| *count > 0).collect();
                // Ties by name, so that the order of the rows has no influence.
                found.sort_unstable_by(|one, other| other.0.cmp(&one.0).then(one.1.cmp(other.1)));
                let counts = found.iter().map(|found| found.0).chain([missing, 0]).collect();
                (Kind::Levels(found.into_iter().map(|found| found.1.clone()).collect()), counts)
            }
        };
        let terms = rarities(&counts).into_iter().map(|rarity| rarity * weight).collect();
        Self { kind, weight, terms }
    }

    /// The number of bins without the special ones.
    pub fn len(&self) -> usize {
        self.terms.len() - SPECIAL
    }

    pub fn is_numeric(&self) -> bool {
        matches!(self.kind, Kind::Numeric(_))
    }

    /// Whether it is consistent; it may come from an untrusted model.
    pub fn is_sound(&self) -> bool {
        let places = match &self.kind {
            Kind::Numeric(_) => self.terms.len() > SPECIAL,
            Kind::Levels(levels) => self.terms.len() == levels.len() + SPECIAL,
        };
        places && self.terms.iter().chain([&self.weight]).all(|term| (0.0..=1e30).contains(term))
    }
}

/// Bins bound to a column of a table.
pub(crate) enum Lookup<'a> {
    Numeric {
        values: &'a [f64],
        scale: Scale,
        bins: usize,
    },
    /// The bin of each of the table's codes, and that of missing values.
    Codes {
        codes: &'a [u32],
        places: Vec<u32>,
        missing: u32,
    },
}

impl<'a> Lookup<'a> {
    /// None if the column has another kind than the bins.
    pub fn new(bins: &Bins, column: &'a MatrixColumn) -> Option<Self> {
        match (&bins.kind, &column.values) {
            (Kind::Numeric(scale), Values::Numeric(values)) => {
                Some(Self::Numeric { values, scale: *scale, bins: bins.len() })
            }
            (Kind::Levels(fitted), Values::Codes { codes, levels }) => {
                let known: HashMap<&str, u32> =
                    fitted.iter().map(String::as_str).zip(0..).collect();
                let missing = fitted.len() as u32;
                let place =
                    |level: &String| known.get(level.as_str()).copied().unwrap_or(missing + 1);
                Some(Self::Codes { codes, places: levels.iter().map(place).collect(), missing })
            }
            _ => None,
        }
    }

    /// Writes the bins of the rows from `start` on.
    pub fn places(&self, start: usize, out: &mut [u32]) {
        match self {
            Self::Numeric { values, scale, bins } => {
                for (out, value) in out.iter_mut().zip(&values[start..]) {
                    *out = scale.bin(*value, *bins) as u32;
                }
            }
            Self::Codes { codes, places, missing } => {
                for (out, code) in out.iter_mut().zip(&codes[start..]) {
                    *out = if *code == MISSING { *missing } else { places[*code as usize] };
                }
            }
        }
    }
}
