//! An API server fills in defaults before the operator sees the settings: they must not be problems.

#![allow(clippy::panic, clippy::unwrap_used, reason = "a test fails by panicking")]

use std::io;

use anomal_spec::{Source, load, spec_schema};
use serde_json::{Value, json};

/// Fills in the defaults of a schema, as an API server does.
fn fill(value: &mut Value, schema: &Value) {
    if let Value::Object(object) = value {
        for (name, property) in schema["properties"].as_object().into_iter().flatten() {
            let default = property.get("default").filter(|default| !default.is_null());
            if let Some(default) = default.filter(|_| !object.contains_key(name)) {
                object.insert(name.clone(), default.clone());
            }
            if let Some(value) = object.get_mut(name) {
                fill(value, property);
            }
        }
    }
    for item in value.as_array_mut().into_iter().flatten() {
        fill(item, &schema["items"]);
    }
}

fn check(name: &str, spec: &Value) {
    let none = |_: &str| Err(io::Error::from(io::ErrorKind::NotFound));
    let manifest = |spec: &Value| {
        json!({"apiVersion": "anomal.dev/v1alpha1", "kind": "AnomalyJob", "metadata": {"name": "a"}, "spec": spec})
            .to_string()
    };
    let source = Source { file: "a", name: "a" };
    let loaded = load(manifest(spec).as_bytes(), source, &none);
    let loaded = loaded.unwrap_or_else(|error| panic!("{name}: {error}"));
    let mut filled = spec.clone();
    fill(&mut filled, &spec_schema());
    assert_ne!(filled, *spec);
    let again = load(manifest(&filled).as_bytes(), source, &none);
    let again = again.unwrap_or_else(|error| panic!("{name}, with defaults: {error}\n{filled}"));
    assert_eq!(again.job.spec, loaded.job.spec, "{name}");
}

#[test]
fn defaults_are_no_problems() {
    let streams = [
        ("ndjson", json!({"ndjson": {"path": "a.ndjson", "badLines": "skip"}})),
        ("log", json!({"log": {"path": "a.log", "format": "combined", "badLines": "skip"}})),
        ("kafka", json!({"kafka": {"brokers": ["b:9092"], "topics": ["t"]}})),
        (
            "kafka, text",
            json!({"kafka": {"brokers": ["b:9092"], "topics": ["t"], "format": "text"}}),
        ),
        ("http", json!({"http": {"listen": "0.0.0.0:8088"}})),
        ("tcp", json!({"tcp": {"host": "0.0.0.0", "port": 4141, "badLines": "skip"}})),
        ("syslog", json!({"syslog": {"listen": [{"udp": "0.0.0.0:5514"}]}})),
    ];
    let outputs = [
        json!([{"ndjson": {"path": "r.ndjson", "rotate": "1h"}}]),
        json!([{"elasticsearch": {"url": "http://es:9200"}}, {"csv": {"path": "r.csv", "rotate": "1Mi"}}]),
    ];
    for (name, input) in &streams {
        for outputs in &outputs {
            for model in [json!({}), json!({"learn": "once"}), json!({"refit": {"rows": 5000}})] {
                check(
                    name,
                    &json!({
                        "input": input,
                        "features": [{"type": "field", "name": "a"}],
                        "classification": {"engine": "HBOS", "threshold": {"method": "risk"}},
                        "stream": {"model": model, "state": {"checkpoint": {"to": "state"}}},
                        "outputs": outputs,
                        "deadLetter": {"path": "rejected.ndjson"},
                    }),
                );
            }
        }
    }
    let runs = [
        ("csv", json!({"csv": {"path": "a.csv"}})),
        ("parquet", json!({"parquet": {"path": "a.parquet"}})),
        ("json", json!({"json": {"path": "a.json"}})),
        ("elasticsearch", json!({"elasticsearch": {"url": "http://es:9200", "index": "a"}})),
        (
            "tcp",
            json!({"tcp": {"host": "0.0.0.0", "port": 4141, "collectionTime": "60s", "badLines": "skip"}}),
        ),
    ];
    for (name, input) in &runs {
        check(
            name,
            &json!({
                "input": input,
                "features": [{"type": "field", "name": "a"}],
                "classification": {"engine": "HBOS"},
                "outputs": [{"csv": {"path": "r.csv"}}, {"terminal": {}}],
            }),
        );
    }
}
