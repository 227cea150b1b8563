//! The operator: it turns an `AnomalyJob` into a `Job` or `CronJob` that runs the runner's image, and tells in its
//! status how that fares. It never touches data, and holds no tables and no detectors.

pub mod api;
pub mod args;
mod children;
mod controller;
mod labels;
mod leader;
mod metrics;
pub mod operator;
