//! What a program tells of itself: logs, traces, metrics, and whether it is alive and ready.
//!
//! A server or the operator takes [`LogArgs`] and [`ProbeArgs`] into its command line, calls [`init`] first and
//! keeps the [`Guard`] to its end, which sends the spans that are still to be sent. Nothing here knows of tables
//! or engines, so that the operator need not be built with them.

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
