//! The classification engine: a feature table in; scores, clusters and reasons out.
//!
//! A library first ([`LocalClassificationEngine`]); the gRPC adapter and client hold no logic. The detectors are
//! those of the crate `anomal-detectors`, and any that the caller registers.

mod analysis;
mod engine;
mod features;
mod fitting;
pub mod grpc;
mod loaded_model;
mod model;
mod model_cache;
mod rows;

pub use engine::{
    DEFAULT_MODEL_BUDGET, LocalClassificationEngine, MODEL_UNKNOWN, ModelHost, Options,
};
pub use grpc::RemoteClassificationEngine;
