//! The operator's command line.

use std::{fs, path::PathBuf};

use anomal_spec::Runner;
use anomal_telemetry::{LogArgs, ProbeArgs};
use anyhow::{Context, Result};
use clap::{ArgAction, Args};

use crate::children::Installation;

#[derive(Clone, Debug, Args)]
pub struct OperatorArgs {
    /// Namespaces to watch (default: all)
    #[arg(long, env = "ANOMAL_NAMESPACES", value_delimiter = ',', value_name = "NAME,…")]
    pub namespaces: Vec<String>,
    /// Labels of the `AnomalyJobs` to watch, such as `team=blue`
    #[arg(long, env = "ANOMAL_SELECTOR", default_value = "", hide_default_value = true)]
    pub selector: String,
    /// The image that runs jobs (required)
    #[arg(long, env = "ANOMAL_RUNNER_IMAGE", value_name = "IMAGE")]
    pub runner_image: Option<String>,
    /// Always, `IfNotPresent` or Never
    #[arg(
        long,
        env = "ANOMAL_RUNNER_IMAGE_PULL_POLICY",
        default_value = "IfNotPresent",
        value_name = "POLICY"
    )]
    pub runner_image_pull_policy: String,
    /// Secrets of a job's namespace that the image is pulled with
    #[arg(
        long,
        env = "ANOMAL_RUNNER_IMAGE_PULL_SECRETS",
        value_delimiter = ',',
        value_name = "NAME,…"
    )]
    pub runner_image_pull_secrets: Vec<String>,
    /// A YAML file in the form of `spec.runner`, with defaults for all jobs
    #[arg(long, env = "ANOMAL_RUNNER_DEFAULTS", value_name = "FILE")]
    pub runner_defaults: Option<PathBuf>,
    /// Feature engines of this installation, for jobs that name none (default: the runner itself)
    #[arg(long, env = "ANOMAL_FEATURE_ENDPOINT", value_delimiter = ',', value_name = "URL,…")]
    pub feature_endpoint: Vec<String>,
    /// Classification engines of this installation, for jobs that name none (default: the runner itself)
    #[arg(
        long,
        env = "ANOMAL_CLASSIFICATION_ENDPOINT",
        value_delimiter = ',',
        value_name = "URL,…"
    )]
    pub classification_endpoint: Vec<String>,
    /// The report engine of this installation, for jobs that name none
    #[arg(long, env = "ANOMAL_REPORT_ENDPOINT", value_delimiter = ',', value_name = "URL,…")]
    pub report_endpoint: Vec<String>,
    /// The public address of this installation's reports, for links in outputs
    #[arg(long, env = "ANOMAL_REPORT_ADDRESS", value_name = "URL")]
    pub report_address: Option<String>,
    /// The authority that signs the certificates of these engines (PEM); runners get it with their settings
    #[arg(long, env = "ANOMAL_CA", value_name = "FILE")]
    pub ca: Option<PathBuf>,
    /// The audience of the tokens with which runners authenticate to these engines (default: no tokens)
    #[arg(long, env = "ANOMAL_AUDIENCE", value_name = "NAME")]
    pub audience: Option<String>,
    /// The trust policy for packs; runners get it with their settings
    #[arg(long, env = "ANOMAL_TRUST", value_name = "FILE")]
    pub trust: Option<PathBuf>,
    /// Refuse jobs that name a pack by an address without a digest
    #[arg(long, env = "ANOMAL_REQUIRE_PACK_DIGEST", default_value_t = true, action = ArgAction::Set, value_name = "BOOLEAN")]
    pub require_pack_digest: bool,
    /// Reconcile only while holding a Lease, for several replicas
    #[arg(long, env = "ANOMAL_LEADER_ELECT")]
    pub leader_elect: bool,
    /// The name of the Lease
    #[arg(long, env = "ANOMAL_LEASE_NAME", default_value = "anomal-operator", value_name = "NAME")]
    pub lease_name: String,
    /// The name of the Leasespace (default: that of this pod)
    #[arg(long, env = "ANOMAL_LEASE_NAMESPACE", value_name = "NAME")]
    pub lease_namespace: Option<String>,
    /// The holder of the Lease (default: the name of this pod)
    #[arg(long, env = "ANOMAL_LEASE_IDENTITY", value_name = "NAME")]
    pub lease_identity: Option<String>,
    /// Jobs reconciled at once
    #[arg(long, env = "ANOMAL_CONCURRENCY", default_value_t = 8, value_parser = clap::value_parser!(u16).range(1..=256))]
    pub concurrency: u16,
    #[command(flatten)]
    pub probes: ProbeArgs,
    #[command(flatten)]
    pub logs: LogArgs,
}

impl OperatorArgs {
    /// A function that returns the present installation: the files of the authority and of the trust policy may change.
    ///
    /// # Errors
    /// If a file can't be read or parsed.
    pub fn installation(&self) -> Result<impl Fn() -> Installation + Send + Sync + 'static> {
        let installation = Installation {
            image: self
                .runner_image
                .clone()
                .context("--runner-image is missing; set the image that runs jobs")?,
            image_pull_policy: self.runner_image_pull_policy.clone(),
            image_pull_secrets: self.runner_image_pull_secrets.clone(),
            defaults: self.defaults()?,
            feature: self.feature_endpoint.clone(),
            classification: self.classification_endpoint.clone(),
            report: self.report_endpoint.clone(),
            report_address: self.report_address.clone().filter(|address| !address.is_empty()),
            ca: self.ca.as_ref().map(read).transpose()?,
            audience: self.audience.clone(),
            trust: self.trust.as_ref().map(read).transpose()?,
            require_pack_digest: self.require_pack_digest,
            otlp_endpoint: self.logs.otlp_endpoint.clone().filter(|endpoint| !endpoint.is_empty()),
            traceparent: None,
        };
        let files = (self.ca.clone(), self.trust.clone());
        Ok(move || {
            // While a file is being replaced, it may not exist: the last content is used.
            let present = |file: &Option<PathBuf>, last: &Option<String>| {
                let text = file.as_ref().and_then(|file| fs::read_to_string(file).ok());
                text.or_else(|| last.clone())
            };
            Installation {
                ca: present(&files.0, &installation.ca),
                trust: present(&files.1, &installation.trust),
                traceparent: anomal_telemetry::traceparent()
                    .filter(|_| installation.otlp_endpoint.is_some()),
                ..installation.clone()
            }
        })
    }

    fn defaults(&self) -> Result<Runner> {
        let Some(file) = &self.runner_defaults else { return Ok(Runner::default()) };
        let text = read(file)?;
        serde_saphyr::from_str(&text)
            .with_context(|| format!("{} is not in the form of spec.runner", file.display()))
    }
}

fn read(file: &PathBuf) -> Result<String> {
    fs::read_to_string(file).with_context(|| format!("cannot read {}", file.display()))
}
