//! Elasticsearch and OpenSearch: jobs from index to index, the sink, the source, dashboards and failures. All are in one
//! binary, because each binary starts both servers.

mod elastic {
    mod clock;
    mod dashboards;
    mod harness;
    mod jobs;
    mod query;
    mod sink;
    mod source;
    mod stream;
}
