//! Lists of jobs without an operator: the tests write the status themselves.

use std::{
    fs,
    io::{BufRead, BufReader},
    os::unix::fs::symlink,
    process::Stdio,
};

use anomal_tests::{
    TempDir,
    cluster::{Namespace, cluster, job},
    program,
};
use serde_json::{Value, json};

use super::support;

/// Writes a status, as an operator or an attacker might.
fn write_status(here: &Namespace, name: &str, status: &Value) {
    let patch = json!({"status": status}).to_string();
    here.kubectl(&["patch", "aj", name, "--subresource=status", "--type=merge", "--patch", &patch])
        .unwrap();
}

fn complete_status(report: &str) -> Value {
    json!({
        "observedGeneration": 1, "phase": "Complete", "reason": "Completed", "run": "1f2e",
        "startTime": "2026-01-01T00:00:00Z", "reportURL": report,
        "summary": {
            "rows": 5000, "filtered": 0, "rejected": 0, "suspicious": 100, "flags": {"high": 21}, "flagHits": 21,
            "durationSeconds": 1.5,
        },
    })
}

#[test]
#[ignore = "needs the cluster of `cargo xtask test`"]
fn lists_as_table_and_json_and_the_report_address() {
    let Some(cluster) = cluster() else { return };
    let here = Namespace::new(cluster, "cli-lists");
    support::job(&here, &["list"]).expect(0, &["no AnomalyJob in the namespace", &here.name]);
    for name in ["dns", "other"] {
        here.apply(&job(name));
    }
    here.kubectl(&["label", "aj/dns", "team=blue"]).unwrap();
    write_status(&here, "dns", &complete_status("http://anomal-report.anomal.svc:8080/reports/01"));

    let ran = support::job(&here, &["list"]);
    ran.expect(0, &[]);
    let rows: Vec<Vec<&str>> =
        ran.stdout.lines().map(|line| line.split_whitespace().collect()).collect();
    let header = ["NAME", "STATUS", "REASON", "ROWS", "SUSPICIOUS", "FLAGS", "STARTED", "AGE"];
    assert_eq!(rows[0], header);
    assert_eq!(rows[1][..6], ["dns", "Complete", "Completed", "5000", "100", "21"]);
    assert_eq!(rows[2][..7], ["other", "-", "-", "-", "-", "-", "-"]);
    assert_eq!(rows.len(), 3);

    let ran = support::job(&here, &["list", "--selector", "team=blue", "--output", "json"]);
    let list: Value = serde_json::from_str(&ran.stdout).unwrap();
    assert_eq!(list["items"].as_array().unwrap().len(), 1, "{list:#}");
    assert_eq!(list["items"][0]["status"]["summary"]["rows"], 5000);
    // The API server accepts the printed object.
    let object = list["items"][0].to_string();
    cluster.apply(&object).unwrap();
    support::job(&here, &["list", "-l", "a=="]).expect(0, &["labels a=="]);
    support::job(&here, &["list", "-l", "=="]).expect(2, &["refuses the request"]);

    let all = support::job(&here, &["list", "-A"]);
    let ours = all.stdout.lines().filter(|line| line.starts_with(&here.name)).count();
    assert!(all.stdout.starts_with("NAMESPACE") && ours == 2, "{}", all.stdout);

    let ran = support::job(&here, &["report", "dns"]);
    ran.expect(0, &["kubectl port-forward --namespace anomal service/anomal-report 8080:8080"]);
    assert_eq!(ran.stdout, "http://anomal-report.anomal.svc:8080/reports/01\n");
}

