//! Values as JSON.

use std::io::{self, Write};

use polars::prelude::{AnyValue, Series};

use crate::{
    arrow_types::{self, ArrowType},
    json_text, text,
};

pub(crate) fn push_text(out: &mut Vec<u8>, text: &str) {
    // Writing to memory cannot fail.
    let _ = serde_json::to_writer(out, text);
}

/// Appends a value as JSON. NaN and infinities, which JSON lacks, become null.
pub(crate) fn push(out: &mut Vec<u8>, value: &AnyValue<'_>) {
    let _ = match value {
        AnyValue::Null => write!(out, "null"),
        AnyValue::Boolean(value) => write!(out, "{value}"),
        AnyValue::String(value) => return push_text(out, value),
        AnyValue::StringOwned(value) => return push_text(out, value),
        AnyValue::Int64(value) => write!(out, "{value}"),
        AnyValue::Int32(value) => write!(out, "{value}"),
        AnyValue::UInt64(value) => write!(out, "{value}"),
        AnyValue::UInt32(value) => write!(out, "{value}"),
        AnyValue::Float64(value) => serde_json::to_writer(out, value).map_err(io::Error::from),
        AnyValue::Float32(value) => serde_json::to_writer(out, value).map_err(io::Error::from),
        AnyValue::Duration(..) => {
            let mut seconds = String::new();
            text::push(&mut seconds, value);
            out.write_all(seconds.as_bytes())
        }
        AnyValue::List(list) => {
            let mut before = b'[';
            for value in list.iter() {
                out.push(before);
                before = b',';
                push(out, &value);
            }
            let end: &[u8] = if before == b'[' { b"[]" } else { b"]" };
            out.write_all(end)
        }
        AnyValue::Struct(_, _, [field]) if json_text::is_json(field.name()) => {
            match value._iter_struct_av().next() {
                Some(AnyValue::String(token)) => out.write_all(token.as_bytes()),
                _ => out.write_all(b"null"),
            }
        }
        AnyValue::Struct(_, _, fields) => {
            if let [field] = *fields
                && let Some(kind) = ArrowType::from_field(field.name())
            {
                let inner = value._iter_struct_av().next().unwrap_or(AnyValue::Null);
                return arrow_types::push_json(out, &kind, &inner);
            }
            let mut before = b'{';
            for (field, value) in fields.iter().zip(value._iter_struct_av()) {
                out.push(before);
                before = b',';
                push_text(out, field.name());
                out.push(b':');
                push(out, &value);
            }
            out.write_all(b"}")
        }
        value => {
            let mut text = String::new();
            text::push(&mut text, value);
            return push_text(out, &text);
        }
    };
}

/// Appends a map as a JSON object. `entries`: structs of a key and a value.
pub(crate) fn push_map(out: &mut Vec<u8>, entries: &Series) {
    let mut before = b'{';
    for entry in entries.iter() {
        let AnyValue::Struct(..) = entry else { continue };
        let mut parts = entry._iter_struct_av();
        let mut key = String::new();
        text::push(&mut key, &parts.next().unwrap_or(AnyValue::Null));
        out.push(before);
        before = b',';
        push_text(out, &key);
        out.push(b':');
        push(out, &parts.next().unwrap_or(AnyValue::Null));
    }
    if before == b'{' {
        out.push(before);
    }
    out.push(b'}');
}
