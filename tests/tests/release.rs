//! The chart with Helm and on a real cluster: refused values, rendered objects, their admission by the API server, and
//! releases that are installed, used, upgraded and uninstalled. Namespaces enforce the Pod Security Standard `restricted`.

mod release {
    #[path = "../guests/everything.rs"]
    mod everything;
    #[path = "../guests/wat.rs"]
    #[allow(dead_code, reason = "other tests use more of it")]
    mod wat;

    mod admission;
    mod autoscaling;
    mod certificates;
    mod chart;
    mod elastic;
    mod engines;
    mod installation;
    mod jobs;
    mod lifecycle;
    mod packs;
    mod rendered;
    mod tenants;
    mod throttled_file;
    mod tracing;
    mod validation;
    mod values;
}
