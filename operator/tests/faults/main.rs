//! Faults of the cluster during a run. Each affects the whole cluster, so these tests run one at a time, and after all
//! those that share it.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

mod paused_input;

use std::{
    process::Command,
    sync::{Mutex, MutexGuard, PoisonError},
    thread,
    time::Duration,
};

use anomal_testbed::Cluster;
use anomal_tests::cluster::{Namespace, Operator, PATIENCE, cluster, eventually, job};
use paused_input::PausedInput;
use serde_json::{Value, json};

/// The cluster, for one test at a time.
fn exclusive_cluster() -> Option<(&'static Cluster, MutexGuard<'static, ()>)> {
    static TURN: Mutex<()> = Mutex::new(());
    let turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
    let cluster = cluster()?;
    if cluster.is_ours() {
        return Some((cluster, turn));
    }
    let message = "\nskipped: faults are not injected into an external cluster\n";
    let _ = std::io::Write::write_all(&mut std::io::stdout(), message.as_bytes());
    None
}

/// Waits until the job succeeds, and checks that it took one attempt and has the right results.
fn wait_for_success(here: &Namespace, name: &str) -> Value {
    let status = here.wait_for_status(name, "Complete", "Completed");
    assert_eq!(status["summary"]["rows"], 6, "{status:#}");
    assert_eq!(status["attempts"], 1, "{status:#}");
    assert_eq!(here.list("jobs").len(), 1, "one Job");
    status
}

#[test]
#[ignore = "needs the cluster of `cargo xtask test`"]
fn the_api_server_is_restarted() {
    let Some((cluster, _turn)) = exclusive_cluster() else { return };
    let here = Namespace::new(cluster, "restarts");
    let mut operator = Operator::start(&here, &[]);
    let input = PausedInput::start(&here);
    here.apply(&input.job("dns"));
    input.wait_until_read(1);
    here.wait_for_status("dns", "Running", "*");
    cluster.restart("kube-apiserver").unwrap();
    input.release();
    wait_for_success(&here, "dns");
    assert!(!operator.has_ended(), "the operator continues");
    // Its watches are resumed.
    here.apply(&job("next"));
    here.wait_for_status("next", "Complete", "*");
}

#[test]
#[ignore = "needs the cluster of `cargo xtask test`"]
fn the_api_server_is_away_when_the_run_ends() {
    let Some((cluster, _turn)) = exclusive_cluster() else { return };
    let here = Namespace::new(cluster, "away");
    let _operator = Operator::start(&here, &[]);
    let input = PausedInput::start(&here);
    here.apply(&input.job("dns"));
    input.wait_until_read(1);
    cluster.stop("kube-apiserver").unwrap();
    input.release();
    thread::sleep(Duration::from_secs(5));
    cluster.start("kube-apiserver").unwrap();
    wait_for_success(&here, "dns");
}

#[test]
#[ignore = "needs the cluster of `cargo xtask test`"]
fn etcd_is_slow() {
    let Some((cluster, _turn)) = exclusive_cluster() else { return };
    let here = Namespace::new(cluster, "slow");
    let _operator = Operator::start(&here, &[]);
    for name in ["one", "two"] {
        here.apply(&job(name));
    }
    // It is paused again and again: every write waits, some longer than the timeout of a request.
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
#[ignore = "needs the cluster of `cargo xtask test`"]
fn the_kubelet_is_restarted() {
    let Some((cluster, _turn)) = exclusive_cluster() else { return };
    let here = Namespace::new(cluster, "kubelet");
    let _operator = Operator::start(&here, &[]);
    let input = PausedInput::start(&here);
    here.apply(&input.job("dns"));
    input.wait_until_read(1);
    cluster.restart("kubelet").unwrap();
    input.release();
    wait_for_success(&here, "dns");
}

#[test]
#[ignore = "needs the cluster of `cargo xtask test`"]
fn its_pod_is_evicted() {
    let Some((cluster, _turn)) = exclusive_cluster() else { return };
    let here = Namespace::new(cluster, "evicts");
    let _operator = Operator::start(&here, &[]);
    let input = PausedInput::start(&here);
    let mut job = input.job("dns");
    // An eviction does not count as an attempt.
    job["spec"]["backoffLimit"] = 0.into();
    here.apply(&job);
    input.wait_until_read(1);
    let pod = here.list("pods")[0]["metadata"]["name"].as_str().unwrap().to_owned();
    let eviction = json!({
        "apiVersion": "policy/v1", "kind": "Eviction", "metadata": {"name": pod, "namespace": here.name},
    });
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), eviction.to_string()).unwrap();
    let path = format!("/api/v1/namespaces/{}/pods/{pod}/eviction", here.name);
    cluster.kubectl(&["create", "--raw", &path, "-f", file.path().to_str().unwrap()]).unwrap();
    // Another pod starts over.
    input.wait_until_read(2);
    input.release();
    let status = here.wait_for_status("dns", "Complete", "Completed");
    assert_eq!(status["summary"]["rows"], 6, "{status:#}");
    assert_eq!(here.list("jobs").len(), 1);
}

#[test]
#[ignore = "needs the cluster of `cargo xtask test`"]
fn the_definition_is_upgraded() {
    let Some((cluster, _turn)) = exclusive_cluster() else { return };
    let here = Namespace::new(cluster, "upgrades");
    let mut operator = Operator::start(&here, &[]);
    let input = PausedInput::start(&here);
    here.apply(&input.job("dns"));
    input.wait_until_read(1);
    let printed = Command::new(env!("CARGO_BIN_EXE_anomal-operator")).arg("crd").output().unwrap();
    let text = String::from_utf8(printed.stdout).unwrap();
    // A newer version with one more setting, then the present version again.
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
    eventually("the new setting to be accepted", PATIENCE, || here.try_apply(&later).ok());
    // This operator rejects it, and continues with the other jobs.
    here.wait_for_status("later", "Invalid", "InvalidSpec");
    input.release();
    let status = here.wait_for_status("dns", "Complete", "Completed");
    assert_eq!(status["attempts"], 1, "{status:#}");
    apply(&text);
    assert!(!operator.has_ended(), "the operator continues");
    here.apply(&job("next"));
    here.wait_for_status("next", "Complete", "*");
}
