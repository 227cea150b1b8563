//! The feature engine: raw records in, a feature table, flag hits and removed rows out.
//!
//! [`LocalFeatureEngine`] is the engine; the gRPC adapter and client in [`grpc`] contain no logic. It
//! runs the components of the packs that it is given: the built-in ones, or any [`anomal_components::ComponentRegistry`].

mod aggregate;
mod binding;
mod checks;
mod columns;
mod declarative;
mod engine;
mod expression;
mod extract;
mod findings;
pub mod grpc;
mod guest;
mod keyed;
mod lists;
mod packs;
mod pattern;
mod plan;
mod program;
mod step;
mod store;
mod window_flag;

pub use columns::describe_type;
pub use engine::LocalFeatureEngine;
pub use expression::Expression;
pub use grpc::RemoteFeatureEngine;
pub use packs::{builtin_components, declared_components};
pub use store::{PACK_ABSENT, PackPolicy, PackStore, StoreLimits};
