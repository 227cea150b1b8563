//! A repository of a registry, and the token that opens it.

use std::net::IpAddr;

use base64::{Engine, engine::general_purpose::STANDARD};
use reqwest::{Client, RequestBuilder, Response, StatusCode, Url, header};
use serde::Deserialize;
use tokio::sync::Mutex;

use super::{
    challenge::{Challenge, parse_challenges},
    credentials::Credentials,
    http,
};
use crate::{PackError, Result, reference::OciReference};

/// The largest answer of a token server.
const MAX_TOKEN: u64 = 1 << 20;

/// How a registry is reached.
#[derive(Clone, Debug, Default)]
pub struct Connection {
    pub credentials: Credentials,
    /// Without TLS. A registry of this machine is reached so unless `ca` is given.
    pub plain_http: bool,
    /// PEM certificates to trust.
    pub ca: Option<Vec<u8>>,
}

/// A repository.
pub struct Repository {
    http: Client,
    /// `https://HOST/v2/NAME/`.
    base: Url,
    registry: String,
    name: String,
    credentials: Credentials,
    actions: &'static str,
    authorization: Mutex<Option<String>>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct TokenAnswer {
    token: String,
    access_token: String,
}

impl Repository {
    /// `write`: whether blobs and manifests will be written.
    ///
    /// # Errors
    /// `tls.ca` has no certificate.
    pub fn new(reference: &OciReference, connection: &Connection, write: bool) -> Result<Self> {
        let registry = reference.registry.as_str();
        let plain = connection.plain_http || connection.ca.is_none() && is_loopback(registry);
        let scheme = if plain { "http" } else { "https" };
        let host = match registry {
            "docker.io" | "index.docker.io" => "registry-1.docker.io",
            other => other,
        };
        let name = match reference.repository.as_str() {
            short if host == "registry-1.docker.io" && !short.contains('/') => {
                format!("library/{short}")
            }
            name => name.to_owned(),
        };
        let base = format!("{scheme}://{host}/v2/{name}/");
        let base =
            Url::parse(&base).map_err(|error| PackError::reference(format!("{base}: {error}")))?;
        // What every registry takes at once needs no question before.
        let authorization = match &connection.credentials {
            Credentials::Token(token) => Some(format!("Bearer {token}")),
            _ => None,
        };
        Ok(Self {
            http: http::http_client(connection.ca.as_deref())?,
            base,
            registry: registry.to_owned(),
            name,
            credentials: connection.credentials.clone(),
            actions: if write { "pull,push" } else { "pull" },
            authorization: Mutex::new(authorization),
        })
    }

    /// For messages: registry and repository.
    pub fn place(&self) -> String {
        format!("{}/{}", self.registry, self.name)
    }

    /// A URL below the repository.
    pub(super) fn url(&self, path: &str) -> Result<Url> {
        self.base.join(path).map_err(|error| PackError::reference(format!("{path}: {error}")))
    }

    /// Another URL as the registry has named it, absolute or relative.
    pub(super) fn location(&self, response: &Response) -> Result<Url> {
        let location =
            response.headers().get(header::LOCATION).and_then(|value| value.to_str().ok());
        let location = location.and_then(|location| response.url().join(location).ok());
        location.ok_or_else(|| {
            PackError::unavailable(format!("{}: it names no place for an upload", self.place()))
        })
    }

    /// Sends a request, with a token where the registry wants one. Statuses are the caller's matter, except that a refusal
    /// after authentication is an error.
    pub(super) async fn request(
        &self,
        build: impl Fn(&Client) -> RequestBuilder,
    ) -> Result<Response> {
        let mut authorization = self.authorization.lock().await.clone();
        for attempt in 0..2 {
            let response = http::send(&self.place(), || {
                let request = build(&self.http);
                match &authorization {
                    Some(value) if self.is_ours(&request) => {
                        request.header(header::AUTHORIZATION, value)
                    }
                    _ => request,
                }
            })
            .await?;
            match response.status() {
                StatusCode::UNAUTHORIZED if attempt == 0 => {
                    authorization = Some(self.authenticate(&response).await?);
                    self.authorization.lock().await.clone_from(&authorization);
                }
                StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => return Err(self.denied()),
                _ => return Ok(response),
            }
        }
        Err(self.denied())
    }

