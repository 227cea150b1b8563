//! One token for everyone who may in. It is kept as a digest only.

use std::{env, fs, path::Path};

use anomal_access::hash;
use anomal_core::{Code, Error, Result};
use subtle::ConstantTimeEq;

/// Where the token is, unless a file is named.
pub const TOKEN_VARIABLE: &str = "ANOMAL_REPORT_TOKEN";
/// Fewer characters are guessed too soon.
const SHORTEST: usize = 16;

pub(super) struct StaticToken {
    digest: [u8; 32],
}

impl StaticToken {
    /// # Errors
    /// If the token is too short, or could not be sent in a header.
    pub fn new(token: &str) -> Result<Self> {
        let length = token.chars().count();
        if length < SHORTEST {
            return Err(invalid(format!(
                "the token has {length} characters and needs {SHORTEST} or more; `openssl rand -hex 24` makes one"
            )));
        }
        if !token.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(invalid(
                "the token may hold letters, digits and signs of ASCII, and no space",
            ));
        }
        Ok(Self { digest: hash(token) })
    }

    /// Digests are compared, and in constant time: how long it takes tells neither the token nor its length.
    pub fn matches(&self, given: &str) -> bool {
        self.digest.ct_eq(&hash(given)).into()
    }

    /// Sessions are bound to it: they end when the token changes.
    pub fn digest(&self) -> &[u8] {
        &self.digest
    }
}

/// The token in that file, or else in the environment.
pub(super) fn read(file: Option<&Path>) -> Result<Option<String>> {
    let Some(file) = file else {
        return Ok(env::var(TOKEN_VARIABLE).ok().filter(|token| !token.is_empty()));
    };
    let text = fs::read_to_string(file)
        .map_err(|error| invalid(format!("{} can't be read: {error}", file.display())))?;
    Ok(Some(text.trim().to_owned()))
}

pub(super) fn invalid(message: impl Into<String>) -> Error {
    Error::new(Code::InvalidSettings, "ACCESS_SETTINGS", message)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_token_itself_is_right() {
        let token = StaticToken::new("0123456789abcdef").unwrap();
        assert!(token.matches("0123456789abcdef"));
        for wrong in
            ["", "0123456789abcde", "0123456789abcdef0", "0123456789abcdeF", "0123456789abcdef\0"]
        {
            assert!(!token.matches(wrong), "{wrong}");
        }
    }

    #[test]
    fn a_token_is_long_enough_and_fits_a_header() {
        let short = StaticToken::new("fifteen letters").err().unwrap();
        assert!(short.message.contains("16 or more"), "{short}");
        for bad in ["has spaces in its text", "with\na line end in it", "ünïcödé characters!!"]
        {
            assert_eq!(StaticToken::new(bad).err().unwrap().code, Code::InvalidSettings);
        }
    }

    #[test]
    fn a_file_may_end_with_a_line_end() {
        let file = tempfile::NamedTempFile::new().unwrap();
        fs::write(file.path(), "0123456789abcdef\n").unwrap();
        assert_eq!(read(Some(file.path())).unwrap().as_deref(), Some("0123456789abcdef"));
        let error = read(Some(Path::new("/nowhere/token"))).unwrap_err();
        assert!(error.message.starts_with("/nowhere/token can't be read"), "{error}");
    }
}
