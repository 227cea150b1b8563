//! The report engine: keeps what runs found, and shows it.

pub mod charts;
pub mod view;
