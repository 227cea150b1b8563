//! Callers without rights or with wrong credentials.

use std::fs;

use anomal_tests::{
    RunOutput, TempDir,
    cluster::{Namespace, Operator, cluster, job},
    program,
};
use serde_json::{Value, json};

/// Runs `anomal job …` with another token.
fn with_token(here: &Namespace, token: &str, arguments: &[&str]) -> RunOutput {
    let folder = TempDir::new().unwrap();
    let cluster = here.cluster.kubectl(&[
        "config",
        "view",
        "--raw",
        "--flatten",
        "--minify",
        "--output=json",
    ]);
    let mut config: Value = serde_json::from_str(&cluster.unwrap()).unwrap();
    config["users"][0]["user"] = json!({"token": token});
    let file = folder.path().join("config");
    fs::write(&file, config.to_string()).unwrap();
    let mut command = std::process::Command::new(program("anomal"));
    command.arg("job").args(arguments).args(["-n", &here.name, "--kubeconfig"]).arg(&file);
    command.output().unwrap().into()
}

fn grant(here: &Namespace, resources: &[(&str, &str)]) {
    let rules: Vec<Value> = resources
        .iter()
        .map(|(group, resource)| {
            json!({"apiGroups": [group], "resources": [resource], "verbs": ["get", "list", "watch"]})
        })
        .collect();
    let kind = "rbac.authorization.k8s.io/v1";
    here.apply(&json!({
        "apiVersion": kind, "kind": "Role", "metadata": {"name": "some"}, "rules": rules,
    }));
    here.apply(&json!({
        "apiVersion": kind, "kind": "RoleBinding", "metadata": {"name": "some"},
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": "some"},
        "subjects": [{"kind": "ServiceAccount", "name": "default", "namespace": here.name}],
    }));
}

#[test]
#[ignore = "needs the cluster of `cargo xtask test`"]
fn missing_rights_are_named() {
    let Some(cluster) = cluster() else { return };
    let here = Namespace::new(cluster, "cli-rights");
    let _operator = Operator::start(&here, &[]);
    here.apply(&job("dns"));
    here.wait_for_status("dns", "Complete", "*");
    with_token(&here, "nonsense", &["list"]).expect(4, &["refuses the credentials", "--context"]);
    let token = here.kubectl(&["create", "token", "default"]).unwrap();
    let token = token.trim();
    for arguments in [&["list"][..], &["status", "dns"], &["status", "dns", "-w"], &["logs", "dns"]]
    {
        let ran = with_token(&here, token, arguments);
        ran.expect(4, &["cannot", "anomalyjobs", "ClusterRole view"]);
    }
    // With rights on jobs alone the status is shown without its pod.
    grant(&here, &[("anomal.dev", "anomalyjobs")]);
    let ran = with_token(&here, token, &["status", "dns"]);
    ran.expect(0, &[]);
    assert!(ran.stdout.contains("Found:       6 rows"), "{}", ran.stdout);
    assert!(ran.stdout.contains("Pod:         unknown: permission denied"), "{}", ran.stdout);
    with_token(&here, token, &["logs", "dns"]).expect(4, &["pods"]);
    grant(&here, &[("anomal.dev", "anomalyjobs"), ("", "pods")]);
    with_token(&here, token, &["logs", "dns"]).expect(4, &["pods/log"]);
    grant(&here, &[("anomal.dev", "anomalyjobs"), ("", "pods"), ("", "pods/log")]);
    with_token(&here, token, &["logs", "dns"]).expect(0, &[]);
}
