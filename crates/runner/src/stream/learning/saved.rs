//! What a checkpoint has of a learner.

use anomal_core::{Error, Result};
use anomal_detectors::online::{Admission, Calibration};
use anomal_stream::{Objects, StateObject};
use polars::prelude::DataFrame;
use serde::{Deserialize, Serialize};

use super::{
    Learner,
    line::Line,
    members::{FrozenMembers, Members},
    phases::{Challenger, Phase},
    progress::Progress,
    sample::RowSample,
    trial::Trial,
};
use crate::stream::{generation::Generation, refit::PendingFit};

/// Beside calibrations, the sample and objects.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(in crate::stream) struct SavedLearning {
    progress: Progress,
    admission: Admission,
    /// None in states of older versions, whose lines know nothing.
    #[serde(default)]
    line: Option<Line>,
    phase: SavedPhase,
    /// The names of the objects with profiles, where there are some. Their other parts are the last calibrations.
    #[serde(default)]
    profiles: Vec<String>,
    /// How many of these each segment has. None in states of older versions: one.
    #[serde(default)]
    parts: Vec<usize>,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
enum SavedPhase {
    #[default]
    Steady,
    /// The name of the object with the rows.
    Fitting { until: u64, rows: String },
    /// The name of the object with the model.
    Trial {
        until: u64,
        #[serde(default)]
        until_time: Option<i64>,
        model: String,
        admission: Admission,
        #[serde(default)]
        line: Option<Line>,
        trial: Trial,
    },
}

/// A learner as it was at one moment.
pub(in crate::stream) struct FrozenLearner {
    learning: SavedLearning,
    calibrations: Vec<Calibration>,
    objects: Vec<StateObject>,
    members: Option<FrozenMembers>,
    sample: RowSample,
}

/// What a learner has learned.
pub(in crate::stream) struct SavedLearner {
    pub learning: SavedLearning,
    /// Of its models, and of its members.
    pub calibrations: Vec<Vec<u8>>,
    pub sample: Option<DataFrame>,
}

impl FrozenLearner {
    /// # Errors
    /// `Store`; `Judge` for a defect.
    pub fn save(self, objects: &mut dyn Objects) -> anomal_stream::Result<SavedLearner> {
        let Self { mut learning, calibrations, objects: own, members, sample } = self;
        let mut calibrations: Vec<Vec<u8>> =
            calibrations.iter().map(Calibration::to_bytes).collect();
        for object in &own {
            objects.store(object)?;
        }
        if let Some(members) = members {
            let (bytes, segments) = members.save(objects)?;
            calibrations.extend(bytes);
            learning.parts = segments.iter().map(Vec::len).collect();
            learning.profiles = segments.into_iter().flatten().collect();
        }
        let sample = sample.saved().map_err(|error| anomal_stream::Error::Judge(error.into()))?;
        Ok(SavedLearner { learning, calibrations, sample })
    }
}

impl Learner {
    /// What it has learned by now.
    pub fn freeze(&self) -> FrozenLearner {
        let mut calibrations = vec![self.calibration.clone()];
        let mut objects = Vec::new();
        let phase = match &self.phase {
            Phase::Steady => SavedPhase::Steady,
            Phase::Fitting { until, fit } => {
                objects.push(fit.object.clone());
                SavedPhase::Fitting { until: *until, rows: fit.object.name().to_owned() }
            }
            Phase::Trial { until, until_time, challenger } => {
                calibrations.push(challenger.calibration.clone());
                let model = &challenger.generation.object;
                objects.extend(model.clone());
                SavedPhase::Trial {
                    until: *until,
                    until_time: *until_time,
                    model: model.as_ref().map(|it| it.name().to_owned()).unwrap_or_default(),
                    admission: challenger.admission.clone(),
                    line: Some(challenger.line.clone()),
                    trial: challenger.trial.clone(),
                }
            }
        };
        let learning = SavedLearning {
            progress: self.progress.clone(),
            admission: self.admission.clone(),
            line: Some(self.line.clone()),
            phase,
            profiles: Vec::new(),
            parts: Vec::new(),
        };
        FrozenLearner {
            learning,
            calibrations,
            objects,
            members: self.members.as_ref().map(Members::freeze),
            sample: self.sample.clone(),
        }
    }

    /// Continues from what was saved. `generation` makes one of an object.
    ///
    /// # Errors
    /// `Internal` if it is damaged.
    pub fn restore(
        &mut self,
        saved: SavedLearning,
        calibrations: &[Vec<u8>],
        sample: Option<DataFrame>,
        objects: &[StateObject],
        generation: impl Fn(StateObject) -> Result<Generation>,
    ) -> Result<()> {
        let found = |name: &str| {
            let object = objects.iter().find(|object| object.name() == name);
            object.ok_or_else(|| Error::internal(format!("the state has no object {name}")))
        };
        let object = |name: &str| found(name).cloned();
        let calibration = |place: usize| match calibrations.get(place) {
            Some(bytes) => Calibration::from_bytes(bytes),
            None => Err(Error::internal("the state has no calibration")),
        };
        self.phase = match saved.phase {
            SavedPhase::Steady => Phase::Steady,
            SavedPhase::Fitting { until, rows } => {
                Phase::Fitting { until, fit: Box::new(PendingFit::of_object(object(&rows)?)?) }
            }
            SavedPhase::Trial { until, until_time, model, admission, line, trial } => {
                let (generation, calibration) = (generation(object(&model)?)?, calibration(1)?);
                let line = line.unwrap_or_else(|| self.line.begun_anew());
                let challenger = Challenger { generation, admission, calibration, line, trial };
                Phase::Trial { until, until_time, challenger: Box::new(challenger) }
            }
        };
        self.calibration = calibration(0)?;
        if let Some(members) = &mut self.members {
            let known = if matches!(self.phase, Phase::Trial { .. }) { 2 } else { 1 };
            let mut profiles = saved.profiles.iter();
            let parts = match saved.parts.as_slice() {
                [] => &vec![1; saved.profiles.len()],
                parts => parts,
            };
            let segments = parts.iter().map(|parts| {
                profiles.by_ref().take(*parts).map(|name| found(name)).collect::<Result<Vec<_>>>()
            });
            let segments = segments.collect::<Result<Vec<_>>>()?;
            members.restore(calibrations.get(known..).unwrap_or_default(), &segments)?;
        }
        (self.progress, self.admission) = (saved.progress, saved.admission);
        self.line = saved.line.unwrap_or_else(|| self.line.begun_anew());
        self.sample.restore(sample)
    }
}
