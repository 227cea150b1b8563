//! The components of a guest, as those of any other pack.

use std::sync::Arc;

use anomal_components::{Component, Computation, Description, Inputs, Lists, MISSING};
use anomal_core::{Error, Result, proto::DataType};
use anomal_registry::ParameterError;
use anomal_spec::Parameters;
use polars::prelude::{BooleanChunked, ChunkFull, Column, IdxCa, NewChunkedArray};

use crate::{
    buffers::{ColumnBuffers, Kind, decode_bits},
    call::{Calls, StartError, Task},
    describe::{GuestComponent, Role},
    error::{Failure, FailureKind},
    flags::{GuestFlag, GuestGroupFlag},
    guest::{Guest, GuestOptions, PackLists},
    instance::Instance,
    limits::{MAX_MESSAGE, shorten},
    rows::{EncodedRows, Rows},
    world::WireColumn,
};

impl Guest {
    /// The components, to be registered as a pack.
    pub fn components(self: &Arc<Self>, options: &GuestOptions) -> Vec<Component> {
        let components = self.components.iter();
        components.map(|component| self.component(component, options)).collect()
    }

    fn component(
        self: &Arc<Self>,
        described: &Arc<GuestComponent>,
        options: &GuestOptions,
    ) -> Component {
        let description = Description {
            name: described.name.clone(),
            text: described.description.clone(),
            inputs: described.inputs.iter().map(|input| input.input.clone()).collect(),
            component_type: described.role.component_type(),
            output: match described.role {
                Role::Metric(kind) => kind.data_type(),
                _ => DataType::Unspecified,
            },
            schema: described.schema.clone(),
        };
        let (guest, component, options) =
            (Arc::clone(self), Arc::clone(described), options.clone());
        Component::described(description, move |given: &Parameters, lists: &Lists| {
            let lists = PackLists { pack: options.pack.clone(), lists: lists.clone() };
            check_parameters(given, &component.schema)?;
            let parameters = serde_json::to_string(given)
                .map_err(|error| ParameterError::new("", error.to_string()))?;
            let (guest, component) = (Arc::clone(&guest), Arc::clone(&component));
            let task = Task { guest, options: options.clone(), component, parameters, lists };
            // The guest refuses what its schema does not say.
            match task.start(None, task.guest.host.limits.call) {
                Ok(_) => Ok(computation(task)),
                Err(StartError::Parameter(parameter, message)) => {
                    Err(ParameterError::new(parameter.unwrap_or_default(), message))
                }
                Err(StartError::Failure(failure)) => {
                    let message = match failure {
                        Failure::Cancelled => "it was cancelled".to_owned(),
                        Failure::Call(_, message) => message,
                    };
                    let message = format!("the pack can't check the parameters: {message}");
                    Err(ParameterError::new("", message))
                }
            }
        })
    }
}

/// Checks the names of parameters, and that the required ones are there.
fn check_parameters(given: &Parameters, schema: &serde_json::Value) -> Result<(), ParameterError> {
    let properties = schema["properties"].as_object();
    let known = || properties.into_iter().flat_map(|known| known.keys().map(String::as_str));
    let unknown = |name: &&String| !known().any(|known| known == name.as_str());
    if schema["additionalProperties"] == false
        && let Some(name) = given.keys().find(unknown)
    {
        return Err(ParameterError::unknown(name, known()));
    }
    let required = schema["required"].as_array().into_iter().flatten();
    let mut required = required.filter_map(serde_json::Value::as_str);
    match required.find(|name| !given.contains_key(*name)) {
        Some(name) => Err(ParameterError::new(name, "this parameter must be set")),
        None => Ok(()),
    }
}

fn computation(task: Task) -> Computation {
    match task.component.role {
        Role::Metric(kind) => Computation::metric(move |inputs| metric(&task, kind, inputs)),
        Role::Filter => Computation::filter(move |inputs| filter(&task, inputs)),
        Role::Flag => Computation::direct_flag(GuestFlag(task)),
        Role::GroupFlag => Computation::aggregation_flag(GuestGroupFlag(task)),
    }
}

