use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Engines that run elsewhere; one that is absent runs in this process.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Engines {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub feature: Option<RemoteEngine>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub classification: Option<RemoteEngine>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub report: Option<RemoteEngine>,
}

/// The replicas of one engine: work is spread over all of them.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct RemoteEngine {
    /// `http://host:port` or `https://host:port`; a host name stands for all its addresses.
    #[schemars(length(min = 1, max = 64), inner(length(min = 1, max = 512)))]
    pub endpoints: Vec<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tls: Option<Tls>,
    /// A file with the token that says who calls, sent with each call; it is read again when it changes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 4096))]
    pub token_file: Option<String>,
    /// What messages to and from it are compressed with: worth it where the network is slower than the
    /// compressor.
    #[serde(default, skip_serializing_if = "MessageCompression::is_none")]
    pub compression: MessageCompression,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum MessageCompression {
    #[default]
    None,
    Gzip,
    Zstd,
}

impl MessageCompression {
    fn is_none(&self) -> bool {
        *self == Self::None
    }
}

/// How an `https` endpoint is verified, and how the caller shows who it is.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Tls {
    /// A PEM file of the authorities to trust.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 4096))]
    pub ca: Option<String>,
    /// A PEM file of the caller's own certificate, for servers that ask for one; it goes with `key`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 4096))]
    pub cert: Option<String>,
    /// A PEM file of the certificate's private key.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 4096))]
    pub key: Option<String>,
    /// The name that the server's certificate must hold, where it is not the endpoint's host.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 253))]
    pub server_name: Option<String>,
}
