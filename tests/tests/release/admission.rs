//! Admission of each object of each values file by the real API server: it accepts every field without warnings, and
//! every pod in a namespace that enforces `restricted`.

use std::{
    io::Write,
    process::{Command, Stdio},
};

use anomal_testbed::Cluster;
use anomal_tests::cluster::{Namespace, cluster};
use serde_json::{Value, json};

use super::{
    chart::{ci, list, name, of_kind, rendered},
    installation::{Definitions, exclusive_turn},
};

#[test]
#[ignore = "needs the cluster of `cargo xtask test`"]
fn api_server_accepts_all_objects() {
    let _turn = exclusive_turn();
    let Some(cluster) = cluster() else { return };
    let here = Namespace::new(cluster, "admits");
    let others = [Namespace::new(cluster, "admits-a"), Namespace::new(cluster, "admits-b")];
    let _definitions = Definitions::of_third_parties(cluster);
    for file in ci().keys() {
        let names = others.each_ref().map(|other| other.name.as_str()).join(",");
        let watched = format!("operator.watchNamespaces={{{names}}}");
        let path = super::chart::ci_file(file);
        let mut arguments = vec!["--values", path.as_str()];
        if file == "namespaced" {
            arguments.extend(["--set", &watched]);
        }
        let objects = rendered(cluster, &here.name, &arguments).unwrap();
        let output = dry_run(cluster, &objects);
        let lines = output.lines().filter(|line| line.contains("serverside-applied")).count();
        assert_eq!(lines, objects.len(), "{file}: {output}");

        // A pod is refused without its service account.
        let pods: Vec<_> = of_kind(&objects, "Deployment").into_iter().map(pod).collect();
        for pod in &pods {
            let account = pod["spec"]["serviceAccountName"].as_str().unwrap();
            if here.get("sa", account).is_none() {
                here.kubectl(&["create", "serviceaccount", account]).unwrap();
            }
        }
        assert!(!pods.is_empty(), "{file}");
        dry_run(cluster, &pods);
    }
    // The check is meaningful: other pods are refused.
    let objects = rendered(cluster, &here.name, &[]).unwrap();
    let mut wrong = pod(of_kind(&objects, "Deployment")[0]);
    wrong["spec"]["securityContext"]["runAsNonRoot"] = false.into();
    let error = try_dry_run(cluster, &[wrong]).unwrap_err();
    assert!(error.contains("violates PodSecurity"), "{error}");
}

/// The pod that a Deployment creates.
fn pod(deployment: &Value) -> Value {
    let template = &deployment["spec"]["template"];
    json!({
        "apiVersion": "v1", "kind": "Pod",
        "metadata": {
            "name": name(deployment), "namespace": deployment["metadata"]["namespace"],
            "labels": template["metadata"]["labels"], "annotations": template["metadata"]["annotations"],
        },
        "spec": template["spec"],
    })
}

#[track_caller]
fn dry_run(cluster: &Cluster, objects: &[Value]) -> String {
    try_dry_run(cluster, objects).unwrap_or_else(|error| panic!("{error}"))
}

/// Applies objects as a dry run; warnings of the API server are errors.
fn try_dry_run(cluster: &Cluster, objects: &[Value]) -> Result<String, String> {
    let list = json!({"apiVersion": "v1", "kind": "List", "items": objects});
    let mut command: Command = cluster.kubectl_command();
    command.args(["apply", "--server-side", "--force-conflicts", "--dry-run=server"]);
    command.args(["--warnings-as-errors", "--filename", "-"]);
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    child.stdin.take().unwrap().write_all(list.to_string().as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    let [text, error] = [output.stdout, output.stderr].map(|text| String::from_utf8(text).unwrap());
    if output.status.success() && error.is_empty() { Ok(text) } else { Err(error) }
}

#[test]
#[ignore = "needs the cluster of `cargo xtask test`"]
fn chart_contains_the_operators_definition() {
    let Some(cluster) = cluster() else { return };
    let objects = rendered(cluster, "anomal", &["--show-only", "templates/crd.yaml"]).unwrap();
    let printed =
        Command::new(anomal_tests::program("anomal-operator")).arg("crd").output().unwrap();
    let printed: Value = serde_saphyr::from_slice(&printed.stdout).unwrap();
    assert_eq!(objects[0]["spec"], printed["spec"]);
    assert!(!list(&printed["spec"]["versions"]).is_empty());
    // The definition is kept only if the values say so.
    let set = ["--set", "crds.keep=false", "--show-only", "templates/crd.yaml"];
    let objects = rendered(cluster, "anomal", &set).unwrap();
    assert!(objects[0]["metadata"]["annotations"].is_null());
}
