//! HBOS: the histogram-based outlier score (Goldstein and Dengel 2012, "Histogram-based Outlier Score
//! (HBOS): A fast Unsupervised Anomaly Detection Algorithm").
//!
//! Each feature has a histogram whose highest bin is scaled to 1. A row's score is the sum over the features of the weight
//! times -log of its bin's height. Numbers have bins of equal width over the fitted range, or of about equal counts, whose
//! height is count by width; each category has a bin, and so have missing values. A bin counts half a row more than it
//! has, so that values outside of all fitted ones have a height above 0. A feature's share is its part of the sum; terms
//! are never negative.

use std::collections::HashMap;

use anomal_core::{
    Cancel, Result,
    proto::{self, FeatureColumn, FeatureKind},
};
use anomal_spec::Parameters;
use rayon::prelude::*;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize, Serializer};
use serde_json::value::RawValue;

use self::edges::Edges;
use super::additive::{Codes, Lookup, sums};
use crate::{
    binning::{SPECIAL, Scale},
    context::Context,
    detector::{Detector, FittedDetector, Scorer, from_state, row_wise, state_of, step},
    matrix::{MISSING, Matrix, MatrixColumn, Values},
    parameters::{ParameterError, parameter_error, parameters, within},
    scores::Scores,
};

mod edges;

/// The count of an empty bin.
const NEVER_SEEN: f64 = 0.5;

pub(crate) struct Hbos;

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct HbosParameters {
    /// Bins of a numeric feature; by default the square root of the number of rows, between 5 and 100.
    #[serde(default)]
    #[schemars(range(min = 2, max = 10_000))]
    n_bins: Option<usize>,
    /// static: bins of one width. dynamic: of about as many rows each, so that long tails and gaps are one bin.
    #[serde(default)]
    bin_width: BinWidth,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
enum BinWidth {
    #[default]
    Static,
    Dynamic,
}

impl Detector for Hbos {
    fn describe(&self) -> proto::Detector {
        row_wise::<HbosParameters>(
            "HBOS",
            "Histogram-based outlier score: how rare a row's values are, feature by feature. Takes any \
             number of rows; sees no combinations of features.",
            "O(n) time, O(1) memory beyond the table",
        )
    }

    fn check(&self, given: &Parameters) -> Result<(), ParameterError> {
        let bins = parameters::<HbosParameters>(given)?.n_bins;
        bins.map_or(Ok(()), |bins| within("nBins", bins, 2..=10_000))
    }

    fn fit(
        &self,
        matrix: &Matrix,
        given: &Parameters,
        context: &Context<'_>,
    ) -> Result<FittedDetector> {
        let started = std::time::Instant::now();
        let HbosParameters { n_bins, bin_width } = parameters(given).map_err(parameter_error)?;
        let bins = n_bins.unwrap_or_else(|| matrix.rows.isqrt().clamp(5, 100));
        // Bounded, so that the sum over all features is finite.
        let most = f64::MAX / 2.0 / matrix.columns.len() as f64;
        let histograms = matrix.columns.par_iter().map(|column| {
            context.cancel.check()?;
            Ok(Histogram::fit(column, bins, bin_width, most))
        });
        Ok(FittedDetector::row_wise(
            Histograms(histograms.collect::<Result<_>>()?),
            vec![step("histograms", matrix.rows, started)],
        ))
    }

    fn load(
        &self,
        state: &RawValue,
        features: &[FeatureColumn],
    ) -> Result<Box<dyn Scorer>, String> {
        let histograms: Histograms = from_state(state)?;
        let good = |(histogram, feature): (&Histogram, &FeatureColumn)| {
            let numeric = feature.kind() == FeatureKind::Numeric;
            let terms = histogram.terms.len();
            match &histogram.bins {
                Bins::Numeric { .. } => numeric && terms > SPECIAL,
                Bins::Dynamic(edges) => numeric && terms == edges.bins() + SPECIAL,
                Bins::Levels(levels) => !numeric && terms == levels.0.len() + SPECIAL,
            }
        };
        let fits =
            histograms.0.len() == features.len() && histograms.0.iter().zip(features).all(good);
        if fits {
            Ok(Box::new(histograms))
        } else {
            Err("its histograms are not of its features".into())
        }
    }
}

#[derive(Debug, Serialize, Deserialize)]
struct Histograms(Vec<Histogram>);

/// One feature's bins with their terms.
#[derive(Debug, Serialize, Deserialize)]
struct Histogram {
    bins: Bins,
    terms: Vec<f64>,
}

#[derive(Debug, Serialize, Deserialize)]
enum Bins {
    Numeric(Scale),
    Dynamic(Edges),
    Levels(Levels),
}

/// The bin of each category; serialised as a list of the names.
#[derive(Debug, Deserialize)]
#[serde(from = "Vec<String>")]
struct Levels(HashMap<String, usize>);

impl From<Vec<String>> for Levels {
    fn from(names: Vec<String>) -> Self {
        Self(names.into_iter().zip(0..).collect())
    }
}

impl Serialize for Levels {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut names: Vec<(usize, &str)> =
            self.0.iter().map(|(name, bin)| (*bin, name.as_str())).collect();
        names.sort_unstable();
        serializer.collect_seq(names.into_iter().map(|(_, name)| name))
    }
}

