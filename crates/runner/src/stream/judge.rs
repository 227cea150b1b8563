//! Judges chunks of a stream as a run judges the rows of a file.

use std::{
    collections::BTreeMap,
    sync::{Arc, OnceLock},
};

use anomal_connectors::{Sample, StreamResults};
use anomal_core::{
    Batch, ClassificationEngine, ClassifyRequest, Error, Model, Result,
    proto::{Plan, SavedModel},
};
use anomal_dataflow::{ChunkDecoder, ResultsOperator, RowOperator, TextChunk};
use anomal_spec::{AnomalyJob, Classification, Stream};
use anomal_stream::{Cause, Chunk, Judge, JudgeState};
use async_trait::async_trait;
use polars::prelude::{Column, DataFrame};
use xxhash_rust::xxh3::xxh3_64;

use super::{
    check,
    event_time::{self, EventTime, Marks, SavedTime},
    quarantine::{self, FailedRecord},
    state::{self, DecodedState, StateHead, StreamCounts, object_name},
    warm_up::WarmUp,
};
use crate::{
    compile::{self, StreamPlan},
    identity, model_file,
    operators::{
        classify::Scoring,
        extract::Extract,
        results::{AssembleResults, Extras},
    },
    options::{Engines, Options},
};

pub(super) struct StreamJudge {
    plan: Arc<Plan>,
    decoder: Box<dyn ChunkDecoder>,
    extract: Extract,
    event_time: EventTime,
    /// Of the chunk that is judged.
    marks: Marks,
    engine: Arc<dyn ClassificationEngine>,
    classification: Option<Classification>,
    scorer: Scorer,
    /// Makes the results of rows that are not scored.
    unscored: AssembleResults,
    extras: Extras,
    settings: u64,
    sample: Sample,
    sample_object: String,
    counts: StreamCounts,
}

/// What rows are scored by.
enum Scorer {
    None,
    WarmUp(WarmUp),
    Model(Box<FittedScorer>),
}

struct FittedScorer {
    model: Model,
    results: AssembleResults,
    /// The object with the model, if it is the stream's own.
    object: Option<(String, Vec<u8>)>,
}

impl StreamJudge {
    /// Plans the job by the first records.
    ///
    /// # Errors
    /// `InvalidSettings` if a step or the detector needs more than a row.
    pub async fn new(
        job: &AnomalyJob,
        stream: &Stream,
        engines: &Engines,
        options: &Options,
        sample: Sample,
    ) -> Result<Self> {
        let spec = &job.spec;
        let planned = compile::plan_stream(spec, engines, options, &sample).await?;
        let StreamPlan { source, plan, extract, model, extras } = planned;
        let classification = spec.classification.clone().filter(|_| !plan.features.is_empty());
        if let Some(settings) = &classification {
            check::row_wise(settings, &engines.classification.list_detectors().await?)?;
        }
        let decoder = source.decoder().ok_or_else(check::not_by_line)?;
        let unscored = AssembleResults::new(&plan, Arc::default(), extras, None);
        let warm_up = WarmUp::new(stream.warm_up.unwrap_or_default().rows);
        let event_time = EventTime::new(spec, stream, &plan, &engines.feature)?;
        let mut judge = Self {
            decoder,
            extract,
            event_time,
            marks: Marks::new(),
            engine: Arc::clone(&engines.classification),
            scorer: Scorer::None,
            unscored,
            extras,
            settings: settings_hash(spec, stream),
            sample_object: object_name(&sample.text),
            sample,
            counts: StreamCounts::default(),
            plan,
            classification,
        };
        judge.scorer = match (&judge.classification, model) {
            (None, _) => Scorer::None,
            (Some(_), None) => Scorer::WarmUp(warm_up),
            (Some(settings), Some(model)) => {
                model_file::check(&model, &settings.engine, &judge.plan.features)?;
                judge.fitted(&model, None)
            }
        };
        Ok(judge)
    }

    pub fn counts(&self) -> &StreamCounts {
        &self.counts
    }

    pub fn is_warm(&self) -> bool {
        matches!(self.scorer, Scorer::Model(_))
    }

    fn fitted(&self, model: &SavedModel, object: Option<(String, Vec<u8>)>) -> Scorer {
        let (analysis, steps, drift) = (model_file::analysis(model), Vec::new(), Vec::new());
        let scoring = Arc::new(OnceLock::from(Scoring { analysis, steps, drift }));
        let results = AssembleResults::new(&self.plan, scoring, self.extras, None);
        let model = model_file::engine_model(model);
        Scorer::Model(Box::new(FittedScorer { model, results, object }))
    }