/// The rows of a component that is not of groups.
pub(crate) fn rows_of(task: &Task, inputs: &Inputs<'_>) -> Result<Rows> {
    if task.component.distinct {
        return Ok(Rows::Distinct(inputs.dictionary(0)?));
    }
    let positions = 0..task.component.inputs.len();
    let columns = positions.map(|position| inputs.get(position).cloned()).collect();
    Ok(Rows::Plain { columns, rows: inputs.rows() })
}

fn metric(task: &Task, kind: Kind, inputs: &Inputs<'_>) -> Result<Column> {
    let rows = rows_of(task, inputs)?;
    let export = &task.guest.exports.metric;
    let function = |instance: &mut Instance, call: &EncodedRows| {
        let (answer,): (Result<WireColumn, String>,) =
            instance.call(export, (&*call.wire(),), task.max_answer(call))?;
        let column = ColumnBuffers::from(answer.map_err(|message| failed(&message))?);
        column.decode(kind, call.rows, task.max_text(call)).map_err(Failure::answer)
    };
    let missing = |rows: usize| Ok(Column::full_null("value".into(), rows, &kind.dtype()));
    let calls = Calls {
        task,
        rows: &rows,
        context: inputs.context(),
        function: &function,
        same: same_column,
        missing: &missing,
    };
    let mut all = Column::new_empty("value".into(), &kind.dtype());
    for (_, piece) in calls.run()? {
        all.append(&piece)?;
    }
    let Rows::Distinct(dictionary) = &rows else { return Ok(all) };
    let codes = dictionary.codes().iter();
    let codes = codes.map(|code| (*code != MISSING).then_some(*code));
    Ok(all.rechunk().take(&IdxCa::from_iter_options("codes".into(), codes))?)
}

/// Whether columns have the same bytes: NaN equals NaN, and 0 is not -0.
fn same_column(one: &Column, other: &Column) -> bool {
    match (one.f64(), other.f64()) {
        (Ok(one), Ok(other)) => {
            let bits = |value: Option<f64>| value.map(f64::to_bits);
            one.iter().map(bits).eq(other.iter().map(bits))
        }
        _ => one.equals_missing(other),
    }
}

fn filter(task: &Task, inputs: &Inputs<'_>) -> Result<BooleanChunked> {
    let rows = rows_of(task, inputs)?;
    let export = &task.guest.exports.filter;
    let function = |instance: &mut Instance, call: &EncodedRows| {
        let (answer,): (Result<Vec<u8>, String>,) =
            instance.call(export, (&*call.wire(),), task.max_answer(call))?;
        decode_bits(&answer.map_err(|message| failed(&message))?, call.rows)
            .map_err(Failure::answer)
    };
    let missing = |rows: usize| Ok(BooleanChunked::full("value".into(), false, rows));
    let calls = Calls {
        task,
        rows: &rows,
        context: inputs.context(),
        function: &function,
        same: |one, other| one.iter().eq(other.iter()),
        missing: &missing,
    };
    let mut removes = Vec::with_capacity(rows.units());
    for (_, piece) in calls.run()? {
        removes.extend(piece.iter().map(|removes| removes == Some(true)));
    }
    let removes = match &rows {
        Rows::Distinct(dictionary) => {
            let codes = dictionary.codes().iter();
            codes.map(|code| removes.get(*code as usize) == Some(&true)).collect()
        }
        _ => removes,
    };
    if removes.len() != inputs.rows() {
        return Err(Error::internal("a filter of a pack has another number of rows"));
    }
    Ok(BooleanChunked::from_slice("value".into(), &removes))
}

fn failed(message: &str) -> Failure {
    Failure::Call(FailureKind::Failed, shorten(message, MAX_MESSAGE))
}
