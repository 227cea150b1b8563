//! The chart, through Helm and on a real cluster: what it refuses and renders, what the API server says to that, and
//! releases that are installed, used, changed and taken away. Namespaces enforce the Pod Security Standard `restricted`.

mod release {
    mod admitted;
    mod autoscaling;
    mod certificates;
    mod chart;
    mod elastic;
    mod engines;
    mod installed;
    mod jobs;
    mod life;
    mod rendered;
    mod schema;
    mod tenants;
    mod tracing;
    mod trickle;
    mod values;
}
