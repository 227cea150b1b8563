//! DNS, metrics and the node of a cluster. Skipped unless `ANOMAL_TEST_CLUSTER` is 1.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::{
    net::{Ipv4Addr, UdpSocket},
    thread,
    time::{Duration, Instant},
};

use anomal_testbed::Cluster;

fn cluster() -> Option<&'static Cluster> {
    Cluster::for_test().unwrap()
}

#[test]
#[ignore = "needs the cluster of `cargo xtask test`"]
fn metrics_of_pods_are_available() {
    let Some(cluster) = cluster() else { return };
    cluster.apply(SLEEPER).unwrap();
    let mine = ["--namespace", "testbed-metrics"];
    let kubectl = |arguments: &[&str]| cluster.kubectl(&[&mine, arguments].concat());
    kubectl(&["wait", "--for=condition=Ready", "pod/sleeper", "--timeout=30s"]).unwrap();
    let until = Instant::now() + Duration::from_secs(50);
    let usage = loop {
        match kubectl(&["top", "pod", "sleeper", "--no-headers"]) {
            Ok(usage) => break usage,
            Err(error) if Instant::now() > until => panic!("{error}"),
            Err(_) => thread::sleep(Duration::from_secs(1)),
        }
    };
    assert!(usage.starts_with("sleeper "), "{usage}");
    assert!(cluster.kubectl(&["top", "nodes"]).unwrap().contains("CPU"));
    cluster.kubectl(&["delete", "namespace", "testbed-metrics", "--wait=false"]).unwrap();
}

#[test]
#[ignore = "needs the cluster of `cargo xtask test`"]
fn names_of_services_are_resolved() {
    let Some(cluster) = cluster() else { return };
    // The DNS server of an external cluster may not be reachable.
    let Some(node) = cluster.node_address() else { return };
    let get = ["get", "service", "kubernetes", "--output=jsonpath={.spec.clusterIP}"];
    let expected = cluster.kubectl(&get).unwrap().parse().unwrap();
    assert_eq!(resolve(node, "kubernetes.default.svc.cluster.local"), Some(expected));
    assert_eq!(resolve(node, "missing.default.svc.cluster.local"), None);
}

#[test]
#[ignore = "needs the cluster of `cargo xtask test`"]
fn helm_and_the_node_answer() {
    let Some(cluster) = cluster() else { return };
    assert!(cluster.helm(&["version", "--short"]).unwrap().starts_with('v'));
    let error = cluster.helm(&["status", "nothing"]).unwrap_err().to_string();
    assert!(error.contains("release: not found"), "{error}");
    if let Some(machine) = cluster.machine_address() {
        let routes = cluster.inside(&["ip", "route"]).unwrap();
        assert!(routes.contains(&format!("default via {machine} ")), "{routes}");
    }
}

/// Resolves a name with the DNS server at `node`.
fn resolve(node: &str, name: &str) -> Option<Ipv4Addr> {
    // One question of type A and class IN.
    let mut question = vec![0, 7, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0];
    for label in name.split('.') {
        question.push(u8::try_from(label.len()).unwrap());
        question.extend(label.as_bytes());
    }
    question.extend([0, 0, 1, 0, 1]);
    let socket = UdpSocket::bind("0.0.0.0:0").unwrap();
    socket.set_read_timeout(Some(Duration::from_secs(5))).unwrap();
    socket.send_to(&question, (node, 53)).unwrap();
    let mut answer = [0; 512];
    let length = socket.recv(&mut answer).unwrap();
    let answers = u16::from_be_bytes([answer[6], answer[7]]);
    // The last four bytes, as no record follows the answer.
    let address: [u8; 4] = answer[length - 4..length].try_into().unwrap();
    (answers == 1).then(|| address.into())
}

/// Runs the only image of a new cluster, which waits until it is stopped.
const SLEEPER: &str = "
apiVersion: v1
kind: Namespace
metadata: {name: testbed-metrics}
---
apiVersion: v1
kind: Pod
metadata: {name: sleeper, namespace: testbed-metrics}
spec:
  terminationGracePeriodSeconds: 1
  containers:
  - {name: sleeper, image: 'localhost/pause:1', imagePullPolicy: Never}
";
