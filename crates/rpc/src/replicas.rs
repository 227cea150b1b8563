//! The replicas of a service: all addresses of its names, found again every few seconds; each call goes to
//! the next of them, and a call that a lost or busy replica did not answer to another.

use std::{
    future::Future,
    net::SocketAddr,
    sync::{
        Arc, RwLock,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use anomal_core::{Code, Error, Result};
use anomal_spec::RemoteEngine;
use tonic::{
    Status,
    transport::{Certificate, Channel, ClientTlsConfig, Endpoint, Uri},
};

use crate::{admission::BUSY, status::from_status};

/// How often names are looked up.
const RESOLVE: Duration = Duration::from_secs(3);
const CONNECT: Duration = Duration::from_secs(5);
/// A peer that is gone is noticed within two of these.
const KEEPALIVE: Duration = Duration::from_secs(5);
/// How long a call is tried again without any success.
const PATIENCE: Duration = Duration::from_secs(30);
/// How long a first answer is waited for.
const FIRST_ANSWER: Duration = Duration::from_secs(10);
const FIRST_PAUSE: Duration = Duration::from_millis(50);
const LONGEST_PAUSE: Duration = Duration::from_secs(2);

/// A replica and the channel to it, which connects when it is first used and again when it broke.
#[derive(Clone, Debug)]
struct Replica {
    address: SocketAddr,
    channel: Channel,
}

/// A service's replicas.
#[derive(Debug)]
pub struct Replicas {
    names: Vec<Name>,
    known: RwLock<Vec<Replica>>,
    next: AtomicUsize,
}

/// An endpoint of the settings.
#[derive(Clone, Debug)]
struct Name {
    uri: Uri,
    tls: Option<ClientTlsConfig>,
}

impl Replicas {
    /// Looks the endpoints up, now and again every few seconds for as long as the value lives.
    ///
    /// # Errors
    /// `InvalidSettings` for an endpoint that is no URL or a certificate that can't be read;
    /// `Unavailable` if no name has an address.
    pub async fn resolve(settings: &RemoteEngine) -> Result<Arc<Self>> {
        let names = settings.endpoints.iter().map(|endpoint| name(endpoint, settings));
        let names = names.collect::<Result<Vec<Name>>>()?;
        let replicas =
            Arc::new(Self { names, known: RwLock::default(), next: AtomicUsize::new(0) });
        replicas.look_up().await?;
        let weak = Arc::downgrade(&replicas);
        tokio::spawn(async move {
            loop {
                tokio::time::sleep(RESOLVE).await;
                let Some(replicas) = weak.upgrade() else { return };
                if let Err(error) = replicas.look_up().await {
                    tracing::warn!("{error}");
                }
            }
        });
        Ok(replicas)
    }

    /// How many there are now.
    pub fn count(&self) -> usize {
        self.known.read().map_or(0, |known| known.len())
    }

    /// Their addresses now.
    pub fn addresses(&self) -> Vec<SocketAddr> {
        self.known
            .read()
            .map(|known| known.iter().map(|one| one.address).collect())
            .unwrap_or_default()
    }

    async fn look_up(&self) -> Result<()> {
        let mut found: Vec<(SocketAddr, &Name)> = Vec::new();
        let mut failed = None;
        for name in &self.names {
            let https = name.uri.scheme_str() == Some("https");
            let port = name.uri.port_u16().unwrap_or(if https { 443 } else { 80 });
            let host = name.uri.host().unwrap_or_default().trim_matches(['[', ']']);
            match tokio::net::lookup_host((host, port)).await {
                Ok(addresses) => found.extend(addresses.map(|address| (address, name))),
                Err(error) => failed = Some(format!("{}: {error}", name.uri)),
            }
        }
        found.sort_by_key(|one| one.0);
        found.dedup_by_key(|one| one.0);
        if found.is_empty() {
            let why = failed.unwrap_or_else(|| "no endpoint has an address".into());
            return Err(Error::new(
                Code::Unavailable,
                "NO_ADDRESS",
                format!("no engine is found: {why}"),
            ));
        }
        let mut replicas = Vec::with_capacity(found.len());
        for (address, name) in found {
            let known = self
                .known
                .read()
                .ok()
                .and_then(|known| known.iter().find(|one| one.address == address).cloned());
            replicas.push(match known {
                Some(known) => known,
                None => Replica { address, channel: channel(address, name)? },
            });
        }
        if let Ok(mut known) = self.known.write() {
            *known = replicas;
        }
        Ok(())
    }

    /// The next replica that has not failed, or the next of all if all have.
    fn pick(&self, failed: &[SocketAddr]) -> Result<Replica> {
        let known =
            self.known.read().map_err(|_| Error::internal("the list of replicas is broken"))?;
        let mut choice: Vec<&Replica> =
            known.iter().filter(|one| !failed.contains(&one.address)).collect();
        if choice.is_empty() {
            choice = known.iter().collect();
        }
        let place = self.next.fetch_add(1, Ordering::Relaxed) % choice.len().max(1);
        choice.get(place).copied().cloned().ok_or_else(|| {
            Error::new(
                Code::Unavailable,
                "NO_ADDRESS",
                "no engine is found: no endpoint has an address",
            )
        })
    }

    /// Calls the next replica, and on the failures that another try can mend another one, with pauses that
    /// grow, for half a minute.
    ///
    /// # Errors
    /// What the engine answered, or `Unavailable` with the address and what was seen last.
    pub async fn call<T, F>(&self, call: impl Fn(Channel) -> F) -> Result<T>
    where
        F: Future<Output = Result<T, Status>>,
    {
        // Patience counts from the first failure: a replica may be lost after long work.
        let mut failing: Option<Instant> = None;
        let mut failed = Vec::new();
        let mut pause = FIRST_PAUSE;
        loop {
            let replica = self.pick(&failed)?;
            let status = match call(replica.channel).await {
                Ok(answer) => return Ok(answer),
                Err(status) => status,
            };
            let error = named(replica.address, &status);
            let since = failing.get_or_insert_with(Instant::now);
            if !retryable(&error) || since.elapsed() > PATIENCE {
                return Err(error);
            }
            failed.push(replica.address);
            if failed.len() >= self.count() {
                failed.clear();
            }
            tracing::warn!("{error}; trying again");
            tokio::time::sleep(jittered(pause)).await;
            pause = (pause * 2).min(LONGEST_PAUSE);
        }
    }

    /// Asks each replica once whether it is what it should be; it is enough that one is.
    ///
    /// # Errors
    /// `Incompatible` if one of them is something else; `Unavailable` if none answers.
    pub async fn check<T, F>(&self, call: impl Fn(Channel) -> F) -> Result<()>
    where
        F: Future<Output = Result<T, Status>>,
    {
        let replicas = self.known.read().map(|known| known.clone()).unwrap_or_default();
        let mut answered = false;
        let mut silent = None;
        for Replica { address, channel } in replicas {
            match tokio::time::timeout(FIRST_ANSWER, call(channel)).await {
                Ok(Ok(_)) => answered = true,
                Ok(Err(status)) => {
                    let error = named(address, &status);
                    match error.code {
                        Code::Unavailable => silent = Some(error),
                        // Busy is alive.
                        Code::ResourceExhausted => answered = true,
                        Code::Incompatible => return Err(error),
                        _ => return Err(incompatible(address, &status)),
                    }
                }
                Err(_) => {
                    let seconds = FIRST_ANSWER.as_secs();
                    let message = format!(
                        "{address} takes connections and answers nothing for {seconds} s; is it an engine?"
                    );
                    silent = Some(Error::new(Code::Unavailable, "NO_ANSWER", message));
                }
            }
        }
        match silent {
            Some(error) if !answered => Err(error),
            _ => Ok(()),
        }
    }
}

fn name(endpoint: &str, settings: &RemoteEngine) -> Result<Name> {
    let bad = |message: String| Error::settings("engines", "ENDPOINT_INVALID", message);
    let uri: Uri = endpoint.parse().map_err(|error| {
        bad(format!("{endpoint} is no address such as http://host:7401: {error}"))
    })?;
    if !matches!(uri.scheme_str(), Some("http" | "https")) || uri.host().is_none() {
        return Err(bad(format!("{endpoint} is no address such as http://host:7401")));
    }
    if uri.scheme_str() == Some("http") {
        return Ok(Name { uri, tls: None });
    }
    let tls = settings.tls.clone().unwrap_or_default();
    let host = uri.host().unwrap_or_default().trim_matches(['[', ']']).to_owned();
    let mut config = ClientTlsConfig::new().domain_name(tls.server_name.unwrap_or(host));
    let Some(ca) = tls.ca else {
        return Err(bad(format!(
            "{endpoint}: https needs `tls: {{ca: FILE}}`, the authorities to trust"
        )));
    };
    let pem = std::fs::read(&ca).map_err(|error| bad(format!("{ca} can't be read: {error}")))?;
    config = config.ca_certificate(Certificate::from_pem(pem));
    Ok(Name { uri, tls: Some(config) })
}

fn channel(address: SocketAddr, name: &Name) -> Result<Channel> {
    let bad = |error: &dyn std::fmt::Display| {
        Error::settings("engines", "ENDPOINT_INVALID", format!("{}: {error}", name.uri))
    };
    let scheme = name.uri.scheme_str().unwrap_or("http");
    let mut endpoint = Endpoint::from_shared(format!("{scheme}://{address}"))
        .map_err(|error| bad(&error))?
        .origin(name.uri.clone())
        .connect_timeout(CONNECT)
        .tcp_nodelay(true)
        .http2_keep_alive_interval(KEEPALIVE)
        .keep_alive_timeout(KEEPALIVE)
        .keep_alive_while_idle(true)
        .initial_stream_window_size(4 << 20)
        .initial_connection_window_size(16 << 20);
    if let Some(tls) = &name.tls {
        endpoint = endpoint.tls_config(tls.clone()).map_err(|error| bad(&error))?;
    }
    Ok(endpoint.connect_lazy())
}

/// The error with the address that it came from. What no server of ours says is a lost connection where
/// the transport broke, and something that is no engine where it answered.
fn named(address: SocketAddr, status: &Status) -> Error {
    let mut error = from_status(status);
    if error.reason != "REMOTE" {
        return error;
    }
    match error.code {
        Code::Incompatible => return incompatible(address, status),
        _ if broke(status) => error.code = Code::Unavailable,
        _ => {}
    }
    error.message = format!("the engine at {address}: {}", causes(status));
    error
}

fn incompatible(address: SocketAddr, status: &Status) -> Error {
    Error::new(
        Code::Incompatible,
        "NO_ENGINE",
        format!(
            "what answers at {address} is no engine of this kind and version ({}); check the address and port (a \
             feature engine has 7401, a classification engine 7402)",
            causes(status)
        ),
    )
}

/// Whether a connection could not be made, or was lost.
fn broke(status: &Status) -> bool {
    let mut cause = std::error::Error::source(status);
    while let Some(error) = cause {
        if error.downcast_ref::<std::io::Error>().is_some() {
            return true;
        }
        cause = error.source();
    }
    status.code() == tonic::Code::Unavailable
}

/// A status' message with the causes behind it, which say what happened.
fn causes(status: &Status) -> String {
    let mut text = match status.message() {
        "" => format!("{:?}", status.code()),
        message => message.to_owned(),
    };
    let mut cause = std::error::Error::source(status);
    while let Some(error) = cause {
        let message = error.to_string();
        if !text.contains(&message) {
            text = format!("{text}: {message}");
        }
        cause = error.source();
    }
    text
}

fn retryable(error: &Error) -> bool {
    error.code == Code::Unavailable || error.reason == BUSY
}

/// Between half and all of a pause, so that many clients do not come back at once.
fn jittered(pause: Duration) -> Duration {
    let nanos = std::time::SystemTime::now()
        .duration_since(std::time::UNIX_EPOCH)
        .map_or(0, |since| since.subsec_nanos());
    pause.mul_f64(0.5 + f64::from(nanos % 1_000) / 2_000.0)
}
