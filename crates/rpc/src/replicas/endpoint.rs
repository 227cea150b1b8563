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

/// A channel whose requests say who calls.
pub type Wire = InterceptedService<Channel, Bearer>;

/// Finds the addresses of a host, now.
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
    last: RwLock<Vec<SocketAddr>>,
    failing: AtomicBool,
}

impl Endpoint {
    /// `place`: where the settings name the engine.
    pub fn new(endpoint: &str, settings: &RemoteEngine, place: &str) -> Result<Self> {
        let bad = |message: String| Error::settings(place, "ENDPOINT_INVALID", message);
        let uri: Uri = endpoint.parse().map_err(|error| {
            bad(format!("{endpoint} is no address such as http://host:7401: {error}"))
        })?;
        if !matches!(uri.scheme_str(), Some("http" | "https")) || uri.host().is_none() {
            return Err(bad(format!("{endpoint} is no address such as http://host:7401")));
        }
        let tls = match uri.scheme_str() {
            Some("https") => {
                let tls = ClientTls::read(settings.tls.clone().unwrap_or_default(), host(&uri));
                Some(tls.map_err(|error| bad(format!("{uri}: {error}")))?)
            }
            _ => None,
        };
        let token = Bearer::read(settings.token_file.as_deref(), place)?;
        if token.is_some() && tls.is_none() && !is_loopback(host(&uri)) {
            tracing::warn!(
                "{uri}: the token travels unencrypted, and who sees it can use it; call the engine by https"
            );
        }
        Ok(Self { uri, tls, token, last: RwLock::default(), failing: AtomicBool::new(false) })
    }

    /// Looks whether its certificates have changed.
    pub fn refresh(&self) {
        if let Some(tls) = &self.tls {
            tls.refresh();
        }
    }

    /// Counts the changes of its certificates: a channel made before one is of no use for new connections.
    pub fn version(&self) -> u64 {
        self.tls.as_ref().map_or(0, |tls| tls.current().1)
    }

    /// Its addresses now, or the last that are known if they can't be looked up.
    pub async fn addresses(&self, options: &Options) -> io::Result<Vec<SocketAddr>> {
        let port = self.uri.port_u16().unwrap_or(if self.tls.is_some() { 443 } else { 80 });
        let looked_up = options.resolver.resolve(host(&self.uri), port);
        let found = match tokio::time::timeout(options.pace.connect, looked_up).await {
            Ok(Ok(found)) if found.is_empty() => Err(io::Error::other("it has no address")),
            Ok(found) => found,
            Err(_) => Err(io::Error::other("the look-up takes too long")),
        };
        let failed_before = self.failing.swap(found.is_err(), Ordering::Relaxed);
        match found {
            Ok(found) => {
                if let Ok(mut last) = self.last.write() {
                    last.clone_from(&found);
                }
                Ok(found)
            }
            Err(error) => {
                let last = self.last.read().map(|last| last.clone()).unwrap_or_default();
                if last.is_empty() {
                    return Err(error);
                }
                if !failed_before {
                    tracing::warn!("{}: {error}; its last addresses are kept", self.uri);
                }
                Ok(last)
            }
        }
    }

    /// A channel that connects when it is first used, and again when it broke.
    pub fn channel(&self, address: SocketAddr, pace: &Pace) -> Result<Wire> {
        let bad = |error: tonic::transport::Error| {
            Error::settings("engines", "ENDPOINT_INVALID", format!("{}: {error}", self.uri))
        };
        let scheme = self.uri.scheme_str().unwrap_or("http");
        let mut endpoint = tonic::transport::Endpoint::from_shared(format!("{scheme}://{address}"))
            .map_err(bad)?
            .origin(self.uri.clone())
            .connect_timeout(pace.connect)
            .tcp_nodelay(true)
            .http2_keep_alive_interval(pace.keepalive)
            .keep_alive_timeout(pace.keepalive)
            .keep_alive_while_idle(true)
            .initial_stream_window_size(4 << 20)
            .initial_connection_window_size(16 << 20);
        if let Some(tls) = &self.tls {
            endpoint = endpoint.tls_config(tls.current().0).map_err(bad)?;
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
