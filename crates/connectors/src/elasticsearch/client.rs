//! Sends requests to the nodes of a cluster, for drivers that block, with retries.
//!
//! Every request is idempotent: searches, objects that are put under a name, and documents with ids. So a request whose
//! response was lost can be repeated.

mod credentials;
mod detect;
mod errors;
mod nodes;
mod request;
mod response;
pub(in crate::elasticsearch) mod retry;
mod server;

use std::{
    fmt,
    future::Future,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use anomal_core::{Error, Result};
use anomal_spec::ElasticsearchConnection;
use anomal_storage::{cancelled, handle};
use backon::Retryable;
use reqwest::{
    Certificate,
    header::{AUTHORIZATION, CONTENT_ENCODING, CONTENT_TYPE, HeaderValue},
    redirect::Policy,
};

pub(super) use self::response::truncate;
use self::{
    credentials::Credentials,
    nodes::Nodes,
    request::FORM,
    response::read,
    retry::{RequestOutcome, backoff, pause_within},
};
pub use self::{request::Request, response::Response, server::Server};
use crate::remote::Access;

const CONNECT: Duration = Duration::from_secs(10);
const AGENT: &str = concat!("anomal/", env!("CARGO_PKG_VERSION"));

/// The result of one attempt.
pub(super) enum Attempt {
    Answered(Response),
    /// No response, or an incomplete one, with the reason.
    Broken(String),
    /// The server's certificate is not trusted, with the reason.
    Untrusted(String),
}

/// A failed attempt.
enum Failure {
    /// Another attempt may succeed. `asked`: the pause that the server asks for.
    Temporary {
        why: String,
        asked: Option<Duration>,
    },
    Final(Error),
}

impl Failure {
    fn asked(&self) -> Option<Duration> {
        match self {
            Self::Temporary { asked, .. } => *asked,
            Self::Final(_) => None,
        }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Temporary { why, .. } => f.write_str(why),
            Self::Final(error) => f.write_str(&error.message),
        }
    }
}

/// A client of a cluster. Clones share their connections.
#[derive(Clone)]
pub struct Client(Arc<Inner>);

struct Inner {
    http: reqwest::Client,
    nodes: Nodes,
    credentials: Credentials,
    authorization: Mutex<Option<HeaderValue>>,
    retry_timeout: Duration,
}

impl Client {
    /// Connects to a cluster and detects the server. `retry_seconds`: how long requests are retried.
    ///
    /// # Errors
    /// `InvalidSettings` if the secret is unusable; `Unavailable`, `Unauthenticated`, `PermissionDenied`,
    /// `Incompatible` from the server.
    pub fn connect(
        connection: &ElasticsearchConnection,
        access: &Access<'_>,
        retry_seconds: u64,
    ) -> Result<(Self, Server)> {
        let client = Self::open(connection, access, retry_seconds)?;
        let server = client.detect_server(connection.flavor)?;
        Ok((client, server))
    }

    /// Creates a client without sending a request, for servers such as Kibana.
    ///
    /// # Errors
    /// `InvalidSettings` if the secret is unusable.
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
            // A redirect would send the credentials to another server.
            .redirect(Policy::none());
        let no_pem = || {
            let name = name.unwrap_or_default();
            wrong(format!("the key ca.crt of the secret {name} is not a PEM certificate"))
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
                "{}.insecureSkipVerify is on: an attacker between this machine and {} can read and change all data",
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
            authorization: Mutex::new(read.header),
            retry_timeout: Duration::from_secs(retry_seconds),
        })))
    }

    /// The nodes' addresses, for messages.
    pub fn name(&self) -> String {
        self.0.nodes.names()
    }

    pub(super) fn urls(&self) -> &[String] {
        self.0.nodes.urls()
    }

    /// How long requests are retried.
    pub(super) fn retry_timeout(&self) -> Duration {
        self.0.retry_timeout
    }

    /// Blocks until there is a response. Failures that may be temporary are retried for the time that was passed to
    /// [`Client::connect`].
    ///
    /// # Errors
    /// `Unavailable`, `Unauthenticated`, `PermissionDenied`; `Cancelled` when the process is asked to stop.
    pub fn request(&self, request: &Request) -> Result<Response> {
        let (client, request) = (self.clone(), request.clone());
        wait(async move { client.send(&request).await })
    }

    /// As [`Client::request`], for asynchronous callers.
    pub async fn send(&self, request: &Request) -> Result<Response> {
        self.send_within(request, self.0.retry_timeout).await
    }

    async fn send_within(&self, request: &Request, limit: Duration) -> Result<Response> {
        let started = Instant::now();
        let attempt = || self.try_request(request);
        let response = attempt
            .retry(backoff())
            .when(|failure| matches!(failure, Failure::Temporary { .. }))
            .adjust(|failure, pause| pause_within(limit, started, pause, failure.asked()))
            .notify(|failure, pause| {
                tracing::debug!(
                    "{} {}: {failure}; retrying in {pause:?}",
                    request.method,
                    request.path
                );
            });
        response.await.map_err(|failure| match failure {
            Failure::Temporary { why, .. } => self.unavailable(&why),
            Failure::Final(error) => error,
        })
    }

    /// One attempt whose response the caller can handle.
    async fn try_request(&self, request: &Request) -> Result<Response, Failure> {
        match self.once(request).await {
            Attempt::Broken(why) => Err(Failure::Temporary { why, asked: None }),
            Attempt::Untrusted(why) => Err(Failure::Final(self.untrusted(&why))),
            Attempt::Answered(response) => match RequestOutcome::from_status(response.status) {
                RequestOutcome::Answered => Ok(response),
                RequestOutcome::Denied => Err(Failure::Final(self.denied(&response))),
                RequestOutcome::Retry => {
                    let (why, asked) = (response.describe(), response.retry_after);
                    Err(Failure::Temporary { why, asked })
                }
            },
        }
    }

    /// One attempt, on the next node; two if the secret has changed since it was read.
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
        match read(sent).await {
            Ok(response) => {
                // A gateway without a server behind it counts as a node that is down.
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

    /// Reads the secret again. Returns whether it has changed.
    fn reread(&self) -> bool {
        let Ok(read) = self.0.credentials.read() else { return false };
        let mut current = self.authorization();
        let changed = *current != read.header;
        *current = read.header;
        changed
    }
}

/// Blocks until the work is done. Must not be called on a thread of a runtime.
pub fn wait<T: Send + 'static>(
    work: impl Future<Output = Result<T>> + Send + 'static,
) -> Result<T> {
    let handle = handle().map_err(|error| Error::internal(error.message))?;
    let task = handle.spawn(async {
        tokio::select! {
            done = work => done,
            () = cancelled() => Err(Error::cancelled()),
        }
    });
    futures::executor::block_on(task).unwrap_or_else(|error| {
        Err(Error::internal(format!("a request ended without an outcome: {error}")))
    })
}
