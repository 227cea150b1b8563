//! The command line arguments of all servers.

use std::{io, net::SocketAddr, num::NonZeroUsize, path::PathBuf, time::Duration};

use anomal_listen::TlsFiles;
use anomal_telemetry::{LogArgs, ProbeArgs};
use clap::Args;
use tokio::runtime::Runtime;

#[derive(Clone, Debug, Args)]
pub struct ServerArgs {
    /// The address to serve gRPC on (port 0: a free one)
    #[arg(long, env = "ANOMAL_LISTEN")]
    pub listen: Option<SocketAddr>,
    #[command(flatten)]
    pub probes: ProbeArgs,
    /// Write the ports that were bound to this file, as JSON
    #[arg(long)]
    pub port_file: Option<PathBuf>,
    /// The port of the server's web pages, if it has any, for that file.
    #[arg(skip)]
    pub web_port: Option<u16>,
    /// The server's certificate chain (PEM); with --tls-key, clients must use https. It is read again when the
    /// file changes, as are the files of the other options of TLS
    #[arg(long, env = "ANOMAL_TLS_CERT", requires = "tls_key")]
    pub tls_cert: Option<PathBuf>,
    /// The certificate's private key (PEM)
    #[arg(long, env = "ANOMAL_TLS_KEY", requires = "tls_cert")]
    pub tls_key: Option<PathBuf>,
    /// The authorities (PEM) of client certificates; without it, clients need no certificate
    #[arg(long, env = "ANOMAL_CLIENT_CA", requires = "tls_cert", value_name = "FILE")]
    pub client_ca: Option<PathBuf>,
    /// The maximum number of concurrent requests; clients retry others with another replica
    #[arg(long, env = "ANOMAL_MAX_CONCURRENT_REQUESTS", default_value_t = 16)]
    pub max_concurrent_requests: usize,
    /// The maximum size of a request's table in bytes
    #[arg(long, env = "ANOMAL_MAX_REQUEST_BYTES", default_value_t = 2 << 30)]
    pub max_request_bytes: usize,
    /// The number of threads for computation, and of those for serving (default: one per processor; tables have their own,
    /// set by the environment variable `POLARS_MAX_THREADS`)
    #[arg(long, env = "ANOMAL_THREADS", value_name = "N")]
    pub threads: Option<NonZeroUsize>,
    /// How many seconds requests may continue after a signal to stop
    #[arg(long, env = "ANOMAL_GRACE_PERIOD", default_value_t = 25)]
    pub grace_period: u64,
    #[command(flatten)]
    pub logs: LogArgs,
}

impl ServerArgs {
    /// The runtime that serves, and the threads that compute.
    ///
    /// # Errors
    /// If threads can't be started, or the threads for computation are started already.
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

    /// The files for TLS, if the server has a certificate.
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
    fn the_number_of_threads_can_be_set() {
        let args = parse(&["--threads", "3"]).unwrap();
        let runtime = args.runtime().unwrap();
        assert_eq!(runtime.metrics().num_workers(), 3);
        assert_eq!(rayon::current_num_threads(), 3);
        assert!(parse(&["--threads", "0"]).is_err());
    }

    #[test]
    fn every_option_has_a_description() {
        for option in Server::command().get_arguments() {
            assert!(option.get_help().is_some(), "--{}", option.get_id());
        }
    }
}
