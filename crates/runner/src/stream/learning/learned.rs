//! What rows are found to be, for their results.

use anomal_core::Result;
use polars::prelude::{Column, DataFrame, Float64Chunked, IntoColumn, NewChunkedArray};

use super::{P_VALUE, members::Opinion};

/// What was learned of the first rows of a batch.
#[derive(Default)]
pub(in crate::stream) struct Learned {
    pub(super) opinions: Vec<Opinion>,
    pub(super) suspicious: Vec<bool>,
    /// The records have changed, as the last of these rows shows.
    pub changed: bool,
}

impl Learned {
    pub fn rows(&self) -> usize {
        self.opinions.len()
    }

    /// Puts ranks, verdicts, p-values and what contributed into the scores of these rows.
    ///
    /// # Errors
    /// `Internal`.
    pub fn apply(&self, features: &[&str], scores: &mut DataFrame) -> Result<()> {
        let own = scores.column("rank")?.f64()?.clone();
        let p_values = || self.opinions.iter().map(|opinion| opinion.p);
        let ranks = own.iter().zip(p_values()).map(|(own, p)| p.map(|p| 1.0 - p).or(own));
        let ranks = Float64Chunked::from_iter_options("rank".into(), ranks);
        scores.with_column(ranks.into_column())?;
        let p_values = Float64Chunked::from_iter_options(P_VALUE.into(), p_values());
        scores.with_column(p_values.into_column())?;
        scores.with_column(Column::new("suspicious".into(), self.suspicious.clone()))?;
        self.contribute(features, scores)
    }

    /// Mixes what the members found unusual into the contributions to the model's score. Their sum stays as it is.
    fn contribute(&self, features: &[&str], scores: &mut DataFrame) -> Result<()> {
        if self.opinions.iter().all(|opinion| opinion.weight == 0.0) {
            return Ok(());
        }
        let names: Vec<String> =
            features.iter().map(|name| format!("contribution.{name}")).collect();
        let of_model = names
            .iter()
            .map(|name| Ok(scores.column(name)?.f64()?.clone()))
            .collect::<Result<Vec<_>>>()?;
        let mut mixed: Vec<Vec<Option<f64>>> = vec![Vec::with_capacity(self.rows()); names.len()];
        for (row, opinion) in self.opinions.iter().enumerate() {
            let own: Vec<Option<f64>> = of_model.iter().map(|column| column.get(row)).collect();
            let sum: f64 = own.iter().flatten().map(|part| part.max(0.0)).sum();
            // A score that no feature contributed to is explained by the members alone.
            let sum = if sum > 0.0 { sum } else { 1.0 };
            for (feature, (mixed, own)) in mixed.iter_mut().zip(own).enumerate() {
                let share = opinion.shares.get(feature).copied().unwrap_or_default();
                let part = own.map(|own| own * (1.0 - opinion.weight) + sum * share);
                mixed.push(part);
            }
        }
        for (name, mixed) in names.iter().zip(mixed) {
            let column = Float64Chunked::from_iter_options(name.as_str().into(), mixed.into_iter());
            scores.with_column(column.into_column())?;
        }
        Ok(())
    }

    /// What is unusual for the entities of rows, in words; none: of no row.
    pub fn notes(&self) -> Option<Vec<Option<&str>>> {
        let notes: Vec<Option<&str>> = self
            .opinions
            .iter()
            .zip(&self.suspicious)
            .map(|(opinion, suspicious)| opinion.note.as_deref().filter(|_| *suspicious))
            .collect();
        notes.iter().any(Option::is_some).then_some(notes)
    }
}
