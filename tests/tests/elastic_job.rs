//! Elasticsearch and OpenSearch as people use them: jobs from index to index, dashboards, and what the tests' own
//! servers promise. One binary, for each starts both servers.

mod elastic_job {
    mod dashboards;
    mod harness;
    mod jobs;
    mod query;
}
