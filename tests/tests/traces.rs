//! One trace of a run, from whoever started it to the engines, as a collector gets it.

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
        // It is killed at the end of the test, and sends nothing then.
        ("OTEL_BSP_SCHEDULE_DELAY", "50".to_owned()),
    ];
    Engine::start_with_environment(name, more, &environment)
}

/// The methods that an engine was asked, once they are all there.
fn methods(collector: &Collector, service: &str, wanted: &[&str]) -> Vec<Span> {
    let started = Instant::now();
    loop {
        let spans = collector.spans_from(service);
        let told: BTreeSet<&str> =
            spans.iter().map(|span| span.attributes["method"].as_str()).collect();
        if wanted.iter().all(|method| told.contains(method)) {
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
fn a_run_is_one_trace_with_its_engines() {
    let collector = Collector::start("127.0.0.1");
    // Logs and traces are apart: these say nothing.
    let feature = engine(&collector, FEATURE, &["--log-level", "error"]);
    let classification = engine(&collector, CLASSIFICATION, &["--log-level", "off"]);
    let workspace = job();
    let mut command = workspace.command(&["run", "job.yaml"]);
    command.args(["--feature-engine", &feature.address]);
    command.args(["--classification-engine", &classification.address]);
    command.env("TRACEPARENT", format!("00-{TRACE}-{PARENT}-01"));
    command.env("OTEL_EXPORTER_OTLP_ENDPOINT", &collector.address);
    anomal_tests::RunOutput::from(command.output().unwrap()).expect(0, &[]);

    // All of the run's are there once it has ended.
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

    let asked = methods(&collector, FEATURE, &["ListComponents", "Plan", "Extract"]);
    let judged = methods(&collector, CLASSIFICATION, &["ListDetectors", "Classify"]);
    for span in asked.iter().chain(&judged) {
        let parent = match span.attributes["method"].as_str() {
            "ListComponents" => &root,
            "Plan" => &named("plan"),
            "Extract" => &named("extract"),
            "Classify" => &named("classify"),
            _ => continue,
        };
        assert_eq!(span.parent, parent.id, "{span:#?}");
    }
    for span in run.iter().chain(&asked).chain(&judged) {
        assert_eq!(span.trace, TRACE, "{span:#?}");
        assert_eq!(span.version, env!("CARGO_PKG_VERSION"));
    }
}

#[test]
fn a_run_that_fails_says_so_in_its_trace() {
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
fn a_collector_that_is_down_stops_nothing() {
    // A port on which nobody listens.
    let nobody = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let workspace = job();
    let started = Instant::now();
    let mut command = workspace.command(&["run", "job.yaml"]);
    command.env("ANOMAL_OTLP_ENDPOINT", format!("http://{nobody}"));
    let ran = anomal_tests::RunOutput::from(command.output().unwrap());
    ran.expect(0, &["traces can't be sent", "--otlp-endpoint"]);
    assert_eq!(ran.stderr.matches("traces can't be sent").count(), 1, "{ran:#?}");
    // Three seconds for the last spans, and the run's own time.
    assert!(started.elapsed() < Duration::from_secs(15), "{:?}", started.elapsed());
    assert!(workspace.path("out.csv").exists());
}
