//! Converts text to numbers, booleans and times, and values to the engines' five types.

use anomal_core::{
    Result,
    proto::{Column as Wanted, DataType as Type},
};
use polars::prelude::{
    BooleanChunked, Column, DataFrame, DataType, Float64Chunked, Int64Chunked, IntoColumn,
    IntoSeries, StringChunked, TimeUnit,
};
use rayon::prelude::*;

use crate::datetime;

/// Records from which a type is inferred.
pub(crate) const INFER_FROM: usize = 10_000;
/// Characters of a cell that a message contains.
const SHOWN: usize = 80;

/// A cell whose value is not of its column's type.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct TypeMismatch {
    /// The row in the batch.
    pub index: usize,
    pub column: String,
    text: String,
    wanted: &'static str,
}

impl TypeMismatch {
    pub fn reason(&self) -> String {
        mismatch_message(&self.text, self.wanted)
    }
}

/// Says that a value is not of the wanted type.
pub(crate) fn mismatch_message(value: &str, wanted: &str) -> String {
    let shown: String = value.chars().take(SHOWN).collect();
    format!("`{shown}` is not {wanted}")
}

/// The typed columns, and the cells that did not fit: at most one per row, in row order.
pub(crate) struct TypedColumns {
    pub columns: DataFrame,
    pub mismatches: Vec<TypeMismatch>,
}

/// The texts that mean a missing value.
#[derive(Clone, Debug, Default)]
pub(crate) struct NullValues {
    /// Whether a blank cell is missing.
    blank: bool,
    texts: Vec<String>,
}

impl NullValues {
    pub fn new(texts: &[String]) -> Self {
        let (blank, texts): (Vec<&String>, Vec<&String>) =
            texts.iter().partition(|text| text.is_empty());
        Self { blank: !blank.is_empty(), texts: texts.into_iter().cloned().collect() }
    }

    fn has(&self, text: &str) -> bool {
        if text.is_empty() { self.blank } else { self.texts.iter().any(|null| null == text) }
    }
}

/// Converts the wanted columns of `source` to their types, in parallel over columns.
pub(crate) fn type_columns(
    source: &DataFrame,
    wanted: &[Wanted],
    nulls: &NullValues,
) -> Result<TypedColumns> {
    let columns: Vec<(Column, Vec<TypeMismatch>)> = wanted
        .par_iter()
        .map(|wanted| type_column(source.column(&wanted.name)?, wanted, nulls))
        .collect::<Result<_>>()?;
    let (columns, mismatches): (Vec<Column>, Vec<Vec<TypeMismatch>>) = columns.into_iter().unzip();
    let mut mismatches: Vec<TypeMismatch> = mismatches.into_iter().flatten().collect();
    // One per row: that of the first column.
    mismatches.sort_by_key(|mismatch| mismatch.index);
    mismatches.dedup_by_key(|mismatch| mismatch.index);
    Ok(TypedColumns { columns: DataFrame::new(source.height(), columns)?, mismatches })
}

fn type_column(
    column: &Column,
    wanted: &Wanted,
    nulls: &NullValues,
) -> Result<(Column, Vec<TypeMismatch>)> {
    let target = wanted.data_type();
    if column.dtype() != &DataType::String {
        return Ok((cast_column(column, target)?, Vec::new()));
    }
    let text = column.str()?;
    let mut mismatches = Vec::new();
    let typed = match target {
        Type::Integer => {
            let values: Int64Chunked =
                parse_column(text, nulls, &mut mismatches, "a whole number", integer);
            values.into_series()
        }
        Type::Float => {
            let values: Float64Chunked =
                parse_column(text, nulls, &mut mismatches, "a number", float);
            values.into_series()
        }
        Type::Boolean => {
            let values: BooleanChunked =
                parse_column(text, nulls, &mut mismatches, "true or false", boolean);
            values.into_series()
        }
        Type::Datetime => {
            let micros: Int64Chunked =
                parse_column(text, nulls, &mut mismatches, "a date and time", datetime::parse);
            micros.into_datetime(TimeUnit::Microseconds, None).into_series()
        }
        Type::String | Type::Unspecified => {
            if !text.iter().flatten().any(|text| nulls.has(text)) {
                return Ok((column.clone(), mismatches));
            }
            let values: StringChunked =
                text.iter().map(|text| text.filter(|text| !nulls.has(text))).collect();
            values.into_series()
        }
    };
    Ok((typed.with_name(column.name().clone()).into_column(), mismatches))
}

