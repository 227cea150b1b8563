//! A test of a component: its rows as a table, and what the engine gives for them.

use std::collections::BTreeMap;

use anomal_core::{
    Cancel, ExtractRequest, Extraction, FeatureEngine, FeatureSettings, PlanRequest, Scope, Table,
    proto::{Column, Component, DataType, Plan, component::Type},
};
use anomal_feature::LocalFeatureEngine;
use anomal_spec::{Cell, ComponentType, Filter, Flag, FlagType, InputType, PackCase};
use polars::prelude::{AnyValue, DataFrame, DataType as Dtype, NamedFrom, Series, TimeUnit};
use serde_json::{Value as Json, json};

use super::LocalPack;

/// The column with the times of the rows, for components with an aggregate.
const TIME: &str = "time";
/// What the component's result is called.
const RESULT: &str = "result";

/// A component with the rows of a test.
pub struct PreparedCase {
    plan: Plan,
    table: Table,
    scope: Scope,
    component_type: ComponentType,
}

impl PreparedCase {
    /// # Errors
    /// A message: the rows don't fit the component, the parameters are refused.
    pub async fn new(pack: &LocalPack, case: &PackCase) -> Result<Self, String> {
        let component = pack.components.iter().find(|one| one.name == case.component);
        let component = component.ok_or_else(|| {
            let names = pack.components.iter().map(|one| one.name.as_str());
            format!(
                "there is no component `{}`; {}",
                case.component,
                anomal_spec::suggestion(&case.component, names)
            )
        })?;
        if case.rows.len() != case.expect.len() {
            return Err(format!(
                "{} rows, and {} values in `expect`",
                case.rows.len(),
                case.expect.len()
            ));
        }
        let definition = TestedComponent::new(pack, component);
        let definition = &definition;
        let (frame, schema) = table(definition, case)?;
        let rows = (0..frame.height() as u64).collect();
        let table = Table::new(rows, frame).map_err(|error| error.to_string())?;
        let request =
            PlanRequest { settings: request(pack, definition, case)?, schema, times: Vec::new() };
        let plan =
            pack.engine.plan(request).await.map_err(|error| match error.violations.first() {
                Some(violation) => violation.message.clone(),
                None => error.to_string(),
            })?;
        let scope = match (&plan.keyed, plan.global) {
            (Some(_), _) => Scope::Keyed,
            (None, true) => Scope::Global,
            (None, false) => Scope::Row,
        };
        Ok(Self { plan, table, scope, component_type: definition.component_type })
    }

    /// Whether a row's value depends on that row alone.
    pub fn is_row_wise(&self) -> bool {
        self.scope == Scope::Row
    }

    /// The values for rows in this order, computed in chunks of at most `chunk` rows; indexed by row. The engine sees the
    /// rows of a chunk as a table of their own, in this order.
    ///
    /// # Errors
    /// A message: the expression can't be computed for these rows.
    pub async fn values(
        &self,
        engine: &LocalFeatureEngine,
        order: &[usize],
        chunk: usize,
    ) -> Result<Vec<Json>, String> {
        let mut values = vec![Json::Null; order.len()];
        for rows in order.chunks(chunk) {
            let positions: Vec<u32> =
                rows.iter().filter_map(|row| u32::try_from(*row).ok()).collect();
            let taken = polars::prelude::IdxCa::new("rows".into(), positions);
            let columns = self.table.columns().take(&taken).map_err(|error| error.to_string())?;
            let places = (0..rows.len() as u64).collect();
            let table = Table::new(places, columns).map_err(|error| error.to_string())?;
            let extraction =
                self.extract(engine, table).await.map_err(|error| error.to_string())?;
            self.read(&extraction, rows, &mut values)?;
        }
        Ok(values)
    }

    async fn extract(
        &self,
        engine: &LocalFeatureEngine,
        table: Table,
    ) -> anomal_core::Result<Extraction> {
        if let (Scope::Keyed, Some(keyed)) = (self.scope, &self.plan.keyed) {
            let names = keyed.features.iter().chain(&keyed.columns).map(String::as_str);
            let table = table.with_columns(table.columns().select(names)?)?;
            if let Some(mut steps) = engine.keyed_steps(&self.plan)? {
                return steps.process(table, None, &Cancel::default());
            }
        }
        let names: Vec<&str> = match self.scope {
            Scope::Global => self.plan.global_columns.iter().map(String::as_str).collect(),
            _ => self.plan.columns.iter().map(|column| column.name.as_str()).collect(),
        };
        let request = ExtractRequest {
            settings: self.plan.settings.as_str().into(),
            columns: self.plan.columns.clone(),
            scope: self.scope,
            table: table.with_columns(table.columns().select(names)?)?,
        };
        engine.extract(request).await
    }

