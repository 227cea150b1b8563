//! Parquet.

mod sink;
mod source;

pub(crate) use sink::ParquetSink;
pub(crate) use source::ParquetSource;
