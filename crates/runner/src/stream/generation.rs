//! A model of a stream, and what makes results by it.

use std::sync::{Arc, OnceLock};

use anomal_core::{
    Model, Result, Table,
    proto::{Distribution, Plan, SavedModel},
};
use anomal_stream::StateObject;

use crate::{
    drift::{self, Drift},
    model_file,
    operators::{
        classify::Scoring,
        results::{AssembleResults, Extras},
    },
};

pub(super) struct Generation {
    pub model: Model,
    pub results: AssembleResults,
    /// The object with the model, if it is the stream's own.
    pub object: Option<StateObject>,
    distributions: Vec<Distribution>,
}

impl Generation {
    pub fn new(
        model: &SavedModel,
        object: Option<StateObject>,
        plan: &Plan,
        extras: Extras,
    ) -> Self {
        let (analysis, steps, drift) = (model_file::analysis(model), Vec::new(), Vec::new());
        let scoring = Arc::new(OnceLock::from(Scoring { analysis, steps, drift }));
        Self {
            model: model_file::engine_model(model),
            results: AssembleResults::new(plan, scoring, extras, None),
            object,
            distributions: model.distributions.clone(),
        }
    }

    /// # Errors
    /// `Internal` if the object is damaged.
    pub fn of_object(object: StateObject, plan: &Plan, extras: Extras) -> Result<Self> {
        let model = model_file::decode(object.bytes())?;
        Ok(Self::new(&model, Some(object), plan, extras))
    }

    /// How far rows are from those that it was fitted on, the farthest feature first.
    ///
    /// # Errors
    /// `Internal` for rows of other features.
    pub fn drift(&self, plan: &Plan, rows: &Table) -> Result<Vec<Drift>> {
        let mut drift = drift::since(&plan.features, &self.distributions, rows.columns())?;
        drift.sort_by(|a, b| b.psi.total_cmp(&a.psi));
        Ok(drift)
    }
}