    async fn rows(&mut self, chunk: Chunk<TextChunk>) -> Result<StreamResults> {
        let (count, text) = (chunk.records.records(chunk.count), chunk.records.clone());
        let batch = self.decoder.decode(chunk.records)?;
        if batch.statistics.read != count {
            let message = format!("{count} records were read as {}", batch.statistics.read);
            return Err(Error::internal(message));
        }
        self.counts.read += count;
        let (extracted, mut failed) =
            quarantine::each(batch, |batch| self.extract.process(batch)).await?;
        let mut batches = Vec::with_capacity(extracted.len());
        for mut batch in extracted {
            if batch.height() > 0 {
                // Its state has taken the rows, so that it is not tried again without some of them.
                let (timed, marks) = self.event_time.process(batch).await?;
                batch = timed.prune_typed()?;
                self.counts.late += marks.values().filter(|timing| timing.late).count() as u64;
                self.counts.skewed += marks.values().filter(|timing| timing.skewed).count() as u64;
                self.marks = marks;
            }
            for note in &batch.statistics.diagnostics {
                tracing::warn!("{}: {}", note.path, note.message);
            }
            self.counts.rejected += batch.statistics.rejected;
            self.counts.filtered += batch.statistics.filtered_total();
            let (more, more_failed) = self.judged(batch).await?;
            batches.extend(more);
            failed.extend(more_failed);
        }
        self.marks.clear();
        for batch in &batches {
            let suspicious = batch.results.column("anomal.suspicious")?.bool()?.sum();
            let severity = batch.results.column("anomal.severity")?;
            self.counts.results += batch.height() as u64;
            self.counts.suspicious += u64::from(suspicious.unwrap_or(0));
            self.counts.flagged += (severity.len() - severity.null_count()) as u64;
        }
        self.reject(&text, &failed, &mut batches);
        Ok(StreamResults(Arc::new(batches)))
    }

    /// Adds the records at which a step failed to those that could not be read.
    fn reject(&mut self, chunk: &TextChunk, failed: &[FailedRecord], batches: &mut [Batch]) {
        let (Some(first), Some(batch)) = (failed.first(), batches.first_mut()) else { return };
        tracing::warn!(
            "{} records are left out, the first because: {}",
            failed.len(),
            first.error.message
        );
        self.counts.rejected += failed.len() as u64;
        batch.rejected.extend(failed.iter().map(|failed| quarantine::rejected(chunk, failed)));
        batch.rejected.sort_by_key(|record| record.row);
    }

    async fn judged(&mut self, batch: Batch) -> Result<(Vec<Batch>, Vec<FailedRecord>)> {
        let (before, behind) = match &mut self.scorer {
            Scorer::WarmUp(warm_up) if batch.height() > 0 => warm_up.add(batch)?,
            _ => (batch, None),
        };
        let (mut batches, mut failed) = self.scored(before).await?;
        if let Some(behind) = behind {
            self.end_warm_up().await?;
            let (more, more_failed) = self.scored(behind).await?;
            batches.extend(more);
            failed.extend(more_failed);
        }
        Ok((batches, failed))
    }

    async fn scored(&self, batch: Batch) -> Result<(Vec<Batch>, Vec<FailedRecord>)> {
        let (scored, failed) = quarantine::each(batch, |batch| self.score(batch)).await?;
        let mut batches = Vec::with_capacity(scored.len());
        for batch in scored {
            // Of batches without rows.
            batches.push(if batch.results.width() == 0 { self.score(batch).await? } else { batch });
        }
        Ok((batches, failed))
    }

    /// Fits the model on the rows of the warm-up.
    async fn end_warm_up(&mut self) -> Result<()> {
        let (Scorer::WarmUp(warm_up), Some(settings)) = (&self.scorer, &self.classification) else {
            return Ok(());
        };
        let table = warm_up.table()?;
        let request = ClassifyRequest {
            settings: Classification { model: None, endpoint: None, tls: None, ..settings.clone() },
            features: self.plan.features.clone(),
            table: table.clone(),
        };
        let fitted = self.engine.fit(request).await?;
        let model = model_file::from_fit(&settings.engine, &fitted, &self.plan, &table)?;
        let bytes = model_file::encode(&model);
        tracing::info!(
            "the warm-up has ended: {} is fitted on {} rows",
            settings.engine,
            model.rows
        );
        self.scorer = self.fitted(&model, Some((object_name(&bytes), bytes)));
        Ok(())
    }

