//! Records out of Elasticsearch and OpenSearch: all of them and as they are, or an error.

mod bad_days;
mod columns;
mod jobs;
mod order;
mod same;
mod which;
