//! A report as files to keep: for now the parts that need nothing but the report.

pub mod csv;
pub mod pdf;
