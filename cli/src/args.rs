//! The command line.

mod job;
pub mod lists;
mod pack;
mod ui;
mod verdicts;

use std::path::PathBuf;

#[cfg(feature = "wasm")]
pub use pack::MakeComponent;
pub use pack::{
    AddPack, BuildPack, Connection, ExportPacks, ImportPacks, ListPacks, MirrorPacks, NewPack,
    PackArgs, PackCommand, PackKind, PrunePacks, PullPack, PushPack, ShowPack, SignPack,
    UpdatePacks, VerifyPacks,
};

pub use ui::{ProgressArgs, ProgressFormat, Ui};

pub use verdicts::{
    AddVerdict, CaseReport, Compare, FailOnNew, JobVerdicts, LabelsReport, ListVerdicts,
    VerdictName, VerdictsCommand,
};

pub use job::{ClusterArgs, Job, JobCommand, JobLogs, JobReport, ListFormat, ListJobs, Plugin};

use anomal_core::MemoryBudget;
use anomal_runner::Replica;
use anomal_telemetry::MetricsListen;
use clap::{Args, Parser, Subcommand, ValueEnum};

use crate::elastic::args::ElasticCommand;

/// Finds anomalies in any records, and says why.
#[derive(Debug, Parser)]
#[command(name = "anomal", version, propagate_version = true, arg_required_else_help = true)]
pub struct Arguments {
    #[command(subcommand)]
    pub command: Command,
}

#[derive(Debug, Subcommand)]
pub enum Command {
    /// Run a job: read, extract features, classify, write results
    Run(Box<Run>),
    /// Fit a model on a job's records and save it to a file
    Fit(Box<WithModel>),
    /// Score a job's records with a saved model, and report the drift since
    Score(Box<WithModel>),
    /// Measure how well the scores of a result file find labelled anomalies
    Evaluate(Evaluate),
    /// Explain one row of a result file
    Explain(Explain),
    /// List the incidents of a result file, or show one
    Incidents(Incidents),
    /// Judge incidents, and list, export or delete what was decided
    #[command(subcommand, visible_alias = "verdict")]
    Verdicts(VerdictsCommand),
    /// Compare two runs: new, gone and continuing incidents, and the drift of features
    Compare(Compare),
    /// List, serve and export reports
    #[command(subcommand)]
    Report(ReportCommand),
    /// Inspect the AnomalyJobs of a Kubernetes cluster
    Job(Job),
    /// Templates and dashboards for results in Elasticsearch and OpenSearch
    #[command(subcommand)]
    Elastic(ElasticCommand),
    /// Check a settings file without running it
    Validate(SettingsFile),
    /// Print a settings file of any form as an `AnomalyJob` manifest for kubectl
    Manifest(SettingsFile),
    /// Print the JSON Schema of settings, for editors
    Schema,
    /// List metrics, filters, flags and detectors with their parameters
    Components(Components),
    /// Make, test and show packs of metrics, filters and flags
    #[command(subcommand)]
    Pack(PackCommand),
    /// Check lists of indicators
    #[command(subcommand)]
    Lists(lists::ListsCommand),
    /// List detectors with what they support and their cost
    Detectors(Detectors),
    /// Inspect a file and print commented settings to start from
    Init(Init),
    /// Print what a file is, how it is read and why, and the settings that read the same
    Inspect(Inspect),
    /// Open the terminal interface: from a file to explained suspects, step by step
    Ui(Box<Ui>),
    /// Print the version
    Version,
    /// Print a completion script for a shell
    Completions { shell: clap_complete::Shell },
}

#[derive(Debug, Args)]
pub struct SettingsFile {
    /// The settings: a manifest, a bare spec, or the original's form
    pub file: PathBuf,
    #[command(flatten)]
    pub output: OutputArgs,
}

