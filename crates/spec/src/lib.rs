//! The one settings document: what `anomal run` reads and what an `AnomalyJob` holds.
//!
//! This crate knows nothing of data, engines or clusters: it has no async runtime, no tables and no
//! Kubernetes client, so that the operator, the engines and the command line can all depend on it.

pub mod types;

pub use types::*;
