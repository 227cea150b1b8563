//! Times of tokens and sessions: seconds since 1970, in UTC.

use std::time::{SystemTime, UNIX_EPOCH};

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use serde::Deserialize;

/// The current time.
pub fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs())
}

/// The expiry of a token, if it is a JWT with one. It is not verified: it can only shorten what the API server
/// granted.
pub fn expiry(token: &str) -> Option<u64> {
    #[derive(Deserialize)]
    struct Claims {
        exp: f64,
    }
    let mut parts = token.split('.');
    let (_, claims, _) = (parts.next()?, parts.next()?, parts.next()?);
    if parts.next().is_some() {
        return None;
    }
    let claims = URL_SAFE_NO_PAD.decode(claims.trim_end_matches('=')).ok()?;
    let claims: Claims = serde_json::from_slice(&claims).ok()?;
    #[allow(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "casts of floats saturate, and fractions of a second do not matter"
    )]
    Some(claims.exp as u64)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn jwt(claims: &str) -> String {
        let part = |text: &str| URL_SAFE_NO_PAD.encode(text);
        format!("{}.{}.{}", part(r#"{"alg":"RS256"}"#), part(claims), part("signature"))
    }

    #[test]
    fn the_expiry_of_a_jwt_is_read() {
        assert_eq!(
            expiry(&jwt(r#"{"aud":["anomal"],"exp":1793520000,"iat":1}"#)),
            Some(1_793_520_000)
        );
        assert_eq!(expiry(&jwt(r#"{"exp":1793520000.75}"#)), Some(1_793_520_000));
        assert_eq!(expiry(&jwt(r#"{"exp":-5}"#)), Some(0));
    }

    #[test]
    fn other_tokens_have_no_expiry() {
        let more = format!("{}.x", jwt(r#"{"exp":1}"#));
        let junk = ["", "a.b.c", "opaque", "..", &jwt("{}"), &jwt(r#"{"exp":"soon"}"#), &more];
        for token in junk {
            assert_eq!(expiry(token), None, "{token}");
        }
    }
}
