//! What breaks under the operator while a run is on. Each fault is felt by everything in the cluster, so these tests run
//! one after the other, and after all those that share it.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

mod held;

use std::{
    process::Command,
    sync::{Mutex, MutexGuard, PoisonError},
    thread,
    time::Duration,
};

use anomal_testbed::Cluster;
use anomal_tests::cluster::{Namespace, Operator, PATIENCE, cluster, eventually, job};
use held::Held;
use serde_json::{Value, json};

/// The cluster, for one test alone.
fn alone() -> Option<(&'static Cluster, MutexGuard<'static, ()>)> {
    static TURN: Mutex<()> = Mutex::new(());
    let turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
    let cluster = cluster()?;
    if cluster.is_ours() {
        return Some((cluster, turn));
    }
    let told = "\nskipped: nothing is broken in a cluster that is somebody's own\n";
    let _ = std::io::Write::write_all(&mut std::io::stdout(), told.as_bytes());
    None
}

/// It ended well, at the first attempt, with what is in the records.
fn ended_well(here: &Namespace, name: &str) -> Value {
    let status = here.wait_for_status(name, "Complete", "Completed");
    assert_eq!(status["summary"]["rows"], 6, "{status:#}");
    assert_eq!(status["attempts"], 1, "{status:#}");
    assert_eq!(here.list("jobs").len(), 1, "one Job");
    status
}

#[test]
fn the_api_server_is_restarted() {
    let Some((cluster, _turn)) = alone() else { return };
    let here = Namespace::new(cluster, "restarts");
    let mut operator = Operator::start(&here, &[]);
    let held = Held::start(&here);
    here.apply(&held.job("dns"));
    held.is_read(1);
    here.wait_for_status("dns", "Running", "*");
    cluster.restart("kube-apiserver").unwrap();
    held.release();
    ended_well(&here, "dns");
    assert!(!operator.has_ended(), "it went on");
    // What it watches, it watches again.
    here.apply(&job("next"));
    here.wait_for_status("next", "Complete", "*");
}

#[test]
fn the_api_server_is_away_when_the_run_ends() {
    let Some((cluster, _turn)) = alone() else { return };
    let here = Namespace::new(cluster, "away");
    let _operator = Operator::start(&here, &[]);
    let held = Held::start(&here);
    here.apply(&held.job("dns"));
    held.is_read(1);
    cluster.stop("kube-apiserver").unwrap();
    held.release();
    thread::sleep(Duration::from_secs(5));
    cluster.start("kube-apiserver").unwrap();
    ended_well(&here, "dns");
}

#[test]
fn etcd_is_slow() {
    let Some((cluster, _turn)) = alone() else { return };
    let here = Namespace::new(cluster, "slow");
    let _operator = Operator::start(&here, &[]);
    for name in ["one", "two"] {
        here.apply(&job(name));
    }
    // It stands still again and again: every write waits, some for longer than a request may take.
    for _ in 0..4 {
        cluster.inside(&["pkill", "-STOP", "-x", "etcd"]).unwrap();
        thread::sleep(Duration::from_secs(3));
        cluster.inside(&["pkill", "-CONT", "-x", "etcd"]).unwrap();
        thread::sleep(Duration::from_millis(500));
    }
    for name in ["one", "two"] {
        let status = here.wait_for_status(name, "Complete", "*");
        assert_eq!(status["summary"]["rows"], 6, "{status:#}");
    }
    assert_eq!(here.list("jobs").len(), 2);
}

#[test]
fn the_kubelet_is_restarted() {
    let Some((cluster, _turn)) = alone() else { return };
    let here = Namespace::new(cluster, "kubelet");
    let _operator = Operator::start(&here, &[]);
    let held = Held::start(&here);
    here.apply(&held.job("dns"));
    held.is_read(1);
    cluster.restart("kubelet").unwrap();
    held.release();
    ended_well(&here, "dns");
}

#[test]
fn its_pod_is_evicted() {
    let Some((cluster, _turn)) = alone() else { return };
    let here = Namespace::new(cluster, "evicts");
    let _operator = Operator::start(&here, &[]);
    let held = Held::start(&here);
    let mut job = held.job("dns");
    // An eviction is no attempt.
    job["spec"]["backoffLimit"] = 0.into();
    here.apply(&job);
    held.is_read(1);
    let pod = here.list("pods")[0]["metadata"]["name"].as_str().unwrap().to_owned();
    let eviction = json!({
        "apiVersion": "policy/v1", "kind": "Eviction", "metadata": {"name": pod, "namespace": here.name},
    });
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), eviction.to_string()).unwrap();
    let path = format!("/api/v1/namespaces/{}/pods/{pod}/eviction", here.name);
    cluster.kubectl(&["create", "--raw", &path, "-f", file.path().to_str().unwrap()]).unwrap();
    // Another pod begins anew.
    held.is_read(2);
    held.release();
    let status = here.wait_for_status("dns", "Complete", "Completed");
    assert_eq!(status["summary"]["rows"], 6, "{status:#}");
    assert_eq!(here.list("jobs").len(), 1);
}

#[test]
fn the_definition_is_upgraded() {
    let Some((cluster, _turn)) = alone() else { return };
    let here = Namespace::new(cluster, "upgrades");
    let mut operator = Operator::start(&here, &[]);
    let held = Held::start(&here);
    here.apply(&held.job("dns"));
    held.is_read(1);
    let printed = Command::new(env!("CARGO_BIN_EXE_anomal-operator")).arg("crd").output().unwrap();
    let text = String::from_utf8(printed.stdout).unwrap();
    // A version of tomorrow, with one more setting; then that of today again.
    let newer = text.replacen(
        "              suspend:\n",
        "              tomorrow:\n                type: string\n              suspend:\n",
        1,
    );
    assert_ne!(newer, text);
    let apply = |definition: &str| {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), definition).unwrap();
        let path = file.path().to_str().unwrap();
        cluster.kubectl(&["apply", "--server-side", "--force-conflicts", "-f", path]).unwrap();
    };
    apply(&newer);
    let mut later = job("later");
    later["spec"]["tomorrow"] = "x".into();
    eventually("the new setting to be known", PATIENCE, || here.try_apply(&later).ok());
    // This operator doesn't know it, says so, and goes on with the others.
    here.wait_for_status("later", "Invalid", "InvalidSpec");
    held.release();
    let status = here.wait_for_status("dns", "Complete", "Completed");
    assert_eq!(status["attempts"], 1, "{status:#}");
    apply(&text);
    assert!(!operator.has_ended(), "it went on");
    here.apply(&job("next"));
    here.wait_for_status("next", "Complete", "*");
}
