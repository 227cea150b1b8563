//! A model is fitted, is on trial, and takes the place of the one in use.

use anomal_core::{Result, Table};
use anomal_detectors::online::{Admission, Calibration, ChangeDetector};

use super::{Learner, line::Line, trial::Trial};
use crate::stream::{event_time::RowTimes, generation::Generation, refit::PendingFit};

pub(super) enum Phase {
    /// One model.
    Steady,
    /// Another one is being fitted; it is used from this row on.
    Fitting { until: u64, fit: Box<PendingFit> },
    /// It scores beside the one in use, to this row, or to the first one behind it that comes with or behind the time.
    Trial { until: u64, until_time: Option<i64>, challenger: Box<Challenger> },
}

/// A model on trial.
pub(super) struct Challenger {
    pub generation: Generation,
    pub admission: Admission,
    pub calibration: Calibration,
    pub line: Line,
    pub trial: Trial,
}

/// What is due between two rows.
pub(in crate::stream) enum Due {
    /// To fit a model on these rows.
    Fit(Table),
    /// To wait for the model that is being fitted.
    Adopt(Box<PendingFit>),
    /// To take the model on trial.
    Promote(Box<Generation>),
    Nothing,
}

impl Learner {
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
            (Phase::Fitting { until, .. }, _) => self.reached(*until, None, offsets, times),
            (Phase::Trial { until, until_time, .. }, _) => {
                self.reached(*until, *until_time, offsets, times)
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

    /// The place of the first of these rows that has this number, or is behind it, and comes when this time has passed.
    fn reached(
        &self,
        row: u64,
        time: Option<i64>,
        offsets: &[u64],
        times: &RowTimes,
    ) -> Option<usize> {
        let by_rows = usize::try_from(row.saturating_sub(self.progress.rows)).ok()?;
        let Some(time) = time else { return Some(by_rows).filter(|row| *row < offsets.len()) };
        let mut newest = self.progress.newest;
        let by_time = offsets.iter().position(|offset| {
            newest = newest.max(times.of(*offset).time);
            newest >= Some(time)
        });
        by_time.map(|by_time| by_time.max(by_rows)).filter(|row| *row < offsets.len())
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
        let time = self.refit.as_ref().and_then(|schedule| schedule.shadow_time);
        let until_time =
            time.zip(self.progress.newest).map(|(time, newest)| newest.saturating_add(time));
        self.phase = Phase::Trial { until, until_time, challenger: Box::new(challenger) };
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
                counts.drifted = false;
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
}
