//! Which server it is, told from what it answers.

use anomal_core::{Code, Error, Result};
use serde::Deserialize;

/// What the two servers do not have in common.
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

    /// The type of a field that holds any object, each of its values as a keyword.
    pub fn flattened(self) -> &'static str {
        match self {
            Self::Elasticsearch => "flattened",
            Self::OpenSearch => "flat_object",
        }
    }

    /// The first version that is served.
    fn least(self) -> u64 {
        match self {
            Self::Elasticsearch => 8,
            Self::OpenSearch => 2,
        }
    }
}

/// The answer to `GET /`.
#[derive(Deserialize)]
struct Greeting {
    version: Version,
}

#[derive(Deserialize)]
struct Version {
    number: String,
    distribution: Option<String>,
}

/// The answer to `GET /_nodes/_local/http`, for servers without the greeting.
#[derive(Deserialize)]
struct Nodes {
    nodes: std::collections::BTreeMap<String, Node>,
}

#[derive(Deserialize)]
struct Node {
    version: String,
    build_flavor: Option<String>,
}

/// From the greeting; nothing if it is none.
pub(super) fn greeted(body: &[u8]) -> Option<(Server, String)> {
    let Version { number, distribution } = serde_json::from_slice::<Greeting>(body).ok()?.version;
    let server = match distribution.as_deref() {
        Some("opensearch") => Server::OpenSearch,
        _ => Server::Elasticsearch,
    };
    Some((server, number))
}

/// From what a node tells of itself.
pub(super) fn of_node(body: &[u8]) -> Option<(Server, String)> {
    let nodes = serde_json::from_slice::<Nodes>(body).ok()?.nodes;
    let Node { version, build_flavor } = nodes.into_values().next()?;
    // OpenSearch nodes have a `build_type` alone.
    let server = if build_flavor.is_some() { Server::Elasticsearch } else { Server::OpenSearch };
    Some((server, version))
}

/// # Errors
/// `Incompatible` if it is older than what is served.
pub(super) fn supported(server: Server, version: &str) -> Result<()> {
    let major = version.split('.').next().and_then(|major| major.parse::<u64>().ok());
    if major.is_some_and(|major| major < server.least()) {
        let (name, least) = (server.name(), server.least());
        return Err(Error::new(
            Code::Incompatible,
            "SERVER_TOO_OLD",
            format!("this is {name} {version}; {name} {least} or later is needed"),
        ));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn servers_are_told_by_what_they_say() {
        let elastic = br#"{"name":"n","version":{"number":"8.18.0","build_flavor":"default"},"tagline":"You Know, for Search"}"#;
        assert_eq!(greeted(elastic), Some((Server::Elasticsearch, "8.18.0".into())));
        let open = br#"{"version":{"distribution":"opensearch","number":"3.0.0"}}"#;
        assert_eq!(greeted(open), Some((Server::OpenSearch, "3.0.0".into())));
        let node = br#"{"nodes":{"x":{"version":"8.18.0","build_flavor":"default"}}}"#;
        assert_eq!(of_node(node), Some((Server::Elasticsearch, "8.18.0".into())));
        assert_eq!(greeted(b"<html>hello</html>"), None);
        assert_eq!(of_node(b"{}"), None);
    }

    #[test]
    fn old_ones_are_refused() {
        assert!(supported(Server::Elasticsearch, "9.0.0").is_ok());
        assert!(supported(Server::OpenSearch, "2.19.1").is_ok());
        let error = supported(Server::Elasticsearch, "7.17.28").unwrap_err();
        assert_eq!(error.code, Code::Incompatible);
        assert!(error.message.contains("7.17.28") && error.message.contains("8 or later"));
        // One that hides its version is tried.
        assert!(supported(Server::OpenSearch, "serverless").is_ok());
    }
}
