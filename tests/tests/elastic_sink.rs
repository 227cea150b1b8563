//! Results in Elasticsearch and OpenSearch: what is written, and that nothing is lost or doubled on a bad day.

mod elastic_sink {
    mod bad_days;
    mod credentials;
    mod documents;
    mod jobs;
    mod refusals;
    mod restarts;
    mod streams;
}
