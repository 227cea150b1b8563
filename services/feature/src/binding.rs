//! Components bound to their parameters and to columns.

use anomal_components::{Component, Computation, Fact, Input, KeyPart, ParameterError};
use anomal_core::{
    Error, Result, Scope, column_of_view,
    proto::{DataType, component::Type, plan},
};
use anomal_spec::{ComponentDefinition, Parameters};

use crate::{columns::Columns, declarative, step::Work};

/// A component with its parameters and columns.
pub(crate) struct BoundComponent<'a> {
    pub work: Work,
    /// Of a metric's values.
    pub data_type: DataType,
    pub scope: Scope,
    /// Of a component of a declarative pack.
    pub definition: Option<&'a ComponentDefinition>,
    /// Of a flag: by what its hits are grouped, as far as its inputs are bound, all of its inputs, and the title of a group.
    pub key: Vec<plan::KeyPart>,
    pub inputs: &'a [Input],
    pub title: &'a str,
    /// Of a flag with code: what it measures, and the text of that.
    pub facts: Vec<plan::FactInfo>,
    pub value: &'a str,
}

impl BoundComponent<'_> {
    /// # Errors
    /// The expression of a filter or flag has other values.
    pub fn expect_truth_values(&self, path: &str) -> Result<()> {
        if self.definition.is_none() || self.data_type == DataType::Boolean {
            return Ok(());
        }
        let message = "the expression of this component must be true or false for each row; its values are others";
        Err(Error::settings(path, "EXPRESSION_INVALID", message))
    }
}

/// Binds a component to its parameters, and each of its inputs to a column.
pub(crate) fn bind_component<'a>(
    name: &str,
    wanted: Type,
    data_needed: &[String],
    params: &Parameters,
    path: &str,
    columns: &mut Columns<'a>,
) -> Result<BoundComponent<'a>> {
    let component = columns.component(name, wanted, &format!("{path}.name"))?;
    let (given, params) =
        given_inputs(component, data_needed, params, path, columns.has_time_column())?;
    let mut inputs = Vec::new();
    for (input, given) in component.inputs().iter().zip(given) {
        inputs.push(match given {
            GivenInput::Column(column, place) => {
                Some(columns.read_as(&column, &input.types, name, &place)?)
            }
            GivenInput::RowTime => Some(columns.read_time(name)?),
            GivenInput::None => None,
        });
    }
    let computation = match build(component, &params, path, columns)? {
        Built::Code(computation) => computation,
        Built::Declared(definition, values) => {
            let inputs = inputs.into_iter().flatten().collect();
            let (declared, data_type, scope) =
                declarative::bind(definition, inputs, &values, path, columns)?;
            let work = Work::Declared(Box::new(declared));
            let (definition, key, title) = (Some(definition), Vec::new(), component.title());
            let (facts, value) = (Vec::new(), "");
            let inputs = component.inputs();
            return Ok(BoundComponent {
                work,
                data_type,
                scope,
                definition,
                key,
                inputs,
                title,
                facts,
                value,
            });
        }
    };
    let scope = if wanted == Type::FlagAggregation { Scope::Global } else { Scope::Row };
    let key = key(component, &inputs);
    let work = Work::Component { computation, inputs };
    let (data_type, title) = (component.output(), component.title());
    let fact = |fact: &Fact| plan::FactInfo { name: fact.name.into(), unit: fact.unit.into() };
    let facts = component.facts().iter().map(fact).collect();
    let value = component.value();
    let (definition, inputs) = (None, component.inputs());
    Ok(BoundComponent { work, data_type, scope, definition, key, inputs, title, facts, value })
}

/// Checks the name of a component, and what is given to it, without the columns of an input. Returns what code computes.
pub(crate) fn check_component(
    name: &str,
    wanted: Type,
    data_needed: &[String],
    params: &Parameters,
    path: &str,
    columns: &Columns<'_>,
) -> Result<Option<Computation>> {
    let component = columns.component(name, wanted, &format!("{path}.name"))?;
    let has_time = columns.has_time_column();
    let (_, params) = given_inputs(component, data_needed, params, path, has_time)?;
    Ok(match build(component, &params, path, columns)? {
        Built::Code(computation) => Some(computation),
        Built::Declared(..) => None,
    })
}

/// What settings give for an input of a component.
enum GivenInput {
    /// A column, and where it is named.
    Column(String, String),
    RowTime,
    None,
}

/// What settings give for each input, and the parameters beside these.
fn given_inputs(
    component: &Component,
    data_needed: &[String],
    params: &Parameters,
    path: &str,
    has_time: bool,
) -> Result<(Vec<GivenInput>, Parameters)> {
    let mut params = params.clone();
    let mut given = data_needed.iter();
    let mut inputs = Vec::new();
    for input in component.inputs() {
        // `params: {clientIp: source.ip}` names the column of the input of that name.
        let named = match params.get(&input.name) {
            Some(serde_json::Value::String(column)) => {
                let column = column.clone();
                params.remove(&input.name);
                given.next();
                Some((column, format!("{path}.params.{}", input.name)))
            }
            _ => given.next().map(|column| (column.clone(), format!("{path}.dataNeeded"))),
        };
        inputs.push(match named {
            Some((column, place)) => GivenInput::Column(column, place),
            None if input.row_time && has_time => GivenInput::RowTime,
            None if input.optional => GivenInput::None,
            None => return Err(data_needed_error(component, path)),
        });
    }
    match given.next() {
        Some(_) => Err(data_needed_error(component, path)),
        None => Ok((inputs, params)),
    }
}

/// A component with its parameters.
enum Built<'a> {
    Code(Computation),
    /// By a declarative pack, with the values of its parameters.
    Declared(&'a ComponentDefinition, Parameters),
}

fn build<'a>(
    component: &'a Component,
    params: &Parameters,
    path: &str,
    columns: &Columns<'_>,
) -> Result<Built<'a>> {
    let missing = component.required_parameters().find(|name| !params.contains_key(*name));
    if let Some(missing) = missing {
        let message = format!("{} needs the parameter `{missing}`", component.name());
        return Err(Error::settings(format!("{path}.params"), "PARAMETER_MISSING", message));
    }
    let built = match component.definition() {
        Some(definition) => declarative::parameter_values(definition, params)
            .map(|values| Built::Declared(definition, values)),
        None => component.build_with(params, columns.lists()).map(Built::Code),
    };
    built.map_err(|ParameterError { parameter, message, .. }| {
        let place = format!("{path}.params.{parameter}");
        Error::settings(place.trim_end_matches('.'), "PARAMETER_INVALID", message)
    })
}

fn key(component: &Component, columns: &[Option<String>]) -> Vec<plan::KeyPart> {
    let part = |part: &KeyPart| {
        let place = component.inputs().iter().position(|input| input.name == part.input)?;
        let column = column_of_view(columns.get(place)?.as_deref()?).to_owned();
        let registered_domain = part.registered_domain;
        Some(plan::KeyPart { column, side: part.side.into(), registered_domain })
    };
    component.key().iter().filter_map(part).collect()
}

fn data_needed_error(component: &Component, path: &str) -> Error {
    let input = |input: &Input| {
        if input.optional { format!("{} (optional)", input.name) } else { input.name.clone() }
    };
    let inputs: Vec<String> = component.inputs().iter().map(input).collect();
    let message = format!("{} needs the columns: {}", component.name(), inputs.join(", "));
    Error::settings(format!("{path}.dataNeeded"), "DATA_NEEDED_INVALID", message)
}
