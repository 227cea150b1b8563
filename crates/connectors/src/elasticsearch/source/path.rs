//! Names as parts of a request's path.

/// Commas, stars and what needs no escaping stay as they are.
pub(in crate::elasticsearch) fn encoded(name: &str) -> String {
    const PLAIN: &[u8] = b"-_.~*,:";
    let mut encoded = String::with_capacity(name.len());
    for byte in name.bytes() {
        if byte.is_ascii_alphanumeric() || PLAIN.contains(&byte) {
            encoded.push(byte.into());
        } else {
            encoded.push_str(&format!("%{byte:02X}"));
        }
    }
    encoded
}