    fn read(
        &self,
        extraction: &Extraction,
        rows: &[usize],
        values: &mut [Json],
    ) -> Result<(), String> {
        let marked = match self.component_type {
            ComponentType::Metric => {
                let column = extraction.features.columns().column(RESULT);
                let column = column.map_err(|error| error.to_string())?;
                for (position, place) in extraction.features.rows().into_iter().enumerate() {
                    let value = column.get(position).map_err(|error| error.to_string())?;
                    values[row_at(rows, place)] = to_json(&value);
                }
                return Ok(());
            }
            ComponentType::Filter => extraction.removed.rows(),
            ComponentType::Flag => extraction.hits.rows(),
        };
        rows.iter().for_each(|row| values[*row] = json!(false));
        for place in marked {
            values[row_at(rows, place)] = json!(true);
        }
        Ok(())
    }
}

fn row_at(rows: &[usize], place: u64) -> usize {
    usize::try_from(place).ok().and_then(|place| rows.get(place)).copied().unwrap_or_default()
}

fn to_json(value: &AnyValue<'_>) -> Json {
    match value {
        AnyValue::Null => Json::Null,
        AnyValue::Boolean(value) => json!(value),
        AnyValue::Int64(value) => json!(value),
        AnyValue::Float64(value) => json!(value),
        other => other.get_str().map_or_else(|| json!(other.to_string()), |text| json!(text)),
    }
}

/// A component as a test needs it.
struct TestedComponent {
    name: String,
    component_type: ComponentType,
    flag_type: FlagType,
    inputs: Vec<(String, InputType)>,
    /// Whether it has a figure over the rows of a key.
    aggregate: bool,
}

impl TestedComponent {
    fn new(pack: &LocalPack, component: &Component) -> Self {
        let (component_type, flag_type) = match component.r#type() {
            Type::Filter => (ComponentType::Filter, FlagType::Direct),
            Type::FlagDirect => (ComponentType::Flag, FlagType::Direct),
            Type::FlagAggregation => (ComponentType::Flag, FlagType::Aggregation),
            Type::Metric | Type::Unspecified => (ComponentType::Metric, FlagType::Direct),
        };
        let input_type = |data_type| match data_type {
            DataType::Integer | DataType::Float => InputType::Number,
            DataType::Boolean => InputType::Boolean,
            DataType::Datetime => InputType::Datetime,
            DataType::String | DataType::Unspecified => InputType::Text,
        };
        let inputs = component.inputs.iter().map(|input| {
            let first = input.data_types().next().unwrap_or(DataType::String);
            (input.name.clone(), input_type(first))
        });
        let mut declared = pack.manifest.components.iter();
        let aggregate = declared.any(|one| one.name == component.name && one.aggregate.is_some());
        Self {
            name: component.name.clone(),
            component_type,
            flag_type,
            inputs: inputs.collect(),
            aggregate,
        }
    }
}

/// Settings that have the component alone.
///
/// # Errors
/// A message: the component's name or parameters can't be part of settings.
fn request(
    pack: &LocalPack,
    definition: &TestedComponent,
    case: &PackCase,
) -> Result<FeatureSettings, String> {
    let name = format!("{}/{}", pack.manifest.name, definition.name);
    let data_needed: Vec<String> = definition.inputs.iter().map(|(name, _)| name.clone()).collect();
    let mut settings = pack.settings.clone();
    let params = case.params.clone();
    settings.time_column = definition.aggregate.then(|| TIME.to_owned());
    match definition.component_type {
        ComponentType::Metric => {
            let feature = json!({"type": "metric", "name": name, "as": RESULT, "dataNeeded": data_needed, "params": params});
            settings
                .features
                .push(serde_json::from_value(feature).map_err(|error| error.to_string())?);
        }
        ComponentType::Filter => {
            settings.filters.push(Filter { name, data_needed, params, ..Filter::default() });
        }
        ComponentType::Flag => {
            settings.flags.push(Flag {
                flag_type: definition.flag_type,
                name,
                alias: Some(RESULT.to_owned()),
                data_needed,
                params,
                window: None,
                expression: None,
                severity: None,
                description: String::new(),
                message: String::new(),
                title: None,
            });
        }
    }
    Ok(settings)
}

