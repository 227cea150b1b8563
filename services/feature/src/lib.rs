//! The feature engine: raw records in, a feature table, flag hits and removed rows out.
//!
//! A library first ([`LocalFeatureEngine`]); the gRPC adapter and client in [`grpc`] hold no logic. A
//! component is a file in `packs/` and a line in its pack's list.

mod component;
mod dictionary;
mod engine;
mod expression;
mod extract;
pub mod grpc;

mod packs;
mod plan;
mod program;

pub use engine::LocalFeatureEngine;
pub use expression::Expression;
pub use grpc::RemoteFeatureEngine;
