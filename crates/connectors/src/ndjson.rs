//! NDJSON: one JSON object a line. Inputs share the code of [`json`](crate::json).

mod connector;
mod sink;
mod text;

pub(crate) use connector::NdjsonConnector;
pub(crate) use text::NdjsonText;

#[cfg(test)]
mod tests;
