//! `GaussianMixture`: how unlikely a row is by a mixture of a few Gaussians of at most ten principal components (see
//! `numeric::mixture`; Bishop 2006, "Pattern Recognition and Machine Learning", section 9.2).
//!
//! The score is -log of the density. A row's reasons are the parts of its squared Mahalanobis distance from its most likely
//! component, symmetric in the features as in `quadratic`: mapped back from principal components to columns. A weight
//! multiplies its feature's part. A constant is a direction of every Gaussian. Components with far fewer rows than the others are dropped: outliers and bursts of equal
//! rows get a separate Gaussian, by which they would be usual.

use anomal_core::{
    Cancel, Result,
    proto::{self, FeatureColumn},
};
use anomal_spec::Parameters;
use ndarray::Array2;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::{
    blocks::{Block, by_block},
    context::Context,
    dense::{Encoding, Weights},
    detector::{Detector, FittedDetector, Scorer, from_state, row_wise, state_of, step},
    matrix::Matrix,
    numeric::{
        fit_dense,
        linear::{Affine, Dense, NULL},
        mixture::{Component, mixture},
        spectrum::Spectrum,
    },
    parameters::{ParameterError, parameter_error, parameters, within},
    scores::Scores,
};

/// The most frequent levels of a category that have a separate column.
const MOST_LEVELS: usize = 8;
/// More rows would estimate so few Gaussians no better.
const MOST_ROWS: usize = 50_000;
/// Principal components at most.
const MOST_DIRECTIONS: usize = 10;
/// A component with less than this part of an even share of the rows is dropped.
const LEAST_SHARE: f64 = 0.25;

pub(crate) struct GaussianMixture;

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct MixtureParameters {
    /// Gaussians at most; fewer where there are few rows.
    #[serde(default = "five")]
    #[schemars(range(min = 1, max = 50))]
    n_components: usize,
    /// Added to the variances of standardised features, so that no Gaussian gets too narrow.
    #[serde(default = "regular")]
    #[schemars(range(min = 1e-9, max = 1.0))]
    reg_covar: f64,
}

fn five() -> usize {
    5
}

fn regular() -> f64 {
    1e-2
}

impl Detector for GaussianMixture {
    fn describe(&self) -> proto::Detector {
        row_wise::<MixtureParameters>(
            "GaussianMixture",
            "How unlikely a row is by a mixture of a few Gaussians: finds rows outside of several \
             elliptic clouds.",
            "O(n d) time; fits at most 50,000 rows",
        )
    }

    fn check(&self, given: &Parameters) -> Result<(), ParameterError> {
        let given = parameters::<MixtureParameters>(given)?;
        within("nComponents", given.n_components, 1..=50)?;
        within("regCovar", given.reg_covar, 1e-9..=1.0)
    }

    fn fit(
        &self,
        matrix: &Matrix,
        given: &Parameters,
        context: &Context<'_>,
    ) -> Result<FittedDetector> {
        let started = std::time::Instant::now();
        let given = parameters::<MixtureParameters>(given).map_err(parameter_error)?;
        let (encoding, rows) = fit_dense(matrix, MOST_ROWS, MOST_LEVELS, Weights::Aside, context)?;
        let scorer = if rows.width == 0 {
            Mixture { encoding, projection: Affine::default(), components: Vec::new() }
        } else {
            Mixture::fit(encoding, &rows, &given, context)?
        };
        Ok(FittedDetector::row_wise(scorer, vec![step("mixture", matrix.rows, started)]))
    }

