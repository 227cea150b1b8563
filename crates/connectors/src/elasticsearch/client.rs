//! Requests to a cluster, for drivers that block: over its nodes, tried again where that may help.
//!
//! All that is sent through here may be sent twice: searches, what is put under a name, and documents with ids of
//! their own. That is what lets a request whose answer was lost be repeated.

mod greeting;
mod refusals;
mod request;
mod response;

use std::{
    future::Future,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use anomal_core::{Error, Result};
use anomal_spec::ElasticsearchConnection;
use anomal_storage::{broken_off, handle};
use reqwest::{
    Certificate,
    header::{AUTHORIZATION, CONTENT_ENCODING, CONTENT_TYPE, HeaderValue},
    redirect::Policy,
};

pub(super) use self::response::short;
use self::{request::FORM, response::read};
pub use self::{request::Request, response::Response};
use super::{
    credentials::Credentials,
    flavor::Server,
    nodes::Nodes,
    retry::{Verdict, chance, of_request, pause},
};
use crate::Access;

const CONNECT: Duration = Duration::from_secs(10);
const AGENT: &str = concat!("anomal/", env!("CARGO_PKG_VERSION"));

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
        match read(sent).await {
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
