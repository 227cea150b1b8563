//! What the operator was told of the installation that it is part of.

use anomal_spec::Runner;

/// The release's own parts, which jobs use that name no others.
#[derive(Clone, Debug, Default)]
pub struct Installation {
    pub image: String,
    pub image_pull_policy: String,
    pub image_pull_secrets: Vec<String>,
    /// What holds for pods where a job says nothing.
    pub defaults: Runner,
    pub feature: Vec<String>,
    pub classification: Vec<String>,
    pub report: Vec<String>,
    /// Where people find reports, such as `https://anomal.example`.
    pub report_address: Option<String>,
    /// PEM of the authority of the release's services.
    pub ca: Option<String>,
    /// What runners' tokens are made for; absent: they get none.
    pub audience: Option<String>,
    /// Where runners send their traces.
    pub otlp_endpoint: Option<String>,
    /// The trace that the run belongs to.
    pub traceparent: Option<String>,
}