/// What is printed for people.
#[derive(Clone, Debug, Args)]
pub struct OutputArgs {
    /// Print nothing except errors
    #[arg(long, short = 'q', global = true)]
    pub quiet: bool,
    /// Print more (-vv: even more)
    #[arg(long, short = 'v', action = clap::ArgAction::Count, global = true)]
    pub verbose: u8,
    /// No colours (also: the environment variable `NO_COLOR`)
    #[arg(long, global = true)]
    pub no_color: bool,
}

/// Exit codes: 0 done; 1 failed (an output can't be written); 2 the command line or the settings are
/// wrong; 3 the input is wrong; 4 an engine or an object store could not be reached, speaks another version, is
/// something else, or refuses the credentials; 10 done, and --fail-on found something; 130 interrupted.
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  anomal run job.yaml\n  anomal run job.yaml --input today.csv --output today.results.csv\n  \
    anomal run job.yaml --report                 pages in a browser\n  \
    anomal run job.yaml --fail-on incident:high  exit code 10 if there is one",
    after_long_help = "A settings file has the input, the columns and metrics that describe a record, the \
    classification, and the outputs. `anomal init FILE` prints one to start from."
)]
pub struct Run {
    /// The settings: a manifest, a bare spec, or the original's form
    #[arg(required_unless_present_any = ["features_file", "config_file"])]
    pub file: Option<PathBuf>,
    /// Read this file, folder, glob or URL instead (the extension selects the driver; `-`: standard input, with the
    /// job's driver)
    #[arg(long, value_name = "PATH")]
    pub input: Option<String>,
    /// Write only this file or URL instead (.csv, .parquet, .ndjson; `-`: CSV to standard output)
    #[arg(long, value_name = "PATH")]
    pub output: Option<String>,
    /// Classify with this detector instead
    #[arg(long, value_name = "NAME")]
    pub engine: Option<String>,
    /// The folder that paths in the settings are relative to (default: the settings file's own)
    #[arg(long, value_name = "DIR", hide_short_help = true)]
    pub base_folder: Option<PathBuf>,
    /// A feature engine to use, such as <http://127.0.0.1:7401> (repeatable)
    #[arg(long, value_name = "URL", hide_short_help = true)]
    pub feature_engine: Vec<String>,
    /// A classification engine to use, such as <http://127.0.0.1:7402> (repeatable)
    #[arg(long, value_name = "URL", hide_short_help = true)]
    pub classification_engine: Vec<String>,
    /// The name of this run, such as the hour that it is about: documents of a run that is retried are not written twice
    /// (default: derived from the settings and the files read)
    #[arg(long, env = "ANOMAL_RUN", value_name = "NAME", hide_short_help = true)]
    pub run: Option<String>,
    /// Memory for the rows and tables that the run holds: an amount, such as 2GiB, or a share, such as 50% (default: three
    /// quarters of what the machine or the cgroup has)
    #[arg(long, env = "ANOMAL_MEMORY", value_name = "SIZE")]
    pub memory: Option<MemoryBudget>,
    /// Of a job with `stream`: end where the input has no more records, in place of waiting for more
    #[arg(long)]
    pub until_caught_up: bool,
    /// Of a job with `stream.replicas`: which of the processes this is that share the partitions, such as 1/3, the second of
    /// three (default: the only one)
    #[arg(long, env = "ANOMAL_REPLICA", value_name = "NUMBER/COUNT")]
    pub replica: Option<Replica>,
    /// Of a job with `assignment: group`: the name of this process in its consumer group, which no other one has (default: that
    /// of the machine)
    #[arg(long, env = "ANOMAL_MEMBER", value_name = "NAME", hide_short_help = true)]
    pub member: Option<String>,
    /// Of a job with `stream`: the address to serve /metrics, /status, /healthz and /readyz on over HTTP, or `off`
    #[arg(
        long,
        env = "ANOMAL_METRICS_LISTEN",
        default_value = "off",
        value_name = "ADDRESS|off",
        hide_short_help = true
    )]
    pub metrics_listen: MetricsListen,
    /// The format of the summary at the end
    #[arg(long, value_enum, default_value_t = SummaryFormat::Text)]
    pub summary: SummaryFormat,
    /// Write the termination message to this file, as JSON of at most 4,096 bytes: what the run found, or why it failed
    #[arg(long, env = "ANOMAL_TERMINATION_LOG", value_name = "FILE", hide_short_help = true)]
    pub termination_log: Option<PathBuf>,
    /// Exit with 10 if a flag of this severity or higher, a suspicious row, or an incident, was found
    #[arg(long, value_enum)]
    pub fail_on: Option<FailOn>,
    #[command(flatten, next_help_heading = "Packs")]
    pub packs: PackArgs,
    #[command(flatten, next_help_heading = "The report")]
    pub report: RunReport,
    #[command(flatten, next_help_heading = "What is printed")]
    pub progress: ProgressArgs,
    #[command(flatten, next_help_heading = "What is printed")]
    pub output_args: OutputArgs,
    #[command(flatten, next_help_heading = "The original's options")]
    pub original: Original,
}

