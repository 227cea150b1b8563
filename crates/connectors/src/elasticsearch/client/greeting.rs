//! Which server it is that answers.

use std::time::Duration;

use anomal_core::{Code, Error, Result};
use anomal_spec::Flavor;

use super::{Attempt, Client, Request, wait};
use crate::elasticsearch::flavor::{self, Server};

/// A cluster that is away when a run begins is waited for so long at most: the URL may be wrong.
const GREETING: Duration = Duration::from_secs(15);

impl Client {
    pub(super) fn ask_which(&self, flavor: Flavor) -> Result<Server> {
        let given = match flavor {
            Flavor::Auto => None,
            Flavor::Elasticsearch => Some(Server::Elasticsearch),
            Flavor::Opensearch => Some(Server::OpenSearch),
        };
        let client = self.clone();
        let (found, told) = wait(async move { client.which(given.is_some()).await })?;
        if let Some((server, version)) = &found {
            flavor::supported(*server, version)?;
        }
        given.or(found.map(|(server, _)| server)).ok_or_else(|| {
            Error::new(
                Code::Incompatible,
                "SERVER_UNKNOWN",
                format!(
                    "{} does not say which server it is ({told}); check the URL, or set flavor: elasticsearch or \
                     opensearch",
                    self.name()
                ),
            )
        })
    }

    /// What it says, and its last answer. `known`: it need not say it.
    async fn which(&self, known: bool) -> Result<(Option<(Server, String)>, String)> {
        let greeting =
            match self.send_within(&Request::get("/"), GREETING.min(self.0.patience)).await {
                // Who may write may still not be allowed to ask.
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
        let by_header = greeting.product.map(|server| (server, String::new()));
        if let Some(found) = flavor::greeted(&greeting.body).or(by_header) {
            return Ok((Some(found), String::new()));
        }
        let patience = GREETING.min(self.0.patience);
        let node = self.send_within(&Request::get("/_nodes/_local/http"), patience).await;
        match node {
            Ok(node) => Ok((flavor::of_node(&node.body), node.told())),
            Err(_) if known => Ok((None, String::new())),
            Err(error) => Err(error),
        }
    }
}
