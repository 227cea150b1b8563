//! NDJSON: one JSON object a line.

mod connector;
mod flat;
mod sink;
mod source;

pub(crate) use connector::NdjsonConnector;

#[cfg(test)]
mod tests;
