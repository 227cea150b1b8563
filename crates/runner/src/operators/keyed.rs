//! Features and flags over the rows of a key in the order of time.

use std::sync::{Arc, Mutex, PoisonError};

use anomal_core::{
    Error, FeatureEngine, KeyedSteps as Steps, Result, Table, blocking, proto::Plan, time_view,
};
use anomal_dataflow::{Inputs, KeyedOperator, OperatorOutput};
use async_trait::async_trait;

use super::extract::output;

/// The plan's steps of scope Keyed. Their state is here, in the process of the run, wherever the engine is.
pub(crate) struct KeyedSteps {
    steps: Arc<Mutex<Box<dyn Steps>>>,
    plan: Arc<Plan>,
    inputs: Inputs,
    time_column: String,
}

impl KeyedSteps {
    pub const NAME: &str = "aggregates by key and time";

    /// Nothing where the plan has no such steps.
    ///
    /// # Errors
    /// `InvalidSettings` if the plan is one of another version; `Internal` for one without a time column.
    pub fn new(
        engine: &dyn FeatureEngine,
        plan: &Arc<Plan>,
        time_column: Option<&str>,
    ) -> Result<Option<Self>> {
        let (Some(steps), Some(keyed)) = (engine.keyed_steps(plan)?, &plan.keyed) else {
            return Ok(None);
        };
        let time_column =
            time_column.ok_or_else(|| Error::internal("steps over time without a time column"))?;
        let view = time_view(time_column);
        let time_column = if keyed.columns.contains(&view) { &view } else { time_column };
        let inputs = Inputs { features: keyed.features.clone(), typed: keyed.columns.clone() };
        let (plan, time_column) = (Arc::clone(plan), time_column.to_owned());
        Ok(Some(Self { steps: Arc::new(Mutex::new(steps)), plan, inputs, time_column }))
    }

    fn steps(&self) -> impl std::ops::DerefMut<Target = Box<dyn Steps>> {
        self.steps.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl KeyedOperator for KeyedSteps {
    fn name(&self) -> &'static str {
        Self::NAME
    }

    fn inputs(&self) -> &Inputs {
        &self.inputs
    }

    fn time_column(&self) -> &str {
        &self.time_column
    }

    async fn process(&mut self, rows: Table, watermark: Option<i64>) -> Result<OperatorOutput> {
        let steps = Arc::clone(&self.steps);
        let work = move |cancel: &_| {
            let mut steps = steps.lock().unwrap_or_else(PoisonError::into_inner);
            steps.process(rows, watermark, cancel)
        };
        output(&self.plan, blocking(work).await?)
    }

    fn snapshot(&self) -> Result<Vec<u8>> {
        self.steps().freeze().encode()
    }

    fn restore(&mut self, snapshot: &[u8]) -> Result<()> {
        self.steps().restore(snapshot)
    }
}