/// A job and its model file.
#[derive(Debug, Args)]
pub struct WithModel {
    /// The model file: `fit` writes it, `score` reads it
    #[arg(long, value_name = "FILE")]
    pub model: PathBuf,
    #[command(flatten)]
    pub run: Run,
}

/// Figures are the area under the ROC curve (0.5 is chance, 1 perfect), the average precision, and the
/// precision at n (the share of anomalies among the n highest scores, n being their number), each with its
/// 95 % interval.
#[derive(Debug, Args)]
pub struct Evaluate {
    /// A result file (CSV, Parquet or NDJSON), or the settings of a job that has written one
    #[arg(value_name = "RESULTS|JOB")]
    pub results: String,
    /// The column that marks anomalies (default: the `labelColumn` of a job's settings)
    #[arg(long, value_name = "COLUMN")]
    pub label: Option<String>,
    /// A file of labels instead, as `anomal report labels` writes it: rows that it does not name are left out
    #[arg(long, value_name = "FILE", conflicts_with_all = ["label", "anomaly"])]
    pub labels: Option<String>,
    /// The verdicts of a report instead, by its id or `latest`: its rows are to be those of the result file
    #[arg(long, value_name = "REPORT", conflicts_with_all = ["label", "anomaly", "labels"])]
    pub verdicts: Option<String>,
    #[command(flatten)]
    pub reports: Reports,
    /// The value of an anomaly there (repeatable; default: anything except empty, 0, false, no, normal, benign)
    #[arg(long, value_name = "VALUE")]
    pub anomaly: Vec<String>,
    /// The column of scores
    #[arg(long, value_name = "COLUMN", default_value = "anomal.score")]
    pub score: String,
    /// The seed of the resampling for the intervals
    #[arg(long, default_value_t = 0)]
    pub seed: u64,
    /// As JSON
    #[arg(long)]
    pub json: bool,
}

#[derive(Debug, Args)]
pub struct Explain {
    /// A result file (CSV, Parquet or NDJSON)
    pub results: String,
    /// The row's number, `anomal.row`
    #[arg(long)]
    pub row: u64,
}

