//! The API server and `anomal validate` apply the same rules to settings.

use anomal_spec::{Source, load};
use serde_json::{Value, json};

use anomal_tests::cluster::{Namespace, cluster, job_with};

type Change = fn(&mut Value);

/// A change of a valid spec, and a part of the message; none if the result is valid.
const CASES: &[(&str, Change, Option<&str>)] = &[
    ("as it is", |_| (), None),
    ("no driver", |spec| spec["input"] = json!({}), Some("exactly one driver")),
    (
        "two drivers",
        |spec| spec["input"]["parquet"] = json!({"path": "in/a"}),
        Some("exactly one driver"),
    ),
    ("an unknown key", |spec| spec["featurs"] = json!([]), Some("featurs")),
    ("separator", |spec| spec["input"]["csv"]["separator"] = ";".into(), None),
    (
        "a quote as separator",
        |spec| spec["input"]["csv"]["separator"] = "\"".into(),
        Some("one ASCII character"),
    ),
    (
        "a separator beyond ASCII",
        |spec| spec["input"]["csv"]["separator"] = "é".into(),
        Some("one ASCII character"),
    ),
    (
        "a field without a column",
        |spec| spec["features"][0] = json!({"type": "field"}),
        Some("`name`"),
    ),
    (
        "a metric without columns",
        |spec| spec["features"][0] = json!({"type": "metric", "name": "a"}),
        Some("`dataNeeded`"),
    ),
    ("a type that is none", |spec| spec["features"][0]["type"] = "fild".into(), Some("fild")),
    (
        "a weight below zero",
        |spec| spec["features"][0]["multiplier"] = (-1).into(),
        Some("multiplier"),
    ),
    (
        "match and as",
        |spec| spec["features"][0] = json!({"type": "field", "match": "*", "as": "a"}),
        Some("`as`"),
    ),
    (
        "External without an endpoint",
        |spec| spec["classification"]["engine"] = "External".into(),
        Some("`endpoint`"),
    ),
    (
        "an endpoint with a path",
        |spec| {
            spec["classification"] = json!({"engine": "External", "endpoint": "http://a:1/b"});
        },
        Some("an endpoint looks like"),
    ),
    (
        "a share of the rows",
        |spec| {
            spec["classification"]["threshold"] = json!({"method": "contamination", "value": 0.1});
        },
        None,
    ),
    (
        "a share above a half",
        |spec| {
            spec["classification"]["threshold"] = json!({"method": "contamination", "value": 0.6});
        },
        Some("at most 0.5"),
    ),
    (
        "score without a value",
        |spec| spec["classification"]["threshold"] = json!({"method": "score"}),
        Some("`value`"),
    ),
    (
        "auto with a value",
        |spec| spec["classification"]["threshold"] = json!({"method": "auto", "value": 1.0}),
        Some("no `value`"),
    ),
    (
        "two terminals",
        |spec| spec["outputs"] = json!([{"terminal": {}}, {"terminal": {}}]),
        Some("standard output"),
    ),
    ("a schedule", |spec| spec["schedule"] = json!({"cron": "*/5 0-3 * * 1,2"}), None),
    ("a schedule by name", |spec| spec["schedule"] = json!({"cron": "@daily"}), None),
    (
        "a schedule of four parts",
        |spec| spec["schedule"] = json!({"cron": "* * * *"}),
        Some("five parts"),
    ),
    (
        "a schedule with a time to live",
        |spec| {
            spec["schedule"] = json!({"cron": "@daily"});
            spec["ttlSecondsAfterFinished"] = 1.into();
        },
        Some("never ends"),
    ),
    (
        "a deadline of nothing",
        |spec| spec["activeDeadlineSeconds"] = 0.into(),
        Some("activeDeadlineSeconds"),
    ),
    ("a backoff that is text", |spec| spec["backoffLimit"] = "2".into(), Some("backoffLimit")),
    (
        "amounts",
        |spec| spec["runner"]["resources"] = json!({"limits": {"cpu": 1, "memory": "1.5Gi"}}),
        None,
    ),
    (
        "an amount that is none",
        |spec| spec["runner"]["resources"] = json!({"limits": {"cpu": "much"}}),
        Some("cpu"),
    ),
    (
        "a volume without a source",
        |spec| spec["runner"]["volumes"][0] = json!({"name": "in"}),
        Some("exactly one source"),
    ),
    (
        "a volume of the host",
        |spec| {
            spec["runner"]["volumes"][0] = json!({"name": "in", "hostPath": {"path": "/"}});
        },
        Some("hostPath"),
    ),
    (
        "a mount of no volume",
        |spec| spec["runner"]["volumeMounts"][0]["name"] = "out".into(),
        Some("one of `volumes`"),
    ),
    (
        "a mount at the runner's secrets",
        |spec| {
            spec["runner"]["volumeMounts"][0]["mountPath"] = "/var/run/secrets/x".into();
        },
        Some("the runner's own"),
    ),
    (
        "a mount with dots",
        |spec| spec["runner"]["volumeMounts"][0]["mountPath"] = "/data/../etc".into(),
        Some("`..`"),
    ),
    (
        "a variable with two sources",
        |spec| {
            spec["runner"]["env"] = json!([{"name": "A", "value": "1", "valueFrom": {"secretKeyRef": {"name": "a", "key": "b"}}}]);
        },
        Some("`valueFrom`"),
    ),
    (
        "a label of the operator's",
        |spec| spec["runner"]["labels"] = json!({"anomal.dev/job": "x"}),
        Some("those of the operator"),
    ),
    (
        "half a certificate",
        |spec| {
            spec["engines"] =
                json!({"feature": {"endpoints": ["https://a:1"], "tls": {"cert": "in/a"}}});
        },
        Some("both `cert` and `key`"),
    ),
    ("a duration", |spec| spec["report"] = json!({"keep": "30d"}), None),
    ("a duration without a unit", |spec| spec["report"] = json!({"keep": "30"}), Some("keep")),
];

