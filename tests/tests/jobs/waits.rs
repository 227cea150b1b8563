//! Jobs that wait, and jobs that run for a while.

use std::{
    io::{Read, Write},
    net::TcpListener,
    sync::mpsc::{Sender, channel},
    thread,
};

use anomal_tests::cluster::{Namespace, Operator, PATIENCE, cluster, eventually, job_with};
use serde_json::json;

use super::support::{self, BackgroundJob};

#[test]
#[ignore = "needs the cluster of `cargo xtask test`"]
fn waiting_for_a_secret_is_reported_until_it_exists() {
    let Some(cluster) = cluster() else { return };
    let here = Namespace::new(cluster, "cli-waits");
    let _operator = Operator::start(&here, &[]);
    here.apply(&job_with("waits", |spec| {
        spec["runner"]["env"] =
            json!([{"name": "A", "valueFrom": {"secretKeyRef": {"name": "none", "key": "a"}}}]);
    }));
    here.wait_for_status("waits", "Pending", "SecretNotFound");
    let ran = support::job(&here, &["status", "waits"]);
    ran.expect(0, &[]);
    for part in
        ["Status:      Pending (SecretNotFound), for ", "create the Secret", "waits to start on "]
    {
        assert!(ran.stdout.contains(part), "no {part:?} in {}", ran.stdout);
    }
    support::job(&here, &["logs", "waits"]).expect(1, &["SecretNotFound", "--follow waits for it"]);

    let logging = BackgroundJob::start(&here, &["logs", "waits", "--follow"]);
    let following = BackgroundJob::start(&here, &["status", "waits", "--watch"]);
    for watch in [&logging, &following] {
        eventually("the watch", PATIENCE, || {
            watch.stderr().contains("SecretNotFound").then_some(())
        });
    }
    here.apply(&json!({
        "apiVersion": "v1", "kind": "Secret", "metadata": {"name": "none"}, "stringData": {"a": "1"},
    }));
    following.wait().expect(0, &["Pending (SecretNotFound): ", "  create the Secret"]);
    let ran = logging.wait();
    ran.expect(0, &["SecretNotFound"]);
    assert!(ran.stdout.contains("suspicious by KNN"), "{ran:#?}");
}

#[test]
#[ignore = "needs the cluster of `cargo xtask test`"]
fn suspended_and_deleted_jobs() {
    let Some(cluster) = cluster() else { return };
    let here = Namespace::new(cluster, "cli-held");
    let _operator = Operator::start(&here, &[]);
    here.apply(&job_with("held", |spec| spec["suspend"] = true.into()));
    here.wait_for_status("held", "Suspended", "Suspended");
    let ran = support::job(&here, &["status", "held"]);
    // The printed command works.
    let hint =
        ran.stdout.split("to resume it: kubectl ").nth(1).and_then(|rest| rest.lines().next());
    let hint = hint.unwrap_or_else(|| panic!("{ran:#?}")).replace('\'', "");
    let following = BackgroundJob::start(&here, &["status", "held", "--watch"]);
    eventually("the watch", PATIENCE, || following.stderr().contains("Suspended").then_some(()));
    cluster.kubectl(&hint.split(' ').collect::<Vec<_>>()).unwrap();
    following.wait().expect(0, &[]);

    here.apply(&job_with("gone", |spec| spec["suspend"] = true.into()));
    here.wait_for_status("gone", "Suspended", "Suspended");
    let following = BackgroundJob::start(&here, &["status", "gone", "--watch"]);
    let interrupted = BackgroundJob::start(&here, &["status", "gone", "--watch"]);
    for watch in [&following, &interrupted] {
        eventually("the watch", PATIENCE, || watch.stderr().contains("Suspended").then_some(()));
    }
    interrupted.interrupt().expect(130, &["Suspended"]);
    here.kubectl(&["delete", "aj", "gone"]).unwrap();
    following.wait().expect(1, &["the AnomalyJob gone was deleted"]);
}

/// A file by HTTP that is sent once the sender is used or dropped.
fn slow_file(address: &str) -> (String, Sender<()>) {
    const FILE: &str = "bytes,answers\n1,2\n2,3\n1,3\n90,80\n2,2\n1,1\n";
    let listener = TcpListener::bind(format!("{address}:0")).unwrap();
    let url = format!("http://{}/logs.csv", listener.local_addr().unwrap());
    let (go, going) = channel::<()>();
    thread::spawn(move || {
        // Later requests do not wait.
        for mut stream in listener.incoming().flatten() {
            let _ = stream.read(&mut [0; 8192]);
            let _ = going.recv();
            let length = FILE.len();
            let head =
                format!("HTTP/1.1 200 OK\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n");
            let _ = stream.write_all((head + FILE).as_bytes());
        }
    });
    (url, go)
}

#[test]
#[ignore = "needs the cluster of `cargo xtask test`"]
fn running_job_shows_its_progress() {
    let Some(cluster) = cluster() else { return };
    let Some(address) = cluster.machine_address() else {
        return anomal_tests::skip("pods of a cluster that is not ours may not reach this machine");
    };
    let here = Namespace::new(cluster, "cli-runs");
    let _operator = Operator::start(&here, &[]);
    let (url, go) = slow_file(address);
    here.apply(&job_with("slow", |spec| spec["input"]["csv"]["path"] = url.as_str().into()));
    let following = BackgroundJob::start(&here, &["status", "slow", "--watch"]);
    here.wait_for_status("slow", "Running", "Running");
    let status = eventually("its progress", PATIENCE, || {
        let ran = support::job(&here, &["status", "slow"]);
        ran.expect(0, &[]);
        ran.stdout.contains("Progress:    plan: started (").then_some(ran.stdout)
    });
    assert!(status.contains(" runs on "), "{status}");
    support::job(&here, &["report", "slow"]).expect(1, &["makes no report"]);
    eventually("its progress in the watch", PATIENCE, || {
        following.stderr().contains("Running: its pod is running\n  plan: started\n").then_some(())
    });
    drop(go);
    let ran = following.wait();
    ran.expect(0, &[]);
    assert!(ran.stdout.contains("6 rows"), "{ran:#?}");
}
