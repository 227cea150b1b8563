//! The same job in one process, through services, and through services that die gives the same bytes.

use std::{
    io::{Read, Write},
    net::TcpListener,
    process::Stdio,
    thread,
    time::Duration,
};

use anomal_tests::{Engine, Ran, Workspace, repository};

const FEATURE: &str = "anomal-feature-engine";
const CLASSIFICATION: &str = "anomal-classification-engine";

/// The DNS example in a folder of its own, with all outputs in all formats.
fn dns() -> Workspace {
    let example = repository().join("examples/dns");
    let read = |name: &str| std::fs::read(example.join(name)).unwrap();
    let workspace = Workspace::with(&[("dns.csv", &read("dns.csv"))]);
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

fn run(workspace: &Workspace, engine: &str, threads: &str, more: &[String]) -> Ran {
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

#[test]
fn results_are_the_same_to_the_byte() {
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
            assert!(same, "{engine} on {threads} threads with {more:?} gives other bytes");
        }
    }
}

/// Killing a replica while batches are on their way changes nothing.
fn survives(victim: &str) {
    let workspace = Workspace::default();
    let mut csv = String::from("a,b,c,name\n");
    for row in 0..600_000_u64 {
        let x = row.wrapping_mul(2_654_435_761) % 10_007;
        csv.push_str(&format!("{x},{},{},host{x}.example.com\n", x * x % 997, row % 13));
    }
    workspace.write("in.csv", csv.as_bytes());
    let job = "
input: {csv: {path: in.csv}}
packs: [dns]
features:
  - {type: field, match: '*', except: [name]}
  - {type: metric, name: hostname_entropy, dataNeeded: [name]}
classification: {engine: HBOS}
outputs: [{csv: {path: out.csv}}]
";
    workspace.write("job.yaml", job.as_bytes());
    run(&workspace, "HBOS", "2", &[]).expect(0, &[]);
    let expected = workspace.bytes("out.csv");

    let (mut feature, mut classification) = (start(FEATURE, 3), start(CLASSIFICATION, 3));
    let more = endpoints(&feature, &classification);
    let mut command = workspace.command(&["run", "job.yaml"]);
    command.args(&more).stdout(Stdio::piped()).stderr(Stdio::piped());
    let child = command.spawn().unwrap();
    thread::sleep(Duration::from_millis(if victim == FEATURE { 300 } else { 900 }));
    let engines = if victim == FEATURE { &mut feature } else { &mut classification };
    engines[1].kill();
    let ran: Ran = child.wait_with_output().unwrap().into();
    ran.expect(0, &[]);
    assert!(workspace.bytes("out.csv") == expected, "losing a replica changed the results");
}

#[test]
fn a_feature_replica_that_dies_changes_nothing() {
    survives(FEATURE);
}

#[test]
fn a_classification_replica_that_dies_changes_nothing() {
    survives(CLASSIFICATION);
}

fn refused(address: &str) -> Ran {
    let workspace = dns();
    let ran = workspace.anomal(&["run", "job.yaml", "--feature-engine", address]);
    assert_eq!(workspace.files(), ["dns.csv", "job.yaml"]);
    ran
}

#[test]
fn nothing_that_listens() {
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let address = format!("127.0.0.1:{port}");
    refused(&format!("http://{address}")).expect(4, &[&address]);
}

#[test]
fn something_that_is_no_engine() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            thread::spawn(move || {
                let mut request = [0; 1024];
                let _ = stream.read(&mut request);
                let _ = stream.write_all(b"HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\n\r\n");
            });
        }
    });
    refused(&format!("http://{address}")).expect(4, &[&address]);
}

#[test]
fn an_engine_of_the_other_kind() {
    let engine = Engine::start(CLASSIFICATION);
    refused(&engine.address).expect(4, &[engine.address.trim_start_matches("http://")]);
}

/// The only replica dies for good: the run ends soon, with nothing half written.
#[test]
fn the_only_engine_dies() {
    let mut engine = Engine::start(FEATURE);
    let address = engine.address.clone();
    engine.kill();
    refused(&address).expect(4, &[]);
}

/// Ctrl-C in the middle leaves nothing.
#[test]
fn interrupted() {
    let workspace = dns();
    let before = workspace.files();
    let mut command = workspace.command(&["run", "job.yaml", "--input", "-"]);
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    // Its input never ends, so it is in the middle whenever the signal comes.
    let mut stdin = child.stdin.take().unwrap();
    stdin.write_all(&workspace.bytes("dns.csv")).unwrap();
    thread::sleep(Duration::from_millis(700));
    let kill = std::process::Command::new("kill").args(["-INT", &child.id().to_string()]).status();
    assert!(kill.unwrap().success());
    let ran: Ran = child.wait_with_output().unwrap().into();
    ran.expect(130, &[]);
    drop(stdin);
    assert_eq!(workspace.files(), before);
}
