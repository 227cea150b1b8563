//! The extended `IsolationForest` (Hariri, Carrasco Kind and Brunner 2019, "Extended Isolation Forest", IEEE Transactions on
//! Knowledge and Data Engineering 33): splits by random hyperplanes, which leave no bands of low scores beside clouds as
//! axis-parallel splits do.
//!
//! It uses dense columns, since sums need one scale. For each split `extensionLevel` + 1 features are drawn by weight, and
//! their columns are multiplied by its square root: the drawing matters if few features are drawn, the factor if all are.
//!
//! Another value of a feature that was constant when fitted changes nothing, as in the plain form.
//!
//! A row's reasons are the splits that its path saves, as in the plain form. The splits saved by one split are divided among
//! the columns that moved the row to its side, by the distance along each.

use anomal_core::{Cancel, Error, Result, proto::FeatureColumn};
use rayon::prelude::*;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::{
    blocks::{Block, by_block},
    context::Context,
    dense::{Encoding, Weights},
    detector::{Scorer, state_of},
    matrix::Matrix,
    numeric::{
        fit_dense,
        hyperplanes::{Descent, Hyperplanes, grow},
        isolation::{mean_depth, small},
        projections::candidates,
    },
    scores::Scores,
};

/// The most frequent levels of a category that have a separate column.
const MOST_LEVELS: usize = 16;
/// The trees sample at most so many rows.
const MOST_ROWS: usize = 100_000;

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ExtendedForest {
    encoding: Encoding,
    /// Rows per tree.
    samples: u32,
    trees: Vec<Hyperplanes>,
}

impl ExtendedForest {
    /// # Errors
    /// `Cancelled`.
    pub fn fit(
        matrix: &Matrix,
        trees: usize,
        samples: usize,
        extension: usize,
        context: &Context<'_>,
    ) -> Result<Self> {
        // No tree splits by a constant.
        let context = &Context { whole: false, ..*context };
        let (encoding, rows) =
            fit_dense(matrix, MOST_ROWS, MOST_LEVELS, Weights::Applied, context)?;
        let candidates = candidates(&encoding, matrix);
        let samples = samples.min(rows.rows);
        let tree = |stream: u64| {
            context.cancel.check()?;
            Ok(grow(&candidates, extension + 1, &rows, samples, context.seed, stream))
        };
        let trees = (0..trees as u64).into_par_iter().map(tree).collect::<Result<_>>()?;
        Ok(Self { encoding, samples: small(samples), trees })
    }

    /// # Errors
    /// A message if it does not fit these features; it may come from an untrusted model.
    pub fn check(&self, features: &[FeatureColumn]) -> Result<(), String> {
        self.encoding.check(features)?;
        let good = !self.trees.is_empty() && self.samples >= 2 && self.descents().is_some();
        if good { Ok(()) } else { Err("its trees are not of its columns".into()) }
    }

    fn descents(&self) -> Option<Vec<Descent<'_>>> {
        let width = self.encoding.width();
        self.trees.iter().map(|tree| tree.descent(width)).collect()
    }
}

impl Scorer for ExtendedForest {
    fn score(&self, matrix: &Matrix, shares: bool, cancel: &Cancel) -> Result<Scores> {
        let encoder = self.encoding.bind(matrix)?;
        let features = self.encoding.features();
        let descents = self.descents().ok_or_else(|| Error::internal("trees of other columns"))?;
        let usual = mean_depth(self.samples) * descents.len() as f64;
        let work = |rows: &mut Vec<f64>, block: Block<'_, '_>| {
            encoder.rows(&block.rows, rows);
            // Tree by tree, so that a tree stays in the processor's caches.
            for descent in &descents {
                if block.parts.is_empty() {
                    descent.add(rows, block.scores);
                } else {
                    descent.explain(rows, block.scores, |place, column, saved| {
                        block.parts[features[column]][place] += saved;
                    });
                }
            }
            block.scores.iter_mut().for_each(|score| *score = (-*score / usual).exp2());
        };
        by_block(matrix.rows, matrix.columns.len(), shares, cancel, Vec::new, work)
    }

    fn state(&self) -> Result<Box<RawValue>> {
        state_of(self)
    }
}
