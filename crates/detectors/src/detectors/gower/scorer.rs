//! A fitted Gower model: reference rows that new rows are compared with.

use anomal_core::{
    Cancel, Result,
    proto::{FeatureColumn, FeatureKind},
};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::gower::{
    encoding::{EncodedRows, Encoding, Part, Scale},
    neighbors::{Index, NeighborScores},
};
use crate::{
    detector::{Scorer, state_of},
    matrix::{MISSING, Matrix},
    scores::Scores,
};

/// The greatest number of neighbours of a score.
pub(crate) const MOST_NEIGHBORS: usize = 1_000;

/// Scores rows by the mean distance to the nearest reference rows, each counted as often as it occurred. A fitted row
/// finds itself among them at distance 0. A row's cluster is that of its nearest reference row.
#[derive(Debug)]
pub(crate) struct GowerScorer {
    state: State,
    reference: EncodedRows,
    index: Index,
}

/// The stored state.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct State {
    pub encoding: Encoding,
    pub reference: Vec<Reference>,
    /// For each reference row: the number of rows it stands for, their cluster, and whether it is the smaller of two.
    pub counts: Vec<u32>,
    pub clusters: Vec<u32>,
    pub smallest: Vec<bool>,
    pub n_neighbors: usize,
}

/// One feature of the reference rows.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) enum Reference {
    /// As bits: JSON has no NaN.
    Numeric(Vec<u32>),
    Codes(Vec<u32>),
}

impl State {
    pub fn reference_of(rows: &EncodedRows) -> Vec<Reference> {
        let part = |part: &Part| match part {
            Part::Numeric { values, .. } => {
                Reference::Numeric(values.iter().map(|value| value.to_bits()).collect())
            }
            Part::Codes { codes, .. } => Reference::Codes(codes.clone()),
        };
        rows.parts.iter().map(part).collect()
    }

    /// The reference rows, if the state is consistent.
    fn encoded(&self, features: &[FeatureColumn]) -> Option<EncodedRows> {
        let rows = self.counts.len();
        let scales = &self.encoding.scales;
        let good = rows > 0
            && (1..=MOST_NEIGHBORS).contains(&self.n_neighbors)
            && self.clusters.len() == rows
            && self.smallest.len() == rows
            && !self.counts.contains(&0)
            && scales.len() == features.len()
            && scales.iter().flatten().count() == self.reference.len();
        if !good {
            return None;
        }
        let mut reference = self.reference.iter();
        let (mut parts, mut places) = (Vec::new(), Vec::new());
        for (place, (scale, feature)) in scales.iter().zip(features).enumerate() {
            let Some(scale) = scale else { continue };
            parts.push(part(scale, reference.next()?, feature.kind(), rows)?);
            places.push(place);
        }
        let missing = parts.iter().any(Part::lacks_some);
        Some(EncodedRows { rows, parts, places, missing })
    }
}

fn part(scale: &Scale, reference: &Reference, kind: FeatureKind, rows: usize) -> Option<Part> {
    let weighs = |weight: f64| weight <= 1.0 && (weight as f32).is_normal() && weight > 0.0;
    match (scale, reference) {
        (Scale::Numeric { low, range, weight }, Reference::Numeric(bits))
            if kind == FeatureKind::Numeric =>
        {
            let values: Vec<f32> = bits.iter().map(|bits| f32::from_bits(*bits)).collect();
            let weight_of = *weight as f32;
            let fitted = |value: &f32| value.is_nan() || (0.0..=weight_of).contains(value);
            let good = weighs(*weight)
                && low.is_finite()
                && (0.0..=f64::MAX).contains(range)
                && values.len() == rows
                && values.iter().all(fitted);
            good.then_some(Part::Numeric { values, weight: weight_of })
        }
        (Scale::Codes { levels, weight }, Reference::Codes(codes))
            if kind != FeatureKind::Numeric =>
        {
            let fitted = |code: &u32| *code == MISSING || (*code as usize) < levels.len();
            let good = weighs(*weight) && codes.len() == rows && codes.iter().all(fitted);
            good.then(|| Part::Codes { codes: codes.clone(), weight: *weight as f32 })
        }
        _ => None,
    }
}

impl GowerScorer {
    /// Checks a state, which may come from an untrusted model.
    ///
    /// # Errors
    /// A message if the state is inconsistent.
    pub fn new(state: State, features: &[FeatureColumn]) -> Result<Self, String> {
        match state.encoded(features) {
            Some(reference) => Ok(Self::with_reference(state, reference)),
            None => Err("the reference rows do not fit together".into()),
        }
    }

    /// `reference` are the reference rows of the state.
    pub fn with_reference(state: State, reference: EncodedRows) -> Self {
        let index = Index::new(&reference);
        Self { state, reference, index }
    }
}

impl Scorer for GowerScorer {
    fn score(&self, matrix: &Matrix, shares: bool, cancel: &Cancel) -> Result<Scores> {
        let State { encoding, counts, n_neighbors, clusters, smallest, .. } = &self.state;
        let rows = encoding.apply(matrix);
        let total: u64 = counts.iter().map(|count| u64::from(*count)).sum();
        let k = (*n_neighbors).min(usize::try_from(total).unwrap_or(usize::MAX));
        let found = self.index.nearest(&rows, k, false, cancel)?;
        let scored = NeighborScores::new(&rows, &self.reference, &found, counts, false, k);
        let nearest: Vec<usize> =
            found.iter().map(|found| found.first().map_or(0, |first| first.1 as usize)).collect();
        let all: Vec<u32> = (0..u32::try_from(matrix.rows).unwrap_or(u32::MAX)).collect();
        let features = if shares { matrix.columns.len() } else { 0 };
        Ok(Scores {
            scores: scored.scores(&all),
            shares: scored.shares(&all, &rows.places, features),
            clusters: Some(nearest.iter().map(|row| clusters[*row]).collect()),
            smallest_cluster: Some(nearest.iter().map(|row| smallest[*row]).collect()),
        })
    }

    fn state(&self) -> Result<Box<RawValue>> {
        state_of(&self.state)
    }
}
