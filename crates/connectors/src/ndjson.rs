//! NDJSON: one JSON object a line. Inputs share the code of [`json`](crate::json).

mod connector;
mod sink;

pub(crate) use connector::NdjsonConnector;

#[cfg(test)]
mod tests;
