//! What rows are found to be.

use anomal_core::{
    Batch, Hit, Result,
    proto::{Plan, Severity},
};
use anomal_dataflow::ResultsOperator;
use polars::prelude::{
    BooleanChunked, ChunkFilter, Column, DataFrame, DataType, IntoColumn, NewChunkedArray,
    StringChunked,
};

use super::{Scorer, StreamJudge};
use crate::{
    operators::results::EXPLANATION,
    stream::{
        event_time,
        generation::Generation,
        learning::{Learned, Learner, Mark, P_VALUE, entities},
    },
};

/// Rows of a batch that were judged, and what else is known of them.
struct Judged {
    batch: Batch,
    /// Of their entities.
    names: StringChunked,
    /// Where they were learned, too.
    learned: Option<Learned>,
    /// Whether they have scores.
    scored: bool,
}

impl StreamJudge {
    /// A batch with its results, which learns its rows; then, if the records have changed within it, the rows behind. Without the
    /// rows that no output writes.
    ///
    /// # Errors
    /// `Internal`.
    pub(super) async fn finish(&mut self, batch: Batch) -> Result<(Batch, Option<Batch>)> {
        let (judged, rest) = self.learned(batch)?;
        let Judged { mut batch, names, learned, scored } = self.written(judged)?;
        if let Some(learned) = &learned {
            let features = self.plan.features.iter().map(|feature| feature.name.as_str());
            learned.apply(&features.collect::<Vec<_>>(), &mut batch.scores)?;
        }
        let p_values =
            learned.as_ref().map(|_| batch.scores.column(P_VALUE).cloned()).transpose()?;
        let results = match &self.scorer {
            Scorer::Model(generation) if scored => &generation.results,
            _ => &self.unscored,
        };
        let mut batch = results.process(batch).await?;
        if let Some(notes) = learned.as_ref().and_then(Learned::notes) {
            add_notes(&mut batch.results, &notes)?;
        }
        self.add_columns(&mut batch, p_values, names)?;
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

    /// Learns the rows of a batch, and returns those that were judged; then, if the records have changed within it, the others.
    fn learned(&mut self, mut batch: Batch) -> Result<(Judged, Option<Batch>)> {
        let mut names = entities(&self.entity, &batch)?;
        let scored = matches!(self.scorer, Scorer::Model(_)) && batch.height() > 0;
        let (mut learned, mut rest) = (None, None);
        match (&self.scorer, &mut self.learner) {
            (Scorer::Model(generation), Some(learner)) if scored => {
                let offsets = batch.offsets();
                let marks = marks(&self.plan, self.writes_all, &batch, &offsets);
                let of_rows = learner.learn(&batch, &self.times, &names, &marks)?;
                if of_rows.changed {
                    warn_of_change(learner, generation, &self.plan)?;
                }
                if let Some(first) = offsets.get(of_rows.rows()).copied() {
                    let (before, behind) = batch.split_at_offset(first)?;
                    (batch, rest) = (before, Some(behind));
                    names = names.slice(0, batch.height());
                }
                learned = Some(of_rows);
            }
            (Scorer::Model(_), _) | (_, None) => {}
            (scorer, Some(learner)) => {
                let is_sampled = matches!(scorer, Scorer::History);
                learner.pass(&batch, &self.times, &names, is_sampled)?;
            }
        }
        Ok((Judged { batch, names, learned, scored }, rest))
    }

    /// Counts rows, and leaves out those that no output writes.
    fn written(&mut self, mut judged: Judged) -> Result<Judged> {
        let batch = judged.batch;
        let suspicious: Vec<bool> = match &judged.learned {
            Some(learned) => learned.suspicious().collect(),
            None if judged.scored => {
                let verdicts = batch.scores.column("suspicious")?.bool()?;
                verdicts.iter().map(|verdict| verdict == Some(true)).collect()
            }
            None => vec![false; batch.height()],
        };
        let offsets = batch.offsets();
        let flagged: Vec<bool> =
            batch.hits.of_rows(&offsets).map(|hits| !hits.is_empty()).collect();
        let count = |of: &[bool]| of.iter().filter(|is| **is).count();
        self.counts.add_rows(batch.height(), count(&suspicious), count(&flagged));
        let stands_out = suspicious.iter().zip(&flagged).map(|(one, other)| *one || *other);
        let mask = BooleanChunked::from_iter_values("written".into(), stands_out);
        if self.writes_all || mask.all() {
            return Ok(Judged { batch, ..judged });
        }
        if let Some(learned) = &mut judged.learned {
            learned.keep(mask.iter().map(|keeps| keeps == Some(true)));
        }
        Ok(Judged { batch: batch.filter(&mask)?, names: judged.names.filter(&mask)?, ..judged })
    }

    /// Adds the columns that results of streams alone have.
    fn add_columns(
        &self,
        batch: &mut Batch,
        p_values: Option<Column>,
        names: StringChunked,
    ) -> Result<()> {
        let height = batch.height();
        let mut columns = batch.results.columns().to_vec();
        columns.push(Column::new("anomal.partition".into(), vec![batch.partition; height]));
        columns.push(Column::new("anomal.warm".into(), vec![self.is_warm(); height]));
        if let Some(learner) = &self.learner {
            let number = self.is_warm().then(|| learner.counts().generation.max(1));
            let numbers = vec![number; height];
            let none = || Column::full_null("".into(), height, &DataType::Float64);
            columns.push(p_values.unwrap_or_else(none).with_name("anomal.pvalue".into()));
            columns.push(Column::new("anomal.model".into(), numbers));
        }
        if !self.entity.is_empty() {
            columns.push(names.into_column().with_name("anomal.entity".into()));
        }
        if self.event_time.is_known() {
            columns.extend(event_time::columns(&self.times, &batch.offsets()));
        }
        batch.results = DataFrame::new(height, columns)?;
        Ok(())
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

/// What is known of rows before they are judged.
fn marks(plan: &Plan, writes_all: bool, batch: &Batch, offsets: &[u64]) -> Vec<Mark> {
    let is_high = |hit: &Hit| plan.flags[hit.flag].severity() == Severity::High;
    let mark = |hits: &[Hit]| Mark {
        witness: hits.iter().any(is_high),
        written: writes_all || !hits.is_empty(),
    };
    batch.hits.of_rows(offsets).map(mark).collect()
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