/// The rows of a test as columns of the types of the component's inputs.
fn table(
    definition: &TestedComponent,
    case: &PackCase,
) -> Result<(DataFrame, Vec<Column>), String> {
    let mut inputs: Vec<(&str, InputType)> =
        definition.inputs.iter().map(|(name, of_type)| (name.as_str(), *of_type)).collect();
    if definition.aggregate && !inputs.iter().any(|(name, _)| *name == TIME) {
        inputs.push((TIME, InputType::Datetime));
    }
    for (index, row) in case.rows.iter().enumerate() {
        if let Some(name) = row.keys().find(|name| !inputs.iter().any(|(input, _)| input == name)) {
            let hint = anomal_spec::suggestion(name, inputs.iter().map(|(input, _)| *input));
            return Err(format!("rows[{index}]: the component has no input `{name}`; {hint}"));
        }
    }
    let (mut columns, mut schema) = (Vec::new(), Vec::new());
    for (name, input_type) in inputs {
        let cells = case.rows.iter().map(|row| cell(row, name)).collect::<Vec<_>>();
        let (series, data_type) = column(name, input_type, &cells)?;
        schema.push(Column { name: name.to_owned(), data_type: data_type.into() });
        columns.push(series.into());
    }
    let frame = DataFrame::new(case.rows.len(), columns).map_err(|error| error.to_string())?;
    Ok((frame, schema))
}

fn cell<'a>(row: &'a BTreeMap<String, Cell>, name: &str) -> Option<&'a Json> {
    row.get(name).map(|cell| &cell.0).filter(|value| !value.is_null())
}

fn column(
    name: &str,
    input_type: InputType,
    cells: &[Option<&Json>],
) -> Result<(Series, DataType), String> {
    let wrong = |row: usize, value: &Json, wanted: &str| {
        Err(format!("rows[{row}].{name}: {value} is not {wanted}"))
    };
    let cells = || cells.iter().enumerate();
    let name = || name.into();
    match input_type {
        InputType::Text => {
            let texts = cells().map(|(_, cell)| match cell {
                Some(Json::String(text)) => Some(text.clone()),
                Some(other) => Some(other.to_string()),
                None => None,
            });
            Ok((Series::new(name(), texts.collect::<Vec<_>>()), DataType::String))
        }
        InputType::Number => {
            for (row, value) in cells().filter_map(|(row, cell)| Some((row, (*cell)?))) {
                if !value.is_number() {
                    return wrong(row, value, "a number");
                }
            }
            if cells().all(|(_, cell)| cell.is_none_or(Json::is_i64)) {
                let numbers = cells().map(|(_, cell)| cell.and_then(Json::as_i64));
                return Ok((Series::new(name(), numbers.collect::<Vec<_>>()), DataType::Integer));
            }
            let numbers = cells().map(|(_, cell)| cell.and_then(Json::as_f64));
            Ok((Series::new(name(), numbers.collect::<Vec<_>>()), DataType::Float))
        }
        InputType::Boolean => {
            for (row, value) in cells().filter_map(|(row, cell)| Some((row, (*cell)?))) {
                if !value.is_boolean() {
                    return wrong(row, value, "true or false");
                }
            }
            let values = cells().map(|(_, cell)| cell.and_then(Json::as_bool));
            Ok((Series::new(name(), values.collect::<Vec<_>>()), DataType::Boolean))
        }
        InputType::Datetime => {
            let mut micros = Vec::new();
            for (row, cell) in cells() {
                let time = cell.map(|value| {
                    let time = value.as_str().and_then(|text| text.parse::<jiff::Timestamp>().ok());
                    time.ok_or_else(|| {
                        format!("rows[{row}]: {value} is no time, such as \"2026-01-31T08:00:00Z\"")
                    })
                });
                micros.push(time.transpose()?.map(jiff::Timestamp::as_microsecond));
            }
            let series =
                Series::new(name(), micros).cast(&Dtype::Datetime(TimeUnit::Microseconds, None));
            Ok((series.map_err(|error| error.to_string())?, DataType::Datetime))
        }
    }
}
