//! Faults of the pod of a stream and of the operator: each record has its result once.

use std::{
    thread,
    time::{Duration, Instant},
};

use anomal_tests::cluster::{
    Namespace, Operator, PATIENCE, Volume, append_rows as append, cluster, eventually, kill_runner,
    record, stream_with as stream,
};
use serde_json::{Value, json};

use crate::streams::wait_for_rows;

pub fn uid(here: &Namespace, pod: &str) -> Value {
    here.get("pod", pod).unwrap_or_default()["metadata"]["uid"].clone()
}

/// Waits for another pod of this name that is ready.
#[track_caller]
pub fn wait_for_next(here: &Namespace, pod: &str, before: &Value) {
    eventually("the next pod", PATIENCE, || {
        let next = here.get("pod", pod)?;
        let ready = next["status"]["conditions"]
            .as_array()?
            .iter()
            .any(|condition| condition["type"] == "Ready" && condition["status"] == "True");
        (ready && next["metadata"]["uid"] != *before).then_some(())
    });
}

/// Evicts a pod, as a drain of its node does.
///
/// # Errors
/// kubectl's error message.
pub fn evict(here: &Namespace, pod: &str) -> Result<String, String> {
    let eviction = json!({
        "apiVersion": "policy/v1", "kind": "Eviction", "metadata": {"name": pod, "namespace": here.name},
    });
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), eviction.to_string()).unwrap();
    let path = format!("/api/v1/namespaces/{}/pods/{pod}/eviction", here.name);
    let create = ["create", "--raw", &path, "-f", file.path().to_str().unwrap()];
    here.cluster.kubectl(&create).map_err(|error| format!("{error:#}"))
}

/// Kills the process of a pod while records from `next` on are appended all the time. Returns the time until there is a result of a
/// record behind those before the kill, and the number of the next record.
fn time_to_first_result(
    here: &Namespace,
    volume: &Volume,
    pod: &str,
    mut next: u64,
) -> (Duration, u64) {
    // The last record with a result, when more were appended.
    let mut last = || {
        append(volume.path(), next..next + 5);
        next += 5;
        thread::sleep(Duration::from_millis(10));
        let path = volume.path().join("results-000001.ndjson");
        let text = std::fs::read_to_string(path).unwrap_or_default();
        let mut rows = text.lines().rev();
        // The last line may be half written.
        rows.find_map(|row| serde_json::from_str::<Value>(row).ok()?["id"].as_u64())
    };
    let first = last();
    eventually("results while records come", PATIENCE, || (last() > first).then_some(()));
    let since = Instant::now();
    kill_runner(here, pod);
    let before = last();
    while last() <= before {
        assert!(since.elapsed() < PATIENCE, "no result behind {before:?}");
    }
    (since.elapsed(), next)
}

#[test]
#[ignore = "needs the cluster of `cargo xtask test`"]
fn a_stream_goes_on_through_evictions_rollouts_and_an_operator_that_is_away() {
    let Some(cluster) = cluster() else { return };
    let here = Namespace::new(cluster, "faults");
    let operator = Operator::start(&here, &[]);
    let volume = Volume::new(&here, "data");
    append(volume.path(), 0..300);
    here.apply(&stream("live", |_| ()));
    wait_for_rows(volume.path(), 300);
    here.wait_for_status("live", "Streaming", "Streaming");

    // A node is drained.
    let first = uid(&here, "live-0");
    append(volume.path(), 300..350);
    evict(&here, "live-0").unwrap();
    append(volume.path(), 350..400);
    wait_for_next(&here, "live-0", &first);
    wait_for_rows(volume.path(), 400);

    // Other settings of the pod roll it.
    let second = uid(&here, "live-0");
    here.apply(&stream("live", |spec| spec["runner"]["labels"] = json!({"rolled": "yes"})));
    append(volume.path(), 400..500);
    wait_for_next(&here, "live-0", &second);
    assert_eq!(here.get("pod", "live-0").unwrap()["metadata"]["labels"]["rolled"], "yes");
    wait_for_rows(volume.path(), 500);

    // Its process is killed while records come; the kubelet starts another one in the same pod.
    let third = uid(&here, "live-0");
    let mut next = 500;
    if cluster.is_ours() {
        let (elapsed, behind) = time_to_first_result(&here, &volume, "live-0", next);
        println!("figure: from SIGKILL to the first new result {:.1} s", elapsed.as_secs_f64());
        next = behind;
        wait_for_rows(volume.path(), next);
        assert_eq!(uid(&here, "live-0"), third);
    }

    // Without an operator pods are replaced and records judged, and one that comes back touches nothing.
    drop(operator);
    here.kubectl(&["delete", "pod", "live-0", "--grace-period=0", "--force"]).unwrap();
    append(volume.path(), next..next + 100);
    wait_for_next(&here, "live-0", &third);
    wait_for_rows(volume.path(), next + 100);
    let fourth = uid(&here, "live-0");
    let _operator = Operator::start(&here, &[]);
    here.kubectl(&["wait", "--for=condition=CaughtUp", "aj/live", "--timeout=90s"]).unwrap();
    append(volume.path(), next + 100..next + 150);
    wait_for_rows(volume.path(), next + 150);
    assert_eq!(uid(&here, "live-0"), fourth);
}

/// A record for which the pod has too little memory ends it; with more memory, it is judged like all others.
#[test]
#[ignore = "needs the cluster of `cargo xtask test`"]
fn a_pod_that_lacks_memory_is_told_and_loses_nothing() {
    let Some(cluster) = cluster() else { return };
    let here = Namespace::new(cluster, "oom");
    let _operator = Operator::start(&here, &[]);
    let volume = Volume::new(&here, "data");
    let repeated = vec!["note"; 60].join(", ");
    let with_memory = |limit: &str| {
        stream("live", |spec| {
            let length = json!({"type": "expression", "name": "length", "expression": format!("LENGTH(CONCAT({repeated}))")});
            spec["features"].as_array_mut().unwrap().push(length);
            spec["input"]["ndjson"]["types"] = json!({"note": "string"});
            spec["runner"]["resources"] = json!({"limits": {"memory": limit}});
        })
    };
    let records = |numbers: std::ops::Range<u64>, note: &str| {
        let record =
            |row| record(row).replace("\"size\"", &format!("\"note\":\"{note}\",\"size\""));
        let text: String = numbers.map(record).collect();
        let path = volume.path().join("app.ndjson");
        let file = std::fs::OpenOptions::new().create(true).append(true).open(path);
        std::io::Write::write_all(&mut file.unwrap(), text.as_bytes()).unwrap();
    };
    records(0..300, "x");
    here.apply(&with_memory("300Mi"));
    wait_for_rows(volume.path(), 300);
    records(300..310, "x");
    records(310..311, &"x".repeat(12 << 20));
    records(311..330, "x");
    here.wait_for_status("live", "Pending", "OutOfMemory");
    here.apply(&with_memory("3Gi"));
    wait_for_rows(volume.path(), 330);
    here.wait_for_status("live", "Streaming", "Streaming");
}
