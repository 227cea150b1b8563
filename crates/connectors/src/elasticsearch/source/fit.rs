//! A value as its column stores it, by the rules that the server has for it.

use anomal_spec::Arrays;
use serde_json::Value;

use super::row::Reading;
use crate::{ndjson::Stored, typing};

/// A value as its column stores it.
///
/// # Errors
/// What is wrong with it.
pub(super) fn fit(value: Value, reading: &Reading, arrays: Arrays) -> Result<Value, String> {
    let wanted = match reading.stored {
        Stored::Text => return Ok(text(value, arrays).into()),
        Stored::Integer => {
            if let Some(whole) = integer(&value) {
                return Ok(whole.into());
            }
            "a whole number"
        }
        Stored::Float => {
            let number = value.as_f64();
            if let Some(number) = number.or_else(|| value.as_str()?.trim().parse().ok()) {
                return Ok(number.into());
            }
            "a number"
        }
        Stored::Boolean => match &value {
            Value::Bool(_) => return Ok(value),
            Value::String(text) if text == "true" => return Ok(true.into()),
            Value::String(text) if text == "false" || text.is_empty() => return Ok(false.into()),
            _ => "true or false",
        },
    };
    Err(typing::not(&value.as_str().map_or_else(|| value.to_string(), str::to_owned), wanted))
}

/// As the server takes it: a fraction is cut off, and text may hold a number.
fn integer(value: &Value) -> Option<i64> {
    if let Some(whole) = value.as_i64() {
        return Some(whole);
    }
    if let Some(text) = value.as_str() {
        let text = text.trim();
        return text.parse().ok().or_else(|| cut(text.parse().ok()?));
    }
    cut(value.as_f64()?)
}

#[expect(clippy::cast_possible_truncation, reason = "within the bounds of 64 bits")]
fn cut(number: f64) -> Option<i64> {
    (number.abs() < 9.2e18).then_some(number as i64)
}

fn text(value: Value, arrays: Arrays) -> String {
    match value {
        Value::String(text) => text,
        Value::Array(list) if arrays == Arrays::Text => {
            let list: Vec<String> = list.into_iter().map(|value| text(value, arrays)).collect();
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

    fn fitted(of: Type, value: Value, arrays: Arrays) -> Result<Value, String> {
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
        fit(value, &Reading { field, stored: Stored::new(of) }, arrays)
    }

    #[test]
    fn values_are_brought_to_their_type() {
        let integer = |value| fitted(Type::Integer, value, Arrays::Text);
        assert_eq!(integer(json!("5")), Ok(json!(5)));
        assert_eq!(integer(json!(7.9)), Ok(json!(7)));
        assert_eq!(integer(json!(" -7.9 ")), Ok(json!(-7)));
        assert_eq!(integer(json!(i64::MIN)), Ok(json!(i64::MIN)));
        assert_eq!(integer(json!("x")), Err("`x` is not a whole number".into()));
        assert_eq!(
            integer(json!(u64::MAX)),
            Err("`18446744073709551615` is not a whole number".into())
        );
        assert_eq!(integer(json!([1, 2])), Err("`[1,2]` is not a whole number".into()));
        let float = |value| fitted(Type::Float, value, Arrays::Text);
        assert_eq!(float(json!(1)), Ok(json!(1.0)));
        assert_eq!(float(json!("1e3")), Ok(json!(1000.0)));
        assert_eq!(float(json!(u64::MAX)), Ok(json!(18_446_744_073_709_551_615.0)));
        assert!(float(json!(true)).is_err());
        let boolean = |value| fitted(Type::Boolean, value, Arrays::Text);
        assert_eq!(boolean(json!("true")), Ok(json!(true)));
        assert_eq!(boolean(json!("")), Ok(json!(false)));
        assert!(boolean(json!(1)).is_err());
    }

    #[test]
    fn lists_are_text() {
        let list = json!(["a", 1, null, true]);
        assert_eq!(
            fitted(Type::String, list.clone(), Arrays::Text),
            Ok(json!("[a\";\"1\";\"null\";\"true]"))
        );
        assert_eq!(fitted(Type::String, list, Arrays::Json), Ok(json!("[\"a\",1,null,true]")));
        assert_eq!(fitted(Type::String, json!(7), Arrays::Text), Ok(json!("7")));
    }
}