    fn load(
        &self,
        state: &RawValue,
        features: &[FeatureColumn],
    ) -> Result<Box<dyn Scorer>, String> {
        let read: Mixture = from_state(state)?;
        read.encoding.check(features)?;
        let (width, directions) = (read.encoding.width(), read.projection.height());
        let good = |one: &Gaussian| {
            one.peak.abs() < 1e30
                && one.distance.is_of(directions, directions)
                && one.parts.is_of(directions, width)
        };
        if read.projection.is_of(width, directions) && read.components.iter().all(good) {
            Ok(Box::new(read))
        } else {
            Err("its components are not of its columns".into())
        }
    }
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Mixture {
    encoding: Encoding,
    projection: Affine,
    components: Vec<Gaussian>,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Gaussian {
    /// The log density at its mean, including its share.
    peak: f64,
    /// Maps principal coordinates to a vector of the length of the distance.
    distance: Affine,
    /// As `distance`, with a coordinate for each column of the encoding.
    parts: Affine,
}

impl Mixture {
    fn fit(
        encoding: Encoding,
        rows: &Dense,
        given: &MixtureParameters,
        context: &Context<'_>,
    ) -> Result<Self> {
        let (mean, Spectrum { values: variances, vectors }) = Spectrum::from_rows(rows, None)?;
        let least = variances.first().copied().unwrap_or(0.0) * NULL;
        let kept = variances.iter().take_while(|variance| **variance > least).count();
        let kept = kept.clamp(1, MOST_DIRECTIONS).min(variances.len());
        let vectors = Array2::from_shape_fn((rows.width, kept), |place| vectors[place]);
        let projection = Affine::new(mean, &vectors.t().to_owned());
        let projected = rows.map(&projection);
        // Each Gaussian needs some rows for every direction.
        let most = (rows.rows / (5 * kept.max(1))).clamp(1, given.n_components);
        let mut found = mixture(&projected, most, given.reg_covar, context.seed, context.cancel)?;
        let even = 1.0 / found.len().max(1) as f64;
        found.retain(|component| component.share >= even * LEAST_SHARE);
        let roots = encoding.roots();
        let gaussian = |component: Component| {
            let covariance = Spectrum::from_symmetric(&component.moments.covariance)?;
            let root = covariance.mapped(|_, variance| variance.max(NULL).sqrt().recip());
            let mut parts = vectors.dot(&root);
            for (mut row, root) in parts.rows_mut().into_iter().zip(&roots) {
                row *= *root;
            }
            let squares: Array2<f64> = parts.t().dot(&parts);
            let squares = Spectrum::from_symmetric(&squares)?;
            let distance = squares.mapped(|_, square| square.max(0.0).sqrt());
            let peak = component.peak();
            let mean = component.moments.mean;
            Ok(Gaussian {
                peak,
                distance: Affine::new(mean.clone(), &distance),
                parts: Affine::new(mean, &parts),
            })
        };
        let components = found.into_iter().map(gaussian).collect::<Result<_>>()?;
        Ok(Self { encoding, projection, components })
    }

    /// The scores of rows given by principal coordinates, and the most likely component of each.
    fn score_block(&self, projected: &[f64], scores: &mut [f64]) -> Vec<usize> {
        let rows = scores.len();
        let mut logs = Vec::with_capacity(self.components.len() * rows);
        let mut mapped = Vec::new();
        for component in &self.components {
            component.distance.apply(projected, rows, &mut mapped);
            let mut squares = vec![0.0; rows];
            for column in mapped.chunks(rows) {
                squares.iter_mut().zip(column).for_each(|(sum, value)| *sum += value * value);
            }
            logs.extend(squares.iter().map(|square| component.peak - 0.5 * square));
        }
        let mut likeliest = vec![0; rows];
        for (row, (score, likeliest)) in scores.iter_mut().zip(&mut likeliest).enumerate() {
            let of_row = || logs.iter().skip(row).step_by(rows);
            let most = of_row().copied().fold(f64::NEG_INFINITY, f64::max);
            let sum: f64 = of_row().map(|log| (log - most).exp()).sum();
            *score = if logs.is_empty() { 0.0 } else { -most - sum.ln() };
            *likeliest = of_row().position(|log| *log == most).unwrap_or(0);
        }
        likeliest
    }

    /// Writes each feature's part of each row's squared distance from its most likely component.
    fn explain(
        &self,
        projected: &[f64],
        likeliest: &[usize],
        features: &[usize],
        parts: &mut [&mut [f64]],
    ) {
        let rows = likeliest.len();
        for (row, component) in likeliest.iter().enumerate() {
            let Some(Gaussian { parts: map, .. }) = self.components.get(*component) else { return };
            let coordinates = projected.iter().skip(row).step_by(rows);
            let beside: Vec<f64> =
                coordinates.zip(&map.centre).map(|(value, centre)| value - centre).collect();
            for (factors, feature) in map.matrix.chunks(beside.len().max(1)).zip(features) {
                let value: f64 =
                    factors.iter().zip(&beside).map(|(factor, value)| factor * value).sum();
                parts[*feature][row] += value * value;
            }
        }
    }
}

impl Scorer for Mixture {
    fn score(&self, matrix: &Matrix, shares: bool, cancel: &Cancel) -> Result<Scores> {
        let encoder = self.encoding.bind(matrix)?;
        let features = self.encoding.features();
        let work = |(columns, projected): &mut (Vec<f64>, Vec<f64>), mut block: Block<'_, '_>| {
            encoder.columns(&block.rows, columns);
            self.projection.apply(columns, block.rows.len(), projected);
            let likeliest = self.score_block(projected, block.scores);
            if !block.parts.is_empty() {
                self.explain(projected, &likeliest, &features, block.parts);
            }
            for departure in encoder.departures(&block.rows).iter() {
                block.scores[departure.row] += 0.5 * departure.square();
                block.add_part(departure.feature, departure.row, departure.square());
            }
        };
        by_block(matrix.rows, matrix.columns.len(), shares, cancel, Default::default, work)
    }

    fn state(&self) -> Result<Box<RawValue>> {
        state_of(self)
    }
}
