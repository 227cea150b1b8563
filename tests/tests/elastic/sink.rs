//! The Elasticsearch output: each row is written exactly once, whatever happens.

mod credentials;
mod documents;
mod faults;
mod jobs;
mod refusals;
mod restarts;
mod streams;
