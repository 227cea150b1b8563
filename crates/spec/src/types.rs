//! The settings as Rust types; one file for each part of the document.
//!
//! Every type has a shape that a CRD can have: a union is a struct of optional fields of which
//! exactly one is set, never a tagged or flattened enum.

mod classification;
mod dialect;
mod driver;
mod elasticsearch;
mod engines;
mod feature;
mod input;
mod job;
mod json;
mod kafka;
mod list;
mod log;
mod output;
mod pack;
mod push;
mod report;
mod roles;
mod rotation;
mod runner;
mod schedule;
mod secret;
mod stream;
mod suppression;
mod times;

pub use classification::{
    Classification, DEFAULT_BUDGET, DEFAULT_FALSE_DISCOVERIES, DEFAULT_RISK, EXTERNAL, ModelFile,
    Threshold, ThresholdMethod,
};
pub use dialect::{Blanks, CsvDialect, DuplicateNames, Escape, LineEnd, TextEncoding, Trailing};
pub use driver::{FileSettings, InputDriver, ListeningPort, OutputDriver, Protocol};
pub use elasticsearch::{
    Arrays, Bulk, ElasticsearchConnection, ElasticsearchInput, ElasticsearchOutput, Flavor,
};
pub use engines::{Engines, MessageCompression, RemoteEngine, Tls};
pub use feature::{
    AggregateFunction, Feature, FeatureKind, FeatureType, Filter, Flag, FlagType, Severity,
};
pub use input::{
    BadLines, ColumnType, CsvInput, DecimalMark, Input, Marks, NdjsonInput, Numbers, ParquetInput,
    Strays, ThousandsMark,
};
pub use job::{API_VERSION, AnomalyJob, AnomalyJobSpec, KIND, Metadata};
pub use json::{DuplicateMembers, JsonInput};
pub use kafka::{
    KafkaAssignment, KafkaAttach, KafkaFormat, KafkaInput, KafkaIsolation, KafkaReset,
};
pub use list::{ListFormat, ListMatch, ListSettings, ListType};
pub use log::{Columns, LogFormat, LogInput};
pub use output::{
    CsvOutput, DeadLetter, Include, NdjsonOutput, Output, ParquetOutput, Rows, TerminalOutput,
};
pub use pack::{
    AggregateDefinition, Cell, ComponentDefinition, ComponentType, InputDefinition, InputType,
    OnTrap, PACK_API_VERSION, PackCase, PackContents, PackDetails, PackLimits, PackManifest,
    PackSetting, PackTls, ParameterDefinition, ParameterType, Profile, ProfileUse,
    ProfileWithColumns,
};
pub use push::{
    BadMessages, DedupeSettings, HttpDoor, HttpInput, JournalSettings, ListenerTls, SyslogInput,
    SyslogListener, SyslogParse, SyslogRfc, SyslogText, TcpInput, bytes, milliseconds,
};
pub use report::{Report, seconds};
pub use roles::{EntityKind, EntityName, EntityRole, Grouping, Roles, Side, TimeStep};
pub(crate) use rotation::unknown_conversion;
pub use rotation::{Rotation, has_times};
pub use runner::*;
pub use schedule::{ConcurrencyPolicy, Schedule};
pub use secret::{Auth, SecretRef};
pub use stream::{
    CheckpointSettings, EntityModel, Follow, FollowStart, LateRecords, Learn, LearnSuspects,
    ModelSample, Online, Refit, Shadow, Stream, StreamBatch, StreamEntity, StreamModel,
    StreamState, StreamTime, WarmUp,
};
pub use suppression::Suppressions;
pub use times::{FormatNames, TimeFormat, Times, TypeDetails, TypeSetting, time_zone};

/// Parameters of a component or detector by name: scalars and lists of scalars, checked against the
/// component's own JSON Schema.
pub type Parameters = serde_json::Map<String, serde_json::Value>;
