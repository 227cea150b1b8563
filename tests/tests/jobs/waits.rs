//! Jobs that wait, and jobs that take their time.

use std::{
    io::{Read, Write},
    net::TcpListener,
    sync::mpsc::{Sender, channel},
    thread,
};

use anomal_tests::cluster::{Namespace, Operator, PATIENCE, cluster, eventually, job_with};
use serde_json::json;

use super::support::{self, Beside};

#[test]
fn one_that_waits_for_a_secret_says_so_and_goes_on() {
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

    let logging = Beside::start(&here, &["logs", "waits", "--follow"]);
    let following = Beside::start(&here, &["status", "waits", "--watch"]);
    for watch in [&logging, &following] {
        eventually("the watch", PATIENCE, || watch.told().contains("SecretNotFound").then_some(()));
    }
    here.apply(&json!({
        "apiVersion": "v1", "kind": "Secret", "metadata": {"name": "none"}, "stringData": {"a": "1"},
    }));
    following.end().expect(0, &["Pending (SecretNotFound): ", "  create the Secret"]);
    let ran = logging.end();
    ran.expect(0, &["SecretNotFound"]);
    assert!(ran.stdout.contains("suspicious by KNN"), "{ran:#?}");
}

#[test]
fn a_suspended_job_is_told_how_to_go_on_and_a_deleted_one_is_gone() {
    let Some(cluster) = cluster() else { return };
    let here = Namespace::new(cluster, "cli-held");
    let _operator = Operator::start(&here, &[]);
    here.apply(&job_with("held", |spec| spec["suspend"] = true.into()));
    here.wait_for_status("held", "Suspended", "Suspended");
    let ran = support::job(&here, &["status", "held"]);
    // The command that it names does what it says.
    let hint =
        ran.stdout.split("to let it go on: kubectl ").nth(1).and_then(|rest| rest.lines().next());
    let hint = hint.unwrap_or_else(|| panic!("{ran:#?}")).replace('\'', "");
    let following = Beside::start(&here, &["status", "held", "--watch"]);
    eventually("the watch", PATIENCE, || following.told().contains("Suspended").then_some(()));
    cluster.kubectl(&hint.split(' ').collect::<Vec<_>>()).unwrap();
    following.end().expect(0, &[]);

    here.apply(&job_with("gone", |spec| spec["suspend"] = true.into()));
    here.wait_for_status("gone", "Suspended", "Suspended");
    let following = Beside::start(&here, &["status", "gone", "--watch"]);
    let interrupted = Beside::start(&here, &["status", "gone", "--watch"]);
    for watch in [&following, &interrupted] {
        eventually("the watch", PATIENCE, || watch.told().contains("Suspended").then_some(()));
    }
    interrupted.interrupt().expect(130, &["Suspended"]);
    here.kubectl(&["delete", "aj", "gone"]).unwrap();
    following.end().expect(1, &["the AnomalyJob gone was deleted"]);
}

/// A file by HTTP that comes once it is let go.
fn slow_file(address: &str) -> (String, Sender<()>) {
    const FILE: &str = "bytes,answers\n1,2\n2,3\n1,3\n90,80\n2,2\n1,1\n";
    let listener = TcpListener::bind(format!("{address}:0")).unwrap();
    let url = format!("http://{}/logs.csv", listener.local_addr().unwrap());
    let (go, going) = channel::<()>();
    thread::spawn(move || {
        // Once it is let go, or the test has ended, nothing is waited for any more.
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
fn one_that_runs_tells_its_progress() {
    let Some(cluster) = cluster() else { return };
    let Some(address) = cluster.machine_address() else {
        return anomal_tests::skip("pods of a cluster that is not ours may not reach this machine");
    };
    let here = Namespace::new(cluster, "cli-runs");
    let _operator = Operator::start(&here, &[]);
    let (url, go) = slow_file(address);
    here.apply(&job_with("slow", |spec| spec["input"]["csv"]["path"] = url.as_str().into()));
    let following = Beside::start(&here, &["status", "slow", "--watch"]);
    here.wait_for_status("slow", "Running", "Running");
    let told = eventually("its progress", PATIENCE, || {
        let ran = support::job(&here, &["status", "slow"]);
        ran.expect(0, &[]);
        ran.stdout.contains("Progress:    plan: started (").then_some(ran.stdout)
    });
    assert!(told.contains(" runs on "), "{told}");
    support::job(&here, &["report", "slow"]).expect(1, &["makes no report"]);
    eventually("its progress in the watch", PATIENCE, || {
        following.told().contains("Running: its pod is running\n  plan: started\n").then_some(())
    });
    drop(go);
    let ran = following.end();
    ran.expect(0, &[]);
    assert!(ran.stdout.contains("6 rows"), "{ran:#?}");
}
