//! Logs of OpenTelemetry as records: a JSON object for each log record, with its resource and scope.
//!
//! | column | of the log record |
//! | --- | --- |
//! | `@timestamp` | its time, else when it was observed |
//! | `observed_timestamp`, `severity_number`, `severity_text`, `event_name`, `trace_id`, `span_id` | the field of that name |
//! | `body` | its body; of a map, `body.<key>` |
//! | `attributes.<key>`, `resource.attributes.<key>`, `scope.attributes.<key>` | an attribute |
//! | `scope.name`, `scope.version`, `resource.schema_url`, `scope.schema_url` | of what made it |
//! | `flags`, `dropped_attributes_count` | where they are not 0 |

mod json;
mod value;

use bytes::Bytes;
use jiff::Timestamp;
use opentelemetry_proto::tonic::{
    collector::logs::v1::ExportLogsServiceRequest,
    common::v1::{InstrumentationScope, KeyValue},
    logs::v1::{LogRecord, ScopeLogs},
    resource::v1::Resource,
};

use self::value::{Members, hexadecimal};
use crate::{MAX_RECORD, record::NewRecord};

pub(crate) use self::json::from_json;

/// What the records of a request become is larger than is allowed.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct TooLarge;

/// The records of a request, in their order, of at most so many bytes together.
///
/// # Errors
/// They have more bytes, since each has the attributes of its resource and scope.
pub(crate) fn records(
    request: &ExportLogsServiceRequest,
    most: usize,
) -> Result<Vec<NewRecord>, TooLarge> {
    let mut records = Vec::new();
    let mut left = most;
    for resource in &request.resource_logs {
        let mut around = Members::default();
        of_resource(&mut around, resource.resource.as_ref(), &resource.schema_url);
        for scope in &resource.scope_logs {
            let mut around = around.clone();
            of_scope(&mut around, scope);
            for log in &scope.log_records {
                let mut members = of_record(log);
                members.append(&around);
                let text = Bytes::from(members.finish());
                left = left.checked_sub(text.len()).ok_or(TooLarge)?;
                records.push(if text.len() > MAX_RECORD {
                    NewRecord::refused(&text, "it is longer than 16 MiB")
                } else {
                    NewRecord::new(text)
                });
            }
        }
    }
    Ok(records)
}

fn of_resource(members: &mut Members, resource: Option<&Resource>, schema: &str) {
    attributes(members, "resource.attributes.", resource.map_or(&[], |it| &it.attributes));
    if !schema.is_empty() {
        members.text("resource.schema_url", schema);
    }
}

fn of_scope(members: &mut Members, logs: &ScopeLogs) {
    let none = InstrumentationScope::default();
    let scope = logs.scope.as_ref().unwrap_or(&none);
    members.text("scope.name", &scope.name);
    members.text("scope.version", &scope.version);
    attributes(members, "scope.attributes.", &scope.attributes);
    if !logs.schema_url.is_empty() {
        members.text("scope.schema_url", &logs.schema_url);
    }
}

fn of_record(log: &LogRecord) -> Members {
    let mut members = Members::default();
    let (time, observed) = (log.time_unix_nano, log.observed_time_unix_nano);
    members.text("@timestamp", &time_text(if time == 0 { observed } else { time }));
    members.text("observed_timestamp", &time_text(observed));
    match log.severity_number {
        0 => members.null("severity_number"),
        number => members.number("severity_number", number),
    }
    members.text("severity_text", &log.severity_text);
    members.text("event_name", &log.event_name);
    members.value("body", log.body.as_ref());
    members.text("trace_id", &hexadecimal(&log.trace_id));
    members.text("span_id", &hexadecimal(&log.span_id));
    for (name, number) in
        [("flags", log.flags), ("dropped_attributes_count", log.dropped_attributes_count)]
    {
        if number > 0 {
            members.number(name, number);
        }
    }
    attributes(&mut members, "attributes.", &log.attributes);
    members
}

fn attributes(members: &mut Members, prefix: &str, attributes: &[KeyValue]) {
    for attribute in attributes {
        members.value(&format!("{prefix}{}", attribute.key), attribute.value.as_ref());
    }
}

/// A time in nanoseconds since the epoch; empty: none.
fn time_text(nanoseconds: u64) -> String {
    if nanoseconds == 0 {
        return String::new();
    }
    let time = Timestamp::from_nanosecond(i128::from(nanoseconds));
    time.map(|time| time.to_string()).unwrap_or_default()
}

#[cfg(test)]
mod tests;
