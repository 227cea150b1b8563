//! What rows are found to be, for their results.

use anomal_core::Result;
use polars::prelude::{Column, DataFrame, Float64Chunked, IntoColumn, NewChunkedArray};

use super::P_VALUE;

/// What was learned of the first rows of a batch.
#[derive(Default)]
pub(in crate::stream) struct Learned {
    pub(super) found: Vec<Found>,
    /// The records have changed, as the last of these rows shows.
    pub changed: bool,
}

/// What a row is found to be.
#[derive(Default)]
pub(super) struct Found {
    pub p: Option<f64>,
    pub suspicious: bool,
    /// The share of each feature in what members found unusual; together how much they count beside the model, `0..=1`. Empty
    /// where they do not.
    pub shares: Vec<f64>,
    /// What is unusual for its entity, in words, of a suspicious row.
    pub note: Option<String>,
}

impl Learned {
    pub fn rows(&self) -> usize {
        self.found.len()
    }

    pub fn suspicious(&self) -> impl Iterator<Item = bool> {
        self.found.iter().map(|row| row.suspicious)
    }

    /// Keeps some of the rows.
    pub fn keep(&mut self, keeps: impl IntoIterator<Item = bool>) {
        let mut keeps = keeps.into_iter();
        self.found.retain(|_| keeps.next() == Some(true));
    }

    /// Puts ranks, verdicts, p-values and what contributed into the scores of these rows.
    ///
    /// # Errors
    /// `Internal`.
    pub fn apply(&self, features: &[&str], scores: &mut DataFrame) -> Result<()> {
        let own = scores.column("rank")?.f64()?.clone();
        let p_values = || self.found.iter().map(|row| row.p);
        let ranks = own.iter().zip(p_values()).map(|(own, p)| p.map(|p| 1.0 - p).or(own));
        let ranks = Float64Chunked::from_iter_options("rank".into(), ranks);
        scores.with_column(ranks.into_column())?;
        let p_values = Float64Chunked::from_iter_options(P_VALUE.into(), p_values());
        scores.with_column(p_values.into_column())?;
        let suspicious: Vec<bool> = self.suspicious().collect();
        scores.with_column(Column::new("suspicious".into(), suspicious))?;
        self.contribute(features, scores)
    }

    /// Mixes what the members found unusual into the contributions to the model's score. Their sum stays as it is.
    fn contribute(&self, features: &[&str], scores: &mut DataFrame) -> Result<()> {
        if self.found.iter().all(|row| row.shares.is_empty()) {
            return Ok(());
        }
        let names: Vec<String> =
            features.iter().map(|name| format!("contribution.{name}")).collect();
        let of_model = names
            .iter()
            .map(|name| Ok(scores.column(name)?.f64()?.clone()))
            .collect::<Result<Vec<_>>>()?;
        let mut sums = vec![0.0; self.rows()];
        for column in &of_model {
            for (sum, own) in sums.iter_mut().zip(column.iter()) {
                *sum += own.unwrap_or_default().max(0.0);
            }
        }
        // A score that no feature contributed to is explained by the members alone.
        sums.iter_mut().filter(|sum| **sum <= 0.0).for_each(|sum| *sum = 1.0);
        let weights: Vec<f64> = self.found.iter().map(|row| row.shares.iter().sum()).collect();
        for (feature, (name, own)) in names.iter().zip(&of_model).enumerate() {
            let rows = self.found.iter().zip(&sums).zip(&weights).zip(own.iter());
            let mixed = rows.map(|(((row, sum), weight), own)| {
                let share = row.shares.get(feature).copied().unwrap_or_default();
                own.map(|own| own * (1.0 - weight) + sum * share)
            });
            let mixed = Float64Chunked::from_iter_options(name.as_str().into(), mixed);
            scores.with_column(mixed.into_column())?;
        }
        Ok(())
    }

    /// What is unusual for the entities of rows, in words; none: of no row.
    pub fn notes(&self) -> Option<Vec<Option<&str>>> {
        let notes: Vec<Option<&str>> = self.found.iter().map(|row| row.note.as_deref()).collect();
        notes.iter().any(Option::is_some).then_some(notes)
    }
}
