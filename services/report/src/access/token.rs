//! The shared token, stored as a digest only.

use std::{env, fs, path::Path};

use anomal_access::hash;
use anomal_core::{Code, Error, Result};
use subtle::ConstantTimeEq;

/// The environment variable of the token, unless a file is named.
pub const TOKEN_VARIABLE: &str = "ANOMAL_REPORT_TOKEN";
/// Shorter tokens are too easy to guess.
const MIN_LENGTH: usize = 16;

pub(super) struct StaticToken {
    digest: [u8; 32],
}

impl StaticToken {
    /// # Errors
    /// If the token is too short or can't be sent in a header.
    pub fn new(token: &str) -> Result<Self> {
        let length = token.chars().count();
        if length < MIN_LENGTH {
            return Err(invalid_settings(format!(
                "the token has {length} characters and needs {MIN_LENGTH} or more; `openssl rand -hex 24` makes one"
            )));
        }
        if !token.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(invalid_settings(
                "the token may contain ASCII letters, digits and punctuation only",
            ));
        }
        Ok(Self { digest: hash(token) })
    }

    /// Compares digests in constant time, so that timing reveals neither the token nor its length.
    pub fn matches(&self, token: &str) -> bool {
        self.digest.ct_eq(&hash(token)).into()
    }

    /// Sessions are bound to the digest: they end when the token changes.
    pub fn digest(&self) -> &[u8] {
        &self.digest
    }
}

/// The token in a file, or else in the environment.
pub(super) fn read(file: Option<&Path>) -> Result<Option<String>> {
    let Some(file) = file else {
        return Ok(env::var(TOKEN_VARIABLE).ok().filter(|token| !token.is_empty()));
    };
    let text = fs::read_to_string(file)
        .map_err(|error| invalid_settings(format!("cannot read {}: {error}", file.display())))?;
    Ok(Some(text.trim().to_owned()))
}

pub(super) fn invalid_settings(message: impl Into<String>) -> Error {
    Error::new(Code::InvalidSettings, "ACCESS_SETTINGS", message)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_token_itself_matches() {
        let token = StaticToken::new("0123456789abcdef").unwrap();
        assert!(token.matches("0123456789abcdef"));
        for wrong in
            ["", "0123456789abcde", "0123456789abcdef0", "0123456789abcdeF", "0123456789abcdef\0"]
        {
            assert!(!token.matches(wrong), "{wrong}");
        }
    }

    #[test]
    fn short_tokens_and_those_that_fit_no_header_are_refused() {
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
        assert!(error.message.starts_with("cannot read /nowhere/token"), "{error}");
    }
}
