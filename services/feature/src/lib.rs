//! The feature engine: raw records in, a feature table, flag hits and removed rows out.
//!
//! [`LocalFeatureEngine`] is the engine; the gRPC adapter and client in [`grpc`] contain no logic. A
//! component is a file in `packs/` and a line in its pack's list.

mod aggregate;
mod columns;
mod component;
mod dictionary;
mod engine;
mod expression;
mod extract;
pub mod grpc;
mod keyed;
mod packs;
mod pattern;
mod plan;
mod program;

pub use engine::LocalFeatureEngine;
pub use expression::Expression;
pub use grpc::RemoteFeatureEngine;
