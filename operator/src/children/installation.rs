//! The installation (Helm release) that the operator is part of.

use anomal_spec::Runner;

/// The parts of the release that jobs use by default.
#[derive(Clone, Debug, Default)]
pub struct Installation {
    pub image: String,
    pub image_pull_policy: String,
    pub image_pull_secrets: Vec<String>,
    /// Defaults of `spec.runner`.
    pub defaults: Runner,
    pub feature: Vec<String>,
    pub classification: Vec<String>,
    pub report: Vec<String>,
    /// Where people find reports, such as `https://anomal.example`.
    pub report_address: Option<String>,
    /// PEM of the authority of the release's services.
    pub ca: Option<String>,
    /// The audience of the runners' tokens; None: they get no token.
    pub audience: Option<String>,
    /// The trust policy for packs, as YAML.
    pub trust: Option<String>,
    /// Whether jobs name packs by digest.
    pub require_pack_digest: bool,
    /// The collector of the runners' traces.
    pub otlp_endpoint: Option<String>,
    /// The trace that the run belongs to.
    pub traceparent: Option<String>,
}
