//! The kinds of servers, detected from their responses.

use anomal_core::{Code, Error, Result};
use serde::Deserialize;

/// The servers that are supported.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Server {
    Elasticsearch,
    OpenSearch,
}

impl Server {
    pub fn name(self) -> &'static str {
        match self {
            Self::Elasticsearch => "Elasticsearch",
            Self::OpenSearch => "OpenSearch",
        }
    }

    /// The type of a field for any object, whose values are indexed as keywords.
    pub fn flattened(self) -> &'static str {
        match self {
            Self::Elasticsearch => "flattened",
            Self::OpenSearch => "flat_object",
        }
    }

    /// The first major version that is supported.
    fn min_version(self) -> u64 {
        match self {
            Self::Elasticsearch => 8,
            Self::OpenSearch => 2,
        }
    }
}

/// The response to `GET /`.
#[derive(Deserialize)]
struct RootResponse {
    version: Version,
}

#[derive(Deserialize)]
struct Version {
    number: String,
    distribution: Option<String>,
}

/// The response to `GET /_nodes/_local/http`, for servers that do not answer `GET /`.
#[derive(Deserialize)]
struct NodesInfo {
    nodes: std::collections::BTreeMap<String, NodeInfo>,
}

#[derive(Deserialize)]
struct NodeInfo {
    version: String,
    build_flavor: Option<String>,
}

/// The server and version from the response to `GET /`.
pub(super) fn from_root_response(body: &[u8]) -> Option<(Server, String)> {
    let Version { number, distribution } =
        serde_json::from_slice::<RootResponse>(body).ok()?.version;
    let server = match distribution.as_deref() {
        Some("opensearch") => Server::OpenSearch,
        _ => Server::Elasticsearch,
    };
    Some((server, number))
}

/// The server and version from a node's description.
pub(super) fn from_node_info(body: &[u8]) -> Option<(Server, String)> {
    let nodes = serde_json::from_slice::<NodesInfo>(body).ok()?.nodes;
    let NodeInfo { version, build_flavor } = nodes.into_values().next()?;
    // OpenSearch nodes have a `build_type` alone.
    let server = if build_flavor.is_some() { Server::Elasticsearch } else { Server::OpenSearch };
    Some((server, version))
}

/// # Errors
/// `Incompatible` if the version is too old.
pub(super) fn check_version(server: Server, version: &str) -> Result<()> {
    let major = version.split('.').next().and_then(|major| major.parse::<u64>().ok());
    if major.is_some_and(|major| major < server.min_version()) {
        let (name, least) = (server.name(), server.min_version());
        return Err(Error::new(
            Code::Incompatible,
            "SERVER_TOO_OLD",
            format!("{name} {version} is too old; {name} {least} or later is required"),
        ));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn servers_are_detected_from_their_responses() {
        let elastic = br#"{"name":"n","version":{"number":"8.18.0","build_flavor":"default"},"tagline":"You Know, for Search"}"#;
        assert_eq!(from_root_response(elastic), Some((Server::Elasticsearch, "8.18.0".into())));
        let open = br#"{"version":{"distribution":"opensearch","number":"3.0.0"}}"#;
        assert_eq!(from_root_response(open), Some((Server::OpenSearch, "3.0.0".into())));
        let node = br#"{"nodes":{"x":{"version":"8.18.0","build_flavor":"default"}}}"#;
        assert_eq!(from_node_info(node), Some((Server::Elasticsearch, "8.18.0".into())));
        assert_eq!(from_root_response(b"<html>hello</html>"), None);
        assert_eq!(from_node_info(b"{}"), None);
    }

    #[test]
    fn old_versions_are_refused() {
        assert!(check_version(Server::Elasticsearch, "9.0.0").is_ok());
        assert!(check_version(Server::OpenSearch, "2.19.1").is_ok());
        let error = check_version(Server::Elasticsearch, "7.17.28").unwrap_err();
        assert_eq!(error.code, Code::Incompatible);
        assert!(error.message.contains("7.17.28") && error.message.contains("8 or later"));
        // A hidden version is accepted.
        assert!(check_version(Server::OpenSearch, "serverless").is_ok());
    }
}
