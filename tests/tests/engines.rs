//! The same job gives the same bytes in one process, through services, and through services that fail.

use std::{
    ffi::OsStr,
    io::{Read, Write},
    net::{TcpListener, TcpStream},
    process::Stdio,
    sync::Arc,
    thread,
    time::Duration,
};

use anomal_core::{
    Code, Error, ExtractRequest, Extraction, FeatureEngine, KeyedSteps, PlanRequest, Result,
    proto::{Component, Plan},
};
use anomal_feature::{
    LocalFeatureEngine,
    grpc::{self, MultiTenantEngine},
};
use anomal_rpc::{Admission, ServerArgs, Tenant, metrics::Metrics, serve};
use anomal_tests::{Engine, RunOutput, Workspace, grpc_port, repository};
use async_trait::async_trait;
use clap::Parser;

const FEATURE: &str = "anomal-feature-engine";
const CLASSIFICATION: &str = "anomal-classification-engine";

/// A copy of the DNS example with outputs in all formats.
fn dns() -> Workspace {
    let example = repository().join("examples/dns");
    let read = |name: &str| std::fs::read(example.join(name)).unwrap();
    let workspace = Workspace::with_files(&[("dns.csv", &read("dns.csv"))]);
    let job = String::from_utf8(read("job.yaml")).unwrap();
    let (settings, _) = job.split_once("outputs:").unwrap();
    let outputs = "outputs:
    - csv: {path: out.csv, include: [features, contributions]}
    - parquet: {path: out.parquet, include: [features, contributions]}
    - ndjson: {path: out.ndjson, rows: suspicious}
";
    workspace.write("job.yaml", format!("{settings}{outputs}").as_bytes());
    workspace
}

fn outputs(workspace: &Workspace) -> Vec<Vec<u8>> {
    ["out.csv", "out.parquet", "out.ndjson"].map(|name| workspace.bytes(name)).to_vec()
}

fn run(workspace: &Workspace, engine: &str, threads: &str, more: &[String]) -> RunOutput {
    let mut command = workspace.command(&["run", "job.yaml", "--engine", engine]);
    command.args(more).env("RAYON_NUM_THREADS", threads).env("POLARS_MAX_THREADS", threads);
    command.output().unwrap().into()
}

fn endpoints(feature: &[Engine], classification: &[Engine]) -> Vec<String> {
    let feature =
        feature.iter().flat_map(|engine| ["--feature-engine".into(), engine.address.clone()]);
    let classification = classification
        .iter()
        .flat_map(|engine| ["--classification-engine".into(), engine.address.clone()]);
    feature.chain(classification).collect()
}

fn start(name: &str, count: usize) -> Vec<Engine> {
    (0..count).map(|_| Engine::start(name)).collect()
}

/// What a run tells programs while it classifies, in this process and by a service.
#[test]
fn members_of_an_ensemble_are_told() {
    let classification = start(CLASSIFICATION, 1);
    let remote = ["--classification-engine".to_owned(), classification[0].address.clone()];
    let workspace = dns();
    for more in [&[][..], &remote] {
        let all = [&["--progress".to_owned(), "json".to_owned()], more].concat();
        let done = run(&workspace, "Ensemble", "2", &all);
        done.expect(0, &[]);
        let events = done
            .stderr
            .lines()
            .filter_map(|line| serde_json::from_str::<serde_json::Value>(line).ok());
        let steps: Vec<serde_json::Value> =
            events.filter(|event| event["step"].is_string()).collect();
        let step = steps.iter().find(|step| step["step"] == "member 2 of 5 (KNN)");
        let step = step.unwrap_or_else(|| panic!("no such step: {steps:?}"));
        assert_eq!((&step["rows"], &step["done"]), (&5_000.into(), &1.into()));
        assert!(step["total"].as_u64() > Some(5) && step["secondsLeft"].is_f64(), "{step}");
    }
}

#[test]
fn results_are_byte_identical() {
    let (feature, classification) = (start(FEATURE, 3), start(CLASSIFICATION, 3));
    let one = endpoints(&feature[..1], &classification[..1]);
    let three = endpoints(&feature, &classification);
    for engine in ["Gower", "HBOS"] {
        let workspace = dns();
        run(&workspace, engine, "2", &[]).expect(0, &["suspicious by"]);
        let expected = outputs(&workspace);
        for (threads, more) in [("1", &vec![]), ("2", &one), ("1", &one), ("2", &three)] {
            run(&workspace, engine, threads, more).expect(0, &[]);
            let same = outputs(&workspace) == expected;
            assert!(same, "{engine} with {threads} threads and {more:?} gives other bytes");
        }
    }
}

