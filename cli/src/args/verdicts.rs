//! The command line of verdicts and of comparing runs.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};

use super::{OutputArgs, Reports};

/// Verdicts are kept by job, in the store of its reports.
#[derive(Debug, Subcommand)]
pub enum VerdictsCommand {
    /// Judge incidents of a report
    Add(AddVerdict),
    /// List the verdicts of a job, the newest first
    List(ListVerdicts),
    /// Print the verdicts with an end in the future as a file for `suppressions.path`
    Suppressions(JobVerdicts),
    /// Delete the verdicts of a job
    Delete(JobVerdicts),
}

#[derive(Debug, Args)]
pub struct AddVerdict {
    /// The report's id, or `latest`
    pub id: String,
    /// Numbers of incidents
    #[arg(required = true, value_name = "INCIDENT")]
    pub incidents: Vec<u64>,
    /// The decision
    #[arg(long, value_enum)]
    pub verdict: VerdictName,
    /// Why, in up to 4,000 characters
    #[arg(long, default_value = "", hide_default_value = true, value_name = "TEXT")]
    pub note: String,
    /// The day before which later runs are quiet about them, such as 2026-04-01; at most a year ahead
    #[arg(long, default_value = "", hide_default_value = true, value_name = "DAY")]
    pub until: String,
    /// Who decides (default: the user of this machine); a server with users knows better
    #[arg(long, value_name = "NAME")]
    pub who: Option<String>,
    /// Store nothing if there is a verdict about them after the one with this number (default: the newest now)
    #[arg(long, value_name = "NUMBER")]
    pub after: Option<u64>,
    /// Of `latest`: the newest report of this job
    #[arg(long, value_name = "NAME")]
    pub job: Option<String>,
    #[command(flatten)]
    pub reports: Reports,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum VerdictName {
    /// An attack, a fraud, a fault: what the job looks for
    TruePositive,
    /// Real, and harmless
    Benign,
    /// Nothing: the job is wrong
    FalsePositive,
    /// Take back what was decided before
    Undecided,
}

#[derive(Debug, Args)]
pub struct JobVerdicts {
    /// The name of the job
    #[arg(long, value_name = "NAME")]
    pub job: String,
    /// Its namespace, in a cluster
    #[arg(long, default_value = "", hide_default_value = true, value_name = "NAME")]
    pub namespace: String,
    #[command(flatten)]
    pub reports: Reports,
}

#[derive(Debug, Args)]
pub struct ListVerdicts {
    #[command(flatten)]
    pub of: JobVerdicts,
    /// As JSON
    #[arg(long)]
    pub json: bool,
}

/// A run is a result file (CSV, Parquet, NDJSON), the settings of a job that has written one, or the id of a report or
/// `latest`.
#[derive(Debug, Args)]
pub struct Compare {
    /// The earlier run
    #[arg(value_name = "RUN_A")]
    pub before: String,
    /// The later run
    #[arg(value_name = "RUN_B")]
    pub after: String,
    /// The settings of the job that wrote result files: by them, hits have the keys that the runs had
    #[arg(long, value_name = "JOB")]
    pub job: Option<PathBuf>,
    /// As JSON
    #[arg(long, conflicts_with = "markdown")]
    pub json: bool,
    /// As Markdown
    #[arg(long)]
    pub markdown: bool,
    /// Exit with 10 if there is a new incident that is neither judged harmless nor quiet; `new:high` and `new:medium`: of
    /// this severity or higher
    #[arg(long, value_enum, value_name = "WHAT")]
    pub fail_on: Option<FailOnNew>,
    #[command(flatten)]
    pub reports: Reports,
    #[command(flatten)]
    pub output: OutputArgs,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum FailOnNew {
    New,
    #[value(name = "new:medium")]
    Medium,
    #[value(name = "new:high")]
    High,
}

/// An incident of a report as a file for a ticket.
#[derive(Debug, Args)]
pub struct CaseReport {
    /// The report's id, or `latest`
    pub id: String,
    /// The number of the incident
    pub incident: u64,
    #[command(flatten)]
    pub reports: Reports,
    /// The file: .md or .json (`-`: Markdown to standard output)
    #[arg(long, short, value_name = "FILE", default_value = "-")]
    pub output: PathBuf,
    /// Write addresses and domains as they are, and not with brackets that keep programs from making links of them
    #[arg(long)]
    pub plain: bool,
}

/// Rows of incidents that were judged, for `anomal evaluate --labels`.
#[derive(Debug, Args)]
pub struct LabelsReport {
    /// The report's id, or `latest`
    pub id: String,
    #[command(flatten)]
    pub reports: Reports,
    /// The file (`-`: standard output)
    #[arg(long, short, value_name = "FILE", default_value = "-")]
    pub output: PathBuf,
}
