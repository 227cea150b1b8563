//! The life of clusters, on this machine: side by side, killed, brought down. They are made and broken here, so the
//! shared one is left alone. Only where `ANOMAL_TEST_CLUSTER` is 1: it takes root and what `cargo xtask testbed build`
//! makes.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod traces;

use std::{
    env,
    io::Write,
    path::{Path, PathBuf},
    process::Command,
    sync::{Mutex, MutexGuard, PoisonError},
    thread,
    time::Duration,
};

use anomal_testbed::Cluster;
use traces::{Machine, Node};

/// Whether these tests are to run, one after the other: clusters start slowly where there are few cores. Why not is told.
fn asked_for() -> Option<MutexGuard<'static, ()>> {
    static TURN: Mutex<()> = Mutex::new(());
    if env::var("ANOMAL_TEST_CLUSTER").is_ok_and(|value| value == "1") {
        return Some(TURN.lock().unwrap_or_else(PoisonError::into_inner));
    }
    // `cargo xtask test` counts it. Not by println, which is not shown for a test that passes.
    let _ = writeln!(std::io::stdout(), "\nskipped: ANOMAL_TEST_CLUSTER is not 1");
    None
}

/// The same one at each run, so that what a killed run left is swept by the next.
fn state(name: &str) -> PathBuf {
    Path::new(env!("CARGO_TARGET_TMPDIR")).join("clusters").join(name)
}

#[test]
fn two_stand_side_by_side_and_leave_no_trace() {
    let Some(_turn) = asked_for() else { return };
    let before = Machine::look();
    let (one, two) = thread::scope(|scope| {
        let two = scope.spawn(|| Cluster::up_in(&state("two")).unwrap());
        (Cluster::up_in(&state("one")).unwrap(), two.join().unwrap())
    });
    let nodes = [Node::of(&state("one")), Node::of(&state("two"))];
    assert_ne!(one.node_address(), two.node_address());
    assert_ne!(one.machine_address(), two.machine_address());

    // An object of one is not in the other, and each runs pods under a cgroup of its own.
    one.kubectl(&["create", "namespace", "mine"]).unwrap();
    assert!(two.kubectl(&["get", "namespace", "mine"]).is_err());
    for cluster in [&one, &two] {
        cluster.apply(SLEEPER).unwrap();
        let ready = ["wait", "--for=condition=Ready", "pod/sleeper", "--timeout=30s"];
        cluster.kubectl(&ready).unwrap();
    }

    // One goes; the other does not notice.
    one.down().unwrap();
    assert_eq!(nodes[0].traces(), Vec::<String>::new());
    two.kubectl(&["get", "pod", "sleeper"]).unwrap();
    let log = two.kubectl(&["get", "--raw", "/readyz"]).unwrap();
    assert_eq!(log, "ok");
    two.kubectl(&["delete", "pod", "sleeper", "--grace-period=1"]).unwrap();
    two.apply(SLEEPER).unwrap();
    two.kubectl(&["wait", "--for=condition=Ready", "pod/sleeper", "--timeout=30s"]).unwrap();
    assert!(!nodes[1].traces().is_empty(), "what is looked for is there while a cluster is up");

    drop(two);
    assert_eq!(nodes[1].traces(), Vec::<String>::new());
    assert_eq!(Machine::look(), before);
}

#[test]
fn what_is_killed_comes_back() {
    let Some(_turn) = asked_for() else { return };
    let folder = state("killed");
    let cluster = Cluster::up_in(&folder).unwrap();
    cluster.kubectl(&["create", "configmap", "kept", "--from-literal=a=1"]).unwrap();

    // A component: restarted on demand, or mended by `up`; what was stored is there.
    cluster.restart("kube-apiserver").unwrap();
    cluster.kubectl(&["get", "configmap", "kept"]).unwrap();
    cluster.stop("etcd").unwrap();
    cluster.stop("containerd").unwrap();
    cluster.stop("metrics-server").unwrap();
    let cluster = again(cluster, &folder);
    cluster.kubectl(&["get", "configmap", "kept"]).unwrap();
    let error = cluster.restart("systemd").unwrap_err().to_string();
    assert!(error.contains("no component 'systemd'; there are: etcd"), "{error}");

    // Process 1 of the node, and with it everything: a new cluster.
    let node = Node::of(&folder);
    node.kill();
    let cluster = again(cluster, &folder);
    assert!(cluster.kubectl(&["get", "configmap", "kept"]).is_err());
    cluster.apply(SLEEPER).unwrap();
    cluster.kubectl(&["wait", "--for=condition=Ready", "pod/sleeper", "--timeout=30s"]).unwrap();
    let node = Node::of(&folder);
    cluster.down().unwrap();
    assert_eq!(node.traces(), Vec::<String>::new());
}

/// The start itself, at several moments of it.
#[test]
fn a_start_that_is_killed_is_swept_by_the_next() {
    let Some(_turn) = asked_for() else { return };
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
    let node = Node::of(&folder);
    assert_eq!(cluster.kubectl(&["get", "--raw", "/readyz"]).unwrap(), "ok");
    cluster.down().unwrap();
    assert_eq!(node.traces(), Vec::<String>::new());
}

/// The cluster of a folder once more, as the next test run would have it.
fn again(cluster: Cluster, folder: &Path) -> Cluster {
    std::mem::forget(cluster);
    Cluster::up_in(folder).unwrap()
}

/// The one image that a new cluster has; it waits until it is told to go.
const SLEEPER: &str = "
apiVersion: v1
kind: Pod
metadata: {name: sleeper, namespace: default}
spec:
  terminationGracePeriodSeconds: 1
  containers:
  - {name: sleeper, image: 'localhost/pause:1', imagePullPolicy: Never}
";
