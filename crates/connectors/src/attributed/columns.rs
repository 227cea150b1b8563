//! Further columns with the types that settings select.

use anomal_core::{
    Error, Result, column_of_view,
    proto::{Column as SchemaColumn, DataType as Type},
};
use polars::prelude::{Column, DataFrame, DataType, TimeUnit};

const TIME: DataType = DataType::Datetime(TimeUnit::Microseconds, None);

/// A column as settings select it.
///
/// # Errors
/// `InvalidSettings` if it can't have that type.
pub(super) fn check(selected: &SchemaColumn, own: &SchemaColumn, place: &str) -> Result<()> {
    let (wanted, known) = (selected.data_type(), own.data_type());
    let fits = wanted == known
        || wanted == Type::String
        || (known == Type::Integer && matches!(wanted, Type::Float | Type::Integer));
    if fits {
        return Ok(());
    }
    let message = format!("{} is {}, and can't be used as {}", own.name, name(known), name(wanted));
    Err(Error::settings(place, "COLUMN_TYPE", message))
}

fn name(data_type: Type) -> &'static str {
    match data_type {
        Type::Integer => "an integer",
        Type::Float => "a number",
        Type::Boolean => "a truth value",
        Type::Datetime => "a time",
        _ => "text",
    }
}

/// The selected columns, typed.
///
/// # Errors
/// A defect.
pub(super) fn typed(own: &DataFrame, selected: &[SchemaColumn]) -> Result<Vec<Column>> {
    let column = |selected: &SchemaColumn| -> Result<Column> {
        let column = own.column(column_of_view(&selected.name))?;
        let typed = match selected.data_type() {
            Type::Integer => column.cast(&DataType::Int64)?,
            Type::Float => column.cast(&DataType::Float64)?,
            Type::Boolean => column.cast(&DataType::Boolean)?,
            Type::Datetime => column.cast(&TIME)?,
            _ => column.cast(&DataType::String)?,
        };
        Ok(typed.with_name(selected.name.as_str().into()))
    };
    selected.iter().map(column).collect()
}
