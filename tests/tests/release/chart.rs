//! The chart and its values files.

use std::{collections::BTreeMap, fs, path::PathBuf};

use anomal_testbed::Cluster;
use anomal_tests::repository;
use serde_json::Value;

/// Values for the images that `cargo xtask images --load` loads.
pub const IMAGES: &str = "image.registry=localhost,image.tag=test,image.pullPolicy=Never";

pub fn chart() -> String {
    repository().join("charts/anomal").display().to_string()
}

/// The values files for tests, by name.
pub fn ci() -> BTreeMap<String, PathBuf> {
    let folder = fs::read_dir(repository().join("charts/anomal/ci")).unwrap();
    let files: BTreeMap<_, _> = folder
        .map(|entry| entry.unwrap().path())
        .map(|path| (path.file_name().unwrap().to_str().unwrap().to_owned(), path))
        .map(|(name, path)| (name.strip_suffix("-values.yaml").unwrap().to_owned(), path))
        .collect();
    assert!(files.len() > 5, "{files:?}");
    files
}

pub fn ci_file(name: &str) -> String {
    ci()[name].display().to_string()
}

/// The objects that Helm renders; `more` are arguments.
pub fn rendered(cluster: &Cluster, namespace: &str, more: &[&str]) -> Result<Vec<Value>, String> {
    let chart = chart();
    let first = ["template", "anomal", &chart, "--namespace", namespace];
    let text = cluster.helm(&[&first, more].concat()).map_err(|error| format!("{error:#}"))?;
    let objects: Vec<Value> =
        serde_saphyr::from_multiple(&text).map_err(|error| error.to_string())?;
    Ok(objects.into_iter().filter(|object| !object.is_null()).collect())
}

pub fn of_kind<'a>(objects: &'a [Value], kind: &str) -> Vec<&'a Value> {
    objects.iter().filter(|object| object["kind"] == kind).collect()
}

pub fn name(object: &Value) -> &str {
    object["metadata"]["name"].as_str().unwrap()
}

pub fn list(value: &Value) -> &[Value] {
    value.as_array().map_or(&[], Vec::as_slice)
}
