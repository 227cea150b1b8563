//! The run whose results an output writes.

use std::{path::PathBuf, process, sync::LazyLock, time::SystemTime};

use anomal_spec::Auth;
use xxhash_rust::xxh3::xxh3_64;

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

/// 16 digits that distinguish this process from others, also on other machines.
pub(crate) fn process_id() -> &'static str {
    static ID: LazyLock<String> = LazyLock::new(|| {
        let nanoseconds = SystemTime::UNIX_EPOCH.elapsed().map_or(0, |since| since.as_nanos());
        let host = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
        format!("{:016x}", xxh3_64(format!("{nanoseconds} {} {host}", process::id()).as_bytes()))
    });
    &ID
}
