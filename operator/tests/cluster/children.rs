//! Objects of the operator that are edited or deleted by others.

use serde_json::json;

use anomal_tests::cluster::{Namespace, Operator, PATIENCE, cluster, eventually, job_with};

#[test]
#[ignore = "needs the cluster of `cargo xtask test`"]
fn objects_are_restored() {
    let Some(cluster) = cluster() else { return };
    let here = Namespace::new(cluster, "repairs");
    let _operator = Operator::start(&here, &[]);
    here.apply(&job_with("held", |spec| spec["suspend"] = true.into()));
    let status = here.wait_for_status("held", "Suspended", "*");
    let name = status["jobName"].as_str().unwrap();
    let map = here.list("configmaps")[0]["metadata"]["name"].as_str().unwrap().to_owned();

    here.kubectl(&["delete", "configmap", &map]).unwrap();
    eventually("the settings to come back", PATIENCE, || here.get("configmap", &map));
    here.kubectl(&[
        "patch",
        "job",
        name,
        "--type=merge",
        "--patch",
        r#"{"spec":{"backoffLimit":9}}"#,
    ])
    .unwrap();
    eventually("the limit to come back", PATIENCE, || {
        (here.get("job", name)?["spec"]["backoffLimit"] == 2).then_some(())
    });
    here.kubectl(&[
        "patch",
        "job",
        name,
        "--type=json",
        "--patch",
        r#"[{"op":"remove","path":"/metadata/ownerReferences"}]"#,
    ])
    .unwrap();
    eventually("the owner to come back", PATIENCE, || {
        here.get("job", name)?["metadata"]["ownerReferences"].is_array().then_some(())
    });
    let uid = here.get("job", name).unwrap()["metadata"]["uid"].clone();
    here.kubectl(&["delete", "job", name]).unwrap();
    eventually("the Job to come back", PATIENCE, || {
        (here.get("job", name)?["metadata"]["uid"] != uid).then_some(())
    });

    here.apply(&job_with("timed", |spec| spec["schedule"] = json!({"cron": "0 0 1 1 *"})));
    here.wait_for_status("timed", "Scheduled", "*");
    here.kubectl(&[
        "patch",
        "cronjob",
        "timed",
        "--type=merge",
        "--patch",
        r#"{"spec":{"schedule":"* * * * *"}}"#,
    ])
    .unwrap();
    eventually("the schedule to come back", PATIENCE, || {
        (here.get("cronjob", "timed")?["spec"]["schedule"] == "0 0 1 1 *").then_some(())
    });
    here.kubectl(&["delete", "cronjob", "timed"]).unwrap();
    eventually("the CronJob to come back", PATIENCE, || here.get("cronjob", "timed"));
}
