//! The custom resource definition, generated from the types of the settings, with their rules.

use anomal_spec::KIND;
use serde_json::{Map, Value, json};

use super::{
    Status,
    object::{GROUP, PLURAL, VERSION},
};

/// Name, JSON path, type and, where it is not for every list, priority.
const COLUMNS: &[(&str, &str, &str, i32)] = &[
    ("Suspend", ".spec.suspend", "boolean", 0),
    ("Status", ".status.phase", "string", 0),
    ("Reason", ".status.reason", "string", 0),
    // Of a run, or of a stream.
    ("Rows", ".status..rows", "integer", 0),
    ("Suspicious", ".status..suspicious", "integer", 0),
    ("Flags", ".status.summary.flagHits", "integer", 0),
    ("Started", ".status.startTime", "date", 0),
    ("Finished", ".status.completionTime", "date", 0),
    ("Age", ".metadata.creationTimestamp", "date", 0),
    ("Rate", ".status.stream.rate", "number", 1),
    ("Pods", ".status.stream.readyReplicas", "integer", 1),
    ("Lag", ".status.stream.lag.records", "integer", 1),
    ("Caught-Up", ".status.stream.caughtUp", "boolean", 1),
    ("Schedule", ".spec.schedule.cron", "string", 1),
    ("Report", ".status.reportURL", "string", 1),
];

/// The definition, in the form of `kubectl apply`.
pub fn crd() -> Value {
    let mut schema = anomal_spec::object_schema::<Status>();
    adapt(&mut schema);
    let columns = COLUMNS.iter().map(|(name, path, kind, priority)| {
        json!({"name": name, "jsonPath": path, "type": kind, "priority": priority})
    });
    json!({
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": format!("{PLURAL}.{GROUP}")},
        "spec": {
            "group": GROUP,
            "scope": "Namespaced",
            "names": {
                "kind": KIND,
                "listKind": format!("{KIND}List"),
                "plural": PLURAL,
                "singular": "anomalyjob",
                "shortNames": ["aj"],
                "categories": ["anomal"],
            },
            "versions": [{
                "name": VERSION,
                "served": true,
                "storage": true,
                "subresources": {
                    "status": {},
                    // Of streams that share the partitions of topics.
                    "scale": {
                        "specReplicasPath": ".spec.stream.replicas",
                        "statusReplicasPath": ".status.stream.replicas",
                        "labelSelectorPath": ".status.stream.selector",
                    },
                },
                "additionalPrinterColumns": columns.collect::<Vec<_>>(),
                "schema": {"openAPIV3Schema": schema},
            }],
        },
    })
}

/// Converts a JSON Schema to the subset of a CRD: open objects are marked, closed ones need no mark, formats that the API
/// server does not support are removed, and a value with several forms is open: the operator checks it.
fn adapt(schema: &mut Value) {
    let Some(object) = schema.as_object_mut() else { return };
    if object.remove("oneOf").is_some() {
        object.insert("x-kubernetes-preserve-unknown-fields".into(), true.into());
    }
    if let Some(free) = object.get("additionalProperties").and_then(Value::as_bool) {
        object.remove("additionalProperties");
        if free {
            object.insert("x-kubernetes-preserve-unknown-fields".into(), true.into());
        }
    }
    if object.get("format").is_some_and(|format| !is_supported(format)) {
        object.remove("format");
    }
    if let Some(properties) = object.get_mut("properties").and_then(Value::as_object_mut) {
        properties.values_mut().for_each(adapt);
    }
    for key in ["items", "additionalProperties"] {
        if let Some(below) = object.get_mut(key) {
            adapt(below);
        }
    }
    use_integers(object);
}

fn is_supported(format: &Value) -> bool {
    ["int32", "int64", "double", "float", "date-time"].iter().any(|name| format == name)
}

/// Writes integral bounds as integers: `minimum: 1`, not `1.0`.
fn use_integers(object: &mut Map<String, Value>) {
    for key in ["minimum", "maximum"] {
        let Some(number) = object.get(key).and_then(Value::as_f64) else { continue };
        if number.fract() == 0.0 && number.abs() < 9e15 {
            #[expect(clippy::cast_possible_truncation, reason = "it is whole and below 2^53")]
            object.insert(key.into(), (number as i64).into());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_property_has_a_description() {
        fn missing(schema: &Value, path: &str, found: &mut Vec<String>) {
            for (name, below) in schema["properties"].as_object().into_iter().flatten() {
                let path = format!("{path}.{name}");
                let kubernetes = path.starts_with(".metadata");
                if !kubernetes && !below["description"].is_string() {
                    found.push(path.clone());
                }
                missing(below, &path, found);
            }
            if schema["items"].is_object() {
                missing(&schema["items"], &format!("{path}[]"), found);
            }
        }
        let mut found = Vec::new();
        let crd = crd();
        let schema = &crd["spec"]["versions"][0]["schema"]["openAPIV3Schema"];
        missing(schema, "", &mut found);
        assert_eq!(found, Vec::<String>::new());
    }
}
