//! Detects which server answers, and its version.

use std::time::Duration;

use anomal_core::{Code, Error, Result};
use anomal_spec::Flavor;

use super::{Attempt, Client, Request, wait};
use crate::elasticsearch::client::server::{self, Server};

/// How long a cluster that is unavailable at the start of a run is retried at most: the URL may be wrong.
const PROBE_TIMEOUT: Duration = Duration::from_secs(15);

impl Client {
    pub(super) fn detect_server(&self, flavor: Flavor) -> Result<Server> {
        let given = match flavor {
            Flavor::Auto => None,
            Flavor::Elasticsearch => Some(Server::Elasticsearch),
            Flavor::Opensearch => Some(Server::OpenSearch),
        };
        let client = self.clone();
        let (found, reason) = wait(async move { client.probe_server(given.is_some()).await })?;
        if let Some((server, version)) = &found {
            server::check_version(*server, version)?;
        }
        given.or(found.map(|(server, _)| server)).ok_or_else(|| {
            Error::new(
                Code::Incompatible,
                "SERVER_UNKNOWN",
                format!(
                    "{} is not recognised as Elasticsearch or OpenSearch ({reason}); check the URL, or set flavor: \
                     elasticsearch or opensearch",
                    self.name()
                ),
            )
        })
    }

    /// The server and its version, if it reports them, and a description of its last response. `known`: the settings
    /// name the server.
    async fn probe_server(&self, known: bool) -> Result<(Option<(Server, String)>, String)> {
        let root = match self
            .send_within(&Request::get("/"), PROBE_TIMEOUT.min(self.0.retry_timeout))
            .await
        {
            // A role that may write may still lack the privilege for this request.
            Err(error) if error.code == Code::PermissionDenied && known => {
                return Ok((None, error.message));
            }
            Err(error) if error.code == Code::PermissionDenied => {
                match self.once(&Request::get("/")).await {
                    Attempt::Answered(response) if response.product.is_some() => response,
                    _ => return Err(error),
                }
            }
            answered => answered?,
        };
        let by_header = root.product.map(|server| (server, String::new()));
        if let Some(found) = server::from_root_response(&root.body).or(by_header) {
            return Ok((Some(found), String::new()));
        }
        let retry_timeout = PROBE_TIMEOUT.min(self.0.retry_timeout);
        let node = self.send_within(&Request::get("/_nodes/_local/http"), retry_timeout).await;
        match node {
            Ok(node) => Ok((server::from_node_info(&node.body), node.describe())),
            Err(_) if known => Ok((None, String::new())),
            Err(error) => Err(error),
        }
    }
}
