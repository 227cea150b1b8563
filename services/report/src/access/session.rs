//! Sessions: who has signed in, in a signed cookie that any replica with the same key can read. It holds who
//! they are and until when, never the token.
//!
//! The cookie is `SameSite=Lax`, not `Strict`: links to reports stand in Kibana and in chat, and a browser
//! that follows one must send the cookie or everyone would sign in for every link. What changes something is a
//! POST, for which `Lax` sends nothing from other sites, and its origin is checked besides.

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

use super::{caller::Who, token::invalid};

/// Browsers drop what is longer than 4,096 bytes with its name.
const LONGEST: usize = 3800;
const SHORTEST_KEY: usize = 32;

#[derive(Serialize, Deserialize)]
struct Claims {
    who: Who,
    until: u64,
}

/// What a request's cookie says.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Session {
    None,
    /// Its time is over, or it is none of ours.
    Over,
    Of(Who),
}

pub(super) struct Sessions {
    key: Key,
    /// At most.
    life: Duration,
}

impl Sessions {
    /// `secret` is what replicas share; `context` is what sessions are bound to, such as the token: those of
    /// another context are none.
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

    /// The value of `Set-Cookie` for someone whose token ends then, if it does.
    ///
    /// # Errors
    /// If they are in more groups than a cookie can name.
    pub fn start(
        &self,
        who: &Who,
        ends: Option<u64>,
        now: u64,
        https: bool,
    ) -> Result<HeaderValue> {
        let latest = now.saturating_add(self.life.as_secs());
        let until = ends.map_or(latest, |ends| ends.min(latest));
        let claims = serde_json::to_vec(&Claims { who: who.clone(), until })
            .map_err(|error| Error::internal(error.to_string()))?;
        let life = Duration::from_secs(until.saturating_sub(now));
        let jar = SignedCookieJar::new(self.key.clone());
        let jar = jar.add(Cookie::new(name(https), URL_SAFE_NO_PAD.encode(claims)));
        // The jar signs; read raw, it has the signature in it.
        let signed = raw(jar)?;
        if signed.len() > LONGEST {
            return Err(invalid(
                "this account is in more groups than a cookie can hold; send the token as a bearer token instead",
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
            return if sent { Session::Over } else { Session::None };
        };
        let claims = URL_SAFE_NO_PAD.decode(cookie.value()).ok();
        let claims = claims.and_then(|claims| serde_json::from_slice::<Claims>(&claims).ok());
        match claims {
            Some(claims) if now < claims.until => Session::Of(claims.who),
            _ => Session::Over,
        }
    }
}

/// Over TLS, browsers take a cookie of this name only if it is secure, of this host and of all its paths: no
/// neighbour can set it.
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

/// The one cookie of a jar as it would be sent.
fn raw(jar: SignedCookieJar) -> Result<String> {
    let response = jar.into_response();
    let line = response.headers().get(SET_COOKIE);
    let cookie = line.and_then(|line| Cookie::parse(line.to_str().ok()?.to_owned()).ok());
    cookie.map(|cookie| cookie.value().to_owned()).ok_or_else(|| Error::internal("session cookie"))
}

/// What session keys are made of.
#[derive(Clone)]
pub struct Secret(Vec<u8>);

impl Secret {
    /// A new one: sessions end with the process, and other replicas do not know them.
    ///
    /// # Errors
    /// If the system has no random numbers.
    pub fn random() -> Result<Self> {
        let mut bytes = vec![0; 64];
        let filled = SystemRandom::new().fill(&mut bytes);
        filled.map_err(|_| Error::internal("the system gives no random numbers"))?;
        Ok(Self(bytes))
    }

    /// # Errors
    /// If the file can't be read, or is too short to be a secret.
    pub fn read(file: &Path) -> Result<Self> {
        let bytes = fs::read(file)
            .map_err(|error| invalid(format!("{} can't be read: {error}", file.display())))?;
        let bytes = bytes.trim_ascii();
        if bytes.len() < SHORTEST_KEY {
            return Err(invalid(format!(
                "{} holds {} bytes and needs {SHORTEST_KEY} or more; `openssl rand -base64 48` makes them",
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
