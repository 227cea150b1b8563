//! The life cycle of a job.

use std::{thread, time::Duration};

use serde_json::{Value, json};

use anomal_tests::cluster::{
    Namespace, Operator, PATIENCE, Volume, cluster, eventually, job, job_with,
};

#[test]
#[ignore = "needs the cluster of `cargo xtask test`"]
fn a_job_runs_once_and_has_a_summary() {
    let Some(cluster) = cluster() else { return };
    let here = Namespace::new(cluster, "runs");
    let operator = Operator::start(&here, &[]);
    here.apply(&job("dns"));
    here.kubectl(&["wait", "--for=condition=Complete", "aj/dns", "--timeout=120s"]).unwrap();
    let status = here.status("dns");
    assert_eq!(status["summary"]["rows"], 6, "{status:#}");
    assert_eq!(status["summary"]["suspicious"], 1);
    assert_eq!(status["attempts"], 1);
    assert_eq!(status["observedGeneration"], 1);
    let run = status["run"].as_str().unwrap();
    assert_eq!(status["jobName"], format!("dns-{run}"));
    for (name, expected) in [
        ("Ready", "True"),
        ("Running", "False"),
        ("Complete", "True"),
        ("Failed", "False"),
        ("Suspended", "False"),
        ("Reconciling", "False"),
        ("Stalled", "False"),
    ] {
        let conditions = status["conditions"].as_array().unwrap();
        let condition = conditions.iter().find(|condition| condition["type"] == name).unwrap();
        assert_eq!(condition["status"], expected, "{name}: {status:#}");
    }
    let columns = here.kubectl(&["get", "aj", "dns"]).unwrap();
    assert!(columns.contains("Complete") && columns.contains("Completed"), "{columns}");

    // A finished run does not start again when its Job is deleted or the operator is restarted.
    here.kubectl(&["delete", "job", &format!("dns-{run}")]).unwrap();
    drop(operator);
    let _operator = Operator::start(&here, &[]);
    here.kubectl(&["annotate", "aj/dns", "note=1"]).unwrap();
    thread::sleep(Duration::from_secs(5));
    assert_eq!(here.list("jobs").len(), 0);

    // Its Events, each once.
    let events = here.kubectl(&[
        "get",
        "events",
        "--field-selector=involvedObject.kind=AnomalyJob",
        "--output=json",
    ]);
    let events: Value = serde_json::from_str(&events.unwrap()).unwrap();
    let completed =
        events["items"].as_array().unwrap().iter().filter(|event| event["reason"] == "Completed");
    assert_eq!(completed.count(), 1, "{events:#}");

    // A new value of the annotation starts another run, as do other settings.
    here.kubectl(&["annotate", "aj/dns", "anomal.dev/rerun=1"]).unwrap();
    let again = eventually("another run", PATIENCE, || {
        let status = here.status("dns");
        (status["run"] != run && status["phase"] == "Complete").then_some(status)
    });
    here.apply(&job_with("dns", |spec| {
        spec["classification"]["parameters"]["nNeighbors"] = 3.into();
    }));
    eventually("a third run", PATIENCE, || {
        let status = here.status("dns");
        (status["run"] != run && status["run"] != again["run"] && status["phase"] == "Complete")
            .then_some(())
    });
    assert_eq!(here.list("jobs").len(), 1, "the Jobs of earlier runs are deleted");
    eventually("the settings of earlier runs to be deleted", PATIENCE, || {
        (here.list("configmaps").len() == 1).then_some(())
    });
}

#[test]
#[ignore = "needs the cluster of `cargo xtask test`"]
fn a_suspended_job_waits() {
    let Some(cluster) = cluster() else { return };
    let here = Namespace::new(cluster, "suspends");
    let _operator = Operator::start(&here, &[]);
    here.apply(&job_with("held", |spec| spec["suspend"] = true.into()));
    let status = here.wait_for_status("held", "Suspended", "Suspended");
    let name = status["jobName"].as_str().unwrap().to_owned();
    let uid = here.get("job", &name).unwrap()["metadata"]["uid"].clone();
    assert!(here.list("pods").is_empty());
    here.apply(&job("held"));
    here.wait_for_status("held", "Complete", "*");
    assert_eq!(here.get("job", &name).unwrap()["metadata"]["uid"], uid, "the same Job");
}

#[test]
#[ignore = "needs the cluster of `cargo xtask test`"]
fn other_settings_replace_a_run_and_a_deletion_ends_it() {
    let Some(cluster) = cluster() else { return };
    let here = Namespace::new(cluster, "replaces");
    let _operator = Operator::start(&here, &[]);
    // It waits for a Secret for ever.
    let waiting = |name: &str| {
        job_with(name, |spec| {
            spec["runner"]["env"] =
                json!([{"name": "A", "valueFrom": {"secretKeyRef": {"name": "none", "key": "a"}}}]);
        })
    };
    here.apply(&waiting("first"));
    here.wait_for_status("first", "Pending", "SecretNotFound");
    let before = here.status("first")["run"].clone();
    here.apply(&job("first"));
    let status = here.wait_for_status("first", "Complete", "*");
    assert_ne!(status["run"], before);
    assert_eq!(here.list("jobs").len(), 1);
    here.apply(&waiting("second"));
    here.wait_for_status("second", "Pending", "SecretNotFound");
    here.kubectl(&["delete", "aj", "first", "second"]).unwrap();
    for kind in ["jobs", "configmaps", "pods"] {
        eventually("everything to be deleted", PATIENCE, || {
            here.list(kind).is_empty().then_some(())
        });
    }
}

