//! What a stream learns: scores become p-values, and its model is fitted again as the records change.
//!
//! Row by row: each is judged by what was learned before it, then learned. Models change between two rows that depend on the
//! rows before them alone, so that a replay uses the same ones.

mod learned;
mod line;
mod members;
mod sample;
mod saved;
mod trial;

use std::time::Duration;

use anomal_core::{Batch, Result, Table, proto::Plan};
use anomal_detectors::online::{Admission, Calibration, ChangeDetector, Rate};
use anomal_spec::{Classification, Learn, Online, Refit, Stream, seconds};
use polars::prelude::DataFrame;
use serde::{Deserialize, Serialize};
use xxhash_rust::xxh3::xxh3_64_with_seed;

pub use self::members::{EntityCounts, SilentEntities};
pub(super) use self::{learned::Learned, members::entities, saved::SavedLearning};
use self::{
    line::{Line, Seen},
    members::{Members, Opinion},
    sample::RowSample,
    trial::Trial,
};
use super::{event_time::RowTimes, generation::Generation, refit::PendingFit};

/// The columns of [`Batch::scores`] beside those of the engine.
pub(super) const P_VALUE: &str = "pvalue";
/// The scores and verdicts of the model on trial.
pub(super) const CHALLENGER: [&str; 2] = ["challenger.score", "challenger.suspicious"];
/// The rows that a model has scored before its p-values are taken to be uniform.
const MATURE: u64 = 5_000;
/// No model is fitted again before so many further rows.
const FEWEST_NEW: u64 = 500;
/// Without `timeColumn`.
const ROWS_BETWEEN_FITS: u64 = 100_000;
/// A change of the records is followed at most so many times as often.
const OFTEN: u64 = 6;

pub(super) struct Learner {
    line: Line,
    /// None: the model stays as it is.
    refit: Option<Schedule>,
    seed: u64,
    progress: Progress,
    admission: Admission,
    calibration: Calibration,
    /// None: the model alone judges.
    members: Option<Members>,
    sample: RowSample,
    phase: Phase,
}

/// When a model is fitted again. Times in microseconds.
struct Schedule {
    every: Option<i64>,
    rows: Option<u64>,
    shadow: u64,
    on_drift: bool,
}

/// How far it has come.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
struct Progress {
    /// The rows that were scored.
    rows: u64,
    /// Those of the warm-up.
    #[serde(default)]
    passed: u64,
    /// The newest time of a row.
    newest: Option<i64>,
    /// Where the model in use began to score, and where the last fit began.
    in_use_since: u64,
    fitted_at: u64,
    fitted_time: Option<i64>,
    /// The records have changed since then.
    drifted: bool,
    change: ChangeDetector,
    rate: Rate,
    counts: ModelCounts,
}

/// The models of a stream since its beginning.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ModelCounts {
    /// The number of the model in use, from 1.
    pub generation: u32,
    /// Models that were fitted again and not taken, since they judged worse or could not be fitted.
    pub refused: u32,
    /// How many times the records have changed.
    pub drifts: u32,
}

enum Phase {
    /// One model.
    Steady,
    /// Another one is being fitted; it is used from this row on.
    Fitting { until: u64, fit: Box<PendingFit> },
    /// It scores beside the one in use, to this row.
    Trial { until: u64, challenger: Box<Challenger> },
}

/// A model on trial.
struct Challenger {
    generation: Generation,
    admission: Admission,
    calibration: Calibration,
    line: Line,
    trial: Trial,
}

/// What is due between two rows.
pub(super) enum Due {
    /// To fit a model on these rows.
    Fit(Table),
    /// To wait for the model that is being fitted.
    Adopt(Box<PendingFit>),
    /// To take the model on trial.
    Promote(Box<Generation>),
    Nothing,
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

    /// Takes rows of the warm-up in.
    ///
    /// # Errors
    /// `Internal`.
    pub fn pass(&mut self, batch: &Batch, times: &RowTimes) -> Result<()> {
        let rows = self.members.as_ref().map(|members| members.rows(batch)).transpose()?;
        for (place, offset) in batch.offsets().into_iter().enumerate() {
            let time = times.of(offset).time;
            self.progress.rate.add(time);
            self.progress.newest = self.progress.newest.max(time);
            if let (Some(members), Some(rows)) = (&mut self.members, &rows) {
                let opinion = members.judge(rows, place, None);
                members.learn(&opinion, self.progress.age(), true, 0.0);
            }
            self.progress.passed += 1;
        }
        Ok(())
    }

