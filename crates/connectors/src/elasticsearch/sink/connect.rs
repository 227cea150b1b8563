//! Connects to a cluster and makes an index ready for documents.

use std::sync::atomic::AtomicBool;

use anomal_core::Result;
use anomal_spec::ElasticsearchOutput;

use super::{bulk::FILTER, delivery::Delivery, rollover::Rollover, template};
use crate::{elasticsearch::client::Client, remote::Access};

/// How long requests are tried again.
#[derive(Clone, Copy, Debug)]
pub(super) enum Patience {
    /// Then the run fails.
    Run { retry_seconds: u64 },
    /// Of a stream, which tries again itself as long as it lives.
    Stream,
}

/// What a stream leaves to the driver: short enough that an outage is seen, and long enough for a queue that is full for a
/// moment.
const STREAM_SECONDS: u64 = 2;

impl Delivery {
    /// Connects to the cluster and installs the templates.
    ///
    /// # Errors
    /// Those of [`Client::connect`].
    pub fn connect(
        output: &ElasticsearchOutput,
        access: &Access<'_>,
        index: &str,
        data_stream: bool,
        patience: Patience,
    ) -> Result<Self> {
        let (seconds, endless) = match patience {
            Patience::Run { retry_seconds } => (retry_seconds, false),
            Patience::Stream => (STREAM_SECONDS, true),
        };
        let (client, server) = Client::connect(&output.connection(), access, seconds)?;
        if output.manage_template {
            template::install(&client, server, index, data_stream)?;
        }
        let rollover = if endless { Rollover::find(&client, index, data_stream)? } else { None };
        let gzip =
            output.bulk.gzip.unwrap_or_else(|| !client.urls().iter().all(|url| is_local(url)));
        let mut path = format!("/{index}/_bulk?{FILTER}");
        if let Some(pipeline) = &output.pipeline {
            let pipeline: String =
                url::form_urlencoded::byte_serialize(pipeline.as_bytes()).collect();
            path.push_str("&pipeline=");
            path.push_str(&pipeline);
        }
        Ok(Self { client, path, gzip, stalled: AtomicBool::new(false), endless, rollover })
    }
}

/// Whether a node is on this machine, where compression costs more than it saves.
fn is_local(url: &str) -> bool {
    match url::Url::parse(url).ok().as_ref().and_then(url::Url::host) {
        Some(url::Host::Domain(name)) => name == "localhost",
        Some(url::Host::Ipv4(address)) => address.is_loopback(),
        Some(url::Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_remote_requests_are_compressed() {
        assert!(
            ["http://127.0.0.1:9200", "https://localhost/es", "http://[::1]:1"]
                .iter()
                .all(|url| is_local(url))
        );
        assert!(!["https://es:9200", "http://10.0.0.1:9200"].iter().any(|url| is_local(url)));
    }
}
