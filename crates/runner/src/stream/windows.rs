//! Judges windows of records as a run judges a file: each as a whole, by any detector and any step.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
};

use anomal_connectors::{Sample, StreamResults};
use anomal_core::{
    Batch, Code, Element, Error, MemoryBudget, Position, Result, Statistics,
    proto::{Column as SchemaColumn, Plan, SavedModel},
};
use anomal_dataflow::{
    ChunkDecoder, ExecutorOptions, Graph, Monitor, PreparedEpoch, Reader, ResultsOperator,
    RowOperator, Sink, Source, Split, Step, TextChunk, WriteOutcome, execute,
};
use anomal_spec::AnomalyJob;
use anomal_stream::{Cause, Chunk, FrozenState, Judge, JudgeState, Objects, StateObject};
use async_trait::async_trait;
use polars::prelude::{Column, DataFrame, DataType, TimeUnit};
use tracing::Span;

use super::{
    check, quarantine,
    reports::{ReportColumns, Reporting, Reports},
    settings::settings_hash,
    state::{self, DecodedState, StateHead, StreamCounts},
};
use crate::{
    compile::{self, StreamPlan},
    files,
    operators::{
        classify::ScoringReport,
        extract::Extract,
        results::{AssembleResults, Extras},
    },
    options::{Engines, Options},
};

/// A window has at most this part of the memory as text: features and what detectors make of them are beside it.
const TEXT_SHARE: u64 = 16;
const MOST_TEXT: u64 = 256 << 20;

/// The bytes of text that a window has at most.
pub(super) fn most_text(options: &Options) -> u64 {
    (memory(options) / TEXT_SHARE).clamp(1, MOST_TEXT)
}

fn memory(options: &Options) -> u64 {
    options.memory.unwrap_or_else(MemoryBudget::default_bytes)
}

pub(super) struct WindowJudge {
    job: AnomalyJob,
    engines: Engines,
    options: Options,
    plan: Arc<Plan>,
    decoder: Box<dyn ChunkDecoder>,
    extract: Extract,
    model: Option<Arc<SavedModel>>,
    extras: Extras,
    schema: Vec<SchemaColumn>,
    empty: DataFrame,
    settings: u64,
    sample: Sample,
    sample_object: StateObject,
    counts: StreamCounts,
    reported: Arc<ReportColumns>,
    /// None: rows are not reported.
    reporting: Option<Reporting>,
}

impl WindowJudge {
    /// Plans the job by the first records.
    ///
    /// # Errors
    /// Those of a run before its first record.
    pub async fn new(
        job: &AnomalyJob,
        engines: &Engines,
        options: &Options,
        sample: Sample,
    ) -> Result<Self> {
        let spec = &job.spec;
        let planned = compile::plan_stream(spec, engines, options, &sample).await?;
        let StreamPlan { source, plan, extract, model, extras, reported } = planned;
        Ok(Self {
            decoder: source.decoder().ok_or_else(check::not_by_line)?,
            schema: source.schema().to_vec(),
            empty: source.empty(),
            settings: settings_hash(spec, &spec.stream.clone().unwrap_or_default()),
            sample_object: StateObject::new(sample.text.clone()),
            counts: StreamCounts::default(),
            job: job.clone(),
            engines: engines.clone(),
            options: options.clone(),
            plan,
            extract,
            model,
            extras,
            sample,
            reported,
            reporting: None,
        })
    }

    /// From now on, rows are reported.
    pub fn report_to(&mut self, reports: &Arc<Reports>) {
        self.reporting = Some(Reporting::new(reports, &self.reported));
    }

    pub fn counts(&self) -> &StreamCounts {
        &self.counts
    }

    /// Whether rows are scored.
    pub fn is_scored(&self) -> bool {
        self.job.spec.classification.is_some() && !self.plan.features.is_empty()
    }

