//! The runner: the only part of Anomal that touches the user's data sources and sinks.
//!
//! It opens the input, sends the engines just the columns that they need, joins what they answer to the
//! rows as they were read, and writes each output once. It does not know whether an engine runs in this
//! process or elsewhere, and computes nothing about the data itself.

mod collected;
mod collector;
mod compile;
mod drift;
mod explain;
mod files;
mod identity;
mod incident_documents;
mod incidents;
mod model_file;
mod monitor;
mod operators;
mod options;
mod original;
mod packs;
mod progress;
mod publish;
mod reason;
mod report_incidents;
mod restart;
mod result_incidents;
mod role_values;
mod roles;
mod run;
mod spool;
mod stream;
mod summary;
mod suppressions;
mod suspects;
mod tally;

pub use compile::{check_columns, feature_settings};
pub use incidents::{Entity, EntityRisk, Incident, IncidentFact, RiskParts, entity_risks};
pub use options::{Engines, Options};
pub use original::OriginalFiles;
pub use progress::{Observer, Quiet, Stage};
pub use publish::ReportTarget;
pub use result_incidents::{ResultIncidents, result_incidents};
pub use roles::{ColumnRoles, EntityColumn, RoleOrigin, TimeColumn};
pub use run::{Outcome, run};
pub use spool::RowNumbers;
pub use stream::{
    EntityCounts, ModelCounts, PartitionCounts, Preloading, Replica, SilentEntities, StreamControl,
    StreamLag, StreamStatus, StreamSummary, check_stream, online_choice, run_stream, state_memory,
};
pub use summary::{FilterSummary, FlagSummary, IncidentCount, PublishedReport, StageTime, Summary};
pub use suppressions::{QuietIncident, Suppression, SuppressionList, SuppressionSummary};
pub use suspects::Suspect;
