//! Encodes names for a request's path.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

/// Commas, asterisks and unreserved characters stay as they are.
const ESCAPED: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'_')
    .remove(b'.')
    .remove(b'~')
    .remove(b'*')
    .remove(b',')
    .remove(b':');

pub(in crate::elasticsearch) fn encode(name: &str) -> String {
    utf8_percent_encode(name, ESCAPED).to_string()
}
