use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Parameters, Tls};

/// How rows are scored and which of them are suspicious.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Classification {
    /// A detector's name (`anomal detectors` lists them), or External: an external server.
    #[serde(default = "recommended")]
    #[schemars(length(min = 1, max = 253))]
    pub engine: String,
    /// The detector's parameters, under scikit-learn's names in camelCase.
    #[serde(default, skip_serializing_if = "Parameters::is_empty")]
    #[schemars(extend("maxProperties" = 64))]
    pub parameters: Parameters,
    /// Which rows are suspicious; by default what the detector recommends.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub threshold: Option<Threshold>,
    /// The seed of random numbers. The same seed gives the same results.
    #[serde(default)]
    pub seed: u64,
    /// Saves the fitted model, or scores with a saved one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub model: Option<ModelFile>,
    /// Of External: where its server listens, `http://host:port` or `https://host:port`. It serves the
    /// `ClassificationEngine` API (examples/external-engine).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 512))]
    pub endpoint: Option<String>,
    /// Of External: how its `https` endpoint is verified.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tls: Option<Tls>,
}

fn recommended() -> String {
    "Ensemble".into()
}

impl Default for Classification {
    fn default() -> Self {
        Self {
            engine: recommended(),
            parameters: Parameters::new(),
            threshold: None,
            seed: 0,
            model: None,
            endpoint: None,
            tls: None,
        }
    }
}

/// The name of the engine for an external server.
pub const EXTERNAL: &str = "External";

/// A file with a fitted model: exactly one of the two.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ModelFile {
    /// Written atomically after fitting.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 4096))]
    pub save: Option<String>,
    /// Read instead of fitting: rows are scored by it, each for itself, and drift since then is reported.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 4096))]
    pub load: Option<String>,
}

/// A rule that makes a score suspicious.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Threshold {
    pub method: ThresholdMethod,
    /// contamination: the share of rows, 0..0.5. quantile: 0..1. mad, iqr, zscore: how many of them.
    /// pot, risk: the probability of a false alarm. score: the score. budget: rows an hour. auto, smallestCluster: none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub value: Option<f64>,
}

/// How the line is drawn.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum ThresholdMethod {
    /// The share of rows with the highest scores (default 0.02).
    Contamination,
    /// Scores above this quantile (default 0.98).
    Quantile,
    /// Scores above the median by this many scaled median absolute deviations (default 3.5).
    Mad,
    /// Scores above the third quartile by this many interquartile ranges (default 1.5).
    Iqr,
    /// Scores above the mean by this many standard deviations (default 3).
    Zscore,
    /// Peaks over threshold: a generalised Pareto tail at this probability (default 0.001).
    Pot,
    /// Rows of the cluster with the fewest members at two clusters.
    SmallestCluster,
    /// Scores at or above this one.
    Score,
    /// Where two of mad (3.5), iqr (3) and pot (0.001) agree; at least the highest score, at most a
    /// tenth of the rows.
    Auto,
    /// In a stream: scores so unusual among the last 10,000 that a row without anomalies has this probability (default
    /// 0.0001) to be suspicious.
    Risk,
    /// In a stream with `timeColumn`: as risk, with about so many suspicious rows an hour (default 20) where nothing happens;
    /// what happens is on top.
    Budget,
    /// In a stream: rows of which about this share (default 0.1) are false alarms, of those that were called suspicious lately.
    Fdr,
    /// In a stream: scores above the one that a row without anomalies passes with this probability (default 0.0001), by the
    /// tail of all scores so far.
    Spot,
    /// In a stream: as spot, on the differences from the mean of the last 450 scores, for scores that drift.
    Dspot,
}

/// The probability of a false alarm of `risk`, where none is set.
pub const DEFAULT_RISK: f64 = 1e-4;
/// The share of false alarms of `fdr`, where none is set.
pub const DEFAULT_FALSE_DISCOVERIES: f64 = 0.1;
/// The suspicious rows an hour of `budget`, where none are set.
pub const DEFAULT_BUDGET: f64 = 20.0;
