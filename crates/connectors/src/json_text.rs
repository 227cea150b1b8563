//! Columns of JSON values of several types, each as its JSON text, so that numbers keep their digits.
//!
//! Polars has no such type: they are structs with one field of text, whose name is reserved. The values of a column of
//! [`NUMBERS`] are numbers that 64-bit floats give back, as far as its sample has shown; those of [`VALUES`] are any.

use std::borrow::Cow;

use anomal_core::Result;
use polars::prelude::{
    Column, DataType, Field, Float64Chunked, IntoColumn, IntoSeries, Series, StringChunked,
    StructChunked,
};

use crate::{datetime, typing::Class};

/// The field of a column of numbers.
pub(crate) const NUMBERS: &str = "anomal.number";
/// The field of a column of any values.
pub(crate) const VALUES: &str = "anomal.json";

/// The type of columns with this field.
pub(crate) fn dtype(field: &str) -> DataType {
    DataType::Struct(vec![Field::new(field.into(), DataType::String)])
}

/// The field, if values of this type are JSON texts.
pub(crate) fn field(dtype: &DataType) -> Option<&'static str> {
    let DataType::Struct(fields) = dtype else { return None };
    let [field] = fields.as_slice() else { return None };
    [NUMBERS, VALUES].into_iter().find(|name| field.name() == name)
}

/// Whether a struct with this field alone is a JSON text.
pub(crate) fn is_json(field: &str) -> bool {
    [NUMBERS, VALUES].contains(&field)
}

/// A column with this field.
///
/// # Errors
/// `Internal`.
pub(crate) fn column(name: &str, field: &str, tokens: StringChunked) -> Result<Column> {
    let length = tokens.len();
    let tokens: Series = tokens.with_name(field.into()).into_series();
    let column = StructChunked::from_series(name.into(), length, [tokens].iter())?;
    Ok(column.into_column())
}

/// The JSON texts of a column; nothing if it is of another type.
///
/// # Errors
/// `Internal`.
pub(crate) fn tokens(column: &Column) -> Result<Option<StringChunked>> {
    let Some(field) = field(column.dtype()) else { return Ok(None) };
    let tokens = column.struct_()?.field_by_name(field)?;
    Ok(Some(tokens.str()?.clone()))
}

/// The text that a JSON value stands for: a string's content, the JSON text of others.
pub(crate) fn plain(token: &str) -> Cow<'_, str> {
    match token.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')) {
        Some(text) if memchr::memchr(b'\\', text.as_bytes()).is_none() => text.into(),
        Some(_) => serde_json::from_str(token).map_or_else(|_| token.into(), Cow::Owned),
        None => token.into(),
    }
}

/// The plain texts of a column.
pub(crate) fn plain_texts(tokens: &StringChunked) -> StringChunked {
    tokens.iter().map(|token| token.map(plain)).collect()
}

/// The class of a JSON value. Strings are never numbers.
pub(crate) fn class(token: &str) -> Class {
    match token.bytes().next() {
        Some(b'"') => text_class(&plain(token)),
        Some(b't' | b'f') => Class::Boolean,
        Some(b'[' | b'{') | None => Class::Text,
        Some(_) => Class::classify_json(token),
    }
}

/// The class of the content of a JSON string.
pub(crate) fn text_class(text: &str) -> Class {
    if datetime::parse(text.trim()).is_some() { Class::Datetime } else { Class::Text }
}

/// The values in a type that all formats have: 64-bit floats for numbers, else text.
///
/// # Errors
/// `Internal`.
pub(crate) fn to_typed(column: &Column) -> Result<Column> {
    let Some(tokens) = tokens(column)? else { return Ok(column.clone()) };
    let name = column.name().clone();
    if field(column.dtype()) == Some(NUMBERS) {
        let numbers: Float64Chunked = tokens
            .iter()
            .map(|token| token?.parse().ok().filter(|number: &f64| number.is_finite()))
            .collect();
        return Ok(numbers.with_name(name).into_column());
    }
    Ok(plain_texts(&tokens).with_name(name).into_column())
}

/// The values as text.
///
/// # Errors
/// `Internal`.
pub(crate) fn to_plain(column: &Column) -> Result<Column> {
    let Some(tokens) = tokens(column)? else { return Ok(column.clone()) };
    Ok(plain_texts(&tokens).with_name(column.name().clone()).into_column())
}
