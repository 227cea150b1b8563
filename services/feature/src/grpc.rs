//! The feature engine over gRPC: an adapter on the server's side, a client that is an engine itself.

mod client;
mod server;

pub use client::RemoteFeatureEngine;
pub use server::{SERVICE, routes};
