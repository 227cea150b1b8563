//! Each object of each file of values, before the real API server: it knows every field, warns of nothing, and lets
//! every pod into a namespace that takes restricted ones alone.

use std::{
    io::Write,
    process::{Command, Stdio},
};

use anomal_testbed::Cluster;
use anomal_tests::cluster::{Namespace, cluster};
use serde_json::{Value, json};

use super::{
    chart::{ci, list, name, of_kind, rendered},
    installed::{Definitions, alone},
};

#[test]
fn the_api_server_takes_every_object_of_every_file_of_values() {
    let _turn = alone();
    let Some(cluster) = cluster() else { return };
    let here = Namespace::new(cluster, "admits");
    let others = [Namespace::new(cluster, "admits-a"), Namespace::new(cluster, "admits-b")];
    let _definitions = Definitions::of_others(cluster);
    for file in ci().keys() {
        let names = others.each_ref().map(|other| other.name.as_str()).join(",");
        let watched = format!("operator.watchNamespaces={{{names}}}");
        let path = super::chart::ci_file(file);
        let mut arguments = vec!["--values", path.as_str()];
        if file == "namespaced" {
            arguments.extend(["--set", &watched]);
        }
        let objects = rendered(cluster, &here.name, &arguments).unwrap();
        let told = dry_run(cluster, &objects);
        let lines = told.lines().filter(|line| line.contains("serverside-applied")).count();
        assert_eq!(lines, objects.len(), "{file}: {told}");

        // A pod is refused where its account is not there.
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
    // That a pod is let in says something only where others are not.
    let objects = rendered(cluster, &here.name, &[]).unwrap();
    let mut wrong = pod(of_kind(&objects, "Deployment")[0]);
    wrong["spec"]["securityContext"]["runAsNonRoot"] = false.into();
    let error = tried(cluster, &[wrong]).unwrap_err();
    assert!(error.contains("violates PodSecurity"), "{error}");
}

/// One that a Deployment makes.
fn pod(made: &Value) -> Value {
    let template = &made["spec"]["template"];
    json!({
        "apiVersion": "v1", "kind": "Pod",
        "metadata": {
            "name": name(made), "namespace": made["metadata"]["namespace"],
            "labels": template["metadata"]["labels"], "annotations": template["metadata"]["annotations"],
        },
        "spec": template["spec"],
    })
}

#[track_caller]
fn dry_run(cluster: &Cluster, objects: &[Value]) -> String {
    tried(cluster, objects).unwrap_or_else(|error| panic!("{error}"))
}

/// Applies without keeping anything. What the API server warns of is an error.
fn tried(cluster: &Cluster, objects: &[Value]) -> Result<String, String> {
    let list = json!({"apiVersion": "v1", "kind": "List", "items": objects});
    let mut command: Command = cluster.kubectl_command();
    command.args(["apply", "--server-side", "--force-conflicts", "--dry-run=server"]);
    command.args(["--warnings-as-errors", "--filename", "-"]);
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    child.stdin.take().unwrap().write_all(list.to_string().as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    let [told, error] = [output.stdout, output.stderr].map(|text| String::from_utf8(text).unwrap());
    if output.status.success() && error.is_empty() { Ok(told) } else { Err(error) }
}

#[test]
fn the_definition_that_the_chart_brings_is_the_operators() {
    let Some(cluster) = cluster() else { return };
    let objects = rendered(cluster, "anomal", &["--show-only", "templates/crd.yaml"]).unwrap();
    let printed =
        Command::new(anomal_tests::program("anomal-operator")).arg("crd").output().unwrap();
    let printed: Value = serde_saphyr::from_slice(&printed.stdout).unwrap();
    assert_eq!(objects[0]["spec"], printed["spec"]);
    assert!(!list(&printed["spec"]["versions"]).is_empty());
    // Without a release it is not there to be kept.
    let set = ["--set", "crds.keep=false", "--show-only", "templates/crd.yaml"];
    let objects = rendered(cluster, "anomal", &set).unwrap();
    assert!(objects[0]["metadata"]["annotations"].is_null());
}
