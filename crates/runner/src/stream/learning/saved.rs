//! What a checkpoint has of a learner.

use anomal_core::{Error, Result};
use anomal_detectors::online::{Admission, Calibration};
use polars::prelude::DataFrame;
use serde::{Deserialize, Serialize};

use super::{Challenger, Learner, Line, Phase, Progress, Trial};
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
        model: String,
        admission: Admission,
        #[serde(default)]
        line: Option<Line>,
        trial: Trial,
    },
}

/// An object of a state: its name, and its bytes.
pub(in crate::stream) type Object = (String, Vec<u8>);

impl Learner {
    /// What it has learned, the calibrations of its models, and the objects that these need.
    pub fn save(&self) -> (SavedLearning, Vec<Vec<u8>>, Vec<Object>) {
        let mut calibrations = vec![self.calibration.to_bytes()];
        let mut objects = Vec::new();
        let phase = match &self.phase {
            Phase::Steady => SavedPhase::Steady,
            Phase::Fitting { until, fit } => {
                objects.push(fit.object.clone());
                SavedPhase::Fitting { until: *until, rows: fit.object.0.clone() }
            }
            Phase::Trial { until, challenger } => {
                calibrations.push(challenger.calibration.to_bytes());
                objects.extend(challenger.generation.object.clone());
                let model = challenger.generation.object.as_ref().map(|(name, _)| name.clone());
                SavedPhase::Trial {
                    until: *until,
                    model: model.unwrap_or_default(),
                    admission: challenger.admission.clone(),
                    line: Some(challenger.line.clone()),
                    trial: challenger.trial.clone(),
                }
            }
        };
        let mut profiles = Vec::new();
        if let Some(members) = &self.members {
            let (bytes, segments) = members.save();
            calibrations.extend(bytes);
            profiles = segments.iter().map(|(name, _)| name.clone()).collect();
            for object in segments {
                // Empty ones are the same.
                if !objects.iter().any(|(name, _)| *name == object.0) {
                    objects.push(object);
                }
            }
        }
        let (progress, admission) = (self.progress.clone(), self.admission.clone());
        let line = Some(self.line.clone());
        (SavedLearning { progress, admission, line, phase, profiles }, calibrations, objects)
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
        objects: &[Object],
        generation: impl Fn(Object) -> Result<Generation>,
    ) -> Result<()> {
        let found = |name: &str| {
            let object = objects.iter().find(|(known, _)| known == name);
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
            SavedPhase::Trial { until, model, admission, line, trial } => {
                let (generation, calibration) = (generation(object(&model)?)?, calibration(1)?);
                let line = line.unwrap_or_else(|| self.line.begun_anew());
                let challenger = Challenger { generation, admission, calibration, line, trial };
                Phase::Trial { until, challenger: Box::new(challenger) }
            }
        };
        self.calibration = calibration(0)?;
        if let Some(members) = &mut self.members {
            let known = if matches!(self.phase, Phase::Trial { .. }) { 2 } else { 1 };
            let segments = saved.profiles.iter().map(|name| Ok(found(name)?.1.as_slice()));
            let segments = segments.collect::<Result<Vec<_>>>()?;
            members.restore(calibrations.get(known..).unwrap_or_default(), &segments)?;
        }
        (self.progress, self.admission) = (saved.progress, saved.admission);
        self.line = saved.line.unwrap_or_else(|| self.line.begun_anew());
        self.sample.restore(sample)
    }
}