    /// A batch with its results.
    async fn score(&self, mut batch: Batch) -> Result<Batch> {
        let results = match &self.scorer {
            Scorer::Model(fitted) if batch.height() > 0 => {
                let names = self.plan.features.iter().map(|feature| feature.name.as_str());
                let table = batch.to_table(batch.features.select(names)?)?;
                batch.scores = self.engine.score(&fitted.model, table).await?.rows.into_columns();
                &fitted.results
            }
            _ => &self.unscored,
        };
        let mut batch = results.process(batch).await?;
        let height = batch.height();
        let mut columns = batch.results.columns().to_vec();
        columns.push(Column::new("anomal.partition".into(), vec![batch.partition; height]));
        columns.push(Column::new("anomal.warm".into(), vec![self.is_warm(); height]));
        if self.event_time.is_known() {
            columns.extend(event_time::columns(&self.marks, &batch.offsets()));
        }
        batch.results = DataFrame::new(height, columns)?;
        // What sinks do not read need not wait for them.
        (batch.features, batch.scores) = (DataFrame::default(), DataFrame::default());
        Ok(batch)
    }

    fn saved(&self) -> Result<JudgeState> {
        let mut objects = vec![(self.sample_object.clone(), self.sample.text.to_vec())];
        let model = match &self.scorer {
            Scorer::Model(fitted) => fitted.object.clone(),
            _ => None,
        };
        let time = self.event_time.save()?;
        let head = StateHead {
            settings: self.settings,
            sample: self.sample_object.clone(),
            sample_file: self.sample.name.clone(),
            model: model.as_ref().map(|(name, _)| name.clone()),
            counts: self.counts,
            clocks: time.clocks,
            windows: BTreeMap::new(),
        };
        objects.extend(model);
        let table = match &self.scorer {
            Scorer::WarmUp(warm_up) => warm_up.rows(),
            _ => None,
        };
        Ok(JudgeState { bytes: state::encode(head, &time.windows, table)?, objects })
    }

    fn restored(&mut self, saved: JudgeState) -> Result<()> {
        let DecodedState { head, windows, table } = state::decode(&saved.bytes)?;
        if head.settings != self.settings {
            let message = "the state is of other settings (input, features, flags, filters or classification): put them \
                           back, or name another folder to begin anew; outputs may change";
            return Err(Error::settings(super::CHECKPOINT, "OTHER_SETTINGS", message));
        }
        self.counts = head.counts;
        self.event_time.restore(SavedTime { clocks: head.clocks, windows })?;
        let object = saved.objects.into_iter().find(|(name, _)| head.model.as_ref() == Some(name));
        match (&mut self.scorer, object) {
            (Scorer::WarmUp(_), Some(object)) => {
                let model = model_file::decode(&object.1)?;
                self.scorer = self.fitted(&model, Some(object));
            }
            (Scorer::WarmUp(warm_up), None) => warm_up.restore(table),
            _ => {}
        }
        Ok(())
    }
}

/// Of everything that results depend on.
fn settings_hash(spec: &anomal_spec::AnomalyJobSpec, stream: &Stream) -> u64 {
    let warm_up = stream.warm_up.unwrap_or_default().rows;
    // Only where it is set, so that streams of older settings continue.
    let further = match &stream.time {
        Some(time) => format!("{warm_up} {} {} {}", time.disorder, time.lateness, time.ahead),
        None => warm_up.to_string(),
    };
    let mut spec = spec.clone();
    if let Some(kafka) = &mut spec.input.kafka {
        *kafka = kafka.of_records();
    }
    xxh3_64(identity::inputs_of_results(&spec, &further).as_bytes())
}

#[async_trait]
impl Judge for StreamJudge {
    type Records = TextChunk;
    type Results = StreamResults;

    async fn judge(&mut self, chunk: Chunk<TextChunk>) -> Result<StreamResults, Cause> {
        Ok(self.rows(chunk).await?)
    }

    fn save(&self) -> Result<JudgeState, Cause> {
        Ok(self.saved()?)
    }

    fn restore(&mut self, state: JudgeState) -> Result<(), Cause> {
        Ok(self.restored(state)?)
    }
}
