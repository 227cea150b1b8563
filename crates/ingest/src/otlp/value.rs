//! The members of a JSON object, written as they come.

use base64::{Engine, prelude::BASE64_STANDARD};
use opentelemetry_proto::tonic::common::v1::{AnyValue, KeyValue, any_value::Value};
use serde_json::{Map, Value as Json};

/// Below it all whole numbers are doubles.
const WHOLE: f64 = 9_007_199_254_740_992.0;

/// A JSON object without its end.
#[derive(Clone, Default)]
pub(super) struct Members(Vec<u8>);

impl Members {
    fn name(&mut self, name: &str) {
        self.0.push(if self.0.is_empty() { b'{' } else { b',' });
        self.json(&name.into());
        self.0.push(b':');
    }

    fn json(&mut self, value: &Json) {
        self.0.extend_from_slice(value.to_string().as_bytes());
    }

    pub fn null(&mut self, name: &str) {
        self.name(name);
        self.json(&Json::Null);
    }

    /// A text; null if it is empty, as fields that are not set are.
    pub fn text(&mut self, name: &str, text: &str) {
        if text.is_empty() {
            return self.null(name);
        }
        self.name(name);
        self.json(&text.into());
    }

    pub fn number(&mut self, name: &str, number: impl Into<i64>) {
        self.name(name);
        self.json(&number.into().into());
    }

    pub fn value(&mut self, name: &str, value: Option<&AnyValue>) {
        self.name(name);
        self.json(&json(value));
    }

    /// The members of another object behind these.
    pub fn append(&mut self, other: &Self) {
        let Some((_, rest)) = other.0.split_first() else { return };
        self.0.push(if self.0.is_empty() { b'{' } else { b',' });
        self.0.extend_from_slice(rest);
    }

    /// The whole object.
    pub fn finish(mut self) -> Vec<u8> {
        if self.0.is_empty() {
            self.0.push(b'{');
        }
        self.0.push(b'}');
        self.0
    }
}

/// Bytes in Base64, and numbers that JSON does not have as texts, as in the JSON encoding of Protocol Buffers.
fn json(value: Option<&AnyValue>) -> Json {
    match value.and_then(|value| value.value.as_ref()) {
        // References to strings are of profiles.
        None | Some(Value::StringValueStrindex(_)) => Json::Null,
        Some(Value::StringValue(text)) => text.as_str().into(),
        Some(Value::BoolValue(value)) => (*value).into(),
        Some(Value::IntValue(number)) => (*number).into(),
        Some(Value::DoubleValue(number)) => double(*number),
        Some(Value::BytesValue(bytes)) => BASE64_STANDARD.encode(bytes).into(),
        Some(Value::ArrayValue(array)) => array.values.iter().map(|it| json(Some(it))).collect(),
        Some(Value::KvlistValue(list)) => Json::Object(object(&list.values)),
    }
}

fn object(members: &[KeyValue]) -> Map<String, Json> {
    let members = members.iter();
    members.map(|member| (member.key.clone(), json(member.value.as_ref()))).collect()
}

/// A whole number has no decimals: what reads JSON has doubles alone, and sends them for integers.
fn double(number: f64) -> Json {
    if number.abs() < WHOLE && number.fract() == 0.0 {
        return number.to_string().parse::<i64>().map_or_else(|_| number.into(), Json::from);
    }
    if number.is_finite() {
        return number.into();
    }
    let text = if number.is_nan() {
        "NaN"
    } else if number > 0.0 {
        "Infinity"
    } else {
        "-Infinity"
    };
    text.into()
}

pub(super) fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |text, byte| text + &format!("{byte:02x}"))
}
