//! What a cluster has beside the API server: names, metrics, programs in its node. Only where `ANOMAL_TEST_CLUSTER` is 1.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::{
    env,
    io::Write,
    net::{Ipv4Addr, UdpSocket},
    thread,
    time::{Duration, Instant},
};

use anomal_testbed::Cluster;

/// The shared one. Why there is none is told, for `cargo xtask test` counts it.
fn cluster() -> Option<&'static Cluster> {
    if env::var("ANOMAL_TEST_CLUSTER").is_ok_and(|value| value == "1") {
        return Some(Cluster::shared().unwrap());
    }
    let _ = writeln!(std::io::stdout(), "\nskipped: ANOMAL_TEST_CLUSTER is not 1");
    None
}

#[test]
fn metrics_of_pods_are_told() {
    let Some(cluster) = cluster() else { return };
    cluster.apply(SLEEPER).unwrap();
    let mine = ["--namespace", "testbed-metrics"];
    let kubectl = |arguments: &[&str]| cluster.kubectl(&[&mine, arguments].concat());
    kubectl(&["wait", "--for=condition=Ready", "pod/sleeper", "--timeout=30s"]).unwrap();
    let until = Instant::now() + Duration::from_secs(50);
    let told = loop {
        match kubectl(&["top", "pod", "sleeper", "--no-headers"]) {
            Ok(told) => break told,
            Err(error) if Instant::now() > until => panic!("{error}"),
            Err(_) => thread::sleep(Duration::from_secs(1)),
        }
    };
    assert!(told.starts_with("sleeper "), "{told}");
    assert!(cluster.kubectl(&["top", "nodes"]).unwrap().contains("CPU"));
    cluster.kubectl(&["delete", "namespace", "testbed-metrics", "--wait=false"]).unwrap();
}

#[test]
fn names_of_services_are_resolved() {
    let Some(cluster) = cluster() else { return };
    // A named cluster's DNS server is not ours to ask.
    let Some(node) = cluster.node_address() else { return };
    let get = ["get", "service", "kubernetes", "--output=jsonpath={.spec.clusterIP}"];
    let expected = cluster.kubectl(&get).unwrap().parse().unwrap();
    assert_eq!(resolved(node, "kubernetes.default.svc.cluster.local"), Some(expected));
    assert_eq!(resolved(node, "nobody.default.svc.cluster.local"), None);
}

#[test]
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

/// The address of a name, asked of the DNS server at `node`.
fn resolved(node: &str, name: &str) -> Option<Ipv4Addr> {
    // One question, type A, class IN.
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
    // The last four bytes of the one answer, where no further records follow it.
    let address: [u8; 4] = answer[length - 4..length].try_into().unwrap();
    (answers == 1).then(|| address.into())
}

/// The one image that a new cluster has; it waits until it is told to go.
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
