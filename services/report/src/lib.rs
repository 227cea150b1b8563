//! The report engine: keeps what runs found, and shows it.
//!
//! A library first ([`LocalReportEngine`]); the gRPC adapter and client hold no logic. A report is a
//! manifest, tables and what is drawn from them, in an object store ([`Store`]), and never changes.

pub mod access;
mod charts;
mod contents;
mod engine;
mod exports;
pub mod grpc;
mod listing;
mod open;
mod pages;
mod serving;
mod store;
pub mod view;
mod web;

pub use access::{Access, AccessArgs};
pub use engine::{LocalReportEngine, new_id};
pub use grpc::RemoteReportEngine;
pub use open::OpenReport;
pub use serving::{HTTP_1, serve};
pub use store::Store;
