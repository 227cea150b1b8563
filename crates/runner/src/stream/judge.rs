//! Judges chunks of a stream as a run judges the rows of a file.

mod history;
mod memory;
mod results;
mod rows;
mod saved;

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use anomal_connectors::{Sample, StreamResults};
use anomal_core::{ClassificationEngine, Result, proto::Plan};
use anomal_dataflow::{ChunkDecoder, TextChunk};
use anomal_spec::{AnomalyJob, Rows, Stream};
use anomal_stream::{Cause, Chunk, FrozenState, Judge, JudgeState, StateObject};
use async_trait::async_trait;

pub(super) use self::memory::SavedMemory;
use self::memory::StateMemory;
use super::{
    check,
    event_time::{EventTime, RowTimes},
    generation::Generation,
    learning::{EntityCounts, Learner, ModelCounts, SilentEntities},
    refit::Fitter,
    reports::{ReportColumns, Reporting, Reports},
    settings::settings_hash,
    state::StreamCounts,
    warm_up::WarmUp,
};
use crate::{
    compile::{self, StreamPlan},
    model_file,
    operators::{
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
    /// The most rows that are judged together.
    most_rows: usize,
    /// Whether an output or a report has all rows, and not those alone that stand out.
    writes_all: bool,
    /// The columns that entities are known by.
    entity: Vec<String>,
    settings: u64,
    sample: Sample,
    sample_object: StateObject,
    counts: StreamCounts,
    /// None: it is not limited.
    memory: Option<StateMemory>,
    reported: Arc<ReportColumns>,
    /// None: rows are not reported.
    reporting: Option<Reporting>,
}

/// What rows are scored by.
enum Scorer {
    None,
    /// Records from before the stream are learned, and not scored.
    History,
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
        let StreamPlan { source, plan, extract, model, extras, reported } = planned;
        check::learned_features(spec, &plan)?;
        let classification = spec.classification.clone().filter(|_| !plan.features.is_empty());
        if let Some(settings) = &classification {
            check::row_wise(settings, &engines.classification.list_detectors().await?)?;
        }
        let decoder = source.decoder().ok_or_else(check::not_by_line)?;
        let unscored = AssembleResults::new(&plan, Arc::default(), extras, None);
        let warm_up = WarmUp::new(stream.warm_up.clone().unwrap_or_default().rows);
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
            most_rows: stream.batch.clone().unwrap_or_default().rows,
            writes_all: spec.outputs.iter().any(|output| output.rows() == Rows::All),
            entity: stream.entity.as_ref().map(|entity| entity.by.clone()).unwrap_or_default(),
            settings: settings_hash(spec, stream),
            sample_object: StateObject::new(sample.text.clone()),
            sample,
            counts: StreamCounts::default(),
            memory: None,
            plan,
            reported,
            reporting: None,
        })
    }

    /// From now on, rows are reported.
    pub fn report_to(&mut self, reports: &Arc<Reports>) {
        // A report has all of them.
        self.writes_all = true;
        self.reporting = Some(Reporting::new(reports, &self.reported));
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
}

#[async_trait]
impl Judge for StreamJudge {
    type Records = TextChunk;
    type Results = StreamResults;

    async fn judge(&mut self, chunk: Chunk<TextChunk>) -> Result<StreamResults, Cause> {
        Ok(self.rows(chunk).await?)
    }

    fn rest(&mut self) -> bool {
        self.event_time.rest()
    }

    fn freeze(&self) -> Result<FrozenState, Cause> {
        let begun = Instant::now();
        let frozen = self.frozen();
        tracing::debug!("records waited {:?} for a checkpoint", begun.elapsed());
        Ok(frozen)
    }

    fn restore(&mut self, state: JudgeState) -> Result<(), Cause> {
        Ok(self.restored(&state)?)
    }
}
