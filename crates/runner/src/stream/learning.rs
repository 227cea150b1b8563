//! What a stream learns: scores become p-values, and its model is fitted again as the records change.
//!
//! Row by row: each is judged by what was learned before it, then learned. Models change between two rows that depend on the
//! rows before them alone, so that a replay uses the same ones.

mod learned;
mod line;
mod members;
mod phases;
mod progress;
mod rows;
mod sample;
mod saved;
mod trial;

use std::time::Duration;

use anomal_core::{Batch, Result, Table, proto::Plan};
use anomal_detectors::online::{Admission, Calibration};
use anomal_spec::{Classification, Learn, LearnSuspects, Online, Stream, seconds};
use polars::prelude::{DataFrame, StringChunked};
use xxhash_rust::xxh3::xxh3_64_with_seed;

pub(super) use self::{learned::Learned, members::entities, phases::Due, saved::SavedLearning};
use self::{
    line::Line,
    members::Members,
    phases::Phase,
    progress::{Progress, Schedule},
    sample::RowSample,
};
pub use self::{
    members::{EntityCounts, SilentEntities},
    progress::ModelCounts,
};
use super::event_time::RowTimes;

/// The columns of [`Batch::scores`] beside those of the engine.
pub(super) const P_VALUE: &str = "pvalue";
/// The scores and verdicts of the model on trial.
pub(super) const CHALLENGER: [&str; 2] = ["challenger.score", "challenger.suspicious"];

/// What is known of a row before it is judged.
#[derive(Clone, Copy, Debug)]
pub(super) struct Mark {
    /// A flag of high severity hits it.
    pub witness: bool,
    /// It is written whatever it is found to be.
    pub written: bool,
}

pub(super) struct Learner {
    line: Line,
    /// None: the model stays as it is.
    refit: Option<Schedule>,
    seed: u64,
    progress: Progress,
    /// Which rows are learned.
    suspects: LearnSuspects,
    admission: Admission,
    calibration: Calibration,
    /// None: the model alone judges.
    members: Option<Members>,
    sample: RowSample,
    phase: Phase,
}

impl Learner {
    /// None where nothing is learned: the model was loaded, and its own line is used.
    pub fn new(
        settings: &Classification,
        stream: &Stream,
        plan: &Plan,
        is_loaded: bool,
        has_times: bool,
    ) -> Option<Self> {
        let line = Line::new(settings.threshold.as_ref());
        let stays = is_loaded && stream.model.is_none();
        if stays && line == Line::Model && stream.entity.is_none() {
            return None;
        }
        let model = stream.model.clone().unwrap_or_default();
        let refit = (model.learn == Learn::Continuous && !stays)
            .then(|| Schedule::new(&model.refit, has_times));
        let half_life = seconds(&model.sample.half_life).unwrap_or(1).saturating_mul(1_000_000);
        let half_life = has_times.then_some(half_life);
        let online = if stays { Online::None } else { model.online };
        let whole = half_life.map(|half_life| i64::try_from(half_life).unwrap_or(i64::MAX));
        let members = Members::new(plan, online, stream.entity.as_ref(), whole, settings.seed);
        Some(Self {
            line,
            refit,
            seed: settings.seed,
            progress: Progress::default(),
            suspects: model.learn_suspects,
            admission: Admission::default(),
            calibration: Calibration::default(),
            members,
            sample: RowSample::new(model.sample.rows, half_life.map(|half_life| half_life as f64)),
            phase: Phase::Steady,
        })
    }

    pub fn counts(&self) -> ModelCounts {
        self.progress.counts
    }

    /// Those that have profiles.
    pub fn entities(&self) -> Option<EntityCounts> {
        self.members.as_ref().and_then(Members::entities)
    }

    /// The bytes of entities, at most.
    pub fn entity_bytes(&self) -> u64 {
        self.members.as_ref().map_or(0, Members::entity_bytes)
    }

