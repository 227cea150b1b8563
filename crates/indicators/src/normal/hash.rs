//! Hashes: hexadecimal digits in lower case.

use std::borrow::Cow;

/// The digits of MD5, SHA-1, SHA-256 and SHA-512.
const LENGTHS: [usize; 4] = [32, 40, 64, 128];

/// A hash in its normal form; nothing if it is none. `sha256:` and the like may precede it.
pub(crate) fn hash(text: &str) -> Option<Cow<'_, str>> {
    let text = text.trim_ascii();
    let digits = match text.split_once([':', '=']) {
        Some((algorithm, digits)) if is_algorithm(algorithm) => digits,
        _ => text,
    };
    if !LENGTHS.contains(&digits.len()) || !digits.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return None;
    }
    Some(if digits.bytes().any(|byte| byte.is_ascii_uppercase()) {
        Cow::Owned(digits.to_ascii_lowercase())
    } else {
        Cow::Borrowed(digits)
    })
}

fn is_algorithm(text: &str) -> bool {
    ["md5", "sha1", "sha-1", "sha256", "sha-256", "sha512", "sha-512"]
        .iter()
        .any(|name| text.eq_ignore_ascii_case(name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hashes_have_one_form() {
        let md5 = "d41d8cd98f00b204e9800998ecf8427e";
        assert_eq!(hash(md5).as_deref(), Some(md5));
        assert_eq!(hash(&md5.to_uppercase()).as_deref(), Some(md5));
        assert_eq!(hash(&format!("MD5={md5}")).as_deref(), Some(md5));
        for length in LENGTHS {
            assert!(hash(&"0".repeat(length)).is_some());
            assert!(hash(&"0".repeat(length - 1)).is_none());
        }
        assert_eq!(hash(&"g".repeat(32)), None);
        assert_eq!(hash(""), None);
    }
}