/// Parses each cell. Blanks around a value are ignored; a cell of blanks alone is empty.
fn parse_column<T, C: FromIterator<Option<T>>>(
    text: &StringChunked,
    nulls: &NullValues,
    mismatches: &mut Vec<TypeMismatch>,
    wanted: &'static str,
    parse: impl Fn(&str) -> Option<T>,
) -> C {
    let name = text.name().to_string();
    let value = |(index, text): (usize, Option<&str>)| {
        let text = text?.trim();
        if nulls.has(text) {
            return None;
        }
        let value = parse(text);
        if value.is_none() {
            let (column, text) = (name.clone(), text.chars().take(SHOWN).collect());
            mismatches.push(TypeMismatch { index, column, text, wanted });
        }
        value
    };
    text.iter().enumerate().map(value).collect()
}

/// Casts a column that is not text to one of the engines' types.
fn cast_column(column: &Column, target: Type) -> Result<Column> {
    let dtype = match target {
        Type::Integer => DataType::Int64,
        Type::Float => DataType::Float64,
        Type::Boolean => DataType::Boolean,
        Type::Datetime => DataType::Datetime(TimeUnit::Microseconds, None),
        Type::String | Type::Unspecified => {
            if column.dtype().is_nested() {
                let text = column
                    .as_materialized_series()
                    .iter()
                    .map(|value| (!value.is_null()).then(|| value.to_string()));
                let text: StringChunked = text.collect();
                return Ok(text.with_name(column.name().clone()).into_column());
            }
            DataType::String
        }
    };
    Ok(column.cast(&dtype)?)
}

/// The engines' type for a column's data type.
pub(crate) fn type_of(dtype: &DataType) -> Type {
    match dtype {
        DataType::Boolean => Type::Boolean,
        DataType::Datetime(..) | DataType::Date => Type::Datetime,
        dtype if dtype.is_integer() => Type::Integer,
        dtype if dtype.is_float() || matches!(dtype, DataType::Duration(_) | DataType::Time) => {
            Type::Float
        }
        _ => Type::String,
    }
}

/// The narrowest type that fits all texts; `String` if there are none. Whole numbers beyond 64 bits are floats.
pub(crate) fn infer(texts: &[&str], nulls: &NullValues) -> Type {
    let present: Vec<&str> =
        texts.iter().map(|text| text.trim()).filter(|text| !nulls.has(text)).collect();
    let all = |fits: fn(&str) -> bool| present.iter().all(|text| fits(text));
    if present.is_empty() {
        Type::String
    } else if all(|text| integer(text).is_some()) {
        Type::Integer
    } else if all(|text| float(text).is_some()) && present.iter().any(|text| finite(text)) {
        Type::Float
    } else if all(|text| boolean(text).is_some()) {
        Type::Boolean
    } else if all(|text| datetime::parse(text).is_some()) {
        Type::Datetime
    } else {
        Type::String
    }
}

fn integer(text: &str) -> Option<i64> {
    text.parse().ok()
}

fn float(text: &str) -> Option<f64> {
    text.parse().ok()
}

fn finite(text: &str) -> bool {
    float(text).is_some_and(f64::is_finite)
}

fn boolean(text: &str) -> Option<bool> {
    if text.eq_ignore_ascii_case("true") {
        Some(true)
    } else if text.eq_ignore_ascii_case("false") {
        Some(false)
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn types_are_inferred_from_all_texts() {
        let nulls = NullValues::new(&[String::new()]);
        let inferred = |texts: &[&str]| infer(texts, &nulls);
        assert_eq!(inferred(&["1", "", "-2"]), Type::Integer);
        assert_eq!(inferred(&["1", "2.5", "inf", "1e3"]), Type::Float);
        assert_eq!(inferred(&["NaN", "inf"]), Type::String);
        assert_eq!(inferred(&["True", "false"]), Type::Boolean);
        assert_eq!(inferred(&["2022-11-02T13:04:05.123Z", "2022-11-02 13:04:05"]), Type::Datetime);
        assert_eq!(inferred(&["1", "x"]), Type::String);
        assert_eq!(inferred(&["", ""]), Type::String);
    }
}
