//! `anomal job` and `kubectl anomal`, through the built binary: without a cluster, and on a real one.

mod jobs {
    mod ends;
    mod lists;
    mod no_cluster;
    mod rights;
    mod support;
    mod waits;
}
