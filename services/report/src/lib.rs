//! The report engine: keeps what runs found, and shows it.

pub mod access;
pub mod view;
