//! Values that the chart refuses, and the README's table of values. Requires Helm, not a running cluster.

use std::{collections::BTreeSet, fs};

use anomal_testbed::Cluster;
use anomal_tests::{cluster::cluster, repository};
use serde_json::{Map, Value, json};
use tempfile::NamedTempFile;

use super::chart::{chart, ci, rendered};

fn defaults() -> Value {
    let text = fs::read_to_string(repository().join("charts/anomal/values.yaml")).unwrap();
    serde_saphyr::from_str(&text).unwrap()
}

/// Helm's error for these values, or the number of objects.
fn render_outcome(cluster: &Cluster, values: &Value) -> String {
    let file = NamedTempFile::new().unwrap();
    fs::write(file.path(), values.to_string()).unwrap();
    let path = file.path().to_str().unwrap();
    match rendered(cluster, "anomal", &["--values", path]) {
        Ok(objects) => format!("{} objects", objects.len()),
        Err(error) => error,
    }
}

/// Values with one key set.
fn set(path: &str, value: &Value) -> Value {
    path.rsplit('.').fold(value.clone(), |below, key| json!({key: below}))
}

#[test]
#[ignore = "needs the cluster of `cargo xtask test`"]
fn values_files_pass_the_strict_lint() {
    let Some(cluster) = cluster() else { return };
    let chart = chart();
    for path in ci().values() {
        let path = path.to_str().unwrap();
        let output = cluster.helm(&["lint", "--strict", &chart, "--values", path]).unwrap();
        assert!(output.contains("1 chart(s) linted, 0 chart(s) failed"), "{path}: {output}");
    }
}

#[test]
#[ignore = "needs the cluster of `cargo xtask test`"]
fn unknown_values_are_refused_at_every_level() {
    let Some(cluster) = cluster() else { return };
    let mut values = Value::Object(Map::new());
    let mut levels = Vec::new();
    add_unknown_keys(&defaults(), "", &mut values, &mut levels);
    assert!(levels.len() > 50, "{levels:?}");
    let outcome = render_outcome(cluster, &values);
    for level in levels {
        let at = format!("at '{level}': additional properties 'unknownKey' not allowed");
        assert!(outcome.contains(&at), "{at}:\n{outcome}");
    }
}

/// Adds an unknown key at every level.
fn add_unknown_keys(known: &Value, path: &str, values: &mut Value, levels: &mut Vec<String>) {
    let Value::Object(map) = known else { return };
    let last = path.rsplit('/').next().unwrap_or_default();
    // Free-form objects: Kubernetes' own and the user's.
    let free =
        ["requests", "limits", "labels"].contains(&last) || (map.is_empty() && last != "issuerRef");
    if free {
        return;
    }
    for (key, below) in map {
        let mut deeper = Value::Object(Map::new());
        add_unknown_keys(below, &format!("{path}/{key}"), &mut deeper, levels);
        if deeper != json!({}) {
            values[key] = deeper;
        }
    }
    values["unknownKey"] = 1.into();
    levels.push(path.to_owned());
}

#[test]
#[ignore = "needs the cluster of `cargo xtask test`"]
fn values_of_a_wrong_type_are_refused_with_their_path() {
    let Some(cluster) = cluster() else { return };
    let wrong = [
        ("image.pullPolicy", json!("Sometimes")),
        ("image.pullSecrets", json!(["no_name"])),
        ("logging.level", json!("loud")),
        ("tracing.otlpEndpoint", json!("collector:4317")),
        ("auth.audience", json!("")),
        ("tls.mode", json!("on")),
        ("tls.selfSigned.days", json!(0)),
        ("tls.certManager.duration", json!("90 days")),
        ("operator.replicas", json!(-1)),
        ("operator.replicas", json!("two")),
        ("operator.concurrency", json!(1000)),
        ("operator.watchNamespaces", json!("team-a")),
        ("operator.podDisruptionBudget.minAvailable", json!("half")),
        ("operator.image.digest", json!("sha256:12")),
        ("runner.defaults.env", json!({"A": "b"})),
        ("feature.image.repository", json!("")),
        ("feature.autoscaling.targetCPU", json!(0)),
        ("classification.nodeSelector.pool", json!(1)),
        ("classification.extraArgs", json!("--threads=1")),
        ("report.store.type", json!("memory")),
        ("report.store.object.url", json!("http://bucket")),
        ("report.store.persistentVolumeClaim.accessModes", json!([])),
        ("report.web.service.port", json!(70000)),
        ("report.token.key", json!("a key")),
        ("networkPolicy.apiServerPorts", json!(["https"])),
        ("monitoring.serviceMonitor.interval", json!("often")),
        ("commonLabels.team", json!(["a"])),
        ("crds.keep", json!("yes")),
    ];
    for (path, value) in wrong {
        let outcome = render_outcome(cluster, &set(path, &value));
        let at = format!("at '/{}", path.replace('.', "/"));
        assert!(outcome.contains(&at), "{path}={value} should be refused at {at}: {outcome}");
    }
}

