//! NDJSON: one JSON object a line.

mod connector;
mod flat;
mod sample;
mod sink;
mod source;
mod storage;

pub(crate) use connector::NdjsonConnector;

#[cfg(test)]
mod tests;