#[derive(Debug, Args)]
pub struct Incidents {
    /// A result file (CSV, Parquet or NDJSON), or the settings of a job that has written one
    #[arg(value_name = "RESULTS|JOB")]
    pub results: String,
    /// Show this incident alone, with what was found, the parts of its risk, its entities and rows
    pub number: Option<u64>,
    /// The settings of the job that wrote the file: by them, hits have the keys and titles that the run had
    #[arg(long, value_name = "JOB")]
    pub job: Option<PathBuf>,
    /// Print up to this many rows of each (default: 10 of a single incident, else none)
    #[arg(long, value_name = "N")]
    pub rows: Option<usize>,
    /// Only incidents about this value: a host, a user, a domain
    #[arg(long, value_name = "VALUE")]
    pub entity: Option<String>,
    /// Only incidents with rows from this time on (UTC): 2026-03-02T16:00:00Z, 2026-03-02, or 16:00
    #[arg(long, value_name = "TIME")]
    pub from: Option<String>,
    /// Only incidents with rows before this time
    #[arg(long, value_name = "TIME")]
    pub to: Option<String>,
    /// Only incidents with this risk or more, 0 to 100
    #[arg(long, value_name = "N", default_value_t = 0, value_parser = clap::value_parser!(i64).range(0..=100))]
    pub min_risk: i64,
    #[command(flatten)]
    pub format: IncidentFormat,
    /// Exit with 10 if there is an incident of this severity or higher: incident:high, incident:medium, incident:low
    #[arg(long, value_enum, hide_possible_values = true)]
    pub fail_on: Option<FailOn>,
    #[command(flatten)]
    pub output: OutputArgs,
}

/// What is printed instead of a table for people.
#[derive(Clone, Copy, Debug, Args)]
#[group(multiple = false)]
pub struct IncidentFormat {
    /// As JSON
    #[arg(long, conflicts_with = "rows")]
    pub json: bool,
    /// As CSV, a line for each incident
    #[arg(long, conflicts_with = "rows")]
    pub csv: bool,
    /// As a table in Markdown
    #[arg(long, conflicts_with = "rows")]
    pub markdown: bool,
}

