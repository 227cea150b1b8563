//! The feature engine over gRPC: the server, an adapter over an engine, and the client, which is an engine.

mod client;
mod packs;
mod server;
mod upload;

pub use client::RemoteFeatureEngine;
pub use server::{MultiTenantEngine, SERVICE, routes};
