//! What an output may tell of the run whose results it gets.

use std::path::PathBuf;

use anomal_spec::Auth;

#[derive(Clone, Debug, Default)]
pub struct RunInfo {
    pub job: String,
    /// The Kubernetes namespace of the job, in a cluster.
    pub namespace: Option<String>,
    /// Which of the job's runs it is: the same for each try of one run.
    pub run: String,
    /// What scores the rows, if anything does.
    pub engine: Option<String>,
    /// When it began, in microseconds since the epoch.
    pub started: i64,
    /// The column that holds the time of a record.
    pub time_column: Option<String>,
    pub report: Option<ReportInfo>,
    /// Where outputs keep what a server refuses, unless they name a place of their own.
    pub refused: PathBuf,
    /// Of `refused`, where it is an object's.
    pub refused_auth: Option<Auth>,
}

/// The report that is made of the run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReportInfo {
    pub id: String,
    /// Where its pages are, such as `https://anomal.example`, if that is known.
    pub address: Option<String>,
}
