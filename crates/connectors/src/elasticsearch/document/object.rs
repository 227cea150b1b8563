//! Appends fields and objects to JSON text.

use std::collections::HashSet;

use super::cells::{Cells, PutOutcome, float};

/// Bytes of a name and value that a server indexes as one keyword. Its limit is 32,766, including a prefix.
pub(super) const LONG: usize = 30_000;

/// Appends `name` and a number, unless it is missing or not finite.
pub(super) fn optional(out: &mut Vec<u8>, name: &[u8], value: Option<f64>) {
    let start = out.len();
    out.extend_from_slice(name);
    if value.is_none_or(|value| float(out, value) != PutOutcome::Written) {
        out.truncate(start);
    }
}

/// Appends a field to an open object, if it has a value.
pub(super) fn field(out: &mut Vec<u8>, key: &[u8], put: impl FnOnce(&mut Vec<u8>) -> PutOutcome) {
    let start = out.len();
    if out.last() != Some(&b'{') {
        out.push(b',');
    }
    out.extend_from_slice(key);
    if put(out) != PutOutcome::Written {
        out.truncate(start);
    }
}

/// Appends an object whose values are indexed as keywords. Values that are too long for that go to `long`, under the same
/// name.
pub(super) fn flat<'a>(
    out: &mut Vec<u8>,
    name: &str,
    long: &mut Vec<u8>,
    place: usize,
    fields: impl Iterator<Item = (&'a [u8], &'a Cells)>,
) {
    let mut long_fields = Vec::new();
    object(out, format!(",\"{name}\":{{").as_bytes(), |out| {
        for (key, cells) in fields {
            let start = out.len();
            field(out, key, |out| cells.put(place, out));
            if out.len() - start > LONG {
                let field = out.split_off(start);
                let field = field.strip_prefix(b",").unwrap_or(&field);
                if !long_fields.is_empty() {
                    long_fields.push(b',');
                }
                long_fields.extend_from_slice(field);
            }
        }
    });
    if !long_fields.is_empty() {
        if !long.is_empty() {
            long.push(b',');
        }
        long.extend_from_slice(format!("\"{name}\":{{").as_bytes());
        long.append(&mut long_fields);
        long.push(b'}');
    }
}

/// Appends an object unless it is empty.
pub(super) fn object(out: &mut Vec<u8>, begin: &[u8], fill: impl FnOnce(&mut Vec<u8>)) {
    let start = out.len();
    out.extend_from_slice(begin);
    let inner = out.len();
    fill(out);
    if out.len() == inner {
        out.truncate(start);
    } else {
        out.push(b'}');
    }
}

/// A valid field name: not empty, and without NUL, which servers do not allow.
pub(super) fn safe(name: &str) -> String {
    if name.is_empty() { "_".to_owned() } else { name.replace('\0', "_") }
}

/// Makes a name unique, since servers refuse objects with duplicate names.
pub(super) fn unique(name: &str, taken: &mut HashSet<String>) -> String {
    let mut candidate = name.to_owned();
    let mut count = 2;
    while !taken.insert(candidate.clone()) {
        candidate = format!("{name}_{count}");
        count += 1;
    }
    candidate
}
