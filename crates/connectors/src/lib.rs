//! Input and output drivers: one folder each, with the same file names.
//!
//! Drivers block; the runner runs each on a separate thread. They know nothing of features or scores: a source
//! returns rows as they were read and, beside them, the selected columns with types. A sink receives rows with their
//! results.

mod append_file;
mod arrow_types;
mod atomic_file;
mod attributed;
mod column;
mod compression;
mod connector;
mod content;
pub mod csv;
mod datetime;
mod dead_letter;
mod dead_letter_objects;
mod dead_letters;
mod dialect;
pub mod elasticsearch;
mod encoding;
mod files;
mod findings;
mod follow;
mod inspect;
mod json;
mod json_text;
mod json_value;
mod kafka;
mod late_file;
mod lines;
mod log;
pub mod ndjson;
pub mod parquet;
mod pushed;
mod records;
mod registry;
mod remote;
mod run_info;
mod series;
pub mod sink;
mod sniff;
pub mod source;
mod stream_sink;
mod tabular;
mod task;
pub mod terminal;
pub mod text;
mod typing;
mod value_line;

use anomal_core::Result;
use anomal_dataflow::{Sink, Source};
use anomal_spec::{Input, Output, ParquetOutput};
use anomal_storage::Secrets;

pub use atomic_file::{AtomicFile, write_file};
pub use connector::{Connector, OutputContext};
pub use content::input_for_content;
pub use dead_letter::DeadLetterSink;
pub use findings::{ColumnSummary, InputSummary, TypeFindings, WIDEN};
pub use follow::{FollowLog, FollowOptions, Heading};
pub use inspect::{
    ColumnInspection, DialectInspection, DialectScore, FormatInspection, FormatShare, Inspection,
    InspectionNote, inspect,
};
pub use kafka::{OnePartition, TopicLog, join_group, topic_partitions};
pub use pushed::{Collection, PushedDoors, PushedLog, collect};
pub use registry::ConnectorRegistry;
pub use remote::Access;
pub use run_info::{ReportInfo, RunInfo};
pub use series::{fixed_folder, is_output_file, suffixed};
pub use source::{FirstRecords, OpenOptions, Sample};
pub use stream_sink::{StreamOutputs, StreamResults, stream_sinks};

/// Opens an input with the built-in connectors.
///
/// # Errors
/// Those of [`ConnectorRegistry::open`].
pub fn open(input: &Input, options: &OpenOptions) -> Result<Box<dyn Source>> {
    ConnectorRegistry::default().open(input, options)
}

/// Opens an output with the built-in connectors.
///
/// # Errors
/// Those of [`ConnectorRegistry::create`].
pub fn create(
    output: &Output,
    place: &str,
    secrets: &Secrets,
    run: &RunInfo,
) -> Result<Box<dyn Sink>> {
    ConnectorRegistry::default().create(output, place, secrets, run)
}

/// The table of a report: a Parquet file of all rows with what they are about, for programs that know simple types alone:
/// numbers, texts, times, lists and structs.
///
/// # Errors
/// `Output` if it can't be created.
pub fn create_report_table(output: &ParquetOutput) -> Result<Box<dyn Sink>> {
    let access = Access { place: "report", auth: None, secrets: &Secrets::default() };
    Ok(Box::new(parquet::ParquetSink::create(output, &access)?.for_report()))
}
