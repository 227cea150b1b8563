//! Who may send.

use axum::http::{HeaderMap, header::AUTHORIZATION};
use base64::{Engine, prelude::BASE64_STANDARD};

use super::answer::Refusal;
use crate::token::Credentials;

/// # Errors
/// `Unauthorized`.
pub(super) fn check(known: Option<&Credentials>, headers: &HeaderMap) -> Result<(), Refusal> {
    let Some(known) = known else { return Ok(()) };
    let given = headers.get(AUTHORIZATION).and_then(|value| value.to_str().ok());
    let (scheme, value) =
        given.and_then(|given| given.split_once(' ')).ok_or(Refusal::Unauthorized)?;
    let value = value.trim();
    let is_known = if scheme.eq_ignore_ascii_case("bearer") {
        known.is_token(value)
    } else if scheme.eq_ignore_ascii_case("basic") {
        let decoded = BASE64_STANDARD.decode(value).ok();
        let decoded = decoded.and_then(|bytes| String::from_utf8(bytes).ok());
        let user = decoded.as_deref().and_then(|text| text.split_once(':'));
        user.is_some_and(|(name, password)| known.is_user(name, password))
    } else {
        false
    };
    is_known.then_some(()).ok_or(Refusal::Unauthorized)
}
