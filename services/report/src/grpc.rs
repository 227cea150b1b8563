//! The report engine over gRPC: an adapter on the server's side, a client that is an engine itself.

mod client;
mod publishing;
mod server;

pub use client::RemoteReportEngine;
pub use server::{SERVICE, routes};
