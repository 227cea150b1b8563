//! Failures of a run, and their reasons in the status.

use serde_json::{Value, json};

use anomal_tests::cluster::{Namespace, Operator, PATIENCE, cluster, eventually, job, job_with};

fn message(status: &Value) -> &str {
    status["conditions"][0]["message"].as_str().unwrap_or_default()
}

#[test]
#[ignore = "needs the cluster of `cargo xtask test`"]
fn wrong_settings_and_records_fail_at_once() {
    let Some(cluster) = cluster() else { return };
    let here = Namespace::new(cluster, "fails");
    let _operator = Operator::start(&here, &[]);
    here.apply(&job_with("column", |spec| spec["features"][0]["name"] = "byts".into()));
    here.apply(&job_with("record", |spec| spec["input"]["csv"]["path"] = "in/none.csv".into()));
    let status = here.wait_for_status("column", "Failed", "SettingsRefused");
    assert!(message(&status).contains("byts"), "{status:#}");
    assert_eq!(status["attempts"], 1, "{status:#}");
    let status = here.wait_for_status("record", "Failed", "InputRefused");
    assert!(message(&status).contains("none.csv"), "{status:#}");
    assert_eq!(status["attempts"], 1, "{status:#}");
    // Corrected, it runs.
    here.apply(&job("column"));
    here.wait_for_status("column", "Complete", "*");
}

#[test]
#[ignore = "needs the cluster of `cargo xtask test`"]
fn other_failures_are_retried() {
    let Some(cluster) = cluster() else { return };
    let here = Namespace::new(cluster, "retries");
    let _operator = Operator::start(&here, &[]);
    // No server listens there.
    here.apply(&job_with("alone", |spec| {
        spec["engines"] = json!({"feature": {"endpoints": ["http://127.0.0.1:9"]}});
        spec["backoffLimit"] = 1.into();
        spec["activeDeadlineSeconds"] = 600.into();
    }));
    let status = eventually("two attempts", PATIENCE * 2, || {
        let status = here.status("alone");
        (status["phase"] == "Failed").then_some(status)
    });
    assert_eq!(status["reason"], "ServiceUnavailable", "{status:#}");
    assert_eq!(status["attempts"], 2, "{status:#}");
}

#[test]
#[ignore = "needs the cluster of `cargo xtask test`"]
fn a_lack_of_memory_is_reported_with_the_limit() {
    let Some(cluster) = cluster() else { return };
    let here = Namespace::new(cluster, "hungers");
    let _operator = Operator::start(&here, &[]);
    // The distances between 6,000 rows take more than 100 MB.
    let rows: Vec<_> = (0..6000).map(|row| format!("r,{row},{}", row * row % 7919)).collect();
    here.apply(&json!({
        "apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "many"},
        "data": {"logs.csv": format!("name,bytes,answers\n{}\n", rows.join("\n"))},
    }));
    here.apply(&job_with("hungry", |spec| {
        spec["backoffLimit"] = 0.into();
        spec["classification"] = json!({"engine": "Gower"});
        spec["runner"]["volumes"][0]["configMap"]["name"] = "many".into();
        spec["runner"]["resources"] = json!({"limits": {"memory": "48Mi"}});
    }));
    let status = here.wait_for_status("hungry", "Failed", "OutOfMemory");
    assert!(message(&status).contains("48Mi"), "{status:#}");
}

#[test]
#[ignore = "needs the cluster of `cargo xtask test`"]
fn a_missing_image_is_reported_and_a_deadline_ends_the_run() {
    let Some(cluster) = cluster() else { return };
    let here = Namespace::new(cluster, "pulls");
    let _operator = Operator::start(&here, &["--runner-image", "localhost/anomal/nothing:test"]);
    here.apply(&job_with("nothing", |spec| spec["activeDeadlineSeconds"] = 15.into()));
    let status = here.wait_for_status("nothing", "Pending", "ImagePullFailed");
    assert_eq!(status["conditions"][0]["status"], "False", "{status:#}");
    here.wait_for_status("nothing", "Failed", "DeadlineExceeded");
}

#[test]
#[ignore = "needs the cluster of `cargo xtask test`"]
fn a_missing_object_is_reported_and_the_job_continues_once_it_exists() {
    let Some(cluster) = cluster() else { return };
    let here = Namespace::new(cluster, "misses");
    let _operator = Operator::start(&here, &[]);
    here.apply(&job_with("secret", |spec| {
        let volumes = spec["runner"]["volumes"].as_array_mut().unwrap();
        volumes.push(json!({"name": "s", "secret": {"secretName": "later"}}));
        let mounts = spec["runner"]["volumeMounts"].as_array_mut().unwrap();
        mounts.push(json!({"name": "s", "mountPath": "/data/s"}));
    }));
    here.apply(&job_with("map", |spec| {
        spec["runner"]["volumes"][0]["configMap"]["name"] = "later".into();
    }));
    here.apply(&job_with("claim", |spec| {
        spec["runner"]["volumes"][0] =
            json!({"name": "in", "persistentVolumeClaim": {"claimName": "later"}});
    }));
    here.wait_for_status("claim", "Pending", "ClaimNotFound");
    let status = here.wait_for_status("secret", "Pending", "SecretNotFound");
    assert!(message(&status).contains("later"), "{status:#}");
    here.wait_for_status("map", "Pending", "ConfigMapNotFound");
    here.kubectl(&["create", "secret", "generic", "later", "--from-literal=a=b"]).unwrap();
    let logs = here.get("configmap", "logs").unwrap()["data"].clone();
    here.apply(&json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "later"}, "data": logs}));
    // The kubelet tries a mount again within two minutes.
    for name in ["secret", "map"] {
        eventually("it to continue", PATIENCE * 2, || {
            (here.status(name)["phase"] == "Complete").then_some(())
        });
    }
}

#[test]
#[ignore = "needs the cluster of `cargo xtask test`"]
fn pods_that_a_quota_refuses_are_reported() {
    let Some(cluster) = cluster() else { return };
    let here = Namespace::new(cluster, "quota");
    let _operator = Operator::start(&here, &[]);
    here.apply(&json!({
        "apiVersion": "v1", "kind": "ResourceQuota", "metadata": {"name": "none"}, "spec": {"hard": {"pods": "0"}},
    }));
    eventually("the quota", PATIENCE, || {
        here.get("resourcequota", "none").filter(|quota| quota["status"]["hard"].is_object())
    });
    here.apply(&job("many"));
    let status = here.wait_for_status("many", "Pending", "PodRefused");
    assert!(message(&status).contains("quota"), "{status:#}");
}

#[test]
#[ignore = "needs the cluster of `cargo xtask test`"]
fn an_invalid_spec_is_reported_and_others_run() {
    let Some(cluster) = cluster() else { return };
    let here = Namespace::new(cluster, "malformed");
    let _operator = Operator::start(&here, &[]);
    here.apply(&job_with("nowhere", |spec| spec["input"]["csv"]["path"] = "/etc/passwd".into()));
    here.apply(&job("fine"));
    let status = here.wait_for_status("nowhere", "Invalid", "InvalidSpec");
    assert!(
        message(&status).contains("spec.input.csv.path: /etc/passwd is on no volume"),
        "{status:#}"
    );
    here.wait_for_status("fine", "Complete", "*");
    assert!(
        here.list("jobs").iter().all(|job| job["metadata"]["labels"]["anomal.dev/job"] == "fine")
    );
}
