//! The trace of a run, from its parent to the engines, as a collector receives it.

use std::{
    collections::BTreeSet,
    net::TcpListener,
    time::{Duration, Instant},
};

use anomal_tests::{
    Engine, Workspace,
    traces::{Collector, Span},
};

const FEATURE: &str = "anomal-feature-engine";
const CLASSIFICATION: &str = "anomal-classification-engine";
const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";
const PARENT: &str = "00f067aa0ba902b7";

fn engine(collector: &Collector, name: &str, more: &[&str]) -> Engine {
    let environment = [
        ("ANOMAL_OTLP_ENDPOINT", collector.address.clone()),
        // It is killed at the end of the test, so it must export early.
        ("OTEL_BSP_SCHEDULE_DELAY", "50".to_owned()),
    ];
    Engine::start_with_environment(name, more, &environment)
}

/// Waits for the spans of these methods of an engine and returns them.
fn methods(collector: &Collector, service: &str, wanted: &[&str]) -> Vec<Span> {
    let started = Instant::now();
    loop {
        let spans = collector.spans_from(service);
        let received: BTreeSet<&str> =
            spans.iter().map(|span| span.attributes["method"].as_str()).collect();
        if wanted.iter().all(|method| received.contains(method)) {
            return spans;
        }
        assert!(started.elapsed() < Duration::from_secs(20), "{wanted:?} of {service}: {spans:#?}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

fn job() -> Workspace {
    let mut csv = String::from("name,amount\n");
    for row in 0..200 {
        csv += &format!("n{},{}\n", row % 5, 10 + row % 37);
    }
    let job = "input: {csv: {path: in.csv}}\n\
        features:\n  - {type: field, name: amount}\n\
        classification: {engine: HBOS}\n\
        outputs: [{csv: {path: out.csv}}]\n";
    Workspace::with_files(&[("in.csv", csv.as_bytes()), ("job.yaml", job.as_bytes())])
}

#[test]
fn run_and_engines_form_one_trace() {
    let collector = Collector::start("127.0.0.1");
    // Traces do not depend on the log level.
    let feature = engine(&collector, FEATURE, &["--log-level", "error"]);
    let classification = engine(&collector, CLASSIFICATION, &["--log-level", "off"]);
    let workspace = job();
    let mut command = workspace.command(&["run", "job.yaml"]);
    command.args(["--feature-engine", &feature.address]);
    command.args(["--classification-engine", &classification.address]);
    command.env("TRACEPARENT", format!("00-{TRACE}-{PARENT}-01"));
    command.env("OTEL_EXPORTER_OTLP_ENDPOINT", &collector.address);
    anomal_tests::RunOutput::from(command.output().unwrap()).expect(0, &[]);

    // The run exports all its spans before it ends.
    let run = collector.spans_from("anomal");
    let named = |name: &str| {
        let found: Vec<&Span> = run.iter().filter(|span| span.name == name).collect();
        assert_eq!(found.len(), 1, "{name}: {run:#?}");
        found[0].clone()
    };
    let root = named("run");
    assert_eq!(root.parent, PARENT);
    assert_eq!(root.attributes["job"], "job");
    assert_eq!(root.failed, None);
    for stage in ["plan", "extract", "classify", "write"] {
        assert_eq!(named(stage).parent, root.id, "{stage}");
    }

    let feature_spans = methods(&collector, FEATURE, &["ListComponents", "Plan", "Extract"]);
    let classification_spans = methods(&collector, CLASSIFICATION, &["ListDetectors", "Classify"]);
    for span in feature_spans.iter().chain(&classification_spans) {
        let parent = match span.attributes["method"].as_str() {
            "ListComponents" => &root,
            "Plan" => &named("plan"),
            "Extract" => &named("extract"),
            "Classify" => &named("classify"),
            _ => continue,
        };
        assert_eq!(span.parent, parent.id, "{span:#?}");
    }
    for span in run.iter().chain(&feature_spans).chain(&classification_spans) {
        assert_eq!(span.trace, TRACE, "{span:#?}");
        assert_eq!(span.version, env!("CARGO_PKG_VERSION"));
    }
}

#[test]
fn failed_run_has_a_failed_span() {
    let collector = Collector::start("127.0.0.1");
    let workspace = job();
    workspace.write("in.csv", b"other\n1\n");
    let mut command = workspace.command(&["run", "job.yaml"]);
    command.env("ANOMAL_OTLP_ENDPOINT", &collector.address);
    let ran = anomal_tests::RunOutput::from(command.output().unwrap());
    assert_ne!(ran.code, Some(0));
    let run = collector.spans_from("anomal");
    let root = run.iter().find(|span| span.name == "run").unwrap();
    assert!(root.failed.as_ref().unwrap().contains("amount"), "{root:#?}");
    assert_eq!(root.parent, "");
}

#[test]
fn unreachable_collector_does_not_fail_the_run() {
    // A port on which no server listens.
    let unused = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let workspace = job();
    let mut command = workspace.command(&["run", "job.yaml"]);
    command.env("ANOMAL_OTLP_ENDPOINT", format!("http://{unused}"));
    let ran = anomal_tests::RunOutput::from(command.output().unwrap());
    ran.expect(0, &["cannot send traces", "--otlp-endpoint"]);
    assert_eq!(ran.stderr.matches("cannot send traces").count(), 1, "{ran:#?}");
    assert!(workspace.path("out.csv").exists());
}
