//! Jobs that complete and jobs that fail.

use anomal_tests::cluster::{Namespace, Operator, PATIENCE, cluster, eventually, job, job_with};
use serde_json::{Value, json};

use super::support::{self, BackgroundJob};

#[test]
#[ignore = "needs the cluster of `cargo xtask test`"]
fn completing_job_is_followed() {
    let Some(cluster) = cluster() else { return };
    let here = Namespace::new(cluster, "cli-good");
    here.apply(&job("dns"));
    // No operator runs yet.
    let ran = support::job(&here, &["status", "aj/dns"]);
    ran.expect(0, &[]);
    assert!(
        ran.stdout.contains("none yet") && ran.stdout.contains("is Anomal installed"),
        "{ran:#?}"
    );
    support::job(&here, &["logs", "dns"]).expect(1, &["the operator has not seen it"]);

    let following = BackgroundJob::start(&here, &["status", "dns", "--watch"]);
    let logging = BackgroundJob::start(&here, &["logs", "dns", "--follow"]);
    for watch in [&following, &logging] {
        eventually("the watch", PATIENCE, || watch.stderr().contains("operator").then_some(()));
    }
    let _operator = Operator::start(&here, &[]);
    let ran = following.wait();
    ran.expect(0, &["waits for the operator\n"]);
    let status = here.status("dns");
    let (run, job_name) = (status["run"].as_str().unwrap(), status["jobName"].as_str().unwrap());
    for part in [
        "Name:        dns\n",
        "Status:      Complete, for ",
        &format!("Run:         {run}, 1 attempt, started "),
        &format!("Job:         {job_name}\n"),
        &format!("Pod:         {job_name}-"),
        "succeeded ",
        "Found:       6 rows in ",
        "1 suspicious by KNN\n",
        "Complete      True ",
    ] {
        assert!(ran.stdout.contains(part), "no {part:?} in {}", ran.stdout);
    }
    let ran = logging.wait();
    ran.expect(0, &[]);
    assert!(ran.stdout.contains("1  suspicious by KNN"), "{}", ran.stdout);
    let again = support::job(&here, &["logs", "dns"]);
    assert_eq!(again.stdout, ran.stdout);
    support::job(&here, &["logs", "dns", "--previous"]).expect(1, &["no attempt before"]);
    support::job(&here, &["report", "dns"]).expect(1, &["makes no report", "{\"report\":{}}"]);

    support::job(&here, &["status", "dsn"]).expect(1, &["did you mean dns?", &here.name]);
    support::job(&here, &["logs", "unlike"]).expect(1, &["anomal job list -n"]);
    // The log is deleted with its pod.
    here.kubectl(&["delete", "job", job_name, "--wait"]).unwrap();
    here.kubectl(&["wait", "--for=delete", "pod", "--all", "--timeout=60s"]).unwrap();
    support::job(&here, &["logs", "dns", "--follow"])
        .expect(1, &["its pod and the log were deleted"]);
}

#[test]
#[ignore = "needs the cluster of `cargo xtask test`"]
fn failing_job_is_followed() {
    let Some(cluster) = cluster() else { return };
    let here = Namespace::new(cluster, "cli-bad");
    let _operator = Operator::start(&here, &[]);
    here.apply(&job_with("lost", |spec| spec["input"]["csv"]["path"] = "in/none.csv".into()));
    let ran = support::job(&here, &["status", "lost", "--watch"]);
    ran.expect(1, &[]);
    for part in
        ["Status:      Failed (InputRefused), for ", "none.csv", "exit code 3", "anomal.dev/rerun="]
    {
        assert!(ran.stdout.contains(part), "no {part:?} in {}", ran.stdout);
    }
    // Without --watch the failure is reported with exit code 0.
    support::job(&here, &["status", "lost"]).expect(0, &[]);
    let ran = support::job(&here, &["logs", "lost"]);
    assert!(ran.stdout.contains("none.csv"), "{ran:#?}");

    // This operator has no report engine.
    here.apply(&job_with("reported", |spec| spec["report"] = json!({})));
    let ran = support::job(&here, &["status", "reported", "-w"]);
    ran.expect(1, &[]);
    assert!(ran.stdout.contains("Status:      Invalid (InvalidSpec)"), "{ran:#?}");
    support::job(&here, &["report", "reported"])
        .expect(1, &["it is Invalid (InvalidSpec)", "shows why"]);

    here.apply(&job_with("wrong", |spec| {
        spec["features"] = json!([{"type": "expression", "name": "a", "expression": "bytes +"}]);
    }));
    let ran = support::job(&here, &["status", "wrong", "--watch"]);
    assert_eq!(ran.code, Some(1), "{ran:#?}");
    assert!(ran.stdout.contains("correct its spec"), "{ran:#?}");
}

#[test]
#[ignore = "needs the cluster of `cargo xtask test`"]
fn each_attempt_has_its_own_log() {
    let Some(cluster) = cluster() else { return };
    let here = Namespace::new(cluster, "cli-tries");
    let _operator = Operator::start(&here, &[]);
    // There is no engine: exit code 4, which is retried.
    here.apply(&job_with("tries", |spec| {
        spec["engines"] = json!({"feature": {"endpoints": ["http://127.0.0.1:1"]}});
        spec["backoffLimit"] = 1.into();
    }));
    let ran = support::job(&here, &["status", "tries", "--watch"]);
    ran.expect(1, &["Pending (Retrying): ServiceUnavailable"]);
    assert!(ran.stdout.contains("Failed (ServiceUnavailable)"), "{}", ran.stdout);
    assert!(ran.stdout.contains("2 attempts"), "{}", ran.stdout);
    assert_eq!(ran.stdout.matches("failed with exit code 4").count(), 2, "{}", ran.stdout);
    let [newest, before] = [&["logs", "tries"][..], &["logs", "tries", "--previous"]]
        .map(|arguments| support::job(&here, arguments));
    newest.expect(0, &[]);
    before.expect(0, &[]);
    for log in [&newest.stdout, &before.stdout] {
        assert!(log.contains("127.0.0.1:1"), "{log}");
    }
    // Compared with the logs of the two pods.
    let pods =
        here.kubectl(&["get", "pods", "--sort-by=.metadata.creationTimestamp", "--output=json"]);
    let pods: Value = serde_json::from_str(&pods.unwrap()).unwrap();
    for (pod, log) in [(0, &before.stdout), (1, &newest.stdout)] {
        let name = pods["items"][pod]["metadata"]["name"].as_str().unwrap();
        assert_eq!(&here.kubectl(&["logs", name]).unwrap(), log);
    }
}
