//! The Elasticsearch input: all records, unchanged, or an error.

mod columns;
mod example;
mod faults;
mod jobs;
mod order;
mod selection;
