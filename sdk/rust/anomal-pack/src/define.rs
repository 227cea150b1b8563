//! The components of a pack, and the exports that the host calls.

use std::cell::RefCell;

use crate::{
    arguments::Inputs,
    bindings::exports::anomal::pack::guest,
    buffers::WireColumn,
    outputs::{FlagOutput, HitsBuilder},
};

#[derive(Clone, Copy)]
pub enum Role {
    Metric,
    Filter,
    Flag,
    GroupFlag,
}

/// A component, made by a macro.
pub struct Definition {
    pub name: &'static str,
    pub role: Role,
    pub description: &'static str,
    pub inputs: &'static [InputDefinition],
    pub schema: fn() -> String,
    pub output: Option<u8>,
    pub distinct: bool,
    pub prepare: fn(&str) -> Result<Box<dyn Task>, Problem>,
}

pub struct InputDefinition {
    pub name: &'static str,
    pub kinds: &'static [u8],
    /// 0 a value, 1 part of the key of groups, 2 the time.
    pub purpose: u8,
    pub optional: bool,
}

/// Why parameters are refused.
#[derive(Debug, PartialEq, Eq)]
pub struct Problem {
    pub parameter: Option<String>,
    pub message: String,
}

pub type Hits = (Vec<u8>, WireColumn);

/// A component with its parameters. Only the function of its role is called.
pub trait Task {
    fn metric(&self, _: &Inputs<'_>) -> Result<WireColumn, String> {
        Err("it is no metric".into())
    }

    fn filter(&self, _: &Inputs<'_>) -> Result<Vec<u8>, String> {
        Err("it is no filter".into())
    }

    fn flag(&self, _: &Inputs<'_>) -> Result<Hits, String> {
        Err("it is no flag".into())
    }

    fn group_flag(&self, _: &Inputs<'_>, _: &[usize]) -> Result<Hits, String> {
        Err("it is no flag of groups".into())
    }
}

/// Adds a row to hits if a flag found something in it.
pub fn flag_result(hits: &mut HitsBuilder, row: usize, found: impl FlagOutput) {
    if let Some(found) = found.found() {
        hits.push(row, &found);
    }
}

thread_local! {
    static TASK: RefCell<Option<Box<dyn Task>>> = const { RefCell::new(None) };
}

/// The exports of a pack with these components.
pub struct Guest;

impl Guest {
    pub fn describe(definitions: &[&Definition]) -> Vec<guest::Component> {
        let describe = |definition: &&Definition| {
            let input = |input: &InputDefinition| {
                (input.name.to_owned(), input.kinds.to_vec(), input.purpose, input.optional)
            };
            (
                definition.name.to_owned(),
                definition.role as u8,
                definition.description.to_owned(),
                definition.inputs.iter().map(input).collect(),
                (definition.schema)(),
                definition.output,
                definition.distinct,
            )
        };
        definitions.iter().map(describe).collect()
    }

    pub fn prepare(
        definitions: &[&Definition],
        component: &str,
        parameters: &str,
    ) -> Result<(), guest::Problem> {
        let found = definitions.iter().find(|definition| definition.name == component);
        let found = found.ok_or_else(|| (None, format!("there is no component `{component}`")))?;
        let task =
            (found.prepare)(parameters).map_err(|problem| (problem.parameter, problem.message))?;
        TASK.with_borrow_mut(|current| *current = Some(task));
        Ok(())
    }

    pub fn metric(inputs: &[Option<WireColumn>]) -> Result<WireColumn, String> {
        with_task(|task| task.metric(&Inputs::new(inputs)))
    }

    pub fn filter(inputs: &[Option<WireColumn>]) -> Result<Vec<u8>, String> {
        with_task(|task| task.filter(&Inputs::new(inputs)))
    }

    pub fn flag(inputs: &[Option<WireColumn>]) -> Result<Hits, String> {
        with_task(|task| task.flag(&Inputs::new(inputs)))
    }

    pub fn group_flag(inputs: &[Option<WireColumn>], groups: &[u8]) -> Result<Hits, String> {
        let bounds = groups.chunks_exact(4).filter_map(|bytes| bytes.try_into().ok());
        let bounds: Vec<usize> = bounds.map(|bytes| u32::from_le_bytes(bytes) as usize).collect();
        with_task(|task| task.group_flag(&Inputs::new(inputs), &bounds))
    }
}

fn with_task<T>(run: impl FnOnce(&dyn Task) -> Result<T, String>) -> Result<T, String> {
    TASK.with_borrow(|task| match task {
        Some(task) => run(task.as_ref()),
        None => Err("the component was not prepared".into()),
    })
}