#[test]
#[ignore = "needs the cluster of `cargo xtask test`"]
fn conflicting_values_are_refused_with_the_remedy() {
    let Some(cluster) = cluster() else { return };
    let existing = |report: &str| {
        json!({
            "tls": {"mode": "existing", "caSecret": "ca"},
            "feature": {"tls": {"existingSecret": "feature"}},
            "classification": {"tls": {"existingSecret": "classification"}},
            "report": {"tls": {"existingSecret": report}},
        })
    };
    // Refused values, the message, and values that follow it.
    let cases = [
        (
            json!({"report": {"replicas": 2}}),
            "several replicas need a shared store; set report.store.type to object or \
             report.store.persistentVolumeClaim.accessModes to [ReadWriteMany]",
            json!({"report": {
                "replicas": 2, "store": {"persistentVolumeClaim": {"accessModes": ["ReadWriteMany"]}},
            }}),
        ),
        (
            json!({"report": {"autoscaling": {"enabled": true}, "store": {"type": "emptyDir"}}}),
            "or set report.replicas to 1 and report.autoscaling.enabled to false",
            json!({"report": {
                "autoscaling": {"enabled": true}, "store": {"type": "object", "object": {"url": "s3://b/p"}},
            }}),
        ),
        (
            json!({"report": {"store": {"type": "object"}}}),
            "a store of type object needs report.store.object.url, such as s3://bucket/prefix",
            json!({"report": {"store": {"type": "object", "object": {"url": "gs://b"}}}}),
        ),
        (
            json!({"report": {"httpRoute": {"enabled": true}}}),
            "an HTTPRoute needs a gateway: set report.httpRoute.parentRefs",
            json!({"report": {"httpRoute": {"enabled": true, "parentRefs": [{"name": "public"}]}}}),
        ),
        (
            json!({"tls": {"mode": "existing"}}),
            "tls: mode existing needs tls.caSecret, a Secret with ca.crt",
            existing("report"),
        ),
        (
            json!({"kibana": {"enabled": true}}),
            "the Job that installs the dashboard needs kibana.url, such as https://kibana.example:5601",
            json!({"kibana": {"enabled": true, "url": "https://kibana.example:5601"}}),
        ),
        (
            existing(""),
            "tls: mode existing needs report.tls.existingSecret, a Secret with tls.crt and tls.key",
            existing("report"),
        ),
        (
            json!({"tls": {"selfSigned": {"caDays": 10, "days": 20}}}),
            "tls: tls.selfSigned.caDays must not be less than tls.selfSigned.days",
            json!({"tls": {"selfSigned": {"caDays": 20, "days": 20}}}),
        ),
        (
            json!({"monitoring": {"serviceMonitor": {"enabled": true}, "podMonitor": {"enabled": true}}}),
            "a ServiceMonitor and a PodMonitor would scrape everything twice; enable one of them",
            json!({"monitoring": {"podMonitor": {"enabled": true}}}),
        ),
    ];
    for (wrong, message, right) in cases {
        let outcome = render_outcome(cluster, &wrong);
        assert!(outcome.contains(message), "{wrong}: {outcome}");
        let outcome = render_outcome(cluster, &right);
        assert!(outcome.ends_with(" objects"), "{right}: {outcome}");
    }
    // Each message of the template has a case.
    let template = repository().join("charts/anomal/templates/validate.yaml");
    let template = fs::read_to_string(template).unwrap();
    assert_eq!(template.matches("{{- fail ").count(), 8, "a new message needs a case");
}

#[test]
fn readme_lists_every_value_and_no_other() {
    let mut paths = BTreeSet::new();
    leaves(&defaults(), String::new(), &mut paths);
    let readme = fs::read_to_string(repository().join("charts/anomal/README.md")).unwrap();
    let (_, readme) = readme.split_once("## Values").unwrap();
    let rows = readme.lines().filter_map(|line| line.strip_prefix("| ")?.split_once(" | "));
    let documented: BTreeSet<&str> = rows
        .map(|(path, _)| path)
        .filter(|path| path.chars().all(|letter| letter.is_alphanumeric() || letter == '.'))
        .filter(|path| *path != "Key")
        .collect();
    assert!(documented.len() > 150, "{documented:?}");
    let covers = |row: &str, path: &str| {
        path.strip_prefix(row).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
    };
    for path in &paths {
        assert!(documented.iter().any(|row| covers(row, path)), "{path} is not in the README");
    }
    for row in documented {
        assert!(paths.iter().any(|path| covers(row, path)), "{row} is not a value");
    }
}

fn leaves(value: &Value, path: String, paths: &mut BTreeSet<String>) {
    match value {
        Value::Object(map) if !map.is_empty() => {
            for (key, below) in map {
                let dot = if path.is_empty() { "" } else { "." };
                leaves(below, format!("{path}{dot}{key}"), paths);
            }
        }
        _ => drop(paths.insert(path)),
    }
}