    async fn window(&mut self, chunk: Chunk<TextChunk>) -> Result<StreamResults> {
        let text = chunk.records.clone();
        let window = text.attributes.as_ref().and_then(|attributes| attributes.window);
        let window = window.ok_or_else(|| Error::internal("records that are not of a window"))?;
        let decoded = self.decoder.decode(chunk.records)?;
        let partition = decoded.partition;
        let (extracted, failed) =
            quarantine::each(decoded, |batch| self.extract.process(batch)).await?;
        let mut statistics = Statistics::default();
        let (mut rows, mut rejected) = (Vec::new(), Vec::new());
        for mut batch in extracted {
            rejected.append(&mut batch.rejected);
            statistics.add(&std::mem::take(&mut batch.statistics));
            if batch.height() > 0 {
                rows.push(batch);
            }
        }
        let mut batches = self.judged(rows, &mut statistics).await?;
        if batches.is_empty() {
            let empty = Batch::new(Vec::new(), self.empty.clone(), DataFrame::default())?;
            let results = AssembleResults::new(&self.plan, Arc::default(), self.extras, None);
            batches.push(results.process(empty).await?);
        }
        rejected.extend(failed.iter().map(|failed| quarantine::rejected(&text, failed)));
        rejected.sort_by_key(|record| record.row);
        statistics.rejected += failed.len() as u64;
        for note in &statistics.diagnostics {
            tracing::warn!("{}: {}", note.path, note.message);
        }
        quarantine::warn_of(&failed);
        batches[0].rejected = rejected;
        for batch in &mut batches {
            batch.partition = partition;
            finish(batch, window)?;
            self.counts.add(batch)?;
        }
        self.counts.read += statistics.read;
        self.counts.rejected += statistics.rejected;
        self.counts.filtered += statistics.filtered_total();
        self.counts.windows += 1;
        if let Some(reporting) = &self.reporting {
            reporting.count(statistics.rejected, &statistics.filtered);
        }
        Ok(StreamResults(Arc::new(batches)))
    }

    /// The results of rows as a whole; of more than fit into memory, of each half.
    async fn judged(&self, rows: Vec<Batch>, statistics: &mut Statistics) -> Result<Vec<Batch>> {
        let mut batches = Vec::new();
        // The next ones last.
        let mut waiting = vec![rows];
        while let Some(rows) = waiting.pop() {
            if rows.is_empty() {
                continue;
            }
            let error = match self.whole(rows.clone()).await {
                Ok((more, counted)) => {
                    statistics.add(&counted);
                    batches.extend(more);
                    continue;
                }
                Err(error) => error,
            };
            let offsets: Vec<u64> = rows.iter().flat_map(Batch::offsets).collect();
            if error.code != Code::ResourceExhausted || offsets.len() < 2 {
                return Err(error);
            }
            tracing::warn!(
                "{} records of a window are judged in two halves, since together they do not fit into memory: {}; a shorter \
                 `collectionTime` has fewer",
                offsets.len(),
                error.message
            );
            let middle = offsets[offsets.len() / 2];
            let (mut first, mut second) = (Vec::new(), Vec::new());
            for batch in rows {
                let (before, behind) = batch.split_at_offset(middle)?;
                first.extend((before.height() > 0).then_some(before));
                second.extend((behind.height() > 0).then_some(behind));
            }
            waiting.extend([second, first]);
        }
        Ok(batches)
    }

    /// Runs the steps over all rows, and the detector, as a run does.
    async fn whole(&self, rows: Vec<Batch>) -> Result<(Vec<Batch>, Statistics)> {
        let (spec, plan) = (&self.job.spec, &self.plan);
        let scoring = ScoringReport::default();
        let operators = compile::table_operators(
            spec,
            &self.engines,
            plan,
            self.model.clone(),
            &scoring,
            &self.options,
        )?;
        let results = AssembleResults::new(plan, Arc::clone(&scoring), self.extras, None);
        let judged = Collected::default();
        let source = WindowRows { schema: self.schema.clone(), empty: self.empty.clone(), rows };
        let graph = Graph {
            source: Box::new(source),
            operators,
            results: Arc::new(results),
            sinks: vec![Box::new(judged.clone())],
            dead_letters: Box::new(Collected::default()),
        };
        let memory = memory(&self.options);
        let executor = ExecutorOptions {
            memory,
            // Not what is free at the moment, so that a replay judges in the same way.
            process_memory: u64::MAX,
            spill_folder: files::spill_folder(&files::targets(spec)),
        };
        let mut execution = execute(graph, &executor, &mut Unwatched).await?;
        let statistics = std::mem::take(&mut execution.statistics);
        execution.commit().await?;
        let rows = judged.take();
        if let Some(reporting) = &self.reporting {
            rows.iter().for_each(|batch| reporting.add(batch, Some(&scoring)));
        }
        Ok((rows, statistics))
    }

