//! The command line that all servers share.

use std::{io, net::SocketAddr, num::NonZeroUsize, path::PathBuf, time::Duration};

use anomal_telemetry::{LogArgs, ProbeArgs};
use clap::Args;
use tokio::runtime::Runtime;

use crate::certificates::TlsFiles;

#[derive(Clone, Debug, Args)]
pub struct ServerArgs {
    /// Where to serve gRPC (port 0: a free one)
    #[arg(long, env = "ANOMAL_LISTEN")]
    pub listen: Option<SocketAddr>,
    #[command(flatten)]
    pub probes: ProbeArgs,
    /// Write the ports that were bound to this file, as JSON
    #[arg(long)]
    pub port_file: Option<PathBuf>,
    /// The port of the server's own web pages, where it has any; told in that file.
    #[arg(skip)]
    pub web_port: Option<u16>,
    /// The server's certificate chain (PEM); with --tls-key, clients must use https. It is read again when the
    /// file changes, as are the files of the other options of TLS
    #[arg(long, env = "ANOMAL_TLS_CERT", requires = "tls_key")]
    pub tls_cert: Option<PathBuf>,
    /// The certificate's private key (PEM)
    #[arg(long, env = "ANOMAL_TLS_KEY", requires = "tls_cert")]
    pub tls_key: Option<PathBuf>,
    /// The authorities (PEM) whose certificates clients must show; without it they need none
    #[arg(long, env = "ANOMAL_CLIENT_CA", requires = "tls_cert", value_name = "FILE")]
    pub client_ca: Option<PathBuf>,
    /// Requests worked on at once; others are refused and tried elsewhere
    #[arg(long, env = "ANOMAL_MAX_CONCURRENT_REQUESTS", default_value_t = 16)]
    pub max_concurrent_requests: usize,
    /// Bytes that the table of a request may have
    #[arg(long, env = "ANOMAL_MAX_REQUEST_BYTES", default_value_t = 2 << 30)]
    pub max_request_bytes: usize,
    /// Threads that compute, and as many that serve (default: one for each processor; tables have their own,
    /// set by the environment variable `POLARS_MAX_THREADS`)
    #[arg(long, env = "ANOMAL_THREADS", value_name = "N")]
    pub threads: Option<NonZeroUsize>,
    /// Seconds that requests may go on after the server was told to stop
    #[arg(long, env = "ANOMAL_GRACE_PERIOD", default_value_t = 25)]
    pub grace_period: u64,
    #[command(flatten)]
    pub logs: LogArgs,
}

impl ServerArgs {
    /// The runtime that serves, and the threads that compute.
    ///
    /// # Errors
    /// If the system gives no threads, or the threads that compute were there already.
    pub fn runtime(&self) -> io::Result<Runtime> {
        let mut builder = tokio::runtime::Builder::new_multi_thread();
        if let Some(threads) = self.threads {
            builder.worker_threads(threads.get());
            rayon::ThreadPoolBuilder::new()
                .num_threads(threads.get())
                .build_global()
                .map_err(io::Error::other)?;
        }
        builder.enable_all().build()
    }

    /// The server's certificate and whom it asks for one, if it serves over TLS.
    pub fn tls(&self) -> Option<TlsFiles> {
        let (cert, key) = (self.tls_cert.clone()?, self.tls_key.clone()?);
        Some(TlsFiles { cert, key, client_ca: self.client_ca.clone() })
    }

    pub(crate) fn grace(&self) -> Duration {
        Duration::from_secs(self.grace_period)
    }
}

#[cfg(test)]
mod tests {
    use clap::{CommandFactory, Parser};

    use super::*;

    #[derive(Parser)]
    struct Server {
        #[command(flatten)]
        args: ServerArgs,
    }

    fn parse(arguments: &[&str]) -> Result<ServerArgs, clap::Error> {
        let all = ["server"].iter().chain(arguments);
        Server::try_parse_from(all).map(|server| server.args)
    }

    #[test]
    fn threads_are_as_many_as_asked_for() {
        let args = parse(&["--threads", "3"]).unwrap();
        let runtime = args.runtime().unwrap();
        assert_eq!(runtime.metrics().num_workers(), 3);
        assert_eq!(rayon::current_num_threads(), 3);
        assert!(parse(&["--threads", "0"]).is_err());
    }

    #[test]
    fn every_option_is_explained() {
        for option in Server::command().get_arguments() {
            assert!(option.get_help().is_some(), "--{}", option.get_id());
        }
    }
}
