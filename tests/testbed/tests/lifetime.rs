//! The lifetime of clusters on this machine: several at once, killed, stopped. Each test starts its own and does not use
//! the shared one. Skipped unless `ANOMAL_TEST_CLUSTER` is 1: they need root and `cargo xtask testbed build`.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod traces;

use std::{
    path::{Path, PathBuf},
    process::Command,
    sync::{Mutex, MutexGuard, PoisonError},
    thread,
    time::Duration,
};

use anomal_testbed::Cluster;
use traces::{Machine, Node};

/// The lock that lets these tests run one at a time, as clusters start slowly on few cores; none where they are skipped.
fn lock() -> Option<MutexGuard<'static, ()>> {
    static LOCK: Mutex<()> = Mutex::new(());
    let enabled = anomal_testbed::cluster_tests_enabled();
    enabled.then(|| LOCK.lock().unwrap_or_else(PoisonError::into_inner))
}

/// The same folder at each run, so that the next run removes what a killed one left.
fn state(name: &str) -> PathBuf {
    Path::new(env!("CARGO_TARGET_TMPDIR")).join("clusters").join(name)
}

#[test]
#[ignore = "needs the cluster of `cargo xtask test`"]
fn two_run_at_once_and_leave_no_trace() {
    let Some(_lock) = lock() else { return };
    let before = Machine::inspect();
    let (one, two) = thread::scope(|scope| {
        let two = scope.spawn(|| Cluster::up_in(&state("two")).unwrap());
        (Cluster::up_in(&state("one")).unwrap(), two.join().unwrap())
    });
    let nodes = [Node::in_state(&state("one")), Node::in_state(&state("two"))];
    assert_ne!(one.node_address(), two.node_address());
    assert_ne!(one.machine_address(), two.machine_address());

    // An object of one is not in the other, and each runs pods in its own cgroup.
    one.kubectl(&["create", "namespace", "mine"]).unwrap();
    assert!(two.kubectl(&["get", "namespace", "mine"]).is_err());
    for cluster in [&one, &two] {
        cluster.apply(SLEEPER).unwrap();
        let ready = ["wait", "--for=condition=Ready", "pod/sleeper", "--timeout=30s"];
        cluster.kubectl(&ready).unwrap();
    }

    // One stops; the other is not affected.
    one.down().unwrap();
    assert_eq!(nodes[0].traces(), Vec::<String>::new());
    two.kubectl(&["get", "pod", "sleeper"]).unwrap();
    let log = two.kubectl(&["get", "--raw", "/readyz"]).unwrap();
    assert_eq!(log, "ok");
    two.kubectl(&["delete", "pod", "sleeper", "--grace-period=1"]).unwrap();
    two.apply(SLEEPER).unwrap();
    two.kubectl(&["wait", "--for=condition=Ready", "pod/sleeper", "--timeout=30s"]).unwrap();
    assert!(!nodes[1].traces().is_empty(), "a running cluster has traces");

    drop(two);
    assert_eq!(nodes[1].traces(), Vec::<String>::new());
    assert_eq!(Machine::inspect(), before);
}

#[test]
#[ignore = "needs the cluster of `cargo xtask test`"]
fn killed_components_are_started_again() {
    let Some(_lock) = lock() else { return };
    let folder = state("killed");
    let cluster = Cluster::up_in(&folder).unwrap();
    cluster.kubectl(&["create", "configmap", "stored", "--from-literal=a=1"]).unwrap();

    // A component is restarted on demand, or repaired by `up`, and stored objects are still there.
    cluster.restart("kube-apiserver").unwrap();
    cluster.kubectl(&["get", "configmap", "stored"]).unwrap();
    cluster.stop("etcd").unwrap();
    cluster.stop("containerd").unwrap();
    cluster.stop("metrics-server").unwrap();
    let cluster = restart(cluster, &folder);
    cluster.kubectl(&["get", "configmap", "stored"]).unwrap();
    let error = cluster.restart("systemd").unwrap_err().to_string();
    assert!(error.contains("no component 'systemd'; there are: etcd"), "{error}");

    // With process 1 of the node everything is killed, and `up` starts a new cluster.
    let node = Node::in_state(&folder);
    node.kill();
    let cluster = restart(cluster, &folder);
    assert!(cluster.kubectl(&["get", "configmap", "stored"]).is_err());
    cluster.apply(SLEEPER).unwrap();
    cluster.kubectl(&["wait", "--for=condition=Ready", "pod/sleeper", "--timeout=30s"]).unwrap();
    let node = Node::in_state(&folder);
    cluster.down().unwrap();
    assert_eq!(node.traces(), Vec::<String>::new());
}

/// Killed at several moments of the start.
#[test]
#[ignore = "needs the cluster of `cargo xtask test`"]
fn the_next_start_removes_what_a_killed_one_left() {
    let Some(_lock) = lock() else { return };
    let folder = state("start");
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/cluster.sh");
    for milliseconds in [300, 1500, 4000] {
        let mut up = Command::new("bash")
            .args([script, "up"])
            .env("ANOMAL_TESTBED_STATE", &folder)
            .spawn()
            .unwrap();
        thread::sleep(Duration::from_millis(milliseconds));
        up.kill().unwrap();
        up.wait().unwrap();
    }
    let cluster = Cluster::up_in(&folder).unwrap();
    let node = Node::in_state(&folder);
    assert_eq!(cluster.kubectl(&["get", "--raw", "/readyz"]).unwrap(), "ok");
    cluster.down().unwrap();
    assert_eq!(node.traces(), Vec::<String>::new());
}

/// Starts the cluster of a folder as the next test run does.
fn restart(cluster: Cluster, folder: &Path) -> Cluster {
    std::mem::forget(cluster);
    Cluster::up_in(folder).unwrap()
}

/// Runs the only image of a new cluster, which waits until it is stopped.
const SLEEPER: &str = "
apiVersion: v1
kind: Pod
metadata: {name: sleeper, namespace: default}
spec:
  terminationGracePeriodSeconds: 1
  containers:
  - {name: sleeper, image: 'localhost/pause:1', imagePullPolicy: Never}
";
