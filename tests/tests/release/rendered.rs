//! The objects rendered by the chart are consistent. Requires Helm, not a running cluster.

use std::collections::BTreeSet;

use anomal_tests::cluster::cluster;
use serde_json::{Value, json};

use super::chart::{ci, ci_file, list, name, of_kind, rendered};

fn rendered_with(file: &str) -> Option<Vec<Value>> {
    Some(rendered(cluster()?, "anomal", &["--values", &ci_file(file)]).unwrap())
}

/// Pod specs by the name of their owner.
fn pods(objects: &[Value]) -> Vec<(&str, &Value)> {
    let templates = ["Deployment", "Job"].into_iter().flat_map(|kind| of_kind(objects, kind));
    let templates = templates.map(|made| (name(made), &made["spec"]["template"]["spec"]));
    templates
        .chain(of_kind(objects, "Pod").into_iter().map(|pod| (name(pod), &pod["spec"])))
        .collect()
}

#[test]
#[ignore = "needs the cluster of `cargo xtask test`"]
fn rendered_objects_are_consistent() {
    let Some(cluster) = cluster() else { return };
    for (file, path) in ci() {
        let path = path.to_str().unwrap();
        let objects = rendered(cluster, "anomal", &["--values", path]).unwrap();
        for (owner, pod) in pods(&objects) {
            for (kind, wanted) in required_objects(pod) {
                let rendered = objects.iter().any(|one| one["kind"] == kind && name(one) == wanted);
                let external = is_external(&objects, &file, kind, &wanted);
                assert!(rendered || external, "{file}: {owner} requires the {kind} {wanted}");
            }
        }
        for service in of_kind(&objects, "Service") {
            let selector = service["spec"]["selector"].as_object().unwrap();
            let chosen = of_kind(&objects, "Deployment").into_iter().filter(|made| {
                let labels = &made["spec"]["template"]["metadata"]["labels"];
                selector.iter().all(|(key, value)| labels[key] == *value)
            });
            let chosen: Vec<_> = chosen.collect();
            assert_eq!(chosen.len(), 1, "{file}: {}", name(service));
            let container = &chosen[0]["spec"]["template"]["spec"]["containers"][0];
            for port in list(&service["spec"]["ports"]) {
                let known = list(&container["ports"]);
                let there = known.iter().any(|one| one["name"] == port["targetPort"]);
                assert!(there, "{file}: {}: {port}", name(service));
            }
        }
        for scaler in of_kind(&objects, "HorizontalPodAutoscaler") {
            assert_eq!(name(scaler), scaler["spec"]["scaleTargetRef"]["name"]);
            assert!(!list(&scaler["spec"]["metrics"]).is_empty());
        }
        for made in of_kind(&objects, "Deployment") {
            let scalers = of_kind(&objects, "HorizontalPodAutoscaler");
            let scaled = scalers.iter().any(|scaler| name(scaler) == name(made));
            let replicas = &made["spec"]["replicas"];
            assert_eq!(replicas.is_null(), scaled, "{file}: {}: {replicas}", name(made));
        }
    }
}

/// The objects that a pod refers to.
fn required_objects(pod: &Value) -> Vec<(&'static str, String)> {
    let mut required = Vec::new();
    let mut add = |kind, name: &Value| {
        required.extend(name.as_str().map(|name| (kind, name.to_owned())));
    };
    add("ServiceAccount", &pod["serviceAccountName"]);
    let projected = list(&pod["volumes"]).iter().flat_map(|one| list(&one["projected"]["sources"]));
    for source in list(&pod["volumes"]).iter().chain(projected) {
        add("Secret", &source["secret"]["secretName"]);
        add("Secret", &source["secret"]["name"]);
        add("ConfigMap", &source["configMap"]["name"]);
        add("PersistentVolumeClaim", &source["persistentVolumeClaim"]["claimName"]);
    }
    for container in list(&pod["containers"]) {
        for one in list(&container["env"]) {
            add("Secret", &one["valueFrom"]["secretKeyRef"]["name"]);
        }
        for one in list(&container["envFrom"]) {
            add("Secret", &one["secretRef"]["name"]);
        }
    }
    required
}

