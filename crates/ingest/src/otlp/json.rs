//! The JSON encoding of OTLP: names in lower camel case, ids in hexadecimal, 64-bit numbers as texts or numbers, enumerations as
//! numbers, and names that are not known left out.

use base64::{
    Engine, alphabet,
    engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig},
};
use opentelemetry_proto::tonic::{
    collector::logs::v1::ExportLogsServiceRequest,
    common::v1::{
        AnyValue, ArrayValue, InstrumentationScope, KeyValue, KeyValueList, any_value::Value,
    },
    logs::v1::{LogRecord, ResourceLogs, ScopeLogs},
    resource::v1::Resource,
};
use serde::{Deserialize, Deserializer, de::Error as _};

/// With or without padding.
const CONFIG: GeneralPurposeConfig =
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent);
const PLAIN: GeneralPurpose = GeneralPurpose::new(&alphabet::STANDARD, CONFIG);
const FOR_URLS: GeneralPurpose = GeneralPurpose::new(&alphabet::URL_SAFE, CONFIG);

/// A request in JSON.
///
/// # Errors
/// It is no JSON, or not of the form; with the place.
pub(crate) fn from_json(body: &[u8]) -> Result<ExportLogsServiceRequest, serde_json::Error> {
    serde_json::from_slice::<Request>(body).map(Into::into)
}

/// Null is the same as nothing.
fn or_default<'de, D: Deserializer<'de>, T: Deserialize<'de> + Default>(
    deserializer: D,
) -> Result<T, D::Error> {
    Ok(Option::deserialize(deserializer)?.unwrap_or_default())
}

macro_rules! message {
    ($name:ident { $($field:ident: $kind:ty),* $(,)? }) => {
        #[derive(Default, Deserialize)]
        #[serde(rename_all = "camelCase", default)]
        struct $name {
            $(#[serde(deserialize_with = "or_default")] $field: $kind,)*
        }
    };
}

message!(Request { resource_logs: Vec<OfResource>, });
message!(OfResource { resource: Option<ResourceJson>, scope_logs: Vec<OfScope>, schema_url: String, });
message!(ResourceJson { attributes: Vec<Member>, });
message!(OfScope { scope: Option<ScopeJson>, log_records: Vec<Record>, schema_url: String, });
message!(ScopeJson { name: String, version: String, attributes: Vec<Member>, });
message!(Member { key: String, value: Any });
message!(Record {
    time_unix_nano: Number<u64>,
    observed_time_unix_nano: Number<u64>,
    severity_number: Number<i32>,
    severity_text: String,
    body: Option<Any>,
    attributes: Vec<Member>,
    dropped_attributes_count: Number<u32>,
    flags: Number<u32>,
    trace_id: Id,
    span_id: Id,
    event_name: String,
});
message!(Any {
    string_value: Option<String>,
    bool_value: Option<bool>,
    int_value: Option<Number<i64>>,
    double_value: Option<Number<f64>>,
    bytes_value: Option<Base64>,
    array_value: Option<Array>,
    kvlist_value: Option<List>,
});
message!(Array { values: Vec<Any>, });
message!(List { values: Vec<Member>, });

/// A number, also as a text.
#[derive(Default)]
struct Number<T>(T);

impl<'de, T: std::str::FromStr> Deserialize<'de> for Number<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(untagged)]
        enum Either {
            Number(serde_json::Number),
            Text(String),
        }
        let text = match Either::deserialize(deserializer)? {
            Either::Number(number) => number.to_string(),
            Either::Text(text) => text,
        };
        let wrong = || D::Error::custom(format!("`{text}` is no number of the field's type"));
        text.parse().map(Self).map_err(|_| wrong())
    }
}

/// Bytes in hexadecimal.
#[derive(Default)]
struct Id(Vec<u8>);

impl<'de> Deserialize<'de> for Id {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let digit = |digit: u8| char::from(digit).to_digit(16).and_then(|it| u8::try_from(it).ok());
        let byte = |pair: &[u8]| match pair {
            [high, low] => Some(16 * digit(*high)? + digit(*low)?),
            _ => None,
        };
        let bytes = text.as_bytes().chunks(2).map(byte).collect::<Option<_>>();
        bytes
            .map(Self)
            .ok_or_else(|| D::Error::custom(format!("the id `{text}` is not hexadecimal")))
    }
}

/// Bytes in Base64.
#[derive(Default)]
struct Base64(Vec<u8>);

impl<'de> Deserialize<'de> for Base64 {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let decoded = PLAIN.decode(&text).or_else(|_| FOR_URLS.decode(&text));
        decoded.map(Self).map_err(D::Error::custom)
    }
}

fn all<T: Into<U>, U>(items: Vec<T>) -> Vec<U> {
    items.into_iter().map(Into::into).collect()
}

impl From<Request> for ExportLogsServiceRequest {
    fn from(request: Request) -> Self {
        Self { resource_logs: all(request.resource_logs) }
    }
}

impl From<OfResource> for ResourceLogs {
    fn from(logs: OfResource) -> Self {
        let OfResource { resource, scope_logs, schema_url } = logs;
        let resource =
            resource.map(|it| Resource { attributes: all(it.attributes), ..Resource::default() });
        Self { resource, scope_logs: all(scope_logs), schema_url }
    }
}

impl From<OfScope> for ScopeLogs {
    fn from(logs: OfScope) -> Self {
        let OfScope { scope, log_records, schema_url } = logs;
        let scope = scope.map(|it| InstrumentationScope {
            name: it.name,
            version: it.version,
            attributes: all(it.attributes),
            dropped_attributes_count: 0,
        });
        Self { scope, log_records: all(log_records), schema_url }
    }
}

impl From<Record> for LogRecord {
    fn from(record: Record) -> Self {
        Self {
            time_unix_nano: record.time_unix_nano.0,
            observed_time_unix_nano: record.observed_time_unix_nano.0,
            severity_number: record.severity_number.0,
            severity_text: record.severity_text,
            body: record.body.map(Into::into),
            attributes: all(record.attributes),
            dropped_attributes_count: record.dropped_attributes_count.0,
            flags: record.flags.0,
            trace_id: record.trace_id.0,
            span_id: record.span_id.0,
            event_name: record.event_name,
        }
    }
}

impl From<Member> for KeyValue {
    fn from(member: Member) -> Self {
        Self { key: member.key, value: Some(member.value.into()), ..Self::default() }
    }
}

impl From<Any> for AnyValue {
    /// The first that is set.
    fn from(any: Any) -> Self {
        let text = any.string_value.map(Value::StringValue);
        let truth = || any.bool_value.map(Value::BoolValue);
        let integer = || any.int_value.map(|it| Value::IntValue(it.0));
        let double = || any.double_value.map(|it| Value::DoubleValue(it.0));
        let bytes = || any.bytes_value.map(|it| Value::BytesValue(it.0));
        let array = || any.array_value.map(|it| ArrayValue { values: all(it.values) });
        let list = || any.kvlist_value.map(|it| KeyValueList { values: all(it.values) });
        let scalar = text.or_else(truth).or_else(integer).or_else(double).or_else(bytes);
        let value = scalar.or_else(|| array().map(Value::ArrayValue));
        Self { value: value.or_else(|| list().map(Value::KvlistValue)) }
    }
}
