//! Text as numbers, truth values and times; values as the five types that engines know.

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

/// Records that a type is inferred from.
pub(crate) const INFER_FROM: usize = 10_000;
/// Characters of a cell that a message shows.
const SHOWN: usize = 80;

/// A cell that is not of its column's type.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Misfit {
    /// Its place in the batch.
    pub index: usize,
    pub column: String,
    text: String,
    wanted: &'static str,
}

impl Misfit {
    pub fn reason(&self) -> String {
        not(&self.text, self.wanted)
    }
}

/// That a value is not what it should be.
pub(crate) fn not(value: &str, wanted: &str) -> String {
    let shown: String = value.chars().take(SHOWN).collect();
    format!("`{shown}` is not {wanted}")
}

/// The columns typed, and what did not fit: at most one cell of a row, in row order.
pub(crate) struct Typed {
    pub columns: DataFrame,
    pub misfits: Vec<Misfit>,
}

/// Which text stands for no value.
#[derive(Clone, Debug, Default)]
pub(crate) struct Nulls {
    /// Whether blank cells do.
    blank: bool,
    texts: Vec<String>,
}

impl Nulls {
    pub fn new(texts: &[String]) -> Self {
        let (blank, texts): (Vec<&String>, Vec<&String>) =
            texts.iter().partition(|text| text.is_empty());
        Self { blank: !blank.is_empty(), texts: texts.into_iter().cloned().collect() }
    }

    fn has(&self, text: &str) -> bool {
        if text.is_empty() { self.blank } else { self.texts.iter().any(|null| null == text) }
    }
}

/// The wanted columns of `source` with their types, in parallel over columns.
pub(crate) fn typed(source: &DataFrame, wanted: &[Wanted], nulls: &Nulls) -> Result<Typed> {
    let columns: Vec<(Column, Vec<Misfit>)> = wanted
        .par_iter()
        .map(|wanted| one(source.column(&wanted.name)?, wanted, nulls))
        .collect::<Result<_>>()?;
    let (columns, misfits): (Vec<Column>, Vec<Vec<Misfit>>) = columns.into_iter().unzip();
    let mut misfits: Vec<Misfit> = misfits.into_iter().flatten().collect();
    // One for each row: the first column's.
    misfits.sort_by_key(|misfit| misfit.index);
    misfits.dedup_by_key(|misfit| misfit.index);
    Ok(Typed { columns: DataFrame::new(source.height(), columns)?, misfits })
}

fn one(column: &Column, wanted: &Wanted, nulls: &Nulls) -> Result<(Column, Vec<Misfit>)> {
    let target = wanted.data_type();
    if column.dtype() != &DataType::String {
        return Ok((native(column, target)?, Vec::new()));
    }
    let text = column.str()?;
    let mut misfits = Vec::new();
    let typed = match target {
        Type::Integer => {
            let values: Int64Chunked = parsed(text, nulls, &mut misfits, "a whole number", integer);
            values.into_series()
        }
        Type::Float => {
            let values: Float64Chunked = parsed(text, nulls, &mut misfits, "a number", float);
            values.into_series()
        }
        Type::Boolean => {
            let values: BooleanChunked =
                parsed(text, nulls, &mut misfits, "true or false", boolean);
            values.into_series()
        }
        Type::Datetime => {
            let micros: Int64Chunked =
                parsed(text, nulls, &mut misfits, "a date and time", datetime::parse);
            micros.into_datetime(TimeUnit::Microseconds, None).into_series()
        }
        Type::String | Type::Unspecified => {
            if !text.iter().flatten().any(|text| nulls.has(text)) {
                return Ok((column.clone(), misfits));
            }
            let values: StringChunked =
                text.iter().map(|text| text.filter(|text| !nulls.has(text))).collect();
            values.into_series()
        }
    };
    Ok((typed.with_name(column.name().clone()).into_column(), misfits))
}

/// Blanks around a value do not matter; a cell of blanks alone is as good as an empty one.
fn parsed<T, C: FromIterator<Option<T>>>(
    text: &StringChunked,
    nulls: &Nulls,
    misfits: &mut Vec<Misfit>,
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
            misfits.push(Misfit { index, column, text, wanted });
        }
        value
    };
    text.iter().enumerate().map(value).collect()
}

/// A column that has a type already, as one of the engines' types.
fn native(column: &Column, target: Type) -> Result<Column> {
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

/// The engines' type of a column that has one.
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

/// The narrowest type that all texts have; text where there are none. Whole numbers beyond 64 bits are
/// numbers.
pub(crate) fn infer(texts: &[&str], nulls: &Nulls) -> Type {
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
        let nulls = Nulls::new(&[String::new()]);
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
