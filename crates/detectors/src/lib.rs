//! Detectors of anomalies in tables of numbers and categories, and the mathematics that they share.
//!
//! From below: [`matrix`] is a feature table in memory, `numeric`, `dense`, `constants`, `blocks` and `gower` hold the
//! mathematics, [`Detector`] is the interface, `detectors` implements it, and [`DetectorRegistry`] names the
//! implementations. [`online`] is what a stream learns of scores. No module imports one above it. Nothing here knows a transport or a file format.
//!
//! All results have the same bits on any number of threads.
#![allow(
    clippy::cast_possible_truncation,
    reason = "distances and points are f32 by design; counts that could be large are converted with a check"
)]

mod binning;
mod blocks;
mod constants;
mod context;
mod dense;
mod detector;
mod detectors;
mod gower;
pub mod matrix;
mod numeric;
pub mod online;
mod parameters;
mod random;
mod registry;
mod scores;
#[cfg(test)]
mod tests;
pub mod threshold;

pub use context::Context;
pub use detector::{Detector, FittedDetector, Scorer, View, from_state, state_of, step};
pub use parameters::parameter_error;
pub use registry::DetectorRegistry;
pub use scores::Scores;