#[test]
#[ignore = "needs the cluster of `cargo xtask test`"]
fn the_api_server_and_validate_agree() {
    let Some(cluster) = cluster() else { return };
    let here = Namespace::new(cluster, "agrees");
    let mut wrong = Vec::new();
    for (index, (case, change, expected)) in CASES.iter().enumerate() {
        let job = job_with(&format!("case-{index}"), change);
        let none = |_: &str| Err(std::io::ErrorKind::NotFound.into());
        let source = Source { file: "job.yaml", name: "job" };
        let locally = load(job.to_string().as_bytes(), source, &none)
            .map(|_| ())
            .map_err(|error| error.to_string());
        let mut applied = job.clone();
        applied["metadata"]["namespace"] = here.name.as_str().into();
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), applied.to_string()).unwrap();
        let path = file.path().to_str().unwrap();
        let remotely = here
            .kubectl(&[
                "apply",
                "--server-side",
                "--validate=strict",
                "--dry-run=server",
                "-f",
                path,
            ])
            .map(|_| ());
        for (validator, result) in [("locally", &locally), ("the API server", &remotely)] {
            let right = match (result, expected) {
                (Ok(()), None) => true,
                (Err(message), Some(part)) => message.contains(part),
                _ => false,
            };
            if !right {
                wrong.push(format!("{case}, {validator}: {result:?}, expected {expected:?}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
#[ignore = "needs the cluster of `cargo xtask test`"]
fn names_that_are_too_long_are_refused() {
    let Some(cluster) = cluster() else { return };
    let here = Namespace::new(cluster, "names");
    for (name, good) in [("a".repeat(52), true), ("a".repeat(53), false), ("a.b".into(), false)] {
        let applied = here.try_apply(&job_with(&name, |spec| spec["suspend"] = true.into()));
        assert_eq!(applied.is_ok(), good, "{name}: {applied:?}");
    }
}
