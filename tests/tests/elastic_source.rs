//! Records out of Elasticsearch and OpenSearch: all of them and as they are, or an error.

mod elastic_source {
    mod bad_days;
    mod columns;
    mod jobs;
    mod order;
    mod same;
    mod speed;
    mod which;
}
