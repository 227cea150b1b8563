//! The classification engine: a feature table in; scores, clusters and reasons out.
//!
//! A library first ([`LocalClassificationEngine`]); the gRPC adapter and client hold no logic. A detector
//! is a file in `detectors/` and a line in its registry.
#![allow(
    clippy::cast_possible_truncation,
    reason = "distances and points are f32 by design; counts that could be large are converted with a check"
)]

mod analysis;
mod blocks;
mod dense;
mod detectors;
mod engine;
mod features;
mod fitting;
mod gower;
pub mod grpc;
mod loaded_model;
mod matrix;
mod model;
mod numeric;
mod rows;
mod threshold;

pub use engine::{LocalClassificationEngine, Options};
pub use grpc::RemoteClassificationEngine;
