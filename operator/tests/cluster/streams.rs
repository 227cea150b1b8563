//! Streams in the cluster: a pod that is kept running, and results that are written once.

use std::path::Path;

use serde_json::{Value, json};

use anomal_tests::{
    cluster::{
        Namespace, Operator, PATIENCE, Volume, append_rows as append, cluster, eventually, record,
        stream_with as stream,
    },
    http,
};

/// Waits for results of all these rows, and checks that each is there once.
pub fn wait_for_rows(folder: &Path, rows: u64) {
    let results = eventually("results", PATIENCE, || {
        let text =
            std::fs::read_to_string(folder.join("results-000001.ndjson")).unwrap_or_default();
        (text.lines().count() as u64 >= rows).then_some(text)
    });
    let ids: Vec<u64> = results
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).unwrap()["id"].as_u64().unwrap())
        .collect();
    assert_eq!(ids, (0..rows).collect::<Vec<_>>());
}

#[test]
#[ignore = "needs the cluster of `cargo xtask test`"]
fn a_stream_goes_on_through_kills_and_suspension() {
    let Some(cluster) = cluster() else { return };
    let here = Namespace::new(cluster, "streams");
    let _operator = Operator::start(&here, &[]);
    let volume = Volume::new(&here, "data");
    append(volume.path(), 0..300);
    here.apply(&stream("live", |_| ()));
    let status = here.wait_for_status("live", "Streaming", "Streaming");
    assert_eq!(status["attempts"], 1, "{status:#}");
    here.kubectl(&["wait", "--for=condition=Running", "aj/live", "--timeout=60s"]).unwrap();
    wait_for_rows(volume.path(), 300);
    // What its pod says of itself is in the status, and in the list.
    here.kubectl(&["wait", "--for=condition=CaughtUp", "aj/live", "--timeout=90s"]).unwrap();
    let status = here.status("live");
    let figures = &status["stream"];
    assert_eq!((&figures["rows"], &figures["warm"]), (&json!(300), &json!(true)), "{status:#}");
    assert!(figures["lastCheckpoint"].is_string() && figures["observedAt"].is_string());
    let listed = here.kubectl(&["get", "aj", "live", "--no-headers"]).unwrap();
    let listed: Vec<&str> = listed.split_whitespace().collect();
    assert!(listed.contains(&"Streaming") && listed.contains(&"300"), "{listed:?}");

    // The pod is killed, and another one continues.
    let uid = here.get("pod", "live-0").unwrap()["metadata"]["uid"].clone();
    here.kubectl(&["delete", "pod", "live-0", "--grace-period=0", "--force"]).unwrap();
    append(volume.path(), 300..400);
    wait_for_rows(volume.path(), 400);
    assert_ne!(here.get("pod", "live-0").unwrap()["metadata"]["uid"], uid);
    here.wait_for_status("live", "Streaming", "*");

    // Suspended, its pod ends, and what comes is judged afterwards.
    here.apply(&stream("live", |spec| spec["suspend"] = true.into()));
    here.wait_for_status("live", "Suspended", "Suspended");
    eventually("the pod to end", PATIENCE, || here.list("pods").is_empty().then_some(()));
    append(volume.path(), 400..500);
    here.apply(&stream("live", |_| ()));
    wait_for_rows(volume.path(), 500);
    here.wait_for_status("live", "Streaming", "*");

    // Settings that its state can't continue with are told, and the stream goes on with those before.
    here.apply(&stream("live", |spec| spec["classification"]["engine"] = "ECOD".into()));
    let status = here.wait_for_status("live", "Pending", "SettingsRefused");
    let message = status["conditions"][0]["message"].as_str().unwrap();
    assert!(message.contains("the state is of other settings"), "{status:#}");
    append(volume.path(), 500..600);
    here.apply(&stream("live", |_| ()));
    wait_for_rows(volume.path(), 600);

    here.kubectl(&["delete", "aj", "live"]).unwrap();
    eventually("its objects to be deleted", PATIENCE, || {
        (here.list("statefulsets").is_empty() && here.list("pods").is_empty()).then_some(())
    });
}

#[test]
#[ignore = "needs the cluster of `cargo xtask test`"]
fn what_is_pushed_comes_by_a_service_and_waits_while_the_volume_is_full() {
    let Some(cluster) = cluster() else { return };
    let here = Namespace::new(cluster, "pushes");
    let _operator = Operator::start(&here, &[]);
    let volume = Volume::new(&here, "data");
    here.apply(&stream("agents", |spec| {
        spec["input"] = json!({"http": {"listen": "0.0.0.0:8088", "maxBody": "1Mi"}});
        // Smaller than a segment.
        spec["stream"]["journal"] = json!({"path": "journal/agents", "maxBytes": "64Mi"});
        let small = json!({"medium": "Memory", "sizeLimit": "1Mi"});
        for (list, item) in [
            ("volumes", json!({"name": "journal", "emptyDir": small})),
            ("volumeMounts", json!({"name": "journal", "mountPath": "/data/journal"})),
        ] {
            spec["runner"][list].as_array_mut().unwrap().push(item);
        }
    }));
    // It is ready before its first record, or nothing would lead to it.
    here.wait_for_status("agents", "Streaming", "Streaming");
    let slices = || here.list("endpointslices");
    let address = eventually("an address behind the Service", PATIENCE, || {
        let slices = slices();
        let of_service = |slice: &&Value| {
            slice["metadata"]["labels"]["kubernetes.io/service-name"] == "agents-in"
        };
        let slice = slices.iter().find(of_service)?;
        Some(slice["endpoints"][0]["addresses"][0].as_str()?.to_owned())
    });
    let post = |rows: std::ops::Range<u64>| {
        let rows: String = rows.map(record).collect();
        let mut connection = std::net::TcpStream::connect(format!("{address}:8088")).ok()?;
        let length = format!("content-length: {}", rows.len());
        let path = "/v1/records";
        let headers = ["host: agents-in", &length];
        http::exchange(&mut connection, "POST", path, &headers, rows.as_bytes()).ok()
    };
    let accepted = |rows: std::ops::Range<u64>| {
        eventually("200", PATIENCE, || {
            post(rows.clone()).filter(|answer| answer.status == 200).map(|answer| answer.text())
        })
    };
    let answer = accepted(0..300);
    assert!(answer.contains("\"accepted\":300"), "{answer}");
    wait_for_rows(volume.path(), 300);

    // The output is away until the volume of the journal is full.
    let (results, away) = (volume.path().join("results-000001.ndjson"), volume.path().join("away"));
    std::fs::rename(&results, &away).unwrap();
    let mut sent = 300;
    let refused = loop {
        let answer = post(sent..sent + 500).unwrap();
        if answer.status != 200 {
            break answer;
        }
        sent += 500;
        assert!(sent < 100_000, "it is never full");
    };
    assert_eq!(refused.status, 503, "{}", refused.text());
    std::fs::rename(&away, &results).unwrap();
    // More than it holds is taken again.
    let full = sent;
    while sent < 2 * full {
        accepted(sent..sent + 500);
        sent += 500;
    }
    wait_for_rows(volume.path(), sent);
    here.kubectl(&["delete", "pod", "agents-0", "--grace-period=0", "--force"]).unwrap();
    here.kubectl(&["delete", "aj", "agents"]).unwrap();
    eventually("its objects to be deleted", PATIENCE, || {
        here.get("service", "agents-in").is_none().then_some(())
    });
}
