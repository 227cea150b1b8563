//! The report engine: stores reports of runs and serves their pages.
//!
//! A library first ([`LocalReportEngine`]): the gRPC adapter and client contain no logic. A report is a manifest, tables
//! and the data of its charts in an object store ([`Store`]), and never changes.

pub mod access;
mod charts;
pub mod compare;
mod contents;
mod engine;
mod exports;
mod files;
pub mod grpc;
mod open_report;
mod pages;
mod store;
pub mod verdicts;
pub mod view;
mod web;

pub use access::{Access, AccessArgs};
pub use engine::{LocalReportEngine, new_id};
pub use exports::escape_markdown;
pub use grpc::RemoteReportEngine;
pub use open_report::OpenReport;
pub use store::Store;
pub use web::{HTTP_1, serve};
