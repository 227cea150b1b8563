//! Times that a file of results has as the numbers that the input had.

use std::collections::BTreeMap;

use anomal_core::{
    Result,
    proto::{Column as Planned, DataType},
};
use anomal_dataflow::{Source, read_batches};
use anomal_spec::{AnomalyJobSpec, ColumnType, FormatNames, Input, TypeDetails, TypeSetting};
use polars::prelude::DataType as Values;

/// The only name by which a column of numbers is chosen as the time.
const BY_NAME: &str = "ts";
/// The units since 1970 by the magnitude of their values: those from 1973 to 2099.
const UNITS: [(f64, &str); 4] =
    [(1e8, "epoch"), (1e11, "epochMillis"), (1e14, "epochMicros"), (1e17, "epochNanos")];
/// The end of a unit's values, in units of their start.
const RANGE: f64 = 41.0;

/// The input with the type of its time, if that is a column of numbers that no setting types. `source` is open on it, and is
/// read.
///
/// # Errors
/// Those of reading.
pub(super) fn with_times(
    spec: Option<&AnomalyJobSpec>,
    input: &Input,
    mut source: Box<dyn Source>,
) -> Result<Option<Input>> {
    let mut typed = input.clone();
    let Some(types) = types(&mut typed) else { return Ok(None) };
    let name = match spec {
        Some(spec) => spec.time_column().unwrap_or(BY_NAME),
        None => BY_NAME,
    };
    let is_number = |column: &&Planned| {
        column.name == name && matches!(column.data_type(), DataType::Integer | DataType::Float)
    };
    let column = source.schema().iter().find(is_number).cloned();
    let Some(column) = column.filter(|_| !types.contains_key(name)) else {
        return Ok(None);
    };
    source.select(&[column])?;
    let Some(unit) = unit(source, name)? else { return Ok(None) };
    let details = TypeDetails {
        column_type: ColumnType::Datetime,
        format: Some(FormatNames::One(unit.to_owned())),
        zone: None,
        year: None,
        separator: None,
    };
    types.insert(name.to_owned(), TypeSetting::Detailed(details));
    Ok(Some(typed))
}

/// The types of the columns of a file.
fn types(input: &mut Input) -> Option<&mut BTreeMap<String, TypeSetting>> {
    let Input { csv, ndjson, parquet, .. } = input;
    let csv = csv.as_mut().map(|file| &mut file.types);
    let ndjson = ndjson.as_mut().map(|file| &mut file.types);
    csv.or(ndjson).or_else(|| parquet.as_mut().map(|file| &mut file.types))
}

/// The unit of all values of the first batch that has some.
fn unit(source: Box<dyn Source>, name: &str) -> Result<Option<&'static str>> {
    for batch in read_batches(source) {
        let values = batch?.typed.column(name)?.cast(&Values::Float64)?;
        let mut values = values.f64()?.iter().flatten().peekable();
        let Some(first) = values.peek().copied() else { continue };
        let fits = |value: f64, (start, _): &(f64, &str)| (*start..start * RANGE).contains(&value);
        let unit = UNITS.iter().find(|unit| fits(first, unit));
        return Ok(unit.filter(|unit| values.all(|value| fits(value, unit))).map(|unit| unit.1));
    }
    Ok(None)
}
