//! Names as parts of a request's path.

use std::fmt::Write;

/// Commas, stars and what needs no escaping stay as they are.
pub(in crate::elasticsearch) fn encoded(name: &str) -> String {
    const PLAIN: &[u8] = b"-_.~*,:";
    let mut encoded = String::with_capacity(name.len());
    for byte in name.bytes() {
        if byte.is_ascii_alphanumeric() || PLAIN.contains(&byte) {
            encoded.push(byte.into());
        } else {
            // Writing to a string never fails.
            let _ = write!(encoded, "%{byte:02X}");
        }
    }
    encoded
}
