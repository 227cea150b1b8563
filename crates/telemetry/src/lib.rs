//! Logs, traces, metrics and probes of a program.
//!
//! A server or the operator has [`LogArgs`] and [`ProbeArgs`] in its command line, calls [`init`] first, and drops the
//! [`Guard`] at its end, which sends the remaining spans. This crate depends on neither tables nor engines, so that the
//! operator can be built without them.

mod args;
mod context;
mod export;
mod logs;
mod metrics;
pub mod probes;

pub use args::{LogArgs, LogFormat, MetricsListen, ProbeArgs};
pub use context::{continue_from_environment, continue_trace, failed, traceparent};
pub use export::Guard;
pub use logs::{init, init_cli};
pub use metrics::Metrics;
pub use prometheus_client;
