//! Converts values to the types of their columns, by the rules of the server.

use std::borrow::Cow;

use anomal_spec::Arrays;
use serde_json::Value;

use super::{flatten::DocumentValue, plan::ColumnPlan};
use crate::{
    column::{Cell, StorageType},
    typing,
};

/// Converts a value for storage in its column.
///
/// # Errors
/// A description of the mismatch.
pub(super) fn convert<'a>(
    value: DocumentValue<'a>,
    column: &ColumnPlan,
    arrays: Arrays,
) -> Result<Cell<'a>, String> {
    let (converted, wanted) = match column.stored {
        StorageType::Text => return Ok(Cell::Text(text(value, arrays))),
        StorageType::Integer => (integer(&value).map(Cell::Integer), "a whole number"),
        StorageType::Float => (float(&value).map(Cell::Float), "a number"),
        StorageType::Boolean => (boolean(&value).map(Cell::Boolean), "true or false"),
    };
    converted.ok_or_else(|| match value {
        DocumentValue::Text(text) => typing::mismatch_message(&text, wanted),
        DocumentValue::Other(value) => typing::mismatch_message(&value.to_string(), wanted),
    })
}

/// Like the server: fractions are truncated, and text may contain a number.
fn integer(value: &DocumentValue<'_>) -> Option<i64> {
    match value {
        DocumentValue::Text(text) => {
            let text = text.trim();
            text.parse().ok().or_else(|| truncated(text.parse().ok()?))
        }
        DocumentValue::Other(value) => value.as_i64().or_else(|| truncated(value.as_f64()?)),
    }
}

#[expect(clippy::cast_possible_truncation, reason = "within the bounds of 64 bits")]
fn truncated(number: f64) -> Option<i64> {
    (number.abs() < 9.2e18).then_some(number as i64)
}

fn float(value: &DocumentValue<'_>) -> Option<f64> {
    match value {
        DocumentValue::Text(text) => text.trim().parse().ok(),
        DocumentValue::Other(value) => value.as_f64(),
    }
}

fn boolean(value: &DocumentValue<'_>) -> Option<bool> {
    match value {
        DocumentValue::Text(text) => match text.as_ref() {
            "true" => Some(true),
            "false" | "" => Some(false),
            _ => None,
        },
        DocumentValue::Other(value) => value.as_bool(),
    }
}

fn text(value: DocumentValue<'_>, arrays: Arrays) -> Cow<'_, str> {
    match value {
        DocumentValue::Text(text) => text,
        DocumentValue::Other(value) => joined(value, arrays).into(),
    }
}

fn joined(value: Value, arrays: Arrays) -> String {
    match value {
        Value::String(text) => text,
        Value::Array(list) if arrays == Arrays::Text => {
            let list: Vec<String> = list.into_iter().map(|value| joined(value, arrays)).collect();
            format!("[{}]", list.join("\";\""))
        }
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use anomal_core::proto::DataType as Type;
    use serde_json::json;

    use super::super::mapping::Field;
    use super::*;

    fn converted(of: Type, value: Value, arrays: Arrays) -> Result<Cell<'static>, String> {
        let field = Field {
            name: "x".into(),
            data_type: of,
            mapped: of,
            typed: true,
            whole: false,
            values: true,
            derived: false,
            differs: None,
        };
        let value = match value {
            Value::String(text) => DocumentValue::Text(text.into()),
            other => DocumentValue::Other(other),
        };
        convert(value, &ColumnPlan { field, stored: StorageType::new(of) }, arrays)
    }

    #[test]
    fn values_are_brought_to_their_type() {
        let integer = |value| converted(Type::Integer, value, Arrays::Text);
        assert_eq!(integer(json!("5")), Ok(Cell::Integer(5)));
        assert_eq!(integer(json!(7.9)), Ok(Cell::Integer(7)));
        assert_eq!(integer(json!(" -7.9 ")), Ok(Cell::Integer(-7)));
        assert_eq!(integer(json!(i64::MIN)), Ok(Cell::Integer(i64::MIN)));
        assert_eq!(integer(json!("x")), Err("`x` is not a whole number".into()));
        assert_eq!(
            integer(json!(u64::MAX)),
            Err("`18446744073709551615` is not a whole number".into())
        );
        assert_eq!(integer(json!([1, 2])), Err("`[1,2]` is not a whole number".into()));
        let float = |value| converted(Type::Float, value, Arrays::Text);
        assert_eq!(float(json!(1)), Ok(Cell::Float(1.0)));
        assert_eq!(float(json!("1e3")), Ok(Cell::Float(1000.0)));
        assert_eq!(float(json!(u64::MAX)), Ok(Cell::Float(18_446_744_073_709_551_615.0)));
        assert!(float(json!(true)).is_err());
        let boolean = |value| converted(Type::Boolean, value, Arrays::Text);
        assert_eq!(boolean(json!("true")), Ok(Cell::Boolean(true)));
        assert_eq!(boolean(json!("")), Ok(Cell::Boolean(false)));
        assert!(boolean(json!(1)).is_err());
    }

    #[test]
    fn lists_are_text() {
        let list = json!(["a", 1, null, true]);
        let text = |text: &'static str| Ok(Cell::Text(text.into()));
        let stored = |value, arrays| converted(Type::String, value, arrays);
        assert_eq!(stored(list.clone(), Arrays::Text), text("[a\";\"1\";\"null\";\"true]"));
        assert_eq!(stored(list, Arrays::Json), text("[\"a\",1,null,true]"));
        assert_eq!(stored(json!(7), Arrays::Text), text("7"));
    }
}
