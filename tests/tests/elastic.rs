//! Elasticsearch and OpenSearch as people use them: jobs from index to index, what is written, what is read, dashboards,
//! bad days. One binary, for each starts both servers.

mod elastic {
    mod clock;
    mod dashboards;
    mod harness;
    mod jobs;
    mod query;
    mod sink;
    mod source;
}
