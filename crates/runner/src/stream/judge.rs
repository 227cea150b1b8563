//! Judges chunks of a stream as a run judges the rows of a file.

use std::{
    collections::BTreeMap,
    sync::Arc,
    time::{Duration, Instant},
};

use anomal_connectors::{Sample, StreamResults};
use anomal_core::{
    Batch, ClassificationEngine, Error, Hit, Result, Table,
    proto::{Plan, Severity},
};
use anomal_dataflow::{ChunkDecoder, ResultsOperator, RowOperator, TextChunk};
use anomal_spec::{AnomalyJob, Stream};
use anomal_stream::{Cause, Chunk, FrozenState, Judge, JudgeState, Objects, StateObject};
use async_trait::async_trait;
use polars::prelude::{Column, DataFrame, DataType};
use xxhash_rust::xxh3::xxh3_64;

use super::{
    check,
    event_time::{self, EventTime, RowTimes, SavedTime},
    generation::Generation,
    learning::{
        CHALLENGER, Due, EntityCounts, Learned, Learner, ModelCounts, P_VALUE, SilentEntities,
        entities,
    },
    quarantine::{self, FailedRecord},
    refit::{Fitter, PendingFit},
    state::{self, DecodedState, StateHead, StreamCounts},
    warm_up::WarmUp,
};
use crate::{
    compile::{self, StreamPlan},
    identity, model_file,
    operators::{
        extract::Extract,
        results::{AssembleResults, EXPLANATION, Extras},
    },
    options::{Engines, Options},
};

pub(super) struct StreamJudge {
    plan: Arc<Plan>,
    decoder: Box<dyn ChunkDecoder>,
    extract: Extract,
    event_time: EventTime,
    /// Of the rows that are judged.
    times: RowTimes,
    engine: Arc<dyn ClassificationEngine>,
    /// None: rows are not scored.
    fitter: Option<Fitter>,
    scorer: Scorer,
    /// None: nothing is learned but the first model.
    learner: Option<Learner>,
    /// Makes the results of rows that are not scored.
    unscored: AssembleResults,
    extras: Extras,
    /// The columns that entities are known by.
    entity: Vec<String>,
    settings: u64,
    sample: Sample,
    sample_object: StateObject,
    counts: StreamCounts,
}

