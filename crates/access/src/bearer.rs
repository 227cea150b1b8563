//! Bearer tokens in requests, and the errors of missing and wrong tokens.

use anomal_core::{Code, Error};
use ring::digest::{SHA256, digest};

/// The reason of a refusal where no token was sent.
pub const NO_TOKEN: &str = "NO_TOKEN";

/// The token of `Authorization: Bearer`.
pub fn bearer(header: &[u8]) -> Option<&str> {
    let (scheme, token) = str::from_utf8(header).ok()?.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
}

/// The SHA-256 of a token, stored in its place.
pub fn hash(token: &str) -> [u8; 32] {
    let mut bytes = [0; 32];
    bytes.copy_from_slice(digest(&SHA256, token.as_bytes()).as_ref());
    bytes
}

pub fn no_token() -> Error {
    Error::new(
        Code::Unauthenticated,
        NO_TOKEN,
        "a token is required: send it as `Authorization: Bearer`, or sign in",
    )
}

pub fn wrong_token() -> Error {
    Error::new(
        Code::Unauthenticated,
        "WRONG_TOKEN",
        "the token is unknown, has expired, or was made for another service",
    )
}
