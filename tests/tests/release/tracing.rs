//! The trace of a run, from the operator to the engines.

use std::collections::BTreeSet;

use anomal_tests::{
    cluster::{Namespace, PATIENCE, cluster, eventually},
    traces::Collector,
};
use serde_json::json;

use super::{
    installation::{Release, apply_definition, exclusive_turn},
    jobs::quickstart,
};

#[test]
#[ignore = "needs the cluster of `cargo xtask test`"]
fn operator_run_and_engines_form_one_trace() {
    let _turn = exclusive_turn();
    let Some(cluster) = cluster() else { return };
    let Some(machine) = cluster.machine_address() else {
        return anomal_tests::skip("pods of a named cluster don't reach this machine");
    };
    let collector = Collector::start(machine);
    apply_definition(cluster);
    let home = Namespace::new(cluster, "traced");
    let users = Namespace::new(cluster, "traced-users");
    let values = json!({
        "crds": {"enabled": false},
        "tracing": {"otlpEndpoint": collector.address},
        "report": {"store": {"type": "emptyDir"}},
    });
    let _release = Release::install(home, "default", &values);
    quickstart(&users, |_| ());
    let wanted: BTreeSet<&str> = [
        "anomal-operator",
        "anomal",
        "anomal-feature-engine",
        "anomal-classification-engine",
        "anomal-report-engine",
    ]
    .into();
    // Engines export their spans every few seconds.
    let trace = eventually("the spans of all programs in one trace", PATIENCE, || {
        let runs = collector.spans_from("anomal");
        let run = runs.iter().find(|span| span.name == "run")?;
        let mut spans = collector.spans();
        spans.retain(|span| span.trace == run.trace);
        let programs: BTreeSet<&str> = spans.iter().map(|span| span.service.as_str()).collect();
        (programs == wanted).then_some(spans)
    });
    let root: Vec<_> = trace.iter().filter(|span| span.parent.is_empty()).collect();
    assert_eq!(root.len(), 1, "{root:#?}");
    assert_eq!((root[0].service.as_str(), root[0].name.as_str()), ("anomal-operator", "reconcile"));
    let run = trace.iter().find(|span| span.name == "run").unwrap();
    let parent = trace.iter().find(|span| span.id == run.parent).unwrap();
    assert_eq!(parent.service, "anomal-operator", "{parent:#?}");
    // An engine's spans belong to the run or to one of its steps.
    for span in trace.iter().filter(|span| span.service.ends_with("-engine")) {
        let mut above = span;
        while let Some(next) = trace.iter().find(|one| one.id == above.parent) {
            above = next;
            if above.id == run.id {
                break;
            }
        }
        assert_eq!(above.id, run.id, "{span:#?}");
    }
}
