//! Elasticsearch and OpenSearch: one driver for both.

pub mod client;
mod credentials;
pub mod flavor;
mod nodes;
mod retry;
