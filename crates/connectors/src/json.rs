//! JSON objects in any frame: one a line (the driver `ndjson`) or as [`frame`] finds them (the driver `json`).

mod columns;
mod connector;
mod decoder;
mod elements;
mod flat;
mod frame;
mod members;
mod names;
mod reader;
mod sample;
mod scan;
mod settings;
mod source;
mod storage;

pub(crate) use connector::JsonConnector;
pub(crate) use elements::Elements;
pub(crate) use frame::{Frame, JsonKind};
pub(crate) use members::MemberPath;
pub(crate) use settings::JsonSettings;
pub(crate) use source::JsonSource;

#[cfg(test)]
mod tests;
