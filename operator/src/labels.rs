//! The labels and annotations by which the operator's objects are told.

use std::collections::BTreeMap;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;

/// The name under which fields are owned.
pub const MANAGER: &str = "anomal-operator";
/// Everything that the operator made.
pub const MANAGED: &str = "app.kubernetes.io/managed-by=anomal-operator";
/// Whose object it is.
pub const JOB: &str = "anomal.dev/job";
/// What it runs.
pub const RUN: &str = "anomal.dev/run";
/// The `ConfigMap` of a Job's settings.
pub const SETTINGS: &str = "anomal.dev/settings";
/// What a `CronJob` was last made from.
pub const APPLIED: &str = "anomal.dev/applied";
/// On an `AnomalyJob`: a new value runs it again.
pub const RERUN: &str = "anomal.dev/rerun";

/// Of everything that is made for the job `name`.
pub fn of(name: &str) -> BTreeMap<String, String> {
    [
        ("app.kubernetes.io/name", "anomal"),
        ("app.kubernetes.io/component", "runner"),
        ("app.kubernetes.io/managed-by", MANAGER),
        (JOB, name),
    ]
    .map(|(key, value)| (key.to_owned(), value.to_owned()))
    .into()
}

/// The value of a label, or of an annotation.
pub fn label<'a>(meta: &'a ObjectMeta, key: &str) -> Option<&'a str> {
    meta.labels.as_ref()?.get(key).map(String::as_str)
}

pub fn annotation<'a>(meta: &'a ObjectMeta, key: &str) -> Option<&'a str> {
    meta.annotations.as_ref()?.get(key).map(String::as_str)
}
