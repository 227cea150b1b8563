//! NDJSON: one JSON object a line.

mod flat;
mod sink;
mod source;

pub(crate) use sink::NdjsonSink;
pub(crate) use source::NdjsonSource;

#[cfg(test)]
mod tests;