impl Histogram {
    fn fit(column: &MatrixColumn, bins: usize, width: BinWidth, most: f64) -> Self {
        let height = |count: usize| count as f64 + NEVER_SEEN;
        let (bins, heights) = match &column.values {
            Values::Numeric(values) if width == BinWidth::Static => {
                let scale = Scale::from_values(values, bins);
                let heights = scale.counts(values, bins).into_iter().map(height).collect();
                (Bins::Numeric(scale), heights)
            }
            Values::Numeric(values) => {
                let (edges, counts) = Edges::from_values(values, bins);
                let missing = values.iter().filter(|value| value.is_nan()).count();
                let heights = counts.into_iter().map(|(count, width)| height(count) / width);
                let heights = heights.chain([height(missing), height(0)]).collect();
                (Bins::Dynamic(edges), heights)
            }
            Values::Codes { codes, levels } => {
                let mut counts = vec![0; levels.len() + SPECIAL];
                for code in codes {
                    counts[if *code == MISSING { levels.len() } else { *code as usize }] += 1;
                }
                let heights = counts.into_iter().map(height).collect::<Vec<f64>>();
                (Bins::Levels(levels.clone().into()), heights)
            }
        };
        let highest = heights.iter().copied().fold(0.0, f64::max);
        let term = |height: f64| (column.weight * (highest / height).ln()).min(most);
        Self { bins, terms: heights.into_iter().map(term).collect() }
    }
}

/// A histogram bound to a column of a table.
enum ColumnLookup<'a> {
    Numbers { values: &'a [f64], scale: Scale, terms: &'a [f64] },
    Dynamic { values: &'a [f64], edges: &'a Edges, terms: &'a [f64] },
    Codes(Codes<'a>),
}

impl<'a> Lookup<'a> for ColumnLookup<'a> {
    type Model = Histogram;

    fn new(histogram: &'a Histogram, column: &'a MatrixColumn) -> Option<Self> {
        let Histogram { bins, terms } = histogram;
        let [.., missing, never_seen] = terms.as_slice() else { return None };
        match (bins, &column.values) {
            (Bins::Numeric(scale), Values::Numeric(values)) => {
                Some(Self::Numbers { values, scale: *scale, terms })
            }
            (Bins::Dynamic(edges), Values::Numeric(values)) => {
                Some(Self::Dynamic { values, edges, terms })
            }
            (Bins::Levels(fitted), Values::Codes { codes, levels }) => {
                let term =
                    |level: &String| fitted.0.get(level).map_or(*never_seen, |bin| terms[*bin]);
                let terms = levels.iter().map(term).collect();
                Some(Self::Codes(Codes { codes, terms, missing: *missing }))
            }
            _ => None,
        }
    }

    fn terms(&self, start: usize, out: &mut [f64]) {
        match self {
            Self::Numbers { values, scale, terms } => {
                let bins = terms.len() - SPECIAL;
                for (out, value) in out.iter_mut().zip(&values[start..]) {
                    *out = terms[scale.bin(*value, bins)];
                }
            }
            Self::Dynamic { values, edges, terms } => {
                for (out, value) in out.iter_mut().zip(&values[start..]) {
                    *out = terms[edges.bin(*value)];
                }
            }
            Self::Codes(codes) => codes.terms(start, out),
        }
    }
}

impl Scorer for Histograms {
    fn score(&self, matrix: &Matrix, shares: bool, cancel: &Cancel) -> Result<Scores> {
        sums::<ColumnLookup<'_>>(&self.0, matrix, shares, cancel)
    }

    fn state(&self) -> Result<Box<RawValue>> {
        state_of(self)
    }
}
