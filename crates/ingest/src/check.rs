//! Whether a text can be a record.

use bytes::Bytes;
use serde::de::IgnoredAny;

use crate::{MAX_RECORD, record::NewRecord};

/// A JSON object as a record; anything else as one that is refused.
pub(crate) fn json_record(text: Bytes) -> NewRecord {
    match problem(&text) {
        None => NewRecord::new(text),
        Some(reason) => NewRecord::refused(&text, reason),
    }
}

fn problem(text: &[u8]) -> Option<String> {
    if text.len() > MAX_RECORD {
        return Some("it is longer than 16 MiB".to_owned());
    }
    if let Err(error) = simdutf8::basic::from_utf8(text) {
        return Some(error.to_string());
    }
    if text.first() != Some(&b'{') {
        return Some("it is no JSON object".to_owned());
    }
    let parsed = serde_json::from_slice::<IgnoredAny>(text);
    parsed.err().map(|error| format!("it is no JSON object: {error}"))
}
