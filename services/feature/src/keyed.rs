//! The steps of scope Keyed: they run in the process of the job, with the states of their keys.

use anomal_components::{ComponentRegistry, decode_states, encode_states};
use anomal_core::{
    Cancel, Extraction, FrozenStates, KeyedSteps, Result, Scope, Table, proto::Plan,
};
use anomal_spec::PackSetting;

use crate::{
    aggregate::AggregateStates,
    extract::extract,
    packs::AvailablePacks,
    program::{Program, settings_of_plan},
    window_flag::WindowStates,
};

/// In which order the rows of a key are taken.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum RowOrder {
    /// In that of their times.
    #[default]
    Time,
    /// As they arrive: in that of their ids.
    Arrival,
}

/// The states of keys of all steps.
#[derive(Default)]
pub(crate) struct States {
    pub aggregates: AggregateStates,
    pub flags: WindowStates,
}

impl States {
    fn is_empty(&self) -> bool {
        self.aggregates.is_empty() && self.flags.is_empty()
    }
}

/// `components`: those of this process, some of which have windows.
///
/// # Errors
/// `InvalidSettings` if the plan is not one of this version, or a flag over windows is not one of these components.
pub(crate) fn keyed_steps(
    plan: &Plan,
    components: ComponentRegistry,
) -> Result<Option<Box<dyn KeyedSteps>>> {
    let Some(keyed) = &plan.keyed else { return Ok(None) };
    let mut settings = settings_of_plan(&keyed.settings)?;
    // Packs that a remote engine alone has are of its own steps.
    let is_here = |pack: &PackSetting| components.packs().any(|known| known.name() == pack.name());
    settings.packs.retain(|pack| pack.details().is_some() || is_here(pack));
    let packs = AvailablePacks { components, ..AvailablePacks::default() };
    let program = Program::compile(&settings, &keyed.schema, &[], &packs)?;
    Ok(Some(Box::new(LocalKeyedSteps { program, states: States::default() })))
}

struct LocalKeyedSteps {
    program: Program,
    states: States,
}

impl LocalKeyedSteps {
    fn extract(
        &mut self,
        table: Table,
        order: RowOrder,
        is_only_call: bool,
        cancel: &Cancel,
    ) -> Result<Extraction> {
        let states = (!is_only_call).then_some(&mut self.states);
        extract(&self.program, Scope::Keyed, table, states, order, cancel)
    }
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
        let extraction = self.extract(table, RowOrder::Time, is_only_call, cancel)?;
        if let Some(watermark) = watermark {
            self.states.aggregates.expire(watermark);
        }
        Ok(extraction)
    }

    fn arrive(
        &mut self,
        table: Table,
        expired: Option<i64>,
        cancel: &Cancel,
    ) -> Result<Extraction> {
        let extraction = self.extract(table, RowOrder::Arrival, false, cancel)?;
        if let Some(expired) = expired {
            self.states.aggregates.expire(expired);
        }
        Ok(extraction)
    }

    fn unbounded(&self) -> Option<&str> {
        let features = self.program.features.iter().map(|feature| &feature.step);
        let steps = features.chain(self.program.flags.iter().map(|(step, _)| step));
        let mut steps = steps.chain(&self.program.filters);
        steps.find(|step| step.is_unbounded()).map(|step| step.name.as_str())
    }

    fn memory(&mut self, expired: Option<i64>) -> Result<u64> {
        Ok(self.states.aggregates.memory(expired)? + self.states.flags.memory()?)
    }

    fn forget_half(&mut self) -> u64 {
        self.states.aggregates.forget_half() + self.states.flags.forget_half()
    }

    fn freeze(&self) -> FrozenStates {
        let (aggregates, flags) = (self.states.aggregates.freeze(), self.states.flags.freeze());
        FrozenStates::new(move || encode_states(&(aggregates.encode()?, flags.encode()?)))
    }

    fn restore(&mut self, states: &[u8]) -> Result<()> {
        let (aggregates, flags): (Vec<u8>, Vec<u8>) = decode_states(states)?;
        let aggregates = AggregateStates::restore(&aggregates)?;
        self.states = States { aggregates, flags: WindowStates::restore(&flags)? };
        Ok(())
    }
}
