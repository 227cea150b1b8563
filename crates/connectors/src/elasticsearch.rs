//! Elasticsearch and OpenSearch: one driver for both.

mod bulk;
pub mod client;
mod credentials;
mod deliver;
mod document;
mod ecs;
pub mod flavor;
mod ids;
mod nodes;
mod refused;
mod retry;
pub mod saved_objects;
mod sink;
pub mod template;

pub(crate) use sink::ElasticsearchSink;