    /// Whether a request goes to the registry itself, and not to a place for uploads elsewhere.
    fn is_ours(&self, request: &RequestBuilder) -> bool {
        let request = request.try_clone().and_then(|request| request.build().ok());
        request.is_some_and(|request| request.url().origin() == self.base.origin())
    }

    fn denied(&self) -> PackError {
        let remedy = match self.credentials {
            Credentials::Anonymous => {
                "without credentials; log in by `docker login`, or name a secret in `auth.secretRef`"
            }
            _ => "with these credentials; check them, and that they include this repository",
        };
        PackError::denied(format!("{}: the registry refuses it {remedy}", self.place()))
    }

    async fn authenticate(&self, response: &Response) -> Result<String> {
        let headers = response.headers().get_all(header::WWW_AUTHENTICATE);
        let challenges: Vec<Challenge> = headers
            .iter()
            .filter_map(|value| value.to_str().ok())
            .flat_map(parse_challenges)
            .collect();
        if let Some(challenge) = challenges.iter().find(|challenge| challenge.scheme == "bearer") {
            return self.token(challenge).await.map(|token| format!("Bearer {token}"));
        }
        match &self.credentials {
            Credentials::Basic { user, password }
                if challenges.iter().any(|challenge| challenge.scheme == "basic") =>
            {
                Ok(basic(user, password))
            }
            _ => Err(self.denied()),
        }
    }

    /// A token of the token server that the registry names.
    async fn token(&self, challenge: &Challenge) -> Result<String> {
        let place = self.place();
        let realm = challenge.get("realm").and_then(|realm| Url::parse(realm).ok());
        let realm = realm
            .ok_or_else(|| PackError::unavailable(format!("{place}: it names no token server")))?;
        if realm.scheme() != "https" && self.base.scheme() == "https" {
            return Err(PackError::denied(format!("{place}: its token server {realm} has no TLS")));
        }
        let scope = format!("repository:{}:{}", self.name, self.actions);
        let service = challenge.get("service").unwrap_or_default();
        let response =
            http::send(&format!("the token server of {place}"), || match &self.credentials {
                Credentials::Refresh(token) => self.http.post(realm.clone()).form(&[
                    ("grant_type", "refresh_token"),
                    ("refresh_token", token),
                    ("service", service),
                    ("scope", &scope),
                    ("client_id", "anomal"),
                ]),
                credentials => {
                    let mut url = realm.clone();
                    url.query_pairs_mut()
                        .append_pair("service", service)
                        .append_pair("scope", &scope);
                    let request = self.http.get(url);
                    match credentials {
                        Credentials::Basic { user, password } => {
                            request.header(header::AUTHORIZATION, basic(user, password))
                        }
                        _ => request,
                    }
                }
            })
            .await?;
        if !response.status().is_success() {
            return Err(self.denied());
        }
        let body = http::read(response, &place, MAX_TOKEN).await?;
        let answer: TokenAnswer = serde_json::from_slice(&body).unwrap_or_default();
        let token = if answer.token.is_empty() { answer.access_token } else { answer.token };
        if token.is_empty() || !token.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(PackError::unavailable(format!(
                "{place}: its token server gives no token"
            )));
        }
        Ok(token)
    }
}

fn basic(user: &str, password: &str) -> String {
    format!("Basic {}", STANDARD.encode(format!("{user}:{password}")))
}

/// Whether a host is this machine.
fn is_loopback(registry: &str) -> bool {
    let host = match registry.strip_prefix('[') {
        Some(rest) => rest.split(']').next().unwrap_or_default(),
        None => registry.split(':').next().unwrap_or_default(),
    };
    host == "localhost" || host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}