const ROWS: u64 = 600_000;

/// A job with many batches from standard input.
fn many_batches() -> (Workspace, String) {
    let workspace = Workspace::default();
    let mut csv = String::from("a,b,c,name\n");
    for row in 0..ROWS {
        let x = row.wrapping_mul(2_654_435_761) % 10_007;
        csv.push_str(&format!("{x},{},{},host{x}.example.com\n", x * x % 997, row % 13));
    }
    let job = "
input: {csv: {path: '-'}}
packs: [dns]
features:
  - {type: field, match: '*', except: [name]}
  - {type: metric, name: hostname_entropy, dataNeeded: [name]}
classification: {engine: HBOS}
outputs: [{csv: {path: out.csv}}]
";
    workspace.write("job.yaml", job.as_bytes());
    (workspace, csv)
}

/// Runs it; `between` is called when half of the input is written, and again when all of it is.
fn run_with_input(
    workspace: &Workspace,
    csv: &str,
    more: &[String],
    mut between: impl FnMut(usize),
) -> RunOutput {
    let mut command = workspace.command(&["run", "job.yaml"]);
    command.args(more).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    let mut stdin = child.stdin.take().unwrap();
    let half = csv.len() / 2;
    for (time, part) in [&csv[..half], &csv[half..]].into_iter().enumerate() {
        // A failed run stops reading.
        let _ = stdin.write_all(part.as_bytes());
        between(time);
    }
    drop(stdin);
    child.wait_with_output().unwrap().into()
}

/// Asserts that killing a replica while batches are in flight changes nothing.
fn assert_replica_loss_is_harmless(victim: &str) {
    let (workspace, csv) = many_batches();
    run_with_input(&workspace, &csv, &[], |_| ()).expect(0, &[]);
    let expected = workspace.bytes("out.csv");

    let (mut feature, mut classification) = (start(FEATURE, 3), start(CLASSIFICATION, 3));
    let more = endpoints(&feature, &classification);
    let ran = if victim == FEATURE {
        // Half of the batches are not sent yet.
        run_with_input(&workspace, &csv, &more, |time| {
            if time == 0 {
                feature[1].kill();
            }
        })
    } else {
        let mut lost = Some(classification.remove(1));
        run_with_input(&workspace, &csv, &more, |time| {
            if time == 1
                && let Some(mut lost) = lost.take()
            {
                // Fitting begins when all rows are read.
                thread::spawn(move || {
                    thread::sleep(Duration::from_millis(700));
                    lost.kill();
                });
            }
        })
    };
    ran.expect(0, &[]);
    assert!(workspace.bytes("out.csv") == expected, "losing a replica changed the results");
}

#[test]
fn losing_a_feature_replica_changes_nothing() {
    assert_replica_loss_is_harmless(FEATURE);
}

#[test]
fn losing_a_classification_replica_changes_nothing() {
    assert_replica_loss_is_harmless(CLASSIFICATION);
}

fn run_with_engine(address: &str) -> RunOutput {
    let workspace = dns();
    let ran = workspace.anomal(&["run", "job.yaml", "--feature-engine", address]);
    assert_eq!(workspace.files(), ["dns.csv", "job.yaml"]);
    ran
}

#[test]
fn unused_port() {
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let address = format!("127.0.0.1:{port}");
    run_with_engine(&format!("http://{address}")).expect(4, &[&address]);
}

#[test]
fn server_that_is_not_an_engine() {
    let address = listener(|mut stream| {
        let mut request = [0; 1024];
        let _ = stream.read(&mut request);
        let _ = stream.write_all(b"HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\n\r\n");
    });
    run_with_engine(&format!("http://{address}")).expect(4, &[&address]);
}

#[test]
fn engine_of_the_other_kind() {
    let engine = Engine::start(CLASSIFICATION);
    run_with_engine(&engine.address).expect(4, &[engine.address.trim_start_matches("http://")]);
}

/// The only replica dies permanently during the run: the run fails without partial output.
#[test]
fn losing_the_only_engine_fails_the_run() {
    let (workspace, csv) = many_batches();
    let mut engine = Engine::start(FEATURE);
    let more = endpoints(std::slice::from_ref(&engine), &[]);
    let ran = run_with_input(&workspace, &csv, &more, |time| {
        if time == 0 {
            engine.kill();
        }
    });
    ran.expect(4, &[engine.address.trim_start_matches("http://")]);
    assert_eq!(workspace.files(), ["job.yaml"]);
}

