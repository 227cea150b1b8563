//! Elasticsearch and OpenSearch as people use them: jobs from index to index, dashboards, and what the tests' own
//! servers promise. One binary, for each starts both servers.

#[path = "elastic_job/harness.rs"]
mod harness;