#[test]
#[ignore = "needs the cluster of `cargo xtask test`"]
fn its_time_to_live_ends_it() {
    let Some(cluster) = cluster() else { return };
    let here = Namespace::new(cluster, "lives");
    let _operator = Operator::start(&here, &[]);
    here.apply(&job_with("short", |spec| spec["ttlSecondsAfterFinished"] = 1.into()));
    eventually("it to be created", PATIENCE, || here.get("aj", "short"));
    eventually("it to be gone", PATIENCE, || here.get("aj", "short").is_none().then_some(()));
    eventually("its Job to be gone", PATIENCE, || here.list("jobs").is_empty().then_some(()));
}

#[test]
#[ignore = "needs the cluster of `cargo xtask test`"]
fn a_schedule_starts_runs() {
    let Some(cluster) = cluster() else { return };
    let here = Namespace::new(cluster, "schedules");
    let _operator = Operator::start(&here, &[]);
    here.apply(&job_with("hourly", |spec| spec["schedule"] = json!({"cron": "0 0 1 1 *"})));
    here.wait_for_status("hourly", "Scheduled", "Scheduled");
    let cron = here.get("cronjob", "hourly").unwrap();
    assert_eq!(cron["spec"]["schedule"], "0 0 1 1 *");
    assert_eq!(cron["spec"]["timeZone"], "Etc/UTC");
    assert_eq!(cron["spec"]["concurrencyPolicy"], "Forbid");
    let generation = cron["metadata"]["resourceVersion"].clone();
    // A run, as the controller of CronJobs would start it.
    here.kubectl(&["create", "job", "hourly-1", "--from=cronjob/hourly"]).unwrap();
    let status = here.wait_for_status("hourly", "Scheduled", "LastRunCompleted");
    assert_eq!(status["summary"]["rows"], 6, "{status:#}");
    assert_eq!(status["run"], "1");
    assert_eq!(
        here.get("cronjob", "hourly").unwrap()["metadata"]["generation"],
        cron["metadata"]["generation"],
        "{generation}"
    );
    here.apply(&job_with("hourly", |spec| {
        spec["schedule"] = json!({"cron": "0 0 1 1 *"});
        spec["suspend"] = true.into();
    }));
    here.wait_for_status("hourly", "Suspended", "*");
    assert_eq!(here.get("cronjob", "hourly").unwrap()["spec"]["suspend"], true);
    // Without a schedule it runs at once.
    here.apply(&job("hourly"));
    here.wait_for_status("hourly", "Complete", "Completed");
    assert!(here.get("cronjob", "hourly").is_none());
    here.apply(&job_with("bad", |spec| spec["schedule"] = json!({"cron": "99 * * * *"})));
    let status = here.wait_for_status("bad", "Pending", "Refused");
    assert!(status["conditions"][0]["message"].as_str().unwrap().contains("99"), "{status:#}");
}

#[test]
#[ignore = "needs the cluster of `cargo xtask test`"]
fn results_are_written_to_a_volume() {
    let Some(cluster) = cluster() else { return };
    let here = Namespace::new(cluster, "writes");
    let _operator = Operator::start(&here, &[]);
    let volume = Volume::new(&here, "results");
    here.apply(&job_with("kept", |spec| {
        spec["outputs"] = json!([{"csv": {"path": "out/results.csv"}}]);
        spec["runner"]["volumes"]
            .as_array_mut()
            .unwrap()
            .push(json!({"name": "out", "persistentVolumeClaim": {"claimName": "results"}}));
        spec["runner"]["volumeMounts"]
            .as_array_mut()
            .unwrap()
            .push(json!({"name": "out", "mountPath": "/data/out"}));
    }));
    here.wait_for_status("kept", "Complete", "*");
    let text = std::fs::read_to_string(volume.path().join("results.csv")).unwrap();
    assert_eq!(text.lines().count(), 7, "{text}");
}

#[test]
#[ignore = "needs the cluster of `cargo xtask test`"]
fn deleting_a_namespace_deletes_its_jobs() {
    let Some(cluster) = cluster() else { return };
    let here = Namespace::new(cluster, "vanishes");
    let operator = Operator::start(&here, &[]);
    for index in 0..5 {
        here.apply(&job(&format!("job-{index}")));
    }
    cluster.kubectl(&["delete", "namespace", &here.name, "--timeout=120s"]).unwrap();
    let mut operator = operator;
    assert!(!operator.has_ended(), "the operator continues");
}
