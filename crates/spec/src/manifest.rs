//! Settings as a manifest for `kubectl apply -f -`.

use crate::{AnomalyJob, AnomalyJobSpec, Input};

/// YAML that loads as the same job.
///
/// # Errors
/// If a value has no form in YAML, which the types rule out.
pub fn to_manifest_yaml(job: &AnomalyJob) -> Result<String, serde_saphyr::ser::Error> {
    let mut yaml = serde_saphyr::to_string(job)?;
    if !yaml.ends_with('\n') {
        yaml.push('\n');
    }
    Ok(yaml)
}

/// YAML of the bare spec, which loads as the same settings.
///
/// # Errors
/// As [`to_manifest_yaml`].
pub fn to_spec_yaml(spec: &AnomalyJobSpec) -> Result<String, serde_saphyr::ser::Error> {
    let mut yaml = serde_saphyr::to_string(spec)?;
    if !yaml.ends_with('\n') {
        yaml.push('\n');
    }
    Ok(yaml)
}

/// The part `input` of the settings in YAML.
///
/// # Errors
/// As [`to_manifest_yaml`].
pub fn to_input_yaml(input: &Input) -> Result<String, serde_saphyr::ser::Error> {
    let input = std::collections::BTreeMap::from([("input", input)]);
    let mut yaml = serde_saphyr::to_string(&input)?;
    if !yaml.ends_with('\n') {
        yaml.push('\n');
    }
    Ok(yaml)
}
