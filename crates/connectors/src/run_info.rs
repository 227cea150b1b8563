//! The run whose results an output writes.

use std::path::PathBuf;

use anomal_spec::Auth;

/// Facts about a run that outputs include in what they write.
#[derive(Clone, Debug, Default)]
pub struct RunInfo {
    pub job: String,
    /// The Kubernetes namespace of the job, in a cluster.
    pub namespace: Option<String>,
    /// The id of the run, equal for all attempts of one run.
    pub run: String,
    /// The detector that scores the rows, if there is one.
    pub engine: Option<String>,
    /// The start of the run in microseconds since the epoch.
    pub started: i64,
    /// The column with a record's time.
    pub time_column: Option<String>,
    /// The columns that say which record it is and whose, which people see first.
    pub row_keys: Vec<String>,
    /// The columns that tables for people show of a row, in order; none: all, those of `row_keys` first.
    pub show: Vec<String>,
    /// Texts that mean a missing value in the input.
    pub null_values: Vec<String>,
    pub report: Option<ReportInfo>,
    /// The file for documents that a server rejects, unless an output names its own.
    pub refused: PathBuf,
    /// Whether the results before may have been written on another machine, where the files of records and documents that were
    /// not taken are.
    pub moves: bool,
    /// Credentials for `refused`, if it is an object's URL.
    pub refused_auth: Option<Auth>,
}

/// The report of the run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReportInfo {
    pub id: String,
    /// The base URL of its pages, such as `https://anomal.example`, if it is known.
    pub address: Option<String>,
}
