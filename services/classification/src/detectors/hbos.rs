//! HBOS: the histogram-based outlier score (Goldstein and Dengel 2012, "Histogram-based Outlier Score
//! (HBOS): A fast Unsupervised Anomaly Detection Algorithm").
//!
//! A histogram for each feature, its highest bin scaled to 1; a row's score is the sum over the features of
//! weight times -log of its bin's height. Numbers have bins of one width between the least and the
//! greatest fitted; categories have a bin each; a missing value is a bin of its own. A bin counts half a
//! row more than it has, so that a value where no row was fitted (between, outside, or a category not
//! seen) has a height above 0. A feature's share is its term's part of the sum; the terms are never below 0.

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

use super::{
    Context, Detector, Fitted, Scorer, Scores,
    additive::{Codes, Lookup, sums},
    from_state, parameters, schema_of, state_of, step, within,
};
use crate::matrix::{MISSING, Matrix, MatrixColumn, Values};

/// Half a row, for what no row has.
const NEVER_SEEN: f64 = 0.5;

pub(crate) struct Hbos;

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct HbosParameters {
    /// Bins of a numeric feature; by default the square root of the number of rows, between 5 and 100.
    #[serde(default)]
    #[schemars(range(min = 2, max = 10_000))]
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

    fn check(&self, given: &Parameters) -> Result<()> {
        let bins = parameters::<HbosParameters>(given)?.n_bins;
        bins.map_or(Ok(()), |bins| within("nBins", &bins, &2, &10_000))
    }

    fn fit(&self, matrix: &Matrix, given: &Parameters, context: &Context<'_>) -> Result<Fitted> {
        let started = std::time::Instant::now();
        let HbosParameters { n_bins } = parameters(given)?;
        let bins = n_bins.unwrap_or_else(|| matrix.rows.isqrt().clamp(5, 100));
        // So that the sum over all features is a number.
        let most = f64::MAX / 2.0 / matrix.columns.len() as f64;
        let histograms = matrix.columns.par_iter().map(|column| {
            context.cancel.check()?;
            Ok(Histogram::fit(column, bins, most))
        });
        Ok(Fitted::row_wise(
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

/// Bins behind the others: that of missing values, then that of values where no row was fitted.
const SPECIAL: usize = 2;

/// One feature's bins and what each adds to a score.
#[derive(Debug, Serialize, Deserialize)]
struct Histogram {
    bins: Bins,
    terms: Vec<f64>,
}

#[derive(Debug, Serialize, Deserialize)]
enum Bins {
    Numeric(Scale),
    Levels(Levels),
}

/// Halves, so that the width of the widest range is a number: a bin is (x/2 - low/2) * `per_half`.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub(super) struct Scale {
    low: f64,
    high: f64,
    per_half: f64,
}

/// The bin of each category; stored as a list of their names.
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

/// Rows counted together.
const COUNTED: usize = 1 << 18;

/// Whole numbers: the order of adding changes nothing.
fn added(mut sum: Vec<u64>, counts: Vec<u64>) -> Vec<u64> {
    sum.iter_mut().zip(counts).for_each(|(sum, count)| *sum += count);
    sum
}

impl Histogram {
    fn fit(column: &MatrixColumn, bins: usize, most: f64) -> Self {
        let (bins, counts) = match &column.values {
            Values::Numeric(values) => {
                let scale = Scale::of(values, bins);
                let counts = values.par_chunks(COUNTED).map(|values| scale.counts(values, bins));
                let none = || vec![0; bins + SPECIAL];
                (Bins::Numeric(scale), counts.reduce(none, added))
            }
            Values::Codes { codes, levels } => {
                let mut counts = vec![0; levels.len() + SPECIAL];
                for code in codes {
                    counts[if *code == MISSING { levels.len() } else { *code as usize }] += 1;
                }
                (Bins::Levels(levels.clone().into()), counts)
            }
        };
        let highest = counts.iter().copied().max().unwrap_or(0) as f64 + NEVER_SEEN;
        let term =
            |count: &u64| (column.weight * (highest / (*count as f64 + NEVER_SEEN)).ln()).min(most);
        let terms = counts.iter().map(term).collect();
        Self { bins, terms }
    }
}

impl Scale {
    pub(super) fn of(values: &[f64], bins: usize) -> Self {
        let (low, high) = values.par_chunks(COUNTED).map(least_and_greatest).reduce(
            || (f64::INFINITY, f64::NEG_INFINITY),
            |(low, high), (least, greatest)| (low.min(least), high.max(greatest)),
        );
        let half = high / 2.0 - low / 2.0;
        // A constant has one bin, and so has a width too small to divide.
        let per_half =
            Some(bins as f64 / half).filter(|_| half > 0.0).filter(|bins| bins.is_finite());
        // Without any value all that is seen later was never seen.
        let (low, high) = if low <= high { (low, high) } else { (f64::MAX, f64::MIN) };
        Self { low, high, per_half: per_half.unwrap_or(0.0) }
    }

    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a number from 0 to the number of bins"
    )]
    pub(super) fn bin(self, value: f64, bins: usize) -> usize {
        let place = ((value / 2.0 - self.low / 2.0) * self.per_half) as u32 as usize;
        if value >= self.low && value <= self.high {
            place.min(bins - 1)
        } else {
            bins + usize::from(!value.is_nan())
        }
    }

    /// Counted in turns, so that equal values in a row need not wait for one another.
    fn counts(self, values: &[f64], bins: usize) -> Vec<u64> {
        let mut turns = [(); 4].map(|()| vec![0_u64; bins + SPECIAL]);
        for values in values.chunks(turns.len()) {
            for (counts, value) in turns.iter_mut().zip(values) {
                counts[self.bin(*value, bins)] += 1;
            }
        }
        turns.into_iter().reduce(added).unwrap_or_default()
    }
}

/// Of what is no NaN, in lanes that the compiler makes vectors of.
fn least_and_greatest(values: &[f64]) -> (f64, f64) {
    const LANES: usize = 8;
    let mut low = [f64::INFINITY; LANES];
    let mut high = [f64::NEG_INFINITY; LANES];
    for values in values.chunks(LANES) {
        for ((low, high), value) in low.iter_mut().zip(&mut high).zip(values) {
            // No comparison with NaN is true.
            *low = if *value < *low { *value } else { *low };
            *high = if *value > *high { *value } else { *high };
        }
    }
    (
        low.into_iter().fold(f64::INFINITY, f64::min),
        high.into_iter().fold(f64::NEG_INFINITY, f64::max),
    )
}

/// A histogram laid beside a column of a table.
enum Beside<'a> {
    Numbers { values: &'a [f64], scale: Scale, terms: &'a [f64] },
    Codes(Codes<'a>),
}

impl<'a> Lookup<'a> for Beside<'a> {
    type Learnt = Histogram;

    fn new(histogram: &'a Histogram, column: &'a MatrixColumn) -> Option<Self> {
        let Histogram { bins, terms } = histogram;
        let [.., missing, never_seen] = terms.as_slice() else { return None };
        match (bins, &column.values) {
            (Bins::Numeric(scale), Values::Numeric(values)) => {
                Some(Self::Numbers { values, scale: *scale, terms })
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
            Self::Codes(codes) => codes.terms(start, out),
        }
    }
}

impl Scorer for Histograms {
    fn score(&self, matrix: &Matrix, shares: bool, cancel: &Cancel) -> Result<Scores> {
        sums::<Beside<'_>>(&self.0, matrix, shares, cancel)
    }

    fn state(&self) -> Result<Box<RawValue>> {
        state_of(self)
    }
}