/// Whether an object comes from the namespace, from cert-manager, or from the user as the values say.
fn is_external(objects: &[Value], file: &str, kind: &str, name: &str) -> bool {
    let certificates = of_kind(objects, "Certificate");
    let mut made = certificates.iter().map(|one| &one["spec"]["secretName"]);
    let of_user: &[(&str, &[&str])] = &[
        ("kibana", &["elasticsearch"]),
        ("production", &["anomal-store"]),
        ("shared-volume", &["company-ca", "feature-tls", "classification-tls", "report-tls"]),
        ("shared-volume", &["anomal-session", "reports"]),
    ];
    (kind == "ServiceAccount" && name == "default")
        || (kind == "Secret" && made.any(|made| made == name))
        || of_user.iter().any(|(values, names)| *values == file && names.contains(&name))
}

#[test]
#[ignore = "needs the cluster of `cargo xtask test`"]
fn hook_sets_up_elasticsearch_and_kibana() {
    let Some(objects) = rendered_with("kibana") else { return };
    let jobs = of_kind(&objects, "Job");
    let [job] = jobs[..] else { panic!("{jobs:?}") };
    assert_eq!(job["metadata"]["annotations"]["helm.sh/hook"], "post-install,post-upgrade");
    let pod = &job["spec"]["template"]["spec"];
    let container = &pod["containers"][0];
    let arguments = [
        "elastic",
        "setup",
        "--kibana-url=https://kibana.elastic:5601/s/security",
        "--flavor=kibana",
        "--index=anomal-results-*",
        "--url=https://es-0.elastic:9200",
        "--url=https://es-1.elastic:9200",
        "--data-stream",
        "--secret=elasticsearch",
        "--secrets=/etc/anomal/secrets",
    ];
    assert_eq!(container["args"], json!(arguments));
    // All keys of the Secret, including the authority's, are where `--secrets` expects them.
    let mount = &container["volumeMounts"][0];
    assert_eq!(mount["mountPath"], "/etc/anomal/secrets/elasticsearch");
    let volume = &pod["volumes"][0];
    assert_eq!(
        (&volume["name"], &volume["secret"]),
        (&mount["name"], &json!({"secretName": "elasticsearch"}))
    );
    // Without these values there is no hook.
    assert!(of_kind(&rendered_with("default").unwrap(), "Job").is_empty());
}

#[test]
#[ignore = "needs the cluster of `cargo xtask test`"]
fn images_are_named_by_tag_or_by_digest() {
    let Some(cluster) = cluster() else { return };
    let digest = format!("sha256:{}", "ab".repeat(32));
    let set = format!(
        "image.registry=registry.example:5000,image.tag=1.2.3,report.image.tag=1.2.4,feature.image.digest={digest}"
    );
    let objects = rendered(cluster, "anomal", &["--set", &set]).unwrap();
    let images: BTreeSet<_> = pods(&objects)
        .iter()
        .map(|(_, pod)| pod["containers"][0]["image"].as_str().unwrap().to_owned())
        .collect();
    let expected = [
        "operator:1.2.3".to_owned(),
        "runner:1.2.3".to_owned(),
        "classification-engine:1.2.3".to_owned(),
        "report-engine:1.2.4".to_owned(),
        format!("feature-engine@{digest}"),
    ];
    let expected: BTreeSet<_> =
        expected.iter().map(|image| format!("registry.example:5000/anomal/{image}")).collect();
    assert_eq!(images, expected);
    // The runner's image too; the digest has priority over the tag.
    let set = format!("runner.image.digest={digest},runner.image.tag=1.2.3,image.registry=");
    let objects = rendered(cluster, "anomal", &["--set", &set]).unwrap();
    let operator = pods(&objects).into_iter().find(|(name, _)| *name == "anomal-operator").unwrap();
    let arguments = list(&operator.1["containers"][0]["args"]);
    let image = format!("--runner-image=anomal/runner@{digest}");
    assert!(arguments.contains(&json!(image)), "{arguments:?}");
    // The default is the chart's version.
    let objects = rendered_with("default").unwrap();
    for (owner, pod) in pods(&objects) {
        let image = pod["containers"][0]["image"].as_str().unwrap();
        assert!(image.starts_with("ghcr.io/anomal/"), "{owner}: {image}");
        assert!(image.ends_with(concat!(":", env!("CARGO_PKG_VERSION"))), "{owner}: {image}");
    }
}