#[derive(Debug, Args)]
pub struct Detectors {
    /// As JSON, with the parameters' schemas
    #[arg(long)]
    pub json: bool,
    /// List the detectors of this engine instead, such as <http://127.0.0.1:7402> (repeatable)
    #[arg(long, value_name = "URL")]
    pub classification_engine: Vec<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum SummaryFormat {
    /// For people, on standard error: incidents
    Text,
    /// For people, on standard error: the rows that are worth a look first
    Suspects,
    /// For programs, on standard output
    Json,
    None,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum FailOn {
    Low,
    Medium,
    High,
    Suspicious,
    /// An incident of high severity
    #[value(name = "incident:high")]
    HighIncident,
    /// An incident of medium severity or higher
    #[value(name = "incident:medium")]
    MediumIncident,
    /// Any incident
    #[value(name = "incident:low")]
    LowIncident,
}

/// The options of the original program; its spellings (-di, -ff, …) are accepted too.
#[derive(Clone, Debug, Default, Args)]
pub struct Original {
    /// Its features file (-ff)
    #[arg(long, hide_short_help = true, value_name = "FILE")]
    pub features_file: Option<PathBuf>,
    /// Its settings file (-c)
    #[arg(long, hide_short_help = true, value_name = "FILE", conflicts_with = "features_file")]
    pub config_file: Option<PathBuf>,
    /// The input driver: csv or tcp (-di)
    #[arg(long, hide_short_help = true, value_name = "DRIVER", default_value = "csv")]
    pub driver_in: String,
    /// The output driver: csv or terminal (-do)
    #[arg(long, hide_short_help = true, value_name = "DRIVER", default_value = "csv")]
    pub driver_out: String,
    /// The input, below the base folder (-in)
    #[arg(long, hide_short_help = true, value_name = "FILE")]
    pub input_file: Option<String>,
    /// The prefix of the files written, or the result file if it ends in .csv (-out)
    #[arg(long, hide_short_help = true, value_name = "PREFIX", default_value = "")]
    pub output_file: String,
    /// The classification engine (-ce)
    #[arg(long, hide_short_help = true, value_name = "NAME", default_value = "Gower")]
    pub class_engine: String,
    /// TCP: the address to listen on [default: 0.0.0.0]
    #[arg(long, hide_short_help = true, value_name = "HOST")]
    pub tcp_in_host: Option<String>,
    /// TCP: its port [default: 4141]
    #[arg(long, hide_short_help = true, value_name = "PORT")]
    pub tcp_in_port: Option<i64>,
    /// TCP: the seconds that records are collected from the first one on [default: 60]
    #[arg(long, hide_short_help = true, value_name = "SECONDS")]
    pub collection_time: Option<f64>,
    /// Save the feature table too (-sF)
    #[arg(long, hide_short_help = true)]
    pub save_features: bool,
    /// Save the classification too (-sC; both: -sFC)
    #[arg(long, hide_short_help = true)]
    pub save_classification: bool,
    /// Do not open the wizard
    #[arg(long, hide = true)]
    pub no_ui: bool,
}

/// The report of a run.
#[derive(Debug, Default, Args)]
pub struct RunReport {
    /// Store a report, and serve it until Ctrl-C
    #[arg(long)]
    pub report: bool,
    /// Serve it on this port of this machine (default: 8080, or a free one if that is taken; 0: a free one)
    #[arg(long, short = 'p', value_name = "PORT")]
    pub report_port: Option<u16>,
    /// Open it in the browser
    #[arg(long, requires = "report")]
    pub open: bool,
    /// Publish the report to this engine, such as <http://127.0.0.1:7403> (repeatable), with the token of the
    /// environment variable `ANOMAL_REPORT_TOKEN`
    #[arg(long, value_name = "URL", alias = "report-engine", conflicts_with_all = ["report", "report_port"])]
    pub report_endpoint: Vec<String>,
    #[command(flatten)]
    pub store: ReportStore,
}

#[derive(Clone, Debug, Default, Args)]
pub struct ReportStore {
    /// The report store: a folder, or s3://, gs://, az:// (default: `anomal/reports` below `XDG_DATA_HOME` or
    /// ~/.local/share)
    #[arg(long, env = "ANOMAL_REPORT_STORE", value_name = "DIR|URL")]
    pub report_store: Option<String>,
}

#[derive(Debug, Subcommand)]
pub enum ReportCommand {
    /// Serve the pages until Ctrl-C
    Serve(Box<ServeReports>),
    /// List the reports, the newest first
    List(ListReports),
    /// Write a report, or its table, to a file
    Export(ExportReport),
    /// Write a report as a PDF
    Pdf(PdfReport),
    /// Write an incident with all that is known of it as Markdown or JSON
    Case(CaseReport),
    /// Write the rows of incidents that were judged as labels
    Labels(LabelsReport),
    /// Delete a report
    Delete(DeleteReport),
}

/// The store or the report engine that has the reports.
#[derive(Debug, Args)]
pub struct Reports {
    #[command(flatten)]
    pub store: ReportStore,
    /// Use this report engine instead (repeatable), with the token of the environment variable `ANOMAL_REPORT_TOKEN`
    #[arg(long, value_name = "URL", alias = "report-engine")]
    pub report_endpoint: Vec<String>,
}

#[derive(Debug, Args)]
pub struct ServeReports {
    #[command(flatten)]
    pub store: ReportStore,
    /// The address to serve on (port 0: a free one)
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:8080")]
    pub listen: std::net::SocketAddr,
    /// The port of this machine to serve on, as that of `anomal run`
    #[arg(long, short = 'p', value_name = "PORT", conflicts_with = "listen")]
    pub report_port: Option<u16>,
    /// Open it in the browser
    #[arg(long)]
    pub open: bool,
    #[command(flatten)]
    pub access: anomal_report::AccessArgs,
}

#[derive(Debug, Args)]
pub struct ListReports {
    #[command(flatten)]
    pub reports: Reports,
    /// List only reports whose job, title, input, engine or flags contain this
    pub search: Option<String>,
    /// As JSON
    #[arg(long)]
    pub json: bool,
}

#[derive(Debug, Args)]
pub struct ExportReport {
    /// The report's id, or `latest`
    pub id: String,
    #[command(flatten)]
    pub reports: Reports,
    /// The format of the file (default: by its extension)
    #[arg(long, value_enum)]
    pub format: Option<ExportAs>,
    /// In tables, only rows that are suspicious or flagged
    #[arg(long)]
    pub suspects: bool,
    /// In tables, only rows with this flag
    #[arg(long, value_name = "NAME")]
    pub flag: Option<String>,
    /// In tables, only suspicious or flagged rows that fit, as the query of a page's address, such as
    /// `actor=10.1.1.44&severity=high`
    #[arg(long, value_name = "QUERY")]
    pub filter: Option<String>,
    /// In a PDF, all suspects and charts too
    #[arg(long)]
    pub full: bool,
    /// The file (`-`: standard output)
    #[arg(long, short, value_name = "FILE")]
    pub output: PathBuf,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum ExportAs {
    Pdf,
    /// One page that needs no server
    Html,
    Csv,
    Parquet,
}

#[derive(Debug, Args)]
pub struct PdfReport {
    /// The report's id, or `latest`
    pub id: String,
    #[command(flatten)]
    pub reports: Reports,
    /// With all suspects and charts
    #[arg(long)]
    pub full: bool,
    /// The file (`-`: standard output)
    #[arg(long, short, value_name = "FILE", default_value = "report.pdf")]
    pub output: PathBuf,
}

#[derive(Debug, Args)]
pub struct DeleteReport {
    /// The report's id
    pub id: String,
    #[command(flatten)]
    pub reports: Reports,
}

#[derive(Debug, Args)]
pub struct Components {
    /// List the names of columns whose role is known instead: times, hosts, users, domains
    #[arg(long)]
    pub roles: bool,
    /// List the components of the packs that this job names and that are not part of the product
    #[arg(long, value_name = "FILE", conflicts_with = "roles")]
    pub job: Option<PathBuf>,
    /// As JSON, with the parameters' schemas
    #[arg(long)]
    pub json: bool,
    /// List only components whose name or pack contains this
    pub filter: Option<String>,
}

#[derive(Debug, Args)]
#[expect(clippy::struct_excessive_bools, reason = "each is an option of the command line")]
pub struct Init {
    /// A CSV, Parquet or NDJSON file, or the URL of one
    pub input: String,
    /// Write the settings to this file, with the path of the input relative to it
    #[arg(long, short = 'o')]
    pub output: Option<PathBuf>,
    /// Replace the file of --output if it exists
    #[arg(long, requires = "output")]
    pub force: bool,
    /// The column that says which rows are anomalies; no feature uses it
    #[arg(long, value_name = "COLUMN")]
    pub label: Option<String>,
    /// The column with the time of a row
    #[arg(long, value_name = "COLUMN")]
    pub time: Option<String>,
    /// The column that says whose rows they are, such as a client or a user
    #[arg(long, value_name = "COLUMN")]
    pub entity: Option<String>,
    /// What the settings are for: `score` keeps columns that have one value, since a model finds another value
    #[arg(long = "for", value_name = "PURPOSE", value_enum, default_value_t = Purpose::Run)]
    pub purpose: Purpose,
    /// Read this many rows, about
    #[arg(long, value_name = "N", default_value_t = 100_000, value_parser = clap::value_parser!(u32).range(1..))]
    pub rows: u32,
    /// Add comments with what speaks for the role of each column
    #[arg(long)]
    pub explain: bool,
    /// Print the profile, the roles with their evidence and the settings as JSON
    #[arg(long)]
    pub json: bool,
    /// Do not run the settings on the first rows
    #[arg(long)]
    pub no_trial: bool,
}

/// What proposed settings are for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Purpose {
    /// Runs that compare the rows of a file with one another
    Run,
    /// A model that is fitted once and scores other rows
    Score,
}

#[derive(Debug, Args)]
pub struct Inspect {
    /// A file, or the URL of one
    pub file: String,
    /// Read it with the input settings of this job
    #[arg(long, value_name = "JOB")]
    pub job: Option<PathBuf>,
    /// Print this many rows as they were read
    #[arg(long, value_name = "N", default_value_t = 5)]
    pub rows: usize,
    /// As JSON
    #[arg(long)]
    pub json: bool,
}
