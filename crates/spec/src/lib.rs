//! The settings document: what `anomal run` reads and what an `AnomalyJob` contains.
//!
//! This crate is independent of data, engines and clusters: it has no async runtime, no tables and no
//! Kubernetes client, so that the operator, the engines and the command line can all depend on it. It
//! does not read files: callers pass bytes.

mod check;
pub mod edit;
mod known_columns;
mod label_rules;
mod list_rules;
mod load;
mod log_rules;
mod manifest;
mod mentions;
mod original;
mod pack;
mod pack_rules;
mod paths;
mod problem;
mod role_rules;
mod rules;
mod schema;
mod stream_rules;
mod time_rules;
mod types;
mod yaml;

pub use known_columns::{ENTITY_COLUMNS, KnownEntities, TIME_COLUMNS, known_kind};
pub use load::{Form, LoadedSettings, MAX_BYTES, Source, load};
pub use log_rules::{column_name, compile_pattern};
pub use manifest::{to_input_yaml, to_manifest_yaml, to_spec_yaml};
pub use mentions::Mentions;
pub use original::{OriginalCommand, OriginalOutputs, OriginalTcp, load_original};
pub use pack::{load_pack, load_pack_cases};
pub use pack_rules::AGGREGATE;
pub use paths::{is_url, is_web, visit_paths, without_query};
pub use problem::{Place, Problem, SettingsError, nearest, suggestion};
pub use schema::{json_schema, object_schema, spec_schema};
pub use types::*;
