//! Results into Elasticsearch and OpenSearch: each row once, whatever happens.

mod bad_days;
mod credentials;
mod documents;
mod jobs;
mod refusals;
mod restarts;
mod streams;