/// What rows are scored by.
enum Scorer {
    None,
    WarmUp(WarmUp),
    Model(Box<Generation>),
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
        let scorer = match (&classification, &model) {
            (None, _) => Scorer::None,
            (Some(_), None) => Scorer::WarmUp(warm_up),
            (Some(settings), Some(model)) => {
                model_file::check(model, &settings.engine, &plan.features)?;
                Scorer::Model(Box::new(Generation::new(model, None, &plan, extras)))
            }
        };
        let learner = classification.as_ref().and_then(|settings| {
            let (is_loaded, has_times) = (model.is_some(), event_time.is_known());
            Learner::new(settings, stream, &plan, is_loaded, has_times)
        });
        let engine = Arc::clone(&engines.classification);
        let fitter = classification.map(|settings| Fitter {
            engine: Arc::clone(&engine),
            settings,
            plan: Arc::clone(&plan),
        });
        Ok(Self {
            decoder,
            extract,
            event_time,
            times: RowTimes::default(),
            engine,
            fitter,
            scorer,
            learner,
            unscored,
            extras,
            entity: stream.entity.as_ref().map(|entity| entity.by.clone()).unwrap_or_default(),
            settings: settings_hash(spec, stream),
            sample_object: StateObject::new(sample.text.clone()),
            sample,
            counts: StreamCounts::default(),
            plan,
        })
    }

    pub fn counts(&self) -> &StreamCounts {
        &self.counts
    }

    pub fn is_warm(&self) -> bool {
        matches!(self.scorer, Scorer::Model(_))
    }

    pub fn watermark(&self) -> Option<i64> {
        self.event_time.watermark()
    }

    /// The models since the beginning; none where rows are not scored.
    pub fn models(&self) -> Option<ModelCounts> {
        self.learner.as_ref().map(Learner::counts)
    }

    /// The entities that have profiles; none where there are none of any.
    pub fn entities(&self) -> Option<EntityCounts> {
        self.learner.as_ref().and_then(Learner::entities)
    }

    /// The entities that are silent, so long after the last record was read; none where that is not asked for.
    pub fn silent(&self, idle: Duration) -> Option<SilentEntities> {
        self.learner.as_ref()?.silent(idle)
    }

    /// Rejects the only record of a chunk without looking at it.
    ///
    /// # Errors
    /// `Internal`.
    pub async fn leave_out(
        &mut self,
        chunk: Chunk<TextChunk>,
        error: Error,
    ) -> Result<StreamResults> {
        let whole = chunk.records.clone();
        let mut chunk = Chunk { count: 0, ..chunk };
        chunk.records.text.clear();
        if let Some(attributes) = &mut chunk.records.attributes {
            attributes.offsets.clear();
            attributes.columns = attributes.columns.clear();
        }
        let failed = [FailedRecord { row: chunk.first, error }];
        let results = self.rows(chunk).await?;
        let mut batches = Arc::unwrap_or_clone(results.0);
        self.counts.read += 1;
        self.reject(&whole, &failed, &mut batches);
        Ok(StreamResults(Arc::new(batches)))
    }

    async fn rows(&mut self, chunk: Chunk<TextChunk>) -> Result<StreamResults> {
        let (count, text) = (chunk.records.records(chunk.count), chunk.records.clone());
        let batch = self.decoder.decode(chunk.records)?;
        if batch.statistics.read != count {
            let message = format!("{count} records were read as {}", batch.statistics.read);
            return Err(Error::internal(message));
        }
        self.counts.read += count;
        if let (Some(learner), Some(fitter)) = (&mut self.learner, &self.fitter)
            && let Some(pending) = learner.pending()
        {
            pending.start(fitter);
        }
        let (extracted, mut failed) =
            quarantine::each(batch, |batch| self.extract.process(batch)).await?;
        let mut batches = Vec::with_capacity(extracted.len());
        for mut batch in extracted {
            if batch.height() > 0 {
                // Its state has taken the rows, so that it is not tried again without some of them.
                let (timed, times) = self.event_time.process(batch).await?;
                batch = timed.prune_typed()?;
                self.counts.late += times.count(|timing| timing.late);
                self.counts.skewed += times.count(|timing| timing.skewed);
                self.times = times;
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
        self.times = RowTimes::default();
        for batch in &batches {
            self.counts.add(batch)?;
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

    /// The results of rows, in parts between which models change.
    async fn judged(&mut self, batch: Batch) -> Result<(Vec<Batch>, Vec<FailedRecord>)> {
        let (mut batches, mut failed) = (Vec::new(), Vec::new());
        // The next one last, and whether the model changes before it.
        let mut waiting = vec![(batch, false)];
        while let Some((batch, changes)) = waiting.pop() {
            if changes {
                self.change().await?;
            }
            let (part, behind) = self.until_change(batch)?;
            waiting.extend(behind.map(|behind| (behind, true)));
            let (scored, part_failed) = self.scored(part).await?;
            failed.extend(part_failed);
            let mut scored = scored.into_iter();
            while let Some(batch) = scored.next() {
                let (done, rest) = self.finish(batch).await?;
                batches.push(done);
                if let Some(rest) = rest {
                    waiting.extend(scored.rev().map(|batch| (batch, false)));
                    waiting.push((rest, false));
                    break;
                }
            }
        }
        Ok((batches, failed))
    }

    /// The rows of a batch before the model changes, and then those behind.
    fn until_change(&mut self, batch: Batch) -> Result<(Batch, Option<Batch>)> {
        if batch.height() == 0 {
            return Ok((batch, None));
        }
        match (&mut self.scorer, &self.learner) {
            (Scorer::WarmUp(warm_up), _) => warm_up.add(batch),
            (Scorer::Model(_), Some(learner)) => {
                let offsets = batch.offsets();
                match learner.due_at(&offsets, &self.times) {
                    Some(place) => {
                        let (before, behind) = batch.split_at_offset(offsets[place])?;
                        Ok((before, Some(behind)))
                    }
                    None => Ok((batch, None)),
                }
            }
            _ => Ok((batch, None)),
        }
    }

    /// Does what is due between two rows.
    async fn change(&mut self) -> Result<()> {
        let Some(fitter) = self.fitter.clone() else { return Ok(()) };
        if let Scorer::WarmUp(warm_up) = &self.scorer {
            let table = warm_up.table()?;
            return self.end_warm_up(&fitter, table).await;
        }
        let Some(learner) = &mut self.learner else { return Ok(()) };
        match learner.take_due()? {
            Due::Fit(rows) => {
                let mut fit = PendingFit::of_rows(rows)?;
                fit.start(&fitter);
                learner.wait_for(fit);
            }
            Due::Adopt(fit) => match fit.finish(&fitter).await {
                Ok(model) => {
                    let bytes = model_file::encode(&model);
                    let object = Some(StateObject::new(bytes));
                    let generation = Generation::new(&model, object, &self.plan, self.extras);
                    learner.try_out(generation);
                }
                Err(error) => {
                    tracing::warn!("the model can't be fitted again, and stays in use: {error}");
                    learner.refuse();
                }
            },
            Due::Promote(generation) => self.scorer = Scorer::Model(generation),
            Due::Nothing => {}
        }
        Ok(())
    }

    async fn scored(&self, batch: Batch) -> Result<(Vec<Batch>, Vec<FailedRecord>)> {
        quarantine::each(batch, |batch| self.score(batch)).await
    }

    /// Fits the model on the rows of the warm-up.
    async fn end_warm_up(&mut self, fitter: &Fitter, table: Table) -> Result<()> {
        let model = fitter.fit(table.clone()).await?;
        if let Some(learner) = &mut self.learner {
            learner.begin(table.columns(), fitter.unseen_scores(&table).await?)?;
        }
        let bytes = model_file::encode(&model);
        tracing::info!(
            "the warm-up has ended: {} is fitted on {} rows",
            fitter.settings.engine,
            model.rows
        );
        let object = Some(StateObject::new(bytes));
        let generation = Generation::new(&model, object, &self.plan, self.extras);
        self.scorer = Scorer::Model(Box::new(generation));
        Ok(())
    }

    /// A batch with its scores.
    async fn score(&self, mut batch: Batch) -> Result<Batch> {
        let Scorer::Model(generation) = &self.scorer else { return Ok(batch) };
        let names = self.plan.features.iter().map(|feature| feature.name.as_str());
        let table = batch.to_table(batch.features.select(names)?)?;
        let scored = self.engine.score(&generation.model, table.clone()).await?;
        batch.scores = scored.rows.into_columns();
        if let Some(challenger) = self.learner.as_ref().and_then(Learner::challenger) {
            let scored = self.engine.score(&challenger.model, table).await?.rows.into_columns();
            for (from, to) in ["score", "suspicious"].into_iter().zip(CHALLENGER) {
                batch.scores.with_column(scored.column(from)?.clone().with_name(to.into()))?;
            }
        }
        Ok(batch)
    }

    /// A batch with its results, which learns its rows; then, if the records have changed within it, the rows behind.
    async fn finish(&mut self, mut batch: Batch) -> Result<(Batch, Option<Batch>)> {
        let mut height = batch.height();
        let mut offsets = batch.offsets();
        let mut rest = None;
        let mut learned = Vec::new();
        let mut found = Learned::default();
        if let (Scorer::Model(generation), Some(learner)) = (&self.scorer, &mut self.learner) {
            let number = learner.counts().generation.max(1);
            if height > 0 {
                let witnesses = high_severity(&self.plan, &batch, &offsets);
                let of_rows = learner.learn(&batch, &self.times, &witnesses)?;
                if of_rows.changed {
                    warn_of_change(learner, generation, &self.plan)?;
                }
                if let Some(first) = offsets.get(of_rows.rows()).copied() {
                    let (before, behind) = batch.split_at_offset(first)?;
                    (batch, rest) = (before, Some(behind));
                    (height, offsets) = (batch.height(), batch.offsets());
                }
                let names = self.plan.features.iter().map(|feature| feature.name.as_str());
                of_rows.apply(&names.collect::<Vec<_>>(), &mut batch.scores)?;
                learned.push(batch.scores.column(P_VALUE)?.clone());
                found = of_rows;
            }
            learned.push(Column::new("model".into(), vec![number; height]));
        } else if let Some(learner) = &mut self.learner {
            learner.pass(&batch, &self.times)?;
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
            let names = entities(&self.entity, &batch)?;
            columns.push(Column::new("anomal.entity".into(), names));
        }
        if self.event_time.is_known() {
            columns.extend(event_time::columns(&self.times, &offsets));
        }
        batch.results = DataFrame::new(height, columns)?;
        // What sinks do not read need not wait for them.
        (batch.features, batch.scores) = (DataFrame::default(), DataFrame::default());
        Ok((batch, rest))
    }

    fn frozen(&self) -> Result<FrozenState> {
        let model = match &self.scorer {
            Scorer::Model(generation) => generation.object.clone(),
            _ => None,
        };
        let warm_up = match &self.scorer {
            Scorer::WarmUp(warm_up) => warm_up.rows().cloned(),
            _ => None,
        };
        let SavedTime { clocks, windows } = self.event_time.save()?;
        let learner = self.learner.as_ref().map(Learner::freeze);
        let sample = self.sample_object.clone();
        let mut head = StateHead {
            settings: self.settings,
            sample: sample.name().to_owned(),
            sample_file: self.sample.name.clone(),
            model: model.as_ref().map(|object| object.name().to_owned()),
            counts: self.counts,
            clocks,
            windows: BTreeMap::new(),
            learning: None,
            calibrations: Vec::new(),
        };
        Ok(FrozenState::new(move |objects: &mut dyn Objects| {
            for object in [Some(&sample), model.as_ref()].into_iter().flatten() {
                objects.store(object)?;
            }
            let (mut calibrations, mut table) = (Vec::new(), warm_up);
            if let Some(learner) = learner {
                let saved = learner.save(objects)?;
                head.learning = Some(saved.learning);
                calibrations = saved.calibrations;
                table = table.or(saved.sample);
            }
            let bytes = state::encode(head, &windows, &calibrations, table.as_ref());
            bytes.map_err(|error| anomal_stream::Error::Judge(error.into()))
        }))
    }

    fn restored(&mut self, saved: &JudgeState) -> Result<()> {
        let DecodedState { head, windows, calibrations, table } = state::decode(&saved.bytes)?;
        check::same_settings(head.settings, self.settings)?;
        self.counts = head.counts;
        self.event_time.restore(SavedTime { clocks: head.clocks, windows })?;
        let (plan, extras) = (&self.plan, self.extras);
        let generation = |object| Generation::of_object(object, plan, extras);
        let is_model = |object: &&StateObject| head.model.as_deref() == Some(object.name());
        let object = saved.objects.iter().find(is_model);
        let mut sample = None;
        match (&mut self.scorer, object) {
            (Scorer::WarmUp(warm_up), None) => warm_up.restore(table),
            (_, Some(object)) => {
                self.scorer = Scorer::Model(Box::new(generation(object.clone())?));
                sample = table;
            }
            _ => sample = table,
        }
        if let (Some(learner), Some(learning)) = (&mut self.learner, head.learning) {
            learner.restore(learning, &calibrations, sample, &saved.objects, generation)?;
        }
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

/// Of everything that results depend on.
pub(super) fn settings_hash(spec: &anomal_spec::AnomalyJobSpec, stream: &Stream) -> u64 {
    let warm_up = stream.warm_up.unwrap_or_default().rows;
    // Only where it is set, so that streams of older settings continue.
    let further = match &stream.time {
        Some(time) => format!("{warm_up} {} {} {}", time.disorder, time.lateness, time.ahead),
        None => warm_up.to_string(),
    };
    let further = match &stream.model {
        Some(model) => format!("{further} {model:?}"),
        None => further,
    };
    let further = match &stream.entity {
        Some(entity) => format!("{further} {entity:?}"),
        None => further,
    };
    let further = if check::is_collected(spec) { format!("{further} windows") } else { further };
    let mut spec = spec.clone();
    if let Some(kafka) = &mut spec.input.kafka {
        *kafka = kafka.of_records();
    }
    if let Some(http) = &mut spec.input.http {
        *http = http.of_records();
    }
    if let Some(tcp) = &mut spec.input.tcp {
        *tcp = tcp.of_records();
    }
    if let Some(syslog) = &mut spec.input.syslog {
        *syslog = syslog.of_records();
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

    fn freeze(&self) -> Result<FrozenState, Cause> {
        let begun = Instant::now();
        let frozen = self.frozen()?;
        tracing::debug!("records waited {:?} for a checkpoint", begun.elapsed());
        Ok(frozen)
    }

    fn restore(&mut self, state: JudgeState) -> Result<(), Cause> {
        Ok(self.restored(&state)?)
    }
}
