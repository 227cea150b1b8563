//! HBOS: the histogram-based outlier score (Goldstein and Dengel 2012, "Histogram-based Outlier Score
//! (HBOS): A fast Unsupervised Anomaly Detection Algorithm").
//!
//! A histogram for each feature, its highest bin scaled to 1; a row's score is the sum over the features of
//! weight times -log of its bin's height. Numbers have bins of one width between the least and the
//! greatest fitted; categories have a bin each; a missing value is a bin of its own. A bin counts half a
//! row more than it has, so that a value where no row was fitted (between, outside, or a category not
//! seen) has a height above 0. A feature's share is its term's part of the sum; the terms are never below 0.

use anomal_core::{Cancel, Result, proto};
use anomal_spec::{Parameters, Threshold, ThresholdMethod};
use rayon::prelude::*;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Context, Detector, Fitted, Scorer, Scores, parameters, schema_of, step, within};
use crate::matrix::{MISSING, Matrix, MatrixColumn, Values};

/// Rows scored together.
const BLOCK: usize = 8_192;
/// Half a row, for what no row has.
const NEVER_SEEN: f64 = 0.5;

pub(crate) struct Hbos;

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct HbosParameters {
    /// Bins of a numeric feature; by default the square root of the number of rows, between 5 and 100.
    #[serde(default)]
    n_bins: Option<usize>,
}

impl Detector for Hbos {
    fn describe(&self) -> proto::Detector {
        proto::Detector {
            name: "HBOS".into(),
            description: "Histogram-based outlier score: how rare a row's values are, feature by feature. Takes any \
                          number of rows; sees no combinations of features."
                .into(),
            parameters_schema: schema_of::<HbosParameters>(),
            categorical: true,
            missing_values: true,
            contributions: true,
            clusters: false,
            row_wise: true,
            cost: "O(n) time, O(1) memory beyond the table".into(),
        }
    }

    fn default_threshold(&self) -> Threshold {
        Threshold { method: ThresholdMethod::Contamination, value: None }
    }

    fn check(&self, given: &Parameters) -> Result<()> {
        let bins = parameters::<HbosParameters>(given)?.n_bins;
        bins.map_or(Ok(()), |bins| within("nBins", &bins, &2, &10_000))
    }

    fn fit(&self, matrix: &Matrix, given: &Parameters, context: &Context<'_>) -> Result<Fitted> {
        let started = std::time::Instant::now();
        let HbosParameters { n_bins } = parameters(given)?;
        let bins = n_bins.unwrap_or_else(|| matrix.rows.isqrt().clamp(5, 100));
        context.cancel.check()?;
        let histograms = matrix.columns.par_iter().map(|column| Histogram::fit(column, bins));
        let histograms = Histograms(histograms.collect());
        let state = serde_json::to_value(&histograms)
            .map_err(|error| anomal_core::Error::internal(format!("histograms as JSON: {error}")))?;
        Ok(Fitted {
            scorer: Box::new(histograms),
            state,
            rows: None,
            smallest_cluster: None,
            view: None,
            steps: vec![step("histograms", matrix.rows, started)],
        })
    }

    fn load(&self, state: serde_json::Value) -> Result<Box<dyn Scorer>, String> {
        let histograms: Histograms =
            serde_json::from_value(state).map_err(|error| error.to_string())?;
        for histogram in &histograms.0 {
            let terms = histogram.terms.len();
            let good = match &histogram.bins {
                Bins::Numeric { .. } => terms >= 3,
                Bins::Levels(levels) => terms == levels.len() + 2,
            };
            if !good {
                return Err("a histogram has another number of bins than it says".into());
            }
        }
        Ok(Box::new(histograms))
    }
}

#[derive(Debug, Serialize, Deserialize)]
struct Histograms(Vec<Histogram>);

/// One feature's terms by bin: the bins, then that of missing values, then that of values never seen.
#[derive(Debug, Serialize, Deserialize)]
struct Histogram {
    bins: Bins,
    terms: Vec<f64>,
}

#[derive(Debug, Serialize, Deserialize)]
enum Bins {
    /// Halves, so that the width of the widest range is a number: a bin is (x/2 - low/2) * per_half.
    Numeric { low: f64, high: f64, per_half: f64 },
    Levels(Vec<String>),
}

