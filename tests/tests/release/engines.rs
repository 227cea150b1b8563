//! Engines that are lost or added during a run: the result is that of an undisturbed local run.

use std::{
    collections::BTreeSet,
    fmt::Write,
    net::TcpStream,
    thread,
    time::{Duration, Instant},
};

use anomal_testbed::Cluster;
use anomal_tests::cluster::{Namespace, PATIENCE, cluster, eventually};
use serde_json::{Value, json};

use super::{
    installation::{Release, answered, apply_definition, exclusive_turn, in_flight},
    jobs::{completes, files, local_results, results},
    throttled_file::ThrottledFile,
};

/// Rows per batch of the runner.
const BATCH: usize = 65_536;

/// A release of engines, and a namespace that uses them.
fn places(cluster: &'static Cluster, name: &str, values: &Value) -> (Release, Namespace) {
    apply_definition(cluster);
    let home = Namespace::new(cluster, name);
    let users = Namespace::new(cluster, &format!("{name}-users"));
    let mut more = json!({"crds": {"enabled": false}});
    for (key, value) in values.as_object().unwrap() {
        more[key] = value.clone();
    }
    (Release::install(home, "engines", &more), users)
}

/// Deterministic pseudo-random numbers; `more` bytes of padding slow down the transfer of each row.
fn records(rows: usize, more: usize) -> Vec<u8> {
    let mut csv = String::from("a,b,c,more\n");
    let more = "x".repeat(more);
    let mut state = 1_u64;
    let mut next = || {
        state =
            state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        state >> 40
    };
    for row in 0..rows {
        let far = if row % 5_000 == 77 { 100_000 } else { 0 };
        let (a, b, c) = (next() % 1_000 + far, next() % 10_000, next() % 7);
        writeln!(csv, "{a},{b},k{c},{more}").unwrap();
    }
    csv.into_bytes()
}

fn job(file: &ThrottledFile, parts: &Value) -> Value {
    let mut spec = json!({
        "input": {"csv": {"path": file.url()}},
        "outputs": [{"csv": {"path": "out/results.csv"}}],
        "runner": {
            "volumes": [{"name": "files", "persistentVolumeClaim": {"claimName": "files"}}],
            "volumeMounts": [{"name": "files", "mountPath": "/data"}],
        },
    });
    for (key, value) in parts.as_object().unwrap() {
        spec[key] = value.clone();
    }
    json!({
        "apiVersion": "anomal.dev/v1alpha1", "kind": "AnomalyJob", "metadata": {"name": "long"}, "spec": spec,
    })
}

/// Deletes pods at once, as the loss of their node would.
fn delete_at_once(release: &Release, pods: &[String]) {
    let pods: Vec<&str> = pods.iter().map(String::as_str).collect();
    let delete = ["delete", "pod", "--force", "--grace-period=0", "--wait=false"];
    release.home.kubectl(&[&delete, pods.as_slice()].concat()).unwrap();
}

/// Whether an engine still accepts connections.
fn accepts_connections(address: &str) -> bool {
    let address = format!("{address}:9400").parse().unwrap();
    TcpStream::connect_timeout(&address, Duration::from_secs(1)).is_ok()
}

