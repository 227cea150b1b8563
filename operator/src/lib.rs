//! The operator: it runs an `AnomalyJob` as a `Job` or `CronJob` with the runner's image, and writes its state to the
//! status. It never reads data, and depends on neither tables nor detectors.

pub mod api;
pub mod args;
mod children;
mod controller;
pub mod labels;
mod leader;
mod metrics;
pub mod operator;
