//! A value as its column stores it, by the rules that the server has for it.

use std::borrow::Cow;

use anomal_spec::Arrays;
use serde_json::Value;

use super::{plan::Reading, walk::Found};
use crate::{
    ndjson::{Cell, StorageType},
    typing,
};

/// A value as its column stores it.
///
/// # Errors
/// What is wrong with it.
pub(super) fn fit<'a>(
    found: Found<'a>,
    reading: &Reading,
    arrays: Arrays,
) -> Result<Cell<'a>, String> {
    let (fits, wanted) = match reading.stored {
        StorageType::Text => return Ok(Cell::Text(text(found, arrays))),
        StorageType::Integer => (integer(&found).map(Cell::Integer), "a whole number"),
        StorageType::Float => (float(&found).map(Cell::Float), "a number"),
        StorageType::Boolean => (boolean(&found).map(Cell::Boolean), "true or false"),
    };
    fits.ok_or_else(|| match found {
        Found::Text(text) => typing::mismatch_message(&text, wanted),
        Found::Other(value) => typing::mismatch_message(&value.to_string(), wanted),
    })
}

/// As the server takes it: a fraction is cut off, and text may hold a number.
fn integer(found: &Found<'_>) -> Option<i64> {
    match found {
        Found::Text(text) => {
            let text = text.trim();
            text.parse().ok().or_else(|| cut(text.parse().ok()?))
        }
        Found::Other(value) => value.as_i64().or_else(|| cut(value.as_f64()?)),
    }
}

#[expect(clippy::cast_possible_truncation, reason = "within the bounds of 64 bits")]
fn cut(number: f64) -> Option<i64> {
    (number.abs() < 9.2e18).then_some(number as i64)
}

fn float(found: &Found<'_>) -> Option<f64> {
    match found {
        Found::Text(text) => text.trim().parse().ok(),
        Found::Other(value) => value.as_f64(),
    }
}

fn boolean(found: &Found<'_>) -> Option<bool> {
    match found {
        Found::Text(text) => match text.as_ref() {
            "true" => Some(true),
            "false" | "" => Some(false),
            _ => None,
        },
        Found::Other(value) => value.as_bool(),
    }
}

fn text(found: Found<'_>, arrays: Arrays) -> Cow<'_, str> {
    match found {
        Found::Text(text) => text,
        Found::Other(value) => joined(value, arrays).into(),
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

    use super::*;
    use crate::elasticsearch::mapping::Field;

    fn fitted(of: Type, value: Value, arrays: Arrays) -> Result<Cell<'static>, String> {
        let field = Field {
            name: "x".into(),
            of,
            mapped: of,
            typed: true,
            whole: false,
            values: true,
            derived: false,
            differs: None,
        };
        let found = match value {
            Value::String(text) => Found::Text(text.into()),
            other => Found::Other(other),
        };
        fit(found, &Reading { field, stored: StorageType::new(of) }, arrays)
    }

    #[test]
    fn values_are_brought_to_their_type() {
        let integer = |value| fitted(Type::Integer, value, Arrays::Text);
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
        let float = |value| fitted(Type::Float, value, Arrays::Text);
        assert_eq!(float(json!(1)), Ok(Cell::Float(1.0)));
        assert_eq!(float(json!("1e3")), Ok(Cell::Float(1000.0)));
        assert_eq!(float(json!(u64::MAX)), Ok(Cell::Float(18_446_744_073_709_551_615.0)));
        assert!(float(json!(true)).is_err());
        let boolean = |value| fitted(Type::Boolean, value, Arrays::Text);
        assert_eq!(boolean(json!("true")), Ok(Cell::Boolean(true)));
        assert_eq!(boolean(json!("")), Ok(Cell::Boolean(false)));
        assert!(boolean(json!(1)).is_err());
    }

    #[test]
    fn lists_are_text() {
        let list = json!(["a", 1, null, true]);
        let text = |text: &'static str| Ok(Cell::Text(text.into()));
        let stored = |value, arrays| fitted(Type::String, value, arrays);
        assert_eq!(stored(list.clone(), Arrays::Text), text("[a\";\"1\";\"null\";\"true]"));
        assert_eq!(stored(list, Arrays::Json), text("[\"a\",1,null,true]"));
        assert_eq!(stored(json!(7), Arrays::Text), text("7"));
    }
}
