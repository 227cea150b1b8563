//! The classification engine over gRPC: an adapter on the server's side, a client that is an engine itself.

mod client;
mod replica_models;
mod server;

pub use client::RemoteClassificationEngine;
pub use server::{SERVICE, routes};
