//! The report engine over gRPC: a server that adapts an engine, and a client that is an engine itself.

mod client;
mod publish;
mod server;

pub use client::RemoteReportEngine;
pub use server::{SERVICE, routes};