    /// A first model: the rows that it was fitted on, and scores of rows that it has not seen.
    ///
    /// # Errors
    /// `Internal`.
    pub fn begin(&mut self, rows: &DataFrame, unseen: Vec<f64>) -> Result<()> {
        self.line.prepare(&unseen);
        self.calibration = Calibration::of(unseen);
        let count = rows.height() as u64;
        let progress = &mut self.progress;
        progress.counts.generation = 1;
        (progress.rows, progress.in_use_since, progress.fitted_at) = (count, count, count);
        progress.fitted_time = progress.newest;
        let newest = progress.newest;
        let places: Vec<u32> = (0..).take(rows.height()).collect();
        let ages: Vec<_> = (0..count).map(|row| (row, newest)).collect();
        let chances: Vec<f64> = (0..count).map(|row| self.chance(u32::MAX, row)).collect();
        self.sample.offer(rows, &places, &ages, &chances)
    }

    /// The model that is scored beside the one in use.
    pub fn challenger(&self) -> Option<&Generation> {
        match &self.phase {
            Phase::Trial { challenger, .. } => Some(&challenger.generation),
            _ => None,
        }
    }

    /// The fit that has to be begun, or begun again.
    pub fn pending(&mut self) -> Option<&mut PendingFit> {
        match &mut self.phase {
            Phase::Fitting { fit, .. } => Some(fit),
            _ => None,
        }
    }

    /// The place of the first of these rows before which something is due.
    pub fn due_at(&self, offsets: &[u64], times: &RowTimes) -> Option<usize> {
        match (&self.phase, &self.refit) {
            (Phase::Fitting { until, .. } | Phase::Trial { until, .. }, _) => {
                usize::try_from(until.saturating_sub(self.progress.rows))
                    .ok()
                    .filter(|row| *row < offsets.len())
            }
            (Phase::Steady, Some(schedule)) => {
                let mut progress = self.progress.clone();
                offsets.iter().position(|offset| {
                    progress.see(times.of(*offset).time);
                    let is_due = progress.is_due(schedule);
                    progress.rows += 1;
                    is_due
                })
            }
            (Phase::Steady, None) => None,
        }
    }

    /// What is due where [`Learner::due_at`] said so.
    ///
    /// # Errors
    /// `Internal`.
    pub fn take_due(&mut self) -> Result<Due> {
        Ok(match std::mem::replace(&mut self.phase, Phase::Steady) {
            Phase::Steady => {
                let progress = &mut self.progress;
                (progress.fitted_at, progress.fitted_time) = (progress.rows, progress.newest);
                progress.drifted = false;
                progress.change = ChangeDetector::default();
                self.sample.table()?.map_or(Due::Nothing, Due::Fit)
            }
            Phase::Fitting { fit, .. } => Due::Adopt(fit),
            Phase::Trial { challenger, .. } => self.decide(*challenger),
        })
    }

    /// Waits for a model as long as it will be on trial.
    pub fn wait_for(&mut self, fit: PendingFit) {
        self.phase =
            Phase::Fitting { until: self.progress.rows + self.shadow(), fit: Box::new(fit) };
    }

    /// Puts a model on trial.
    pub fn try_out(&mut self, generation: Generation) {
        let until = self.progress.rows + self.shadow();
        let challenger = Challenger {
            generation,
            admission: Admission::default(),
            calibration: Calibration::default(),
            line: self.line.begun_anew(),
            trial: Trial::after(self.shadow() / 2),
        };
        self.phase = Phase::Trial { until, challenger: Box::new(challenger) };
    }

    /// A model could not be fitted.
    pub fn refuse(&mut self) {
        self.progress.counts.refused += 1;
    }

    fn shadow(&self) -> u64 {
        self.refit.as_ref().map_or(0, |schedule| schedule.shadow)
    }

