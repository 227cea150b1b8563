//! Names as parts of a request's path.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

/// Commas, stars and what needs no escaping stay as they are.
const ESCAPED: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'_')
    .remove(b'.')
    .remove(b'~')
    .remove(b'*')
    .remove(b',')
    .remove(b':');

pub(in crate::elasticsearch) fn encoded(name: &str) -> String {
    utf8_percent_encode(name, ESCAPED).to_string()
}
