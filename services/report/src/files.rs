//! Files that reports are made from and sent as: temporary files, shared readers, byte streams.

pub(crate) mod download;
pub(crate) mod reader;
pub(crate) mod temporary;