    fn decide(&mut self, challenger: Challenger) -> Due {
        let (rows, counts) = (self.progress.rows, &mut self.progress.counts);
        match challenger.trial.outcome() {
            Ok(figures) => {
                counts.generation += 1;
                tracing::info!(
                    "model {} is in use from row {rows} on: {figures}",
                    counts.generation
                );
                self.progress.in_use_since = rows;
                self.progress.change = ChangeDetector::default();
                (self.admission, self.calibration) = (challenger.admission, challenger.calibration);
                self.line = challenger.line;
                Due::Promote(Box::new(challenger.generation))
            }
            Err(reason) => {
                counts.refused += 1;
                tracing::warn!(
                    "model {} stays in use: the one that was fitted again {reason}",
                    counts.generation
                );
                Due::Nothing
            }
        }
    }

    /// A number between 0 and 1 of a row, the same at each replay.
    fn chance(&self, partition: u32, offset: u64) -> f64 {
        let mut place = [0; 12];
        place[..4].copy_from_slice(&partition.to_le_bytes());
        place[4..].copy_from_slice(&offset.to_le_bytes());
        let hash = xxh3_64_with_seed(&place, self.seed);
        ((hash >> 11) as f64 + 0.5) / (1_u64 << 53) as f64
    }

    /// Judges rows that have scores, and learns them: all, or to the one at which the records are seen to have changed.
    /// `witnesses` are rows that flags of high severity hit. Returns how many, for [`Learned::apply`].
    ///
    /// # Errors
    /// `Internal`.
    pub fn learn(
        &mut self,
        batch: &Batch,
        times: &RowTimes,
        witnesses: &[bool],
    ) -> Result<Learned> {
        let offsets = batch.offsets();
        let scored = Scored::of(&batch.scores)?;
        let challenged = batch.scores.column(CHALLENGER[0]).is_ok();
        let challenged =
            challenged.then(|| Scored::named(&batch.scores, CHALLENGER)).transpose()?;
        let mut learned = Learned::default();
        let rows = self.members.as_ref().map(|members| members.rows(batch)).transpose()?;
        let (mut places, mut ages, mut chances) = (Vec::new(), Vec::new(), Vec::new());
        for (row, offset) in offsets.iter().enumerate() {
            let time = times.of(*offset).time;
            self.progress.rate.add(time);
            self.progress.see(time);
            let chance = self.chance(batch.partition, *offset);
            let (score, own) = scored.row(row);
            let model_p = score.and_then(|score| self.calibration.p_value(score));
            let opinion = match (&self.members, &rows) {
                (Some(members), Some(rows)) => members.judge(rows, row, model_p),
                _ => Opinion::of_model(model_p),
            };
            let p = opinion.p;
            let suspicious = self.line.is_suspicious(Seen { score, p, own }, &self.progress.rate);
            let by_model = Seen { score, p: model_p, own };
            let by_model = self.line.by_model(by_model, suspicious, &self.progress.rate);
            learned.suspicious.push(suspicious);
            if let Some(score) = score {
                learned.changed = self.is_change(score, chance);
                if let Some(challenged) = &challenged {
                    self.compare(
                        &challenged.row(row),
                        (score, model_p, by_model),
                        chance,
                        witnesses[row],
                    );
                }
                let is_sure = self.line.is_sure(p);
                let admitted = admits(&mut self.admission, p, is_sure);
                if let Some(members) = &mut self.members {
                    members.learn(&opinion, self.progress.age(), admitted, chance);
                }
                if admitted {
                    self.calibration.learn(score);
                    places.push(u32::try_from(row).unwrap_or(u32::MAX));
                    ages.push((self.progress.rows, self.progress.newest));
                    chances.push(chance);
                }
            }
            learned.opinions.push(opinion);
            self.progress.rows += 1;
            if learned.changed {
                break;
            }
        }
        self.sample.offer(&batch.features, &places, &ages, &chances)?;
        Ok(learned)
    }

    fn is_change(&mut self, score: f64, chance: f64) -> bool {
        let watched = self.refit.as_ref().is_some_and(|schedule| schedule.on_drift);
        let progress = &mut self.progress;
        let watched = watched && matches!(self.phase, Phase::Steady) && !progress.drifted;
        if !watched || progress.rows - progress.in_use_since < MATURE {
            return false;
        }
        let p = self.calibration.smoothed(score, chance);
        let changed = p.is_some_and(|p| progress.change.is_change(p));
        progress.drifted |= changed;
        progress.counts.drifts += u32::from(changed);
        changed
    }