#[test]
#[ignore = "needs the cluster of `cargo xtask test`"]
fn kubectl_finds_the_plugin() {
    let Some(cluster) = cluster() else { return };
    let here = Namespace::new(cluster, "cli-plugin");
    here.apply(&job("dns"));
    let folder = TempDir::new().unwrap();
    symlink(program("anomal"), folder.path().join("kubectl-anomal")).unwrap();
    let mut kubectl = cluster.kubectl_command();
    let mut path = folder.path().as_os_str().to_owned();
    path.push(":");
    path.push(std::env::var_os("PATH").unwrap_or_default());
    kubectl.args(["anomal", "list", "-n", &here.name]).env("PATH", path);
    let ran = anomal_tests::RunOutput::from(kubectl.output().unwrap());
    ran.expect(0, &[]);
    assert!(ran.stdout.lines().nth(1).unwrap().starts_with("dns "), "{}", ran.stdout);
}

#[test]
#[ignore = "needs the cluster of `cargo xtask test`"]
fn watch_prints_each_change() {
    let Some(cluster) = cluster() else { return };
    let here = Namespace::new(cluster, "cli-watch");
    let mut command = support::command(&here, &["list", "--watch"]);
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines().map(Result::unwrap);
    let mut next = || lines.next().unwrap();
    here.apply(&job("dns"));
    assert!(next().starts_with("NAME "));
    let line = next();
    assert!(line.starts_with("dns ") && line.contains(" - "), "{line}");
    // A new label does not change the line.
    here.kubectl(&["label", "aj/dns", "team=blue"]).unwrap();
    write_status(&here, "dns", &complete_status("http://reports.example.org"));
    let line = next();
    assert!(line.contains("Completed") && line.contains("5000"), "{line}");
    here.kubectl(&["delete", "aj", "dns"]).unwrap();
    let line = next();
    assert!(line.starts_with("dns ") && line.contains("Deleted"), "{line}");
    child.kill().unwrap();
    child.wait().unwrap();
}

#[test]
#[ignore = "needs the cluster of `cargo xtask test`"]
fn control_characters_from_the_cluster_are_escaped() {
    let Some(cluster) = cluster() else { return };
    let here = Namespace::new(cluster, "cli-escape");
    here.apply(&job("dns"));
    let escape = "a\u{1b}[2J\u{202e}b";
    let mut status = complete_status(&format!("http://reports.example.org/{escape}"));
    status["reason"] = escape.into();
    status["run"] = escape.into();
    status["summary"]["engine"] = escape.into();
    status["conditions"] = json!([{
        "type": "Ready", "status": "True", "reason": escape, "message": escape, "lastTransitionTime": "2026-01-01T00:00:00Z",
    }]);
    write_status(&here, "dns", &status);
    for arguments in [&["list"][..], &["status", "dns"], &["report", "dns"], &["logs", "dns"]] {
        let ran = support::job(&here, arguments);
        let shown = format!("{}{}", ran.stdout, ran.stderr);
        assert!(shown.contains("a\\u{1b}[2J\\u{202e}b"), "{shown}");
        assert!(!shown.contains('\u{1b}') && !shown.contains('\u{202e}'), "{shown}");
    }
    // Only web addresses are opened.
    write_status(&here, "dns", &complete_status("file:///etc/passwd"));
    support::job(&here, &["report", "dns", "--open"]).expect(1, &["cannot open the address"]);
}

#[test]
#[ignore = "needs the cluster of `cargo xtask test`"]
fn namespace_defaults_to_the_kubeconfigs() {
    let Some(cluster) = cluster() else { return };
    let here = Namespace::new(cluster, "cli-context");
    here.apply(&job("dns"));
    let folder = TempDir::new().unwrap();
    let file = folder.path().join("config");
    fs::copy(cluster.kubeconfig(), &file).unwrap();
    let path = file.to_str().unwrap();
    cluster
        .kubectl(&[
            "--kubeconfig",
            path,
            "config",
            "set-context",
            "--current",
            "--namespace",
            &here.name,
        ])
        .unwrap();
    let mut command = std::process::Command::new(program("anomal"));
    command.args(["job", "list", "--kubeconfig", path]).env_remove("KUBECONFIG");
    let ran = anomal_tests::RunOutput::from(command.output().unwrap());
    ran.expect(0, &[]);
    assert!(ran.stdout.contains("\ndns "), "{}", ran.stdout);
}
