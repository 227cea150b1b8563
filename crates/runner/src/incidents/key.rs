//! Keys that stay the same from run to run.

use sha2::{Digest, Sha256};

/// Changes when the same cause and things are to have another key.
const VERSION: u8 = 1;

/// 16 hexadecimal digits over the parts, each with its length before it, so that no two lists of parts are alike.
pub(super) fn key(parts: &[&str]) -> String {
    use std::fmt::Write;
    let mut hash = Sha256::new();
    hash.update([VERSION]);
    for part in parts {
        hash.update((part.len() as u64).to_le_bytes());
        hash.update(part.as_bytes());
    }
    hash.finalize().iter().take(8).fold(String::with_capacity(16), |mut key, byte| {
        // Writing to a string cannot fail.
        let _ = write!(key, "{byte:02x}");
        key
    })
}