    /// Judges a row by the model on trial, too.
    fn compare(
        &mut self,
        (score, own): &(Option<f64>, bool),
        champion: (f64, Option<f64>, bool),
        chance: f64,
        witness: bool,
    ) {
        let (Phase::Trial { challenger, .. }, Some(score)) = (&mut self.phase, score) else {
            return;
        };
        let p = challenger.calibration.p_value(*score);
        let seen = Seen { score: Some(*score), p, own: *own };
        let suspicious = challenger.line.is_suspicious(seen, &self.progress.rate);
        let smoothed = (
            self.calibration.smoothed(champion.0, chance),
            challenger.calibration.smoothed(*score, chance),
        );
        let expected = self.line.expected(&self.progress.rate);
        challenger.trial.add(
            smoothed,
            (champion.1, p),
            (champion.2, suspicious),
            expected,
            witness,
        );
        // Its p-values begin with these rows: the one in use knows more.
        let is_sure = challenger.line.is_sure(p) || challenger.line.is_sure(champion.1);
        if admits(&mut challenger.admission, p, is_sure) {
            challenger.calibration.learn(*score);
        }
    }
}

/// Whether a row of this p-value is learned from. `is_sure`: it is hardly a false alarm, and is so only where the world has
/// changed.
fn admits(admission: &mut Admission, p: Option<f64>, is_sure: bool) -> bool {
    let admitted = p.is_none_or(|p| admission.admit(p));
    admitted && (!is_sure || admission.has_changed())
}

impl Schedule {
    fn new(refit: &Refit, has_times: bool) -> Self {
        let every = seconds(&refit.every).unwrap_or(1).saturating_mul(1_000_000);
        Self {
            every: has_times.then(|| i64::try_from(every).unwrap_or(i64::MAX)),
            rows: refit.rows.or_else(|| (!has_times).then_some(ROWS_BETWEEN_FITS)),
            shadow: refit.shadow,
            on_drift: refit.on_drift,
        }
    }
}

impl Progress {
    /// The newest time, or how many rows there were.
    fn age(&self) -> i64 {
        let rows = i64::try_from(self.passed + self.rows).unwrap_or(i64::MAX);
        self.newest.unwrap_or(rows)
    }

    /// Takes the time of the next row in.
    fn see(&mut self, time: Option<i64>) {
        self.newest = self.newest.max(time);
        self.fitted_time = self.fitted_time.or(self.newest);
    }

    /// Whether a model is to be fitted before the next row, whose time was seen.
    fn is_due(&self, schedule: &Schedule) -> bool {
        let rows = self.rows - self.fitted_at;
        let parts = if self.drifted { OFTEN } else { 1 };
        if rows < FEWEST_NEW {
            return false;
        }
        let by_rows = schedule.rows.is_some_and(|most| rows >= most / parts);
        let passed = self.newest.zip(self.fitted_time).map(|(now, then)| now.saturating_sub(then));
        let parts = i64::try_from(parts).unwrap_or(1);
        let by_time =
            schedule.every.zip(passed).is_some_and(|(every, passed)| passed >= every / parts);
        by_rows || by_time
    }
}

/// Scores and verdicts of an engine.
struct Scored {
    scores: Vec<Option<f64>>,
    suspicious: Vec<bool>,
}

impl Scored {
    fn of(scores: &DataFrame) -> Result<Self> {
        Self::named(scores, ["score", "suspicious"])
    }

    fn named(scores: &DataFrame, [score, suspicious]: [&str; 2]) -> Result<Self> {
        let verdicts = scores.column(suspicious)?.bool()?;
        Ok(Self {
            scores: scores.column(score)?.f64()?.iter().collect(),
            suspicious: verdicts.iter().map(|verdict| verdict.unwrap_or(false)).collect(),
        })
    }

    fn row(&self, row: usize) -> (Option<f64>, bool) {
        (self.scores[row], self.suspicious[row])
    }
}
