//! A component of a declarative pack, bound to the columns of a table.

use anomal_core::{Error, Result, Scope, proto::DataType};
use anomal_registry::ParameterError;
use anomal_spec::{
    AGGREGATE, AggregateDefinition, ComponentDefinition, ParameterDefinition, Parameters,
};
use polars::prelude::{Column, DataFrame, PolarsResult, Schema};

use super::define::expression;
use crate::{
    aggregate::Aggregate,
    columns::{Columns, dtype},
    expression::Expression,
};

/// What a component computes of a table.
#[derive(Debug)]
pub(crate) struct DeclaredStep {
    /// Over the names of the inputs.
    expression: Expression,
    /// The names of the inputs, each with its column.
    inputs: Vec<(String, String)>,
    pub aggregate: Option<DeclaredAggregate>,
}

/// The figure that an expression reads, with the condition of the rows that are counted.
#[derive(Debug)]
pub(crate) struct DeclaredAggregate {
    pub aggregate: Aggregate,
    condition: Option<Expression>,
}

/// Binds a component to columns and the values of its parameters. Also returns the type of its values, and its scope.
///
/// # Errors
/// `InvalidSettings` with the path.
pub(crate) fn bind(
    definition: &ComponentDefinition,
    inputs: Vec<String>,
    values: &Parameters,
    path: &str,
    columns: &mut Columns<'_>,
) -> Result<(DeclaredStep, DataType, Scope)> {
    let invalid = |message: String| Error::settings(path, "EXPRESSION_INVALID", message);
    let mut value = |_: &ParameterDefinition, name: &str| values[name].clone();
    let parsed = expression(definition, &definition.expression, &mut value).map_err(invalid)?;
    let names = definition.inputs.iter().map(|input| input.name.clone());
    let inputs: Vec<(String, String)> = names.zip(inputs).collect();
    let mut schema: Schema = inputs
        .iter()
        .map(|(name, column)| (name.as_str().into(), dtype(columns.type_of(column))))
        .collect();
    let mut declared = DeclaredStep { expression: parsed, inputs, aggregate: None };
    let mut scope = if declared.expression.whole_table { Scope::Global } else { Scope::Row };
    if let Some(settings) = &definition.aggregate {
        let plain = ComponentDefinition { aggregate: None, ..definition.clone() };
        let condition = settings.condition.as_ref().map(|sql| expression(&plain, sql, &mut value));
        let condition = condition.transpose().map_err(invalid)?;
        if let Some(condition) = &condition {
            expect_truth_values(condition, &schema, path)?;
        }
        let (aggregate, data_type) =
            declared.aggregate(settings, values, &definition.name, path, columns)?;
        schema.insert(AGGREGATE.into(), dtype(data_type));
        scope = scope.max(
            columns.keyed_scope(declared.columns().chain(std::iter::once(aggregate.time.as_str()))),
        );
        declared.aggregate = Some(DeclaredAggregate { aggregate, condition });
    }
    let data_type = declared.expression.data_type(&schema).map_err(invalid)?;
    Ok((declared, data_type, scope))
}

fn expect_truth_values(condition: &Expression, schema: &Schema, path: &str) -> Result<()> {
    let invalid = |message: String| Error::settings(path, "EXPRESSION_INVALID", message);
    match condition.data_type(schema).map_err(invalid)? {
        DataType::Boolean => Ok(()),
        _ => Err(invalid("`aggregate.where` must be true or false for each row".into())),
    }
}

impl DeclaredStep {
    /// The columns of the inputs.
    pub fn columns(&self) -> impl Iterator<Item = &str> {
        self.inputs.iter().map(|(_, column)| column.as_str())
    }

    pub fn columns_mut(&mut self) -> impl Iterator<Item = &mut String> {
        let aggregate =
            self.aggregate.iter_mut().flat_map(|declared| declared.aggregate.names_mut());
        self.inputs.iter_mut().map(|(_, column)| column).chain(aggregate)
    }

    /// All columns that it reads.
    pub fn reads(&self) -> Vec<String> {
        let mut names: Vec<String> = self.columns().map(str::to_owned).collect();
        names.extend(self.aggregate.iter().map(|declared| declared.aggregate.time.clone()));
        names
    }

    fn column(&self, input: &str) -> Option<&String> {
        self.inputs.iter().find(|(name, _)| name == input).map(|(_, column)| column)
    }

    fn aggregate(
        &self,
        settings: &AggregateDefinition,
        values: &Parameters,
        component: &str,
        path: &str,
        columns: &mut Columns<'_>,
    ) -> Result<(Aggregate, DataType)> {
        let by = settings.by.iter().filter_map(|input| self.column(input)).cloned().collect();
        let of = settings.of.as_ref().and_then(|input| self.column(input));
        let of = of.map(|column| (column.clone(), columns.type_of(column)));
        let window = settings.window.as_deref().map(|window| {
            let parameter = window.strip_prefix('{').and_then(|name| name.strip_suffix('}'));
            parameter.and_then(|name| values[name].as_str()).unwrap_or(window)
        });
        let time = columns.read_time(component)?;
        Aggregate::new(settings.function, of, settings.condition.is_some(), by, time, window)
            .map_err(|(_, message)| Error::settings(path, "AGGREGATE_INCOMPLETE", message))
    }

    /// Its value for each row of a table, in which it reads the columns of its inputs. `aggregate`: the figure for each row.
    pub fn evaluate(&self, table: &DataFrame, aggregate: Option<&Column>) -> PolarsResult<Column> {
        self.expression.evaluate(&self.frame(table, aggregate)?)
    }

    /// For each row, whether the aggregate counts it; none: all rows.
    pub fn condition(&self, table: &DataFrame) -> PolarsResult<Option<Column>> {
        let condition = self.aggregate.as_ref().and_then(|declared| declared.condition.as_ref());
        condition.map(|condition| condition.evaluate(&self.frame(table, None)?)).transpose()
    }

    fn frame(&self, table: &DataFrame, aggregate: Option<&Column>) -> PolarsResult<DataFrame> {
        let mut columns = Vec::with_capacity(self.inputs.len() + 1);
        for (name, column) in &self.inputs {
            columns.push(table.column(column)?.clone().with_name(name.as_str().into()));
        }
        columns.extend(aggregate.map(|aggregate| aggregate.clone().with_name(AGGREGATE.into())));
        DataFrame::new(table.height(), columns)
    }
}

/// The values of all parameters: those given, and the defaults of others.
///
/// # Errors
/// The first that is unknown, missing or invalid.
pub(crate) fn parameter_values(
    definition: &ComponentDefinition,
    given: &Parameters,
) -> Result<Parameters, ParameterError> {
    let known = || definition.parameters.keys().map(String::as_str);
    if let Some(unknown) = given.keys().find(|name| !definition.parameters.contains_key(*name)) {
        return Err(ParameterError::unknown(unknown, known()));
    }
    let mut values = Parameters::new();
    for (name, parameter) in &definition.parameters {
        let value = match (given.get(name), &parameter.default) {
            (Some(value), _) => {
                parameter.check(value).map_err(|message| ParameterError::new(name, message))?;
                value.clone()
            }
            (None, Some(default)) => default.clone(),
            (None, None) => return Err(ParameterError::new(name, "this parameter must be set")),
        };
        values.insert(name.clone(), value);
    }
    Ok(values)
}
