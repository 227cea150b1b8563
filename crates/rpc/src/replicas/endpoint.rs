//! An endpoint of the settings: its addresses, and a channel to each.

use std::{
    io,
    net::{IpAddr, SocketAddr},
    sync::{
        RwLock,
        atomic::{AtomicBool, Ordering},
    },
};

use anomal_core::{Error, Result};
use anomal_spec::RemoteEngine;
use tonic::{
    service::interceptor::InterceptedService,
    transport::{Channel, Uri},
};

use super::{Options, Pace, tls::ClientTls, token::Bearer};

/// A channel that adds the token to each request.
pub type EngineChannel = InterceptedService<Channel, Bearer>;

/// Resolves host names.
#[tonic::async_trait]
pub trait Resolver: std::fmt::Debug + Send + Sync {
    async fn resolve(&self, host: &str, port: u16) -> io::Result<Vec<SocketAddr>>;
}

/// The system's resolver.
#[derive(Clone, Copy, Debug)]
pub struct Dns;

#[tonic::async_trait]
impl Resolver for Dns {
    async fn resolve(&self, host: &str, port: u16) -> io::Result<Vec<SocketAddr>> {
        Ok(tokio::net::lookup_host((host, port)).await?.collect())
    }
}

#[derive(Debug)]
pub(super) struct Endpoint {
    pub uri: Uri,
    tls: Option<ClientTls>,
    token: Bearer,
    last_addresses: RwLock<Vec<SocketAddr>>,
    failing: AtomicBool,
}

impl Endpoint {
    /// `place` is the path of the engine in the settings, for messages.
    pub fn new(endpoint: &str, settings: &RemoteEngine, place: &str) -> Result<Self> {
        let invalid = |message: String| Error::settings(place, "ENDPOINT_INVALID", message);
        let uri: Uri = endpoint.parse().map_err(|error| {
            invalid(format!("{endpoint} is not a URL such as http://host:7401: {error}"))
        })?;
        if !matches!(uri.scheme_str(), Some("http" | "https")) || uri.host().is_none() {
            return Err(invalid(format!("{endpoint} is not a URL such as http://host:7401")));
        }
        let tls = match uri.scheme_str() {
            Some("https") => {
                let tls = ClientTls::read(settings.tls.clone().unwrap_or_default(), host(&uri));
                Some(tls.map_err(|error| invalid(format!("{uri}: {error}")))?)
            }
            _ => None,
        };
        let token = Bearer::read(settings.token_file.as_deref(), place)?;
        if token.is_some() && tls.is_none() && !is_loopback(host(&uri)) {
            tracing::warn!(
                "{uri}: the token is sent unencrypted, so that others can read and use it; use https"
            );
        }
        Ok(Self {
            uri,
            tls,
            token,
            last_addresses: RwLock::default(),
            failing: AtomicBool::new(false),
        })
    }

    /// Reads its certificates again.
    pub fn refresh(&self) {
        if let Some(tls) = &self.tls {
            tls.refresh();
        }
    }

    /// The number of changes of its certificates. A channel of an older version must not open new connections.
    pub fn version(&self) -> u64 {
        self.tls.as_ref().map_or(0, |tls| tls.current().1)
    }

    /// Its present addresses, or the last ones if they can't be resolved.
    pub async fn addresses(&self, options: &Options) -> io::Result<Vec<SocketAddr>> {
        let port = self.uri.port_u16().unwrap_or(if self.tls.is_some() { 443 } else { 80 });
        let looked_up = options.resolver.resolve(host(&self.uri), port);
        let found = match tokio::time::timeout(options.pace.connect, looked_up).await {
            Ok(Ok(found)) if found.is_empty() => Err(io::Error::other("it has no address")),
            Ok(found) => found,
            Err(_) => Err(io::Error::other("resolving the name timed out")),
        };
        let failed_before = self.failing.swap(found.is_err(), Ordering::Relaxed);
        match found {
            Ok(found) => {
                if let Ok(mut last_addresses) = self.last_addresses.write() {
                    last_addresses.clone_from(&found);
                }
                Ok(found)
            }
            Err(error) => {
                let last_addresses = self
                    .last_addresses
                    .read()
                    .map(|last_addresses| last_addresses.clone())
                    .unwrap_or_default();
                if last_addresses.is_empty() {
                    return Err(error);
                }
                if !failed_before {
                    tracing::warn!("{}: {error}; still using its last addresses", self.uri);
                }
                Ok(last_addresses)
            }
        }
    }

    /// A channel that connects when it is first used, and reconnects when the connection is lost.
    pub fn channel(&self, address: SocketAddr, pace: &Pace) -> Result<EngineChannel> {
        let invalid = |error: tonic::transport::Error| {
            Error::settings("engines", "ENDPOINT_INVALID", format!("{}: {error}", self.uri))
        };
        let scheme = self.uri.scheme_str().unwrap_or("http");
        let mut endpoint = tonic::transport::Endpoint::from_shared(format!("{scheme}://{address}"))
            .map_err(invalid)?
            .origin(self.uri.clone())
            .connect_timeout(pace.connect)
            .tcp_nodelay(true)
            .http2_keep_alive_interval(pace.keepalive)
            .keep_alive_timeout(pace.keepalive)
            .keep_alive_while_idle(true)
            .initial_stream_window_size(4 << 20)
            .initial_connection_window_size(16 << 20);
        if let Some(tls) = &self.tls {
            endpoint = endpoint.tls_config(tls.current().0).map_err(invalid)?;
        }
        Ok(InterceptedService::new(endpoint.connect_lazy(), self.token.clone()))
    }
}

fn host(uri: &Uri) -> &str {
    uri.host().unwrap_or_default().trim_matches(['[', ']'])
}

fn is_loopback(host: &str) -> bool {
    host == "localhost" || host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}