#[test]
#[ignore = "needs the cluster of `cargo xtask test`"]
fn names_fit_with_the_longest_release_name() {
    let Some(cluster) = cluster() else { return };
    let long = "a".repeat(53);
    let chart = super::chart::chart();
    for path in ci().values() {
        let arguments = ["template", &long, &chart, "--values", path.to_str().unwrap()];
        let text = cluster.helm(&arguments).unwrap();
        let objects: Vec<Value> = serde_saphyr::from_multiple(&text).unwrap();
        let mut names = BTreeSet::new();
        for object in objects.iter().filter(|object| !object.is_null()) {
            let name = name(object);
            // A Service's name is a DNS label, a Deployment's name is part of one.
            let labels =
                ["Service", "Deployment", "Pod"].iter().any(|kind| object["kind"] == *kind);
            assert!(name.len() <= if labels { 63 } else { 253 }, "{name} of {path:?}");
            let place = &object["metadata"]["namespace"];
            assert!(names.insert(format!("{} {name} {place}", object["kind"])), "{name} twice");
            let labels = object["metadata"]["labels"].as_object();
            for (key, value) in labels.into_iter().flatten() {
                assert!(value.as_str().is_none_or(|value| value.len() <= 63), "{name}: {key}");
            }
        }
    }
}

#[test]
#[ignore = "needs the cluster of `cargo xtask test`"]
fn network_policies_allow_only_needed_traffic() {
    let Some(objects) = rendered_with("production") else { return };
    let policies = of_kind(&objects, "NetworkPolicy");
    assert_eq!(policies.len(), of_kind(&objects, "Deployment").len());
    for policy in &policies {
        let spec = &policy["spec"];
        assert_eq!(spec["policyTypes"], json!(["Ingress", "Egress"]));
        let made =
            of_kind(&objects, "Deployment").into_iter().find(|made| name(made) == name(policy));
        assert_eq!(spec["podSelector"], made.unwrap()["spec"]["selector"], "{}", name(policy));
        let ports = |side: &str| -> BTreeSet<String> {
            let ports = list(&spec[side]).iter().flat_map(|rule| list(&rule["ports"]));
            ports.map(|port| port["port"].to_string().trim_matches('"').to_owned()).collect()
        };
        let set =
            |ports: &[&str]| ports.iter().map(|&port| port.to_owned()).collect::<BTreeSet<_>>();
        let (incoming, outgoing): (&[&str], &[&str]) = match name(policy) {
            // 9400: the figures of streams.
            "anomal-operator" => (&["metrics"], &["53", "443", "6443", "4317", "9400"]),
            "anomal-report-engine" => (&["metrics", "grpc", "web"], &["53", "443", "6443", "4317"]),
            _ => (&["metrics", "grpc"], &["53", "443", "6443", "4317"]),
        };
        assert_eq!(ports("ingress"), set(incoming), "{}", name(policy));
        assert_eq!(ports("egress"), set(outgoing), "{}", name(policy));
        // Only runners call an engine.
        for rule in list(&spec["ingress"]) {
            let port = &rule["ports"][0]["port"];
            let from = list(&rule["from"]);
            assert_eq!(from.len(), 1, "{}: {port}", name(policy));
            let runner = &from[0]["podSelector"]["matchLabels"]["app.kubernetes.io/component"];
            assert_eq!(port == "grpc", runner == "runner", "{}: {rule}", name(policy));
        }
    }
}

#[test]
#[ignore = "needs the cluster of `cargo xtask test`"]
fn release_for_some_namespaces_has_no_rights_in_others() {
    let Some(objects) = rendered_with("namespaced") else { return };
    let roles = of_kind(&objects, "ClusterRole");
    for role in roles {
        for rule in list(&role["rules"]) {
            let asks = ["tokenreviews", "subjectaccessreviews"];
            let only =
                list(&rule["resources"]).iter().all(|one| asks.contains(&one.as_str().unwrap()));
            assert!(only, "{role:#}");
        }
    }
    let places: BTreeSet<_> = of_kind(&objects, "Role")
        .iter()
        .filter(|role| !name(role).ends_with("-lease"))
        .map(|role| role["metadata"]["namespace"].as_str().unwrap())
        .collect();
    assert_eq!(places, ["team-a", "team-a-tests"].into());
}