/// A server that handles each connection with `handle`; returns its address.
fn listener(handle: fn(TcpStream)) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    thread::spawn(move || {
        for stream in listener.incoming() {
            let stream = stream.unwrap();
            thread::spawn(move || handle(stream));
        }
    });
    address
}

#[test]
fn server_that_never_answers() {
    let address = listener(|mut stream| drop(std::io::copy(&mut stream, &mut std::io::sink())));
    run_with_engine(&format!("http://{address}")).expect(4, &[&address, "check that it"]);
}

/// A connection that is slow both ways changes no results.
#[test]
fn slow_engine() {
    let workspace = dns();
    run(&workspace, "HBOS", "2", &[]).expect(0, &[]);
    let expected = outputs(&workspace);
    let engine = Engine::start(FEATURE);
    let behind = engine.address.trim_start_matches("http://").to_owned();
    let slow = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("http://{}", slow.local_addr().unwrap());
    thread::spawn(move || {
        for near in slow.incoming() {
            let (near, far) = (near.unwrap(), TcpStream::connect(&behind).unwrap());
            for (mut from, mut to) in
                [(near.try_clone().unwrap(), far.try_clone().unwrap()), (far, near)]
            {
                thread::spawn(move || {
                    let mut bytes = [0; 16 << 10];
                    while let Ok(count @ 1..) = from.read(&mut bytes) {
                        thread::sleep(Duration::from_millis(40));
                        if to.write_all(&bytes[..count]).is_err() {
                            break;
                        }
                    }
                });
            }
        }
    });
    let more = ["--feature-engine".to_owned(), address];
    run(&workspace, "HBOS", "2", &more).expect(0, &[]);
    assert!(outputs(&workspace) == expected, "a slow engine changed the results");
}

/// An engine of a later version, which refuses these settings.
#[derive(Clone)]
struct LaterVersionEngine(LocalFeatureEngine);

#[async_trait]
impl FeatureEngine for LaterVersionEngine {
    async fn list_components(&self) -> Result<Vec<Component>> {
        self.0.list_components().await
    }

    async fn plan(&self, _: PlanRequest) -> Result<Plan> {
        let message = "this engine takes settings of version 99 and not of version 1";
        Err(Error::new(Code::Incompatible, "SETTINGS_VERSION", message))
    }

    async fn extract(&self, request: ExtractRequest) -> Result<Extraction> {
        self.0.extract(request).await
    }

    fn keyed_steps(&self, plan: &Plan) -> Result<Option<Box<dyn KeyedSteps>>> {
        self.0.keyed_steps(plan)
    }
}

impl MultiTenantEngine for LaterVersionEngine {
    fn for_tenant(&self, _: &Tenant) -> Arc<dyn FeatureEngine> {
        Arc::new(self.clone())
    }
}

#[derive(Parser)]
struct Arguments {
    #[command(flatten)]
    server: ServerArgs,
}

#[test]
fn engine_of_another_version() {
    let folder = Workspace::default();
    let ports = folder.path("ports.json");
    let line = ["later", "--listen", "127.0.0.1:0", "--metrics-listen", "off", "--port-file"];
    let line = line.iter().map(OsStr::new).chain([ports.as_os_str()]);
    let args = Arguments::parse_from(line).server;
    let metrics = Metrics::new();
    let admission = Admission::new(4, 1 << 20, Arc::clone(&metrics));
    let routes =
        grpc::routes(Arc::new(LaterVersionEngine(LocalFeatureEngine::default())), admission);
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.spawn(async move { serve(&args, 0, grpc::SERVICE, routes, metrics).await });
    let address = format!("127.0.0.1:{}", grpc_port(&ports, || ()));
    run_with_engine(&format!("http://{address}")).expect(4, &["version 99", &address]);
    runtime.shutdown_background();
}

/// Ctrl-C during a run leaves no files.
#[test]
fn interrupted_run_leaves_nothing() {
    let workspace = dns();
    let before = workspace.files();
    let mut command = workspace.command(&["run", "job.yaml", "--input", "-"]);
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    // The input never ends, so the run is in progress when the signal comes.
    let mut stdin = child.stdin.take().unwrap();
    stdin.write_all(&workspace.bytes("dns.csv")).unwrap();
    thread::sleep(Duration::from_millis(700));
    let kill = std::process::Command::new("kill").args(["-INT", &child.id().to_string()]).status();
    assert!(kill.unwrap().success());
    let ran: RunOutput = child.wait_with_output().unwrap().into();
    ran.expect(130, &[]);
    drop(stdin);
    assert_eq!(workspace.files(), before);
}