    /// From now on, entities may have so many bytes.
    pub fn limit_entities(&mut self, bytes: u64) {
        let age = self.progress.age();
        if let Some(members) = &mut self.members {
            members.limit_entities(bytes, age);
        }
    }

    /// Entities that were forgotten for that by this process.
    pub fn crowded(&self) -> u64 {
        self.members.as_ref().map_or(0, Members::crowded)
    }

    /// Those that are silent, so long after the last record was read.
    pub fn silent(&self, idle: Duration) -> Option<SilentEntities> {
        let idle = i64::try_from(idle.as_micros()).unwrap_or(i64::MAX);
        let now = self.progress.newest?.saturating_add(idle);
        self.members.as_ref().and_then(|members| members.silent(now))
    }

    /// The features that differ most between the rows of now and those of then are found in these.
    pub fn sampled(&self) -> Result<Option<Table>> {
        self.sample.table()
    }

    /// Takes rows in that are not scored, with the names of their entities. `is_sampled`: the first model is fitted on a sample
    /// of them.
    ///
    /// # Errors
    /// `Internal`.
    pub fn pass(
        &mut self,
        batch: &Batch,
        times: &RowTimes,
        names: &StringChunked,
        is_sampled: bool,
    ) -> Result<()> {
        let rows = self.members.as_ref().map(|members| members.rows(batch, names)).transpose()?;
        let (mut places, mut ages, mut chances) = (Vec::new(), Vec::new(), Vec::new());
        for (place, offset) in batch.offsets().into_iter().enumerate() {
            let time = times.of(offset).time;
            self.progress.rate.add(time);
            self.progress.newest = self.progress.newest.max(time);
            if let (Some(members), Some(rows)) = (&mut self.members, &rows) {
                let opinion = members.judge(rows, place, None);
                members.learn(&opinion, self.progress.age(), true, true);
            }
            if is_sampled {
                places.push(u32::try_from(place).unwrap_or(u32::MAX));
                ages.push((self.progress.passed, self.progress.newest));
                chances.push(self.chance(batch.partition, offset));
            }
            self.progress.passed += 1;
        }
        self.sample.offer(&batch.features, &places, &ages, &chances)
    }

    /// A first model: the rows that it was fitted on, and scores of rows that it has not seen.
    ///
    /// # Errors
    /// `Internal`.
    pub fn begin(&mut self, rows: &DataFrame, unseen: Vec<f64>) -> Result<()> {
        let count = rows.height() as u64;
        self.begin_behind(count, unseen);
        let newest = self.progress.newest;
        let places: Vec<u32> = (0..).take(rows.height()).collect();
        let ages: Vec<_> = (0..count).map(|row| (row, newest)).collect();
        let chances: Vec<f64> = (0..count).map(|row| self.chance(u32::MAX, row)).collect();
        self.sample.offer(rows, &places, &ages, &chances)
    }

    /// A first model that was fitted on the sample of all rows so far.
    pub fn begin_by_sample(&mut self, unseen: Vec<f64>) {
        let passed = std::mem::take(&mut self.progress.passed);
        self.begin_behind(passed, unseen);
    }

    fn begin_behind(&mut self, rows: u64, unseen: Vec<f64>) {
        self.line.prepare(&unseen);
        self.calibration = Calibration::of(unseen);
        let progress = &mut self.progress;
        progress.counts.generation = 1;
        (progress.rows, progress.in_use_since, progress.fitted_at) = (rows, rows, rows);
        progress.fitted_time = progress.newest;
    }

    /// A number between 0 and 1 of a row, the same at each replay.
    fn chance(&self, partition: u32, offset: u64) -> f64 {
        let mut place = [0; 12];
        place[..4].copy_from_slice(&partition.to_le_bytes());
        place[4..].copy_from_slice(&offset.to_le_bytes());
        let hash = xxh3_64_with_seed(&place, self.seed);
        ((hash >> 11) as f64 + 0.5) / (1_u64 << 53) as f64
    }
}
