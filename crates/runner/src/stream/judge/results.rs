//! What rows are found to be.

use anomal_core::{
    Batch, Hit, Result,
    proto::{Plan, Severity},
};
use anomal_dataflow::ResultsOperator;
use polars::prelude::{Column, DataFrame, DataType};

use super::{Scorer, StreamJudge};
use crate::{
    operators::results::EXPLANATION,
    stream::{
        event_time,
        generation::Generation,
        learning::{Learned, Learner, P_VALUE, entities},
    },
};

impl StreamJudge {
    /// A batch with its results, which learns its rows; then, if the records have changed within it, the rows behind.
    ///
    /// # Errors
    /// `Internal`.
    pub(super) async fn finish(&mut self, mut batch: Batch) -> Result<(Batch, Option<Batch>)> {
        let mut height = batch.height();
        let mut offsets = batch.offsets();
        let mut names = entities(&self.entity, &batch)?;
        let mut rest = None;
        let mut learned = Vec::new();
        let mut found = Learned::default();
        if let (Scorer::Model(generation), Some(learner)) = (&self.scorer, &mut self.learner) {
            let number = learner.counts().generation.max(1);
            if height > 0 {
                let witnesses = high_severity(&self.plan, &batch, &offsets);
                let of_rows = learner.learn(&batch, &self.times, &names, &witnesses)?;
                if of_rows.changed {
                    warn_of_change(learner, generation, &self.plan)?;
                }
                if let Some(first) = offsets.get(of_rows.rows()).copied() {
                    let (before, behind) = batch.split_at_offset(first)?;
                    (batch, rest) = (before, Some(behind));
                    (height, offsets) = (batch.height(), batch.offsets());
                    names.truncate(height);
                }
                let features = self.plan.features.iter().map(|feature| feature.name.as_str());
                of_rows.apply(&features.collect::<Vec<_>>(), &mut batch.scores)?;
                learned.push(batch.scores.column(P_VALUE)?.clone());
                found = of_rows;
            }
            learned.push(Column::new("model".into(), vec![number; height]));
        } else if let Some(learner) = &mut self.learner {
            let is_sampled = matches!(self.scorer, Scorer::History);
            learner.pass(&batch, &self.times, &names, is_sampled)?;
        }
        let results = match &self.scorer {
            Scorer::Model(generation) if height > 0 => &generation.results,
            _ => &self.unscored,
        };
        let mut batch = results.process(batch).await?;
        if let Some(notes) = found.notes() {
            add_notes(&mut batch.results, &notes)?;
        }
        let mut columns = batch.results.columns().to_vec();
        columns.push(Column::new("anomal.partition".into(), vec![batch.partition; height]));
        columns.push(Column::new("anomal.warm".into(), vec![self.is_warm(); height]));
        if self.learner.is_some() {
            for (name, of) in [(P_VALUE, DataType::Float64), ("model", DataType::UInt32)] {
                let known = learned.iter().find(|column| column.name() == name).cloned();
                let column = known.unwrap_or_else(|| Column::full_null("".into(), height, &of));
                columns.push(column.with_name(format!("anomal.{name}").into()));
            }
        }
        if !self.entity.is_empty() {
            columns.push(Column::new("anomal.entity".into(), names));
        }
        if self.event_time.is_known() {
            columns.extend(event_time::columns(&self.times, &offsets));
        }
        batch.results = DataFrame::new(height, columns)?;
        if let Some(reporting) = &self.reporting {
            let scoring = match &self.scorer {
                Scorer::Model(generation) => Some(generation.results.scoring()),
                _ => None,
            };
            reporting.add(&batch, scoring);
        }
        // What sinks do not read need not wait for them.
        (batch.features, batch.scores) = (DataFrame::default(), DataFrame::default());
        Ok((batch, rest))
    }
}

/// Adds what is unusual for their entities to the explanations of rows.
fn add_notes(results: &mut DataFrame, notes: &[Option<&str>]) -> Result<()> {
    let explanations = results.column(EXPLANATION)?.str()?;
    let noted =
        explanations.iter().zip(notes).map(|(explanation, note)| match (explanation, note) {
            (Some(explanation), Some(note)) => Some(format!("{explanation}; {note}")),
            (explanation, note) => explanation.or(*note).map(str::to_owned),
        });
    let noted: Vec<Option<String>> = noted.collect();
    results.with_column(Column::new(EXPLANATION.into(), noted))?;
    Ok(())
}

/// Whether each row is hit by a flag of high severity.
fn high_severity(plan: &Plan, batch: &Batch, offsets: &[u64]) -> Vec<bool> {
    let is_high = |hit: &Hit| plan.flags[hit.flag].severity() == Severity::High;
    batch.hits.of_rows(offsets).map(|hits| hits.iter().any(is_high)).collect()
}

fn warn_of_change(learner: &Learner, generation: &Generation, plan: &Plan) -> Result<()> {
    let drift = match learner.sampled()? {
        Some(rows) => generation.drift(plan, &rows)?,
        None => Vec::new(),
    };
    let features =
        drift.iter().take(3).map(|drift| format!("{} ({:.2})", drift.feature, drift.psi));
    tracing::warn!(
        "the records have changed since the model was fitted, most in {} (population stability index)",
        features.collect::<Vec<_>>().join(", ")
    );
    Ok(())
}
