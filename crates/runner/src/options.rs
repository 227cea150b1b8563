//! What a run is given beside its settings.

use std::sync::Arc;

use anomal_connectors::ConnectorRegistry;
use anomal_core::{ClassificationEngine, FeatureEngine, PackUpload};
use anomal_storage::Secrets;

use crate::{
    original::OriginalFiles, progress::Observer, publish::ReportTarget,
    suppressions::SuppressionList,
};

/// Where the work is done.
#[derive(Clone)]
pub struct Engines {
    pub feature: Arc<dyn FeatureEngine>,
    pub classification: Arc<dyn ClassificationEngine>,
}

/// How a job is run, beside its settings.
#[derive(Clone)]
pub struct Options {
    pub observer: Arc<dyn Observer>,
    /// The drivers of inputs and outputs.
    pub connectors: ConnectorRegistry,
    /// The original's extra files.
    pub original: Option<OriginalFiles>,
    /// Suspects in the summary.
    pub suspects: usize,
    /// Whether rows are written where the settings name no output.
    pub results: bool,
    /// Where the report goes, if one is made.
    pub report: Option<ReportTarget>,
    /// The secrets that inputs and outputs name.
    pub secrets: Secrets,
    /// Packs with code, and lists, which the settings name by digest.
    pub packs: Vec<Arc<PackUpload>>,
    /// Which of the job's runs it is; derived from the settings and the records where it is not given.
    pub run: Option<String>,
    /// The Kubernetes namespace of the job, in a cluster.
    pub namespace: Option<String>,
    /// What the run is quiet about.
    pub suppressions: Option<Arc<SuppressionList>>,
    /// Bytes that rows which wait for a whole-table step may use; three quarters of the machine or cgroup by default.
    pub memory: Option<u64>,
}
