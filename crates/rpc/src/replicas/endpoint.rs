//! An endpoint of the settings: its addresses, and a channel to each.

use std::{
    io,
    net::SocketAddr,
    sync::{
        RwLock,
        atomic::{AtomicBool, Ordering},
    },
};

use anomal_core::{Error, Result};
use anomal_spec::RemoteEngine;
use tonic::transport::{Certificate, Channel, ClientTlsConfig, Uri};

use super::{Options, Pace};

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
    tls: Option<ClientTlsConfig>,
    last: RwLock<Vec<SocketAddr>>,
    failing: AtomicBool,
}

impl Endpoint {
    pub fn new(endpoint: &str, settings: &RemoteEngine) -> Result<Self> {
        let uri: Uri = endpoint.parse().map_err(|error| {
            bad(format!("{endpoint} is no address such as http://host:7401: {error}"))
        })?;
        if !matches!(uri.scheme_str(), Some("http" | "https")) || uri.host().is_none() {
            return Err(bad(format!("{endpoint} is no address such as http://host:7401")));
        }
        let tls = match uri.scheme_str() {
            Some("https") => Some(tls(&uri, settings)?),
            _ => None,
        };
        Ok(Self { uri, tls, last: RwLock::default(), failing: AtomicBool::new(false) })
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
    pub fn channel(&self, address: SocketAddr, pace: &Pace) -> Result<Channel> {
        let bad = |error: tonic::transport::Error| bad(format!("{}: {error}", self.uri));
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
            endpoint = endpoint.tls_config(tls.clone()).map_err(bad)?;
        }
        Ok(endpoint.connect_lazy())
    }
}

fn bad(message: String) -> Error {
    Error::settings("engines", "ENDPOINT_INVALID", message)
}

fn host(uri: &Uri) -> &str {
    uri.host().unwrap_or_default().trim_matches(['[', ']'])
}

fn tls(uri: &Uri, settings: &RemoteEngine) -> Result<ClientTlsConfig> {
    let tls = settings.tls.clone().unwrap_or_default();
    let name = tls.server_name.unwrap_or_else(|| host(uri).to_owned());
    let Some(ca) = tls.ca else {
        return Err(bad(format!(
            "{uri}: https needs `tls: {{ca: FILE}}`, the authorities to trust"
        )));
    };
    let pem = std::fs::read(&ca).map_err(|error| bad(format!("{ca} can't be read: {error}")))?;
    Ok(ClientTlsConfig::new().domain_name(name).ca_certificate(Certificate::from_pem(pem)))
}
