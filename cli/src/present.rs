//! What people see.

pub mod error;
pub mod progress;
pub mod summary;
