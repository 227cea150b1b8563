//! Text as numbers, truth values and times; values as the five types that engines know.

use anomal_core::{
    Result,
    proto::{Column as Wanted, DataType as Type},
};
use jiff::{Timestamp, civil::DateTime, fmt::strtime, tz::TimeZone};
use polars::prelude::{
    BooleanChunked, Column, DataFrame, DataType, Float64Chunked, Int64Chunked, IntoColumn, IntoSeries,
    NewChunkedArray, StringChunked, TimeUnit,
};
use rayon::prelude::*;

/// Records that a type is inferred from.
pub(crate) const INFER_FROM: usize = 10_000;

/// A cell that is not of its column's type.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Misfit {
    /// Its place in the batch.
    pub index: usize,
    pub column: String,
    pub text: String,
    pub wanted: &'static str,
}

/// The columns typed, and what did not fit.
pub(crate) struct Typed {
    pub columns: DataFrame,
    pub misfits: Vec<Misfit>,
}

/// Which text stands for no value.
#[derive(Clone, Debug)]
pub(crate) struct Nulls(Vec<String>);

impl Nulls {
    pub fn new(texts: &[String]) -> Self {
        Self(texts.to_vec())
    }

    fn has(&self, text: &str) -> bool {
        self.0.iter().any(|null| null == text)
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
    let name = column.name().clone();
    let typed = match target {
        Type::Integer => {
            let values = parsed(text, nulls, &mut misfits, "a whole number", integer);
            Int64Chunked::from_iter_options(name, values.into_iter()).into_series()
        }
        Type::Float => {
            let values = parsed(text, nulls, &mut misfits, "a number", float);
            Float64Chunked::from_iter_options(name, values.into_iter()).into_series()
        }
        Type::Boolean => {
            let values = parsed(text, nulls, &mut misfits, "true or false", boolean);
            BooleanChunked::from_iter_options(name, values.into_iter()).into_series()
        }
        Type::Datetime => {
            let values = parsed(text, nulls, &mut misfits, "a date and time", datetime);
            let micros = Int64Chunked::from_iter_options(name, values.into_iter());
            micros.into_datetime(TimeUnit::Microseconds, None).into_series()
        }
        Type::String | Type::Unspecified => {
            if text.iter().flatten().any(|text| nulls.has(text)) {
                let values = text.iter().map(|text| text.filter(|text| !nulls.has(text)));
                let values: StringChunked = values.collect();
                values.with_name(name).into_series()
            } else {
                return Ok((column.clone(), misfits));
            }
        }
    };
    Ok((typed.into_column(), misfits))
}

fn parsed<T>(
    text: &StringChunked,
    nulls: &Nulls,
    misfits: &mut Vec<Misfit>,
    wanted: &'static str,
    parse: fn(&str) -> Option<T>,
) -> Vec<Option<T>> {
    let value = |(index, text): (usize, Option<&str>)| {
        let text = text?;
        match parse(text.trim()) {
            Some(value) => Some(value),
            None if nulls.has(text) => None,
            None => {
                let column = String::new();
                misfits.push(Misfit { index, column, text: text.chars().take(80).collect(), wanted });
                None
            }
        }
    };
    let values = text.iter().enumerate().map(value).collect();
    for misfit in misfits {
        misfit.column = text.name().to_string();
    }
    values
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
                let text = column.as_materialized_series().iter().map(|value| {
                    (!value.is_null()).then(|| value.to_string())
                });
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
        dtype if dtype.is_float() || matches!(dtype, DataType::Duration(_) | DataType::Time) => Type::Float,
        _ => Type::String,
    }
}

/// The narrowest type that all texts have; text where there are none.
pub(crate) fn infer<'a>(texts: impl Iterator<Item = &'a str> + Clone, nulls: &Nulls) -> Type {
    let present = texts.take(INFER_FROM).filter(|text| !nulls.has(text)).map(str::trim);
    let all = |fits: fn(&str) -> bool| present.clone().all(fits);
    if present.clone().next().is_none() {
        Type::String
    } else if all(|text| integer(text).is_some()) {
        Type::Integer
    } else if all(|text| float(text).is_some()) && present.clone().any(finite) {
        Type::Float
    } else if all(|text| boolean(text).is_some()) {
        Type::Boolean
    } else if all(|text| datetime(text).is_some()) {
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

/// Microseconds since the epoch of an RFC 3339 or ISO 8601 time (UTC where no offset is told), a date,
/// or a time as Kibana exports it (`Nov 2, 2022 @ 13:04:05.123`).
pub(crate) fn datetime(text: &str) -> Option<i64> {
    if !(8..=64).contains(&text.len()) {
        return None;
    }
    if let Ok(instant) = text.parse::<Timestamp>() {
        return Some(instant.as_microsecond());
    }
    let civil = if text.contains('@') {
        strtime::parse("%b %d, %Y @ %H:%M:%S%.f", text).ok()?.to_datetime().ok()?
    } else if text.as_bytes()[4] == b'-' {
        text.parse::<DateTime>().ok()?
    } else {
        return None;
    };
    TimeZone::UTC.to_timestamp(civil).ok().map(Timestamp::as_microsecond)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn types_are_inferred_from_all_texts() {
        let nulls = Nulls::new(&[String::new()]);
        let inferred = |texts: &[&str]| infer(texts.iter().copied(), &nulls);
        assert_eq!(inferred(&["1", "", "-2"]), Type::Integer);
        assert_eq!(inferred(&["1", "2.5", "inf", "1e3"]), Type::Float);
        assert_eq!(inferred(&["NaN", "inf"]), Type::String);
        assert_eq!(inferred(&["True", "false"]), Type::Boolean);
        assert_eq!(inferred(&["2022-11-02T13:04:05.123Z", "2022-11-02 13:04:05"]), Type::Datetime);
        assert_eq!(inferred(&["1", "x"]), Type::String);
        assert_eq!(inferred(&["", ""]), Type::String);
    }

    #[test]
    fn times_in_the_forms_of_exports() {
        let expected = Some(1_667_394_245_123_000);
        for text in [
            "2022-11-02T13:04:05.123Z",
            "2022-11-02T14:04:05.123+01:00",
            "2022-11-02 13:04:05.123",
            "Nov 2, 2022 @ 13:04:05.123",
        ] {
            assert_eq!(datetime(text), expected, "{text}");
        }
        assert_eq!(datetime("2022-11-02"), Some(1_667_347_200_000_000));
        for text in ["", "12345678", "ääääää", "2022-13-02", "10.0.0.1"] {
            assert_eq!(datetime(text), None, "{text}");
        }
    }
}
