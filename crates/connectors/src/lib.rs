//! Input and output drivers: a folder each, with the same file names in it.
//!
//! Drivers are blocking; the runner gives each a thread of its own.

pub mod sink;
pub mod source;

pub use sink::{ResultBatch, Sink, Written};
pub use source::{Batch, Rejected, Source};
