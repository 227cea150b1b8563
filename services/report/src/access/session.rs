//! Sessions as signed cookies that any replica with the same key can read. A cookie holds the principal and its
//! expiry, never the token.
//!
//! The cookie is `SameSite=Lax`, not `Strict`: Kibana and chats link to reports, and a browser that follows a link has
//! to send the cookie, or its user would sign in for every link. Changes are POST requests, for which browsers send no
//! `Lax` cookie from other sites; their origin is checked as well.

use std::{fmt, fs, path::Path, time::Duration};

use anomal_core::{Error, Result};
use axum::{
    http::{
        HeaderMap, HeaderValue,
        header::{COOKIE, SET_COOKIE},
    },
    response::IntoResponse,
};
use axum_extra::extract::cookie::{Cookie, Key, SameSite, SignedCookieJar};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use ring::{
    hmac,
    rand::{SecureRandom, SystemRandom},
};
use serde::{Deserialize, Serialize};

use super::{caller::Principal, token::invalid_settings};

/// Browsers drop cookies longer than 4,096 bytes, name included.
const MAX_COOKIE: usize = 3800;
const MIN_SECRET: usize = 32;

#[derive(Serialize, Deserialize)]
struct Claims {
    #[serde(rename = "who")]
    principal: Principal,
    /// Seconds since 1970.
    until: u64,
}

/// The session of a request's cookie.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Session {
    Missing,
    /// Expired, or not signed with this key.
    Ended,
    Active(Principal),
}

pub(super) struct Sessions {
    key: Key,
    /// The longest life of a session.
    life: Duration,
}

impl Sessions {
    /// Replicas share `secret`. Sessions are bound to `context`, such as the token: those of another context are not
    /// valid.
    pub fn new(secret: &Secret, context: &[&[u8]], life: Duration) -> Result<Self> {
        let key = hmac::Key::new(hmac::HMAC_SHA512, &secret.0);
        let mut derived = hmac::Context::with_key(&key);
        for part in context {
            derived.update(&part.len().to_be_bytes());
            derived.update(part);
        }
        let derived = derived.sign();
        let key = Key::try_from(derived.as_ref())
            .map_err(|error| Error::internal(format!("session key: {error}")))?;
        Ok(Self { key, life })
    }

    /// The value of `Set-Cookie` that starts a session. It ends with the token at `expires`, if that is sooner.
    ///
    /// # Errors
    /// If the user has more groups than fit into a cookie.
    pub fn start(
        &self,
        principal: &Principal,
        expires: Option<u64>,
        now: u64,
        https: bool,
    ) -> Result<HeaderValue> {
        let latest = now.saturating_add(self.life.as_secs());
        let until = expires.map_or(latest, |expires| expires.min(latest));
        let claims = serde_json::to_vec(&Claims { principal: principal.clone(), until })
            .map_err(|error| Error::internal(error.to_string()))?;
        let life = Duration::from_secs(until.saturating_sub(now));
        let jar = SignedCookieJar::new(self.key.clone());
        let jar = jar.add(Cookie::new(name(https), URL_SAFE_NO_PAD.encode(claims)));
        // The jar signs when it is serialized.
        let signed = signed_value(jar)?;
        if signed.len() > MAX_COOKIE {
            return Err(invalid_settings(
                "this account has more groups than fit into a cookie; send the token as a bearer token instead",
            ));
        }
        header(signed, life, https)
    }

    /// The value of `Set-Cookie` that ends a session in the browser.
    pub fn end(https: bool) -> Result<HeaderValue> {
        header(String::new(), Duration::ZERO, https)
    }

    pub fn read(&self, headers: &HeaderMap, now: u64, https: bool) -> Session {
        let name = name(https);
        let jar = SignedCookieJar::from_headers(headers, self.key.clone());
        let Some(cookie) = jar.get(name) else {
            let lines = headers.get_all(COOKIE).into_iter().filter_map(|line| line.to_str().ok());
            let sent =
                lines.flat_map(Cookie::split_parse).flatten().any(|sent| sent.name() == name);
            return if sent { Session::Ended } else { Session::Missing };
        };
        let claims = URL_SAFE_NO_PAD.decode(cookie.value()).ok();
        let claims = claims.and_then(|claims| serde_json::from_slice::<Claims>(&claims).ok());
        match claims {
            Some(claims) if now < claims.until => Session::Active(claims.principal),
            _ => Session::Ended,
        }
    }
}

/// Over TLS, browsers accept a cookie with this prefix only if it is secure and for the whole host: no neighbouring
/// domain can set it.
fn name(https: bool) -> &'static str {
    if https { "__Host-anomal" } else { "anomal" }
}

fn header(value: String, life: Duration, https: bool) -> Result<HeaderValue> {
    let failed = |error: String| Error::internal(format!("session cookie: {error}"));
    let cookie = Cookie::build((name(https), value))
        .path("/")
        .http_only(true)
        .secure(https)
        .same_site(SameSite::Lax)
        .max_age(life.try_into().map_err(|_| failed("its life is too long".to_owned()))?)
        .build();
    HeaderValue::try_from(cookie.to_string()).map_err(|error| failed(error.to_string()))
}

/// The value of a jar's only cookie as it is sent.
fn signed_value(jar: SignedCookieJar) -> Result<String> {
    let response = jar.into_response();
    let line = response.headers().get(SET_COOKIE);
    let cookie = line.and_then(|line| Cookie::parse(line.to_str().ok()?.to_owned()).ok());
    cookie.map(|cookie| cookie.value().to_owned()).ok_or_else(|| Error::internal("session cookie"))
}

/// The secret from which session keys are derived.
#[derive(Clone)]
pub struct Secret(Vec<u8>);

impl Secret {
    /// A random secret: sessions end with the process, and other replicas do not accept them.
    ///
    /// # Errors
    /// If the system has no source of random numbers.
    pub fn random() -> Result<Self> {
        let mut bytes = vec![0; 64];
        let filled = SystemRandom::new().fill(&mut bytes);
        filled.map_err(|_| Error::internal("the system has no source of random numbers"))?;
        Ok(Self(bytes))
    }

    /// # Errors
    /// If the file can't be read or is too short.
    pub fn read(file: &Path) -> Result<Self> {
        let bytes = fs::read(file).map_err(|error| {
            invalid_settings(format!("cannot read {}: {error}", file.display()))
        })?;
        let bytes = bytes.trim_ascii();
        if bytes.len() < MIN_SECRET {
            return Err(invalid_settings(format!(
                "{} has {} bytes and needs {MIN_SECRET} or more; `openssl rand -base64 48` makes them",
                file.display(),
                bytes.len()
            )));
        }
        Ok(Self(bytes.to_vec()))
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Secret").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