impl Histogram {
    fn fit(column: &MatrixColumn, bins: usize) -> Self {
        let (bins, counts) = match &column.values {
            Values::Numeric(values) => {
                let present = values.iter().copied().filter(|value| !value.is_nan());
                let low = present.clone().fold(f64::INFINITY, f64::min);
                let high = present.fold(f64::NEG_INFINITY, f64::max);
                let half = high / 2.0 - low / 2.0;
                let per_half = if half > 0.0 { bins as f64 / half } else { 0.0 };
                let (low, high) = if low <= high { (low, high) } else { (0.0, 0.0) };
                let mut counts = vec![0.0; bins + 2];
                let scale = Bins::Numeric { low, high, per_half };
                for value in values {
                    counts[numeric_bin(*value, low, high, per_half, bins)] += 1.0;
                }
                (scale, counts)
            }
            Values::Codes { codes, levels } => {
                let mut counts = vec![0.0; levels.len() + 2];
                for code in codes {
                    counts[if *code == MISSING { levels.len() } else { *code as usize }] += 1.0;
                }
                (Bins::Levels(levels.clone()), counts)
            }
        };
        let highest = counts.iter().copied().fold(0.0, f64::max) + NEVER_SEEN;
        let term = |count: &f64| column.weight * (highest / (count + NEVER_SEEN)).ln();
        let terms = counts.iter().map(term).collect();
        Self { bins, terms }
    }

    /// The bin of each value of a column, `terms` long with the two special ones at the end.
    fn places<'a>(&'a self, values: &'a Values) -> Box<dyn Fn(usize) -> usize + Sync + 'a> {
        let special = self.terms.len() - 2;
        match (&self.bins, values) {
            (Bins::Numeric { low, high, per_half }, Values::Numeric(values)) => {
                Box::new(move |row| numeric_bin(values[row], *low, *high, *per_half, special))
            }
            (Bins::Levels(fitted), Values::Codes { codes, levels }) => {
                let places: std::collections::HashMap<&str, usize> =
                    fitted.iter().map(String::as_str).zip(0..).collect();
                let place = |level: &String| places.get(level.as_str()).copied();
                let places: Vec<usize> =
                    levels.iter().map(|level| place(level).unwrap_or(special + 1)).collect();
                Box::new(move |row| match codes[row] {
                    MISSING => special,
                    code => places[code as usize],
                })
            }
            // A table of other kinds than were fitted was refused before.
            _ => Box::new(move |_| special + 1),
        }
    }
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a number from 0 to the number of bins"
)]
fn numeric_bin(value: f64, low: f64, high: f64, per_half: f64, bins: usize) -> usize {
    if value.is_nan() {
        bins
    } else if value < low || value > high {
        bins + 1
    } else {
        (((value / 2.0 - low / 2.0) * per_half) as usize).min(bins - 1)
    }
}

impl Scorer for Histograms {
    fn score(&self, matrix: &Matrix, shares: bool, cancel: &Cancel) -> Result<Scores> {
        let places: Vec<_> = self
            .0
            .iter()
            .zip(&matrix.columns)
            .map(|(histogram, column)| histogram.places(&column.values))
            .collect();
        let mut scores = vec![0.0; matrix.rows];
        let mut all = vec![Vec::new(); if shares { self.0.len() } else { 0 }];
        all.par_iter_mut().for_each(|shares| shares.resize(matrix.rows, 0.0));
        // For each block of rows its part of each feature's shares.
        let mut blocks: Vec<Vec<&mut [f64]>> =
            (0..matrix.rows.div_ceil(BLOCK)).map(|_| Vec::new()).collect();
        for shares in &mut all {
            for (block, part) in blocks.iter_mut().zip(shares.chunks_mut(BLOCK)) {
                block.push(part);
            }
        }
        scores.par_chunks_mut(BLOCK).zip(blocks).enumerate().try_for_each(
            |(block, (scores, mut shares))| {
                cancel.check()?;
                let start = block * BLOCK;
                for (feature, (histogram, place)) in self.0.iter().zip(&places).enumerate() {
                    for (index, score) in scores.iter_mut().enumerate() {
                        let term = histogram.terms[place(start + index)];
                        *score += term;
                        if let Some(shares) = shares.get_mut(feature) {
                            shares[index] = term;
                        }
                    }
                }
                for shares in shares {
                    for (share, score) in shares.iter_mut().zip(scores.iter()) {
                        *share = if *score > 0.0 { *share / *score } else { 0.0 };
                    }
                }
                Ok::<(), anomal_core::Error>(())
            },
        )?;
        Ok(Scores { scores, shares: all, clusters: None, smallest_cluster: None })
    }
}
