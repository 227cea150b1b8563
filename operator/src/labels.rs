//! Labels and annotations of the operator's objects.

use std::collections::BTreeMap;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;

/// The field manager.
pub const MANAGER: &str = "anomal-operator";
/// Selects all objects that the operator created.
pub const MANAGED: &str = "app.kubernetes.io/managed-by=anomal-operator";
/// The `AnomalyJob` of an object.
pub const JOB: &str = "anomal.dev/job";
/// The run of an object.
pub const RUN: &str = "anomal.dev/run";
/// The `ConfigMap` of a Job's settings.
pub const SETTINGS: &str = "anomal.dev/settings";
/// The hash of the spec that a `CronJob` was last applied with.
pub const APPLIED: &str = "anomal.dev/applied";
/// On an `AnomalyJob`: a new value starts another run.
pub const RERUN: &str = "anomal.dev/rerun";

/// The labels of all objects of the job `name`.
pub fn for_job(name: &str) -> BTreeMap<String, String> {
    [
        ("app.kubernetes.io/name", "anomal"),
        ("app.kubernetes.io/component", "runner"),
        ("app.kubernetes.io/managed-by", MANAGER),
        (JOB, name),
    ]
    .map(|(key, value)| (key.to_owned(), value.to_owned()))
    .into()
}

/// The selector of all objects of the job `name`.
pub fn selector(name: &str) -> String {
    let labels = for_job(name).into_iter().map(|(key, value)| format!("{key}={value}"));
    labels.collect::<Vec<_>>().join(",")
}

/// The value of a label, or of an annotation.
pub fn label<'a>(meta: &'a ObjectMeta, key: &str) -> Option<&'a str> {
    meta.labels.as_ref()?.get(key).map(String::as_str)
}

pub fn annotation<'a>(meta: &'a ObjectMeta, key: &str) -> Option<&'a str> {
    meta.annotations.as_ref()?.get(key).map(String::as_str)
}
