//! The command line that all servers share.

use std::{net::SocketAddr, path::PathBuf, time::Duration};

use clap::Args;

use crate::logging::LogFormat;

#[derive(Clone, Debug, Args)]
pub struct ServerArgs {
    /// Where to serve gRPC (port 0: a free one)
    #[arg(long, env = "ANOMAL_LISTEN")]
    pub listen: Option<SocketAddr>,
    /// Where to serve /metrics, /healthz and /readyz over HTTP
    #[arg(long, env = "ANOMAL_METRICS_LISTEN", default_value = "0.0.0.0:9400")]
    pub metrics_listen: SocketAddr,
    /// Write the ports that were bound to this file, as JSON
    #[arg(long)]
    pub port_file: Option<PathBuf>,
    /// The server's certificate chain (PEM); with --tls-key, clients must use https
    #[arg(long, env = "ANOMAL_TLS_CERT", requires = "tls_key")]
    pub tls_cert: Option<PathBuf>,
    /// The certificate's private key (PEM)
    #[arg(long, env = "ANOMAL_TLS_KEY", requires = "tls_cert")]
    pub tls_key: Option<PathBuf>,
    /// Requests worked on at once; others are refused and tried elsewhere
    #[arg(long, env = "ANOMAL_MAX_CONCURRENT_REQUESTS", default_value_t = 16)]
    pub max_concurrent_requests: usize,
    /// Bytes that the table of a request may have
    #[arg(long, env = "ANOMAL_MAX_REQUEST_BYTES", default_value_t = 2 << 30)]
    pub max_request_bytes: usize,
    /// Seconds that requests may go on after the server was told to stop
    #[arg(long, env = "ANOMAL_GRACE_PERIOD", default_value_t = 25)]
    pub grace_period: u64,
    #[arg(long, env = "ANOMAL_LOG_FORMAT", value_enum, default_value_t = LogFormat::Text)]
    pub log_format: LogFormat,
    /// error, warn, info, debug or trace
    #[arg(long, env = "ANOMAL_LOG_LEVEL", default_value = "info")]
    pub log_level: String,
}

impl ServerArgs {
    pub(crate) fn grace(&self) -> Duration {
        Duration::from_secs(self.grace_period)
    }
}