#[test]
#[ignore = "needs the cluster of `cargo xtask test`"]
fn losing_pods_during_a_run_changes_nothing() {
    let _turn = exclusive_turn();
    let Some(cluster) = cluster() else { return };
    let Some(machine) = cluster.machine_address() else {
        return anomal_tests::skip("pods of a named cluster don't reach this machine");
    };
    let two = json!({"replicas": 2});
    let (release, users) = places(cluster, "lost", &json!({"feature": two, "classification": two}));
    let volume = files(&users, "files", b"");
    let rows = 3 * BATCH;
    let file = ThrottledFile::start(machine, records(rows, 150));
    let job = job(
        &file,
        &json!({
            "features": [
                {"type": "field", "name": "a"},
                {"type": "field", "name": "b"},
                {"type": "field", "name": "c", "kind": "categorical"},
            ],
            // Some seconds of work, since a deleted pod goes on for two.
            "classification": {"engine": "Gower", "parameters": {"nNeighbors": 300}},
        }),
    );
    let expected = local_results(&job, file.content());
    users.apply(&job);

    // While rows are read all feature engines are lost; later batches wait for new ones.
    let held = file.content().len() * 5 / 6;
    file.allow(held);
    eventually("two batches", PATIENCE, || {
        (release.answered("feature-engine", "Extract") >= 2).then_some(())
    });
    let before = release.pods("feature-engine");
    assert_eq!(before.len(), 2);
    delete_at_once(&release, &before.iter().map(|(name, _)| name.clone()).collect::<Vec<_>>());
    for (_, address) in &before {
        eventually("their end", PATIENCE, || (!accepts_connections(address)).then_some(()));
    }
    file.release();

    // While rows are scored the working engine is lost.
    let judges = release.pods("classification-engine");
    let judge = eventually("a classification engine to work", PATIENCE, || {
        judges.iter().find(|(_, address)| in_flight(address) > 0)
    });
    delete_at_once(&release, std::slice::from_ref(&judge.0));
    let status = completes(&users, "long");
    assert_eq!(status["attempts"], 1, "{status:#}");
    assert_eq!(status["summary"]["rows"], rows, "{status:#}");
    assert!(results(&volume) == expected, "the results differ from those of one process");
    // Other engines repeated their work.
    assert!(release.answered("classification-engine", "Classify") >= 1);
    assert!(release.answered("feature-engine", "Extract") >= 1);
}

#[test]
#[ignore = "needs the cluster of `cargo xtask test`"]
fn engines_that_come_during_a_run_take_load_within_ten_seconds() {
    let _turn = exclusive_turn();
    let Some(cluster) = cluster() else { return };
    let Some(machine) = cluster.machine_address() else {
        return anomal_tests::skip("pods of a named cluster don't reach this machine");
    };
    let (release, users) =
        places(cluster, "scaled", &json!({"classification": {"enabled": false}}));
    let volume = files(&users, "files", b"");
    let file = ThrottledFile::start(machine, records(60 * BATCH, 1));
    let job = job(
        &file,
        &json!({
            "flags": [{"type": "direct", "name": "far", "expression": "a > 1000", "severity": "high"}],
            "outputs": [{"csv": {"path": "out/results.csv", "rows": "suspicious"}}],
        }),
    );
    let expected = local_results(&job, file.content());
    users.apply(&job);
    let [first] = release.pods("feature-engine").try_into().unwrap();
    let taken = thread::scope(|scope| {
        let fed = scope.spawn(|| {
            // A batch twice a second, except for the last ones.
            let batch = file.content().len() / 60;
            for _ in 0..58 {
                file.allow(batch);
                thread::sleep(Duration::from_millis(500));
            }
        });
        eventually("the run to call", PATIENCE, || {
            (answered(&first.1, "Extract") >= 2).then_some(())
        });
        let scale = ["scale", "deployment/anomal-feature-engine", "--replicas=3"];
        release.home.kubectl(&scale).unwrap();
        let all = eventually("three replicas", PATIENCE, || {
            Some(release.pods("feature-engine")).filter(|pods| pods.len() == 3)
        });
        let since = Instant::now();
        assert!(!fed.is_finished(), "the run went by before there were more of them");
        let mut taken = Vec::new();
        let mut waiting: BTreeSet<_> =
            all.into_iter().filter(|pod| *pod != first).map(|(_, address)| address).collect();
        while !waiting.is_empty() && since.elapsed() < Duration::from_secs(20) {
            waiting.retain(|address| answered(address, "Extract") == 0);
            taken.push((since.elapsed(), waiting.len()));
            thread::sleep(Duration::from_millis(100));
        }
        file.release();
        (waiting.is_empty(), since.elapsed(), taken)
    });
    assert!(taken.0 && taken.1 < Duration::from_secs(10), "they took load after {taken:?}");
    let status = completes(&users, "long");
    assert_eq!(status["attempts"], 1, "{status:#}");
    assert!(results(&volume) == expected, "the results differ from those of one process");
    assert!(expected.split(|byte| *byte == b'\n').count() > 500);
}