    fn frozen(&self) -> Result<FrozenState> {
        let head = StateHead {
            settings: self.settings,
            sample: self.sample_object.name().to_owned(),
            sample_file: self.sample.name.clone(),
            counts: self.counts,
            ..StateHead::default()
        };
        let bytes = state::encode(head, &BTreeMap::new(), &[], None)?;
        let sample = self.sample_object.clone();
        Ok(FrozenState::new(move |objects: &mut dyn Objects| {
            objects.store(&sample)?;
            Ok(bytes)
        }))
    }

    fn restored(&mut self, saved: &JudgeState) -> Result<()> {
        let DecodedState { head, .. } = state::decode(&saved.bytes)?;
        check::same_settings(head.settings, self.settings)?;
        self.counts = head.counts;
        Ok(())
    }
}

/// Adds what a stream says of a row, and leaves out what sinks do not read.
fn finish(batch: &mut Batch, (start, end): (i64, i64)) -> Result<()> {
    let height = batch.height();
    let mut columns = std::mem::take(&mut batch.results).into_columns();
    columns.push(Column::new("anomal.partition".into(), vec![batch.partition; height]));
    for (name, time) in [("start", start), ("end", end)] {
        let times = Column::new(format!("anomal.window.{name}").into(), vec![time; height]);
        columns.push(times.cast(&DataType::Datetime(TimeUnit::Microseconds, None))?);
    }
    batch.results = DataFrame::new(height, columns)?;
    (batch.features, batch.scores) = (DataFrame::default(), DataFrame::default());
    Ok(())
}

#[async_trait]
impl Judge for WindowJudge {
    type Records = TextChunk;
    type Results = StreamResults;

    async fn judge(&mut self, chunk: Chunk<TextChunk>) -> Result<StreamResults, Cause> {
        Ok(self.window(chunk).await?)
    }

    fn freeze(&self) -> Result<FrozenState, Cause> {
        Ok(self.frozen()?)
    }

    fn restore(&mut self, state: JudgeState) -> Result<(), Cause> {
        Ok(self.restored(&state)?)
    }
}

/// The rows of a window as an input that ends.
struct WindowRows {
    schema: Vec<SchemaColumn>,
    empty: DataFrame,
    rows: Vec<Batch>,
}

impl Source for WindowRows {
    fn schema(&self) -> &[SchemaColumn] {
        &self.schema
    }

    /// They are selected already.
    fn select(&mut self, _: &[SchemaColumn]) -> Result<()> {
        Ok(())
    }

    fn open(&mut self, _: &Split, _: Option<Position>) -> Result<Box<dyn Reader>> {
        Ok(Box::new(WindowReader(std::mem::take(&mut self.rows).into_iter())))
    }

    fn empty(&self) -> DataFrame {
        self.empty.clone()
    }

    fn files(&self) -> &[std::path::PathBuf] {
        &[]
    }
}

struct WindowReader(std::vec::IntoIter<Batch>);

impl Reader for WindowReader {
    fn next(&mut self) -> Result<Element> {
        Ok(self.0.next().map_or(Element::End, |batch| Element::Batch(Box::new(batch))))
    }
}

/// Keeps batches with their results. Clones are the same.
#[derive(Clone, Default)]
struct Collected(Arc<Mutex<Vec<Batch>>>);

impl Collected {
    fn take(&self) -> Vec<Batch> {
        std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Sink for Collected {
    fn write(&mut self, batch: &Batch) -> Result<()> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(batch.clone());
        Ok(())
    }

    fn prepare(&mut self, epoch: u64) -> Result<PreparedEpoch> {
        Ok(PreparedEpoch { epoch })
    }

    fn commit(&mut self, _: PreparedEpoch) -> Result<WriteOutcome> {
        Ok(WriteOutcome::new("", 0))
    }
}

/// Nobody follows the run of a window.
struct Unwatched;

impl Monitor for Unwatched {
    fn enter(&mut self, _: Step) -> Span {
        Span::current()
    }

    fn read(&mut self, _: &Batch, _: &Statistics) {}

    fn write(&mut self, _: &Batch) -> Result<()> {
        Ok(())
    }
}
