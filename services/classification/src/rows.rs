//! Scores as the result table of an engine.

use anomal_core::{Result, Table};
use polars::prelude::{Column, DataFrame, DataType, Float64Chunked, IntoColumn, UInt32Chunked};
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use anomal_detectors::Scores;

/// A model stores at most so many order statistics of the fitted scores.
const MOST_SCORES: usize = 100_000;

/// The fitted scores in ascending order, from which a row's rank is computed. More than [`MOST_SCORES`] are
/// thinned evenly; a rank is then exact to one part in that number.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Ranking(Vec<f64>);

impl Ranking {
    pub fn of_sorted(scores: &[f64]) -> Self {
        let step = scores.len().div_ceil(MOST_SCORES).max(1);
        Self(scores.iter().copied().step_by(step).collect())
    }

    /// The share of the fitted rows with a lower score, 0..1.
    pub fn rank(&self, score: f64) -> f64 {
        let below = self.0.partition_point(|known| *known < score);
        if self.0.is_empty() { 0.0 } else { below as f64 / self.0.len() as f64 }
    }
}

/// The result rows of `table`, with the names of its features in order.
pub(crate) fn rows(
    table: &Table,
    names: &[&str],
    scores: Scores,
    suspicious: &[bool],
    ranking: &Ranking,
) -> Result<Table> {
    let ranks: Vec<f64> = scores.scores.par_iter().map(|score| ranking.rank(*score)).collect();
    let clusters = match scores.clusters {
        Some(clusters) => UInt32Chunked::from_vec("cluster".into(), clusters).into_column(),
        None => Column::full_null("cluster".into(), table.height(), &DataType::UInt32),
    };
    let mut columns = vec![
        Float64Chunked::from_vec("score".into(), scores.scores).into_column(),
        Float64Chunked::from_vec("rank".into(), ranks).into_column(),
        clusters,
        Column::new("suspicious".into(), suspicious),
    ];
    for (name, shares) in names.iter().zip(scores.shares) {
        let name = format!("contribution.{name}");
        columns.push(Float64Chunked::from_vec(name.into(), shares).into_column());
    }
    table.with_columns(DataFrame::new(table.height(), columns)?)
}

/// The result rows of a model that scores nothing: scores and ranks are null.
pub(crate) fn unscored(table: &Table, names: &[&str]) -> Result<Table> {
    let height = table.height();
    let null = |name: &str, kind: &DataType| Column::full_null(name.into(), height, kind);
    let mut columns = vec![
        null("score", &DataType::Float64),
        null("rank", &DataType::Float64),
        null("cluster", &DataType::UInt32),
        Column::new("suspicious".into(), vec![false; height]),
    ];
    for name in names {
        let zeros =
            Float64Chunked::from_vec(format!("contribution.{name}").into(), vec![0.0; height]);
        columns.push(zeros.into_column());
    }
    table.with_columns(DataFrame::new(height, columns)?)
}
