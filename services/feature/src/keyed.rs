//! The steps of scope Keyed: they run in the process of the job, with the states of their keys.

use anomal_core::{Cancel, Extraction, KeyedSteps, Result, Scope, Table, proto::Plan};

use crate::{
    aggregate::AggregateStates, extract::extract, packs::AvailablePacks, program::Program,
};

/// # Errors
/// `InvalidSettings` if the plan is not one of this version.
pub(crate) fn keyed_steps(plan: &Plan) -> Result<Option<Box<dyn KeyedSteps>>> {
    let Some(keyed) = &plan.keyed else { return Ok(None) };
    let program = Program::from_plan(&keyed.settings, &keyed.schema, &AvailablePacks::default())?;
    Ok(Some(Box::new(LocalKeyedSteps { program, states: AggregateStates::default() })))
}

struct LocalKeyedSteps {
    program: Program,
    states: AggregateStates,
}

impl KeyedSteps for LocalKeyedSteps {
    fn process(
        &mut self,
        table: Table,
        watermark: Option<i64>,
        cancel: &Cancel,
    ) -> Result<Extraction> {
        // The rows of a batch job come once: their states need not be kept.
        let is_only_call = watermark.is_none() && self.states.is_empty();
        let states = (!is_only_call).then_some(&mut self.states);
        let extraction = extract(&self.program, Scope::Keyed, table, states, cancel)?;
        if let Some(watermark) = watermark {
            self.states.expire(watermark);
        }
        Ok(extraction)
    }

    fn snapshot(&self) -> Result<Vec<u8>> {
        self.states.snapshot()
    }

    fn restore(&mut self, snapshot: &[u8]) -> Result<()> {
        self.states = AggregateStates::restore(snapshot)?;
        Ok(())
    }
}
