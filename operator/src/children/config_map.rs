//! The `ConfigMap` with the settings. It is immutable: other settings have another name.

use k8s_openapi::api::core::v1::ConfigMap;
use serde_json::json;

use super::{Installation, Owner, settings::settings, short_hash};

/// Builds the `ConfigMap`, whose name has a hash of its data.
///
/// # Errors
/// If the settings have no form in YAML, which the types rule out.
pub fn config_map(owner: &Owner<'_>, installation: &Installation) -> anyhow::Result<ConfigMap> {
    let mut data = json!({"job.yaml": settings(owner, installation)?});
    if let Some(ca) = &installation.ca {
        data["ca.crt"] = ca.as_str().into();
    }
    if let Some(trust) = &installation.trust {
        data["trust.yaml"] = trust.as_str().into();
    }
    let name = format!("{}-{}", owner.name, short_hash(data.to_string().as_bytes()));
    Ok(serde_json::from_value(json!({
        "metadata": owner.metadata(&name),
        "immutable": true,
        "data": data,
    }))?)
}
