//! Requests to a cluster, for drivers that block: over its nodes, tried again where that may help.
//!
//! All that is sent through here may be sent twice: searches, what is put under a name, and documents with ids of
//! their own. That is what lets a request whose answer was lost be repeated.

use std::{
    future::Future,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use anomal_core::{Code, Error, Result};
use anomal_spec::{ElasticsearchConnection, Flavor};
use anomal_storage::{broken_off, handle};
use bytes::{Bytes, BytesMut};
use reqwest::{
    Certificate, Method, StatusCode,
    header::{AUTHORIZATION, CONTENT_ENCODING, CONTENT_TYPE, HeaderMap, HeaderValue, RETRY_AFTER},
    redirect::Policy,
};
use serde::{Deserialize, de::DeserializeOwned};

use super::{
    credentials::Credentials,
    flavor::{self, Server},
    nodes::Nodes,
    retry::{Verdict, of_request, pause},
};
use crate::Access;

const CONNECT: Duration = Duration::from_secs(10);
/// A cluster that is away when a run begins is waited for so long at most: the URL may be wrong.
const GREETING: Duration = Duration::from_secs(15);
/// A larger answer is none of a server that is well.
const MAX_ANSWER: usize = 1 << 30;
/// Of forms; no line of JSON begins so.
const BOUNDARY: &str = "anomal-4f1d6a0c";
const FORM: &str = "multipart/form-data; boundary=anomal-4f1d6a0c";
const AGENT: &str = concat!("anomal/", env!("CARGO_PKG_VERSION"));

/// What is asked.
#[derive(Clone, Debug)]
pub struct Request {
    method: Method,
    /// With what follows the `?`.
    path: String,
    content: Option<Content>,
}

#[derive(Clone, Debug)]
struct Content {
    bytes: Bytes,
    media: &'static str,
    gzip: bool,
}

impl Request {
    pub fn get(path: impl Into<String>) -> Self {
        Self { method: Method::GET, path: path.into(), content: None }
    }

    pub fn delete(path: impl Into<String>) -> Self {
        Self { method: Method::DELETE, path: path.into(), content: None }
    }

    pub fn post(path: impl Into<String>) -> Self {
        Self { method: Method::POST, path: path.into(), content: None }
    }

    pub fn put(path: impl Into<String>) -> Self {
        Self { method: Method::PUT, path: path.into(), content: None }
    }

    /// With this in its body.
    #[must_use]
    pub fn json(self, body: &serde_json::Value) -> Self {
        let bytes = Bytes::from(body.to_string());
        Self { content: Some(Content { bytes, media: "application/json", gzip: false }), ..self }
    }

    /// With a file in its body, as a browser's form sends it. What takes such files wants to know that no page of
    /// another site has sent it.
    #[must_use]
    pub fn file(self, name: &str, bytes: &[u8]) -> Self {
        let head = format!(
            "--{BOUNDARY}\r\ncontent-disposition: form-data; name=\"file\"; filename=\"{name}\"\r\n\
             content-type: application/ndjson\r\n\r\n"
        );
        let end = format!("\r\n--{BOUNDARY}--\r\n");
        let bytes = Bytes::from([head.as_bytes(), bytes, end.as_bytes()].concat());
        Self { content: Some(Content { bytes, media: FORM, gzip: false }), ..self }
    }

    /// With lines of JSON in its body, perhaps compressed.
    #[must_use]
    pub fn lines(self, bytes: Bytes, gzip: bool) -> Self {
        Self { content: Some(Content { bytes, media: "application/x-ndjson", gzip }), ..self }
    }
}

/// What was answered, be it with a refusal.
#[derive(Clone, Debug)]
pub struct Response {
    pub status: u16,
    pub body: Bytes,
    /// How long the server asks to be left alone.
    pub(super) retry_after: Option<Duration>,
    /// By the name in its header, where it is there.
    product: Option<Server>,
}

impl Response {
    pub fn is_success(&self) -> bool {
        (200..300).contains(&self.status)
    }

    /// # Errors
    /// `Incompatible` if it is no such JSON.
    pub fn json<T: DeserializeOwned>(&self) -> Result<T> {
        serde_json::from_slice(&self.body).map_err(|error| {
            Error::new(
                Code::Incompatible,
                "ANSWER_UNKNOWN",
                format!("the server answers with what is not understood: {error}"),
            )
        })
    }

    /// The type of the server's error, such as `index_not_found_exception`, if it tells one.
    pub fn error_type(&self) -> Option<String> {
        match serde_json::from_slice::<Failure>(&self.body).ok()?.error {
            Cause::Told { kind, .. } => Some(kind),
            Cause::Text(_) => None,
        }
    }

    /// Status and reason, for people.
    pub fn told(&self) -> String {
        let reason =
            match serde_json::from_slice::<Failure>(&self.body).map(|failure| failure.error) {
                Ok(Cause::Told { kind, reason: None }) => format!(" {kind}"),
                Ok(Cause::Told { kind, reason: Some(reason) }) => {
                    format!(" {kind}: {}", short(&reason))
                }
                Ok(Cause::Text(text)) => format!(" {}", short(&text)),
                Err(_) => StatusCode::from_u16(self.status)
                    .ok()
                    .and_then(|status| status.canonical_reason())
                    .map_or_else(String::new, |reason| format!(" {reason}")),
            };
        format!("{}{reason}", self.status)
    }
}

#[derive(Deserialize)]
struct Failure {
    error: Cause,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Cause {
    Told {
        #[serde(rename = "type")]
        kind: String,
        reason: Option<String>,
    },
    Text(String),
}

/// At most 500 characters: servers put whole requests into their reasons.
pub(super) fn short(text: &str) -> String {
    match text.char_indices().nth(500) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}

/// What came of one try.
pub(super) enum Attempt {
    Answered(Response),
    /// No answer, or half of one; why.
    Broken(String),
    /// The server is not the one that is meant, or its authority is not known.
    Untrusted(String),
}

/// A cluster that answers. Clones share their connections.
#[derive(Clone)]
pub struct Client(Arc<Inner>);

struct Inner {
    http: reqwest::Client,
    nodes: Nodes,
    credentials: Credentials,
    authorization: Mutex<Option<HeaderValue>>,
    patience: Duration,
}

impl Client {
    /// Opens a cluster and asks it which server it is. `retry_seconds`: for how long requests that may succeed
    /// later are tried.
    ///
    /// # Errors
    /// `InvalidSettings` if the secret does not serve; `Unavailable`, `Unauthenticated`, `PermissionDenied`,
    /// `Incompatible` from the server.
    pub fn connect(
        connection: &ElasticsearchConnection,
        access: &Access<'_>,
        retry_seconds: u64,
    ) -> Result<(Self, Server)> {
        let client = Self::open(connection, access, retry_seconds)?;
        let server = client.ask_which(connection.flavor)?;
        Ok((client, server))
    }

    /// The same for what is no cluster, such as Kibana: nothing is asked.
    ///
    /// # Errors
    /// `InvalidSettings` if the secret does not serve.
    pub fn open(
        connection: &ElasticsearchConnection,
        access: &Access<'_>,
        retry_seconds: u64,
    ) -> Result<Self> {
        let name = access.auth.map(|auth| auth.secret_ref.name.as_str());
        let credentials = Credentials::new(access.secrets, name);
        let wrong = |message: String| {
            Error::settings(format!("{}.auth.secretRef", access.place), "SECRET_UNUSABLE", message)
        };
        let read = credentials.read().map_err(wrong)?;
        let timeout = Duration::from_secs(connection.request_timeout_seconds);
        let mut http = reqwest::Client::builder()
            .user_agent(AGENT)
            .connect_timeout(CONNECT.min(timeout))
            .timeout(timeout)
            // A server that sends elsewhere would be sent the credentials there.
            .redirect(Policy::none());
        let no_pem = || {
            let name = name.unwrap_or_default();
            wrong(format!("the key ca.crt of the secret {name} is no certificate in PEM"))
        };
        if let Some(pem) = &read.ca {
            let certificates = Certificate::from_pem_bundle(pem.as_bytes()).ok();
            let certificates = certificates.filter(|found| !found.is_empty());
            for certificate in certificates.ok_or_else(no_pem)? {
                http = http.add_root_certificate(certificate);
            }
        }
        if connection.insecure_skip_verify {
            tracing::warn!(
                "{}.insecureSkipVerify is on: whoever is between this machine and {} can read and change all that is \
                 sent",
                access.place,
                connection.urls.join(", ")
            );
            http = http.danger_accept_invalid_certs(true);
        }
        let http = http.build().map_err(|error| match &read.ca {
            Some(_) => no_pem(),
            None => Error::internal(format!("an HTTP client: {error}")),
        })?;
        Ok(Self(Arc::new(Inner {
            http,
            nodes: Nodes::new(&connection.urls),
            credentials,
            authorization: Mutex::new(read.authorization),
            patience: Duration::from_secs(retry_seconds),
        })))
    }

    /// The nodes' addresses, for people.
    pub fn name(&self) -> String {
        self.0.nodes.names()
    }

    pub(super) fn urls(&self) -> &[String] {
        self.0.nodes.urls()
    }

    /// For how long what may succeed later is tried.
    pub(super) fn patience(&self) -> Duration {
        self.0.patience
    }

    /// Blocks until there is an answer; what may succeed later is tried for as long as was said to
    /// [`Client::connect`].
    ///
    /// # Errors
    /// `Unavailable`, `Unauthenticated`, `PermissionDenied`; `Cancelled` when the process is asked to stop.
    pub fn request(&self, request: &Request) -> Result<Response> {
        let (client, request) = (self.clone(), request.clone());
        wait(async move { client.send(&request).await })
    }

    /// As [`Client::request`], for code that does not block.
    pub async fn send(&self, request: &Request) -> Result<Response> {
        self.send_within(request, self.0.patience).await
    }

    async fn send_within(&self, request: &Request, patience: Duration) -> Result<Response> {
        let since = Instant::now();
        let mut failures = 0;
        loop {
            let (why, asked) = match self.once(request).await {
                Attempt::Broken(why) => (why, None),
                Attempt::Untrusted(why) => return Err(self.untrusted(&why)),
                Attempt::Answered(response) => match of_request(response.status) {
                    Verdict::Answered => return Ok(response),
                    Verdict::Denied => return Err(self.denied(&response)),
                    Verdict::Again => (response.told(), response.retry_after),
                },
            };
            let pause = pause(failures, chance(), asked);
            if since.elapsed() + pause > patience {
                return Err(self.unavailable(&why));
            }
            tracing::debug!("{} {}: {why}; again in {pause:?}", request.method, request.path);
            failures += 1;
            tokio::time::sleep(pause).await;
        }
    }

    /// One try, on the next node; two where the secret has changed since it was read.
    pub(super) async fn once(&self, request: &Request) -> Attempt {
        let attempt = self.attempt(request).await;
        match &attempt {
            Attempt::Answered(response) if response.status == 401 && self.reread() => {
                self.attempt(request).await
            }
            _ => attempt,
        }
    }

    async fn attempt(&self, request: &Request) -> Attempt {
        let nodes = &self.0.nodes;
        let node = nodes.pick(Instant::now());
        let url = format!("{}{}", nodes.url(node), request.path);
        let mut sent = self.0.http.request(request.method.clone(), url);
        if let Some(authorization) = self.authorization().clone() {
            sent = sent.header(AUTHORIZATION, authorization);
        }
        if let Some(content) = &request.content {
            sent = sent.header(CONTENT_TYPE, content.media);
            if content.gzip {
                sent = sent.header(CONTENT_ENCODING, "gzip");
            }
            if content.media == FORM {
                sent = sent.header("kbn-xsrf", "anomal").header("osd-xsrf", "anomal");
            }
            sent = sent.body(content.bytes.clone());
        }
        match answer(sent).await {
            Ok(response) => {
                // A gateway that has no server behind it is as good as a node that is away.
                if matches!(response.status, 502..=504) {
                    nodes.failed(node, Instant::now());
                } else {
                    nodes.worked(node);
                }
                Attempt::Answered(response)
            }
            Err(why) => {
                nodes.failed(node, Instant::now());
                if why.contains("certificate") {
                    Attempt::Untrusted(why)
                } else {
                    Attempt::Broken(why)
                }
            }
        }
    }

    fn authorization(&self) -> std::sync::MutexGuard<'_, Option<HeaderValue>> {
        self.0.authorization.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether the secret says something else than it did.
    fn reread(&self) -> bool {
        let Ok(read) = self.0.credentials.read() else { return false };
        let mut known = self.authorization();
        let changed = *known != read.authorization;
        *known = read.authorization;
        changed
    }

    fn ask_which(&self, flavor: Flavor) -> Result<Server> {
        let given = match flavor {
            Flavor::Auto => None,
            Flavor::Elasticsearch => Some(Server::Elasticsearch),
            Flavor::Opensearch => Some(Server::OpenSearch),
        };
        let client = self.clone();
        let (found, told) = wait(async move { client.which(given.is_some()).await })?;
        if let Some((server, version)) = &found {
            flavor::supported(*server, version)?;
        }
        given.or(found.map(|(server, _)| server)).ok_or_else(|| {
            Error::new(
                Code::Incompatible,
                "SERVER_UNKNOWN",
                format!(
                    "{} does not say which server it is ({told}); check the URL, or set flavor: elasticsearch or \
                     opensearch",
                    self.name()
                ),
            )
        })
    }

    /// What it says, and its last answer. `known`: it need not say it.
    async fn which(&self, known: bool) -> Result<(Option<(Server, String)>, String)> {
        let greeting =
            match self.send_within(&Request::get("/"), GREETING.min(self.0.patience)).await {
                // Who may write may still not be allowed to ask.
                Err(error) if error.code == Code::PermissionDenied && known => {
                    return Ok((None, error.message));
                }
                Err(error) if error.code == Code::PermissionDenied => {
                    match self.once(&Request::get("/")).await {
                        Attempt::Answered(response) if response.product.is_some() => response,
                        _ => return Err(error),
                    }
                }
                answered => answered?,
            };
        let by_header = greeting.product.map(|server| (server, String::new()));
        if let Some(found) = flavor::greeted(&greeting.body).or(by_header) {
            return Ok((Some(found), String::new()));
        }
        let patience = GREETING.min(self.0.patience);
        let node = self.send_within(&Request::get("/_nodes/_local/http"), patience).await;
        match node {
            Ok(node) => Ok((flavor::of_node(&node.body), node.told())),
            Err(_) if known => Ok((None, String::new())),
            Err(error) => Err(error),
        }
    }

    /// Who asks is not known, or may not.
    pub(super) fn denied(&self, response: &Response) -> Error {
        self.refused(response.status, &response.told())
    }

    pub(super) fn refused(&self, status: u16, told: &str) -> Error {
        let name = self.name();
        let secret = self.0.credentials.name();
        if status == 401 {
            let remedy = match secret {
                Some(secret) => format!(
                    "check the secret {secret}: whether its values are right, and whether its key or token has expired"
                ),
                None => "name a secret by auth.secretRef".to_owned(),
            };
            let message = format!("{name} does not know who asks ({told}); {remedy}");
            return Error::new(Code::Unauthenticated, "CREDENTIALS_REFUSED", message);
        }
        let who = secret.map_or_else(
            || "whoever asks without a secret".into(),
            |secret| format!("the owner of the secret {secret}"),
        );
        let message = format!(
            "{name} does not allow it to {who} ({told}); give its role the privileges that docs/elasticsearch.md lists"
        );
        Error::new(Code::PermissionDenied, "PRIVILEGES_MISSING", message)
    }

    pub(super) fn untrusted(&self, why: &str) -> Error {
        let message = format!(
            "{} has a certificate that is not trusted ({why}); keep the certificate of its authority as ca.crt in the \
             secret that auth.secretRef names, and check the host's name in the URL",
            self.name()
        );
        Error::new(Code::Unavailable, "CERTIFICATE_UNTRUSTED", message)
    }

    pub(super) fn unavailable(&self, why: &str) -> Error {
        Error::new(
            Code::Unavailable,
            "CLUSTER_UNAVAILABLE",
            format!("{} does not answer as it should ({why}); try again when it does", self.name()),
        )
    }
}

/// Reads an answer to its end.
async fn answer(request: reqwest::RequestBuilder) -> Result<Response, String> {
    let mut response = request.send().await.map_err(deepest)?;
    let status = response.status().as_u16();
    let retry_after = seconds(response.headers());
    let product = product(response.headers());
    let mut body = BytesMut::new();
    while let Some(chunk) = response.chunk().await.map_err(deepest)? {
        if body.len() + chunk.len() > MAX_ANSWER {
            return Err("an answer of more than 1 GiB".into());
        }
        body.extend_from_slice(&chunk);
    }
    Ok(Response { status, body: body.freeze(), retry_after, product })
}

fn seconds(headers: &HeaderMap) -> Option<Duration> {
    headers.get(RETRY_AFTER)?.to_str().ok()?.parse().ok().map(Duration::from_secs)
}

fn product(headers: &HeaderMap) -> Option<Server> {
    let named = headers.get("x-elastic-product").is_some_and(|name| name == "Elasticsearch");
    if named {
        return Some(Server::Elasticsearch);
    }
    headers.contains_key("x-opensearch-version").then_some(Server::OpenSearch)
}

/// The innermost cause, such as `Connection refused (os error 111)`.
fn deepest(error: reqwest::Error) -> String {
    if error.is_timeout() {
        return "no answer in time".into();
    }
    let error = error.without_url();
    let mut cause: &dyn std::error::Error = &error;
    while let Some(below) = cause.source() {
        cause = below;
    }
    cause.to_string()
}

/// From 0 to 1, as good as chance: it only keeps those apart who failed together.
pub(super) fn chance() -> f64 {
    let now =
        std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
    let hash = xxhash_rust::xxh3::xxh3_64(&now.as_nanos().to_le_bytes());
    (hash >> 11) as f64 / (1_u64 << 53) as f64
}

/// Blocks until the work is done; not for threads of a runtime.
pub fn wait<T: Send + 'static>(
    work: impl Future<Output = Result<T>> + Send + 'static,
) -> Result<T> {
    let handle = handle().map_err(|error| Error::internal(error.message))?;
    let task = handle.spawn(async {
        tokio::select! {
            done = work => done,
            () = broken_off() => Err(Error::cancelled()),
        }
    });
    futures::executor::block_on(task).unwrap_or_else(|error| {
        Err(Error::internal(format!("a request ended without an outcome: {error}")))
    })
}
