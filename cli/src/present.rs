//! Output for people: errors, progress, summary.

pub mod error;
pub mod events;
pub mod incident;
pub mod incidents;
pub mod progress;
pub mod summary;
